"""Where each number comes from: its address, what it is, and the commands that make it."""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field

from drawbench.comparing.compare import Comparison
from drawbench.comparing.differences import Difference
from drawbench.errors import UserError
from drawbench.interface import ModelCard
from drawbench.prompts.prompt_set import category_slug
from drawbench.prompts.registry import BY_NAME
from drawbench.report.sources import ReportedRun, Sources, SweepOf
from drawbench.results.files import Result
from drawbench.results.scores import Interval, ReferenceRef
from drawbench.runs.directory import read_manifest
from drawbench.runs.plan import DEFAULT_SLICE_SIZE, Plan
from drawbench.scoring.chosen import quoted
from drawbench.tables.headers import measure_of
from drawbench.tables.human import AVERAGES
from drawbench.tables.layout import Number

PAGE = "provenance.html"
NOT_TYPED = ("dtype", "matched_by", "prompts_cut")  # in a card, but no setting that `--set` takes of every model
EMBEDDED = "world"  # the prompt set that brings its references

Anything = Number | Difference


@dataclass(frozen=True)
class NumberRow:
    """One number in full. id: its address on the page."""

    id: str
    scope: str
    value: str
    interval: str
    method: str
    n: str
    note: str


@dataclass(frozen=True)
class NumberGroup:
    """The numbers of one metric, and what it is."""

    name: str
    definition: str
    rows: tuple[NumberRow, ...]


@dataclass(frozen=True)
class Section:
    """What made some numbers: facts as (name, text), commands in their order, refusals as (prompt, image, reason)."""

    id: str
    title: str
    facts: tuple[tuple[str, str], ...]
    commands: tuple[str, ...]
    groups: tuple[NumberGroup, ...] = ()
    refusals: tuple[tuple[str, int, str], ...] = ()


@dataclass
class Provenance:
    """All sections of the page, and the address of every number in them. page: where what comes next is told."""

    sections: list[Section] = field(default_factory=list)
    page: str = PAGE
    _addresses: dict[int, str] = field(default_factory=dict)
    _taken: set[str] = field(default_factory=set)

    def address_of(self, number: Anything | None) -> str:
        """Where the number is told in full; empty for what is not here."""
        return self._addresses.get(id(number), "") if number is not None else ""

    def row(self, number: Anything, id_: str, scope: str, *facts: str) -> NumberRow:
        """A row of the page, found by its number from now on."""
        place, count = id_, 2
        while f"{self.page}#{place}" in self._taken:
            place, count = f"{id_}-{count}", count + 1
        address = f"{self.page}#{place}"
        self._taken.add(address)
        self._addresses[id(number)] = address
        return NumberRow(place, scope, *facts)


def provenance_of(sources: Sources) -> Provenance:
    """The provenance of everything that a report shows."""
    found = Provenance()
    for each in sources.runs:
        found.sections.append(_run_section(each))
        found.sections += [
            scores_section(found, each.run.path.resolve().name, each.run.plan, each.slug, result, each.label)
            for result in each.results
        ]
    for comparison in sources.comparisons:
        found.sections.append(_comparison_section(found, comparison))
    for result in sources.human:
        found.sections.append(human_section(found, result))
    if sources.sweep:
        for point in sources.sweep.points:
            plan = _plan_of(sources.sweep, point.run)
            slug = category_slug(f"sweep-{point.run}")
            found.sections.append(scores_section(found, point.run, plan, slug, point.result))
    return found


def generate_command(plan: Plan, folder: str) -> str:
    """The command that draws a run. A file or folder stands by its name, as the plan knows it."""
    more = ["--seed", str(plan.seed)]
    more += ["--limit", str(plan.limit)] if plan.limit is not None else []
    more += ["--slice", str(plan.slice_size)] if plan.slice_size != DEFAULT_SLICE_SIZE else []
    return draw_command(plan.model, plan.prompt_set_name, plan.samples, plan.size, folder, more)


def draw_command(
    model: ModelCard, set_name: str, samples: int, size: int, folder: str, more: Sequence[str] = ()
) -> str:
    """The same of a model and what is known of its run. more: further options."""
    words = ["drawbench", "generate", "--model", spec_of(model), "--prompts", prompts_option(set_name)]
    words += ["--samples", str(samples), "--size", str(size), *more]
    for name, value in model.settings.items():
        words += ["--set", f"{name}={value}"] if name not in NOT_TYPED else []
    return shlex.join([*words, "--out", f"runs/{folder}"])


def prompts_option(set_name: str) -> str:
    """The prompts as `--prompts` takes them; in capitals what no name brings, and only the set's hash tells."""
    if set_name in BY_NAME:
        return set_name
    if set_name.startswith("hf-"):
        return "hf:DATASET"
    return {"coco": "coco:ROOT", "coco2017": "coco:ROOT,year=2017"}.get(
        set_name, "coco:FILE" if set_name.startswith("coco-") else "FILE"
    )


def spec_of(card: ModelCard) -> str:
    """The model as `--model` takes it."""
    named = card.spec == card.adapter or card.spec.startswith(f"{card.adapter}:")
    return card.spec if named or not card.spec else f"{card.adapter}:{card.spec}"


def score_command(folder: str, result: Result) -> str:
    """The command that scores a run."""
    return shlex.join(["drawbench", "score", f"runs/{folder}", *measuring_options(result)])


def measuring_options(measured: Result | Comparison) -> list[str]:
    """The options of a command that measures: protocol, and references that the prompt set does not bring."""
    words = ["--protocol", quoted(measured.protocol.typed)]
    if measured.reference and measured.prompt_set.name != EMBEDDED:
        words += ["--reference", measured.reference.name]
    return words


def _plan_of(sweep: SweepOf, name: str) -> Plan | None:
    """The plan of a sweep's point, while its run is there."""
    try:
        return read_manifest(next(sweep.run(point) for point in sweep.points if point.run == name)).plan
    except UserError:
        return None


def _run_section(reported: ReportedRun) -> Section:
    run = reported.run
    plan, seal, attempts = run.plan, run.require_seal(), run.attempts
    model, usage = plan.model, run.usage()
    facts = [
        ("model", f"{model.name} ({spec_of(model)})"),
        ("revision", model.revision),
        ("weights", model.weights_sha256),
        ("settings", ", ".join(f"{key}={value}" for key, value in sorted(model.settings.items()))),
        ("prompt set", f"{plan.prompt_set_name}, {plan.n_prompts} of {plan.prompt_set_n} prompts"),
        ("set hash", plan.prompt_set_sha256),
        ("images", f"{plan.size} px, {plan.samples} per prompt, seed {plan.seed}, {plan.dtype}"),
        ("drawn", f"{seal.images} images, {seal.refused} refused"),
        ("date", attempts[-1].start[:10] if attempts else ""),
        ("server", usage.words() if usage else ""),
        ("run hash", plan.sha256),
        ("pixels", seal.pixels_sha256),
        ("devices", ", ".join(dict.fromkeys(one.words for attempt in attempts for one in attempt.drawers))),
        ("warnings", _warnings(reported)),
        ("versions", _versions(attempts[-1].versions if attempts else {})),
    ]
    title = f"Images of {reported.label} on {plan.prompt_set_name}" + ("" if plan.complete else " [partial]")
    refusals = tuple((e.prompt_id, e.sample, reported.reason(e.prompt_id, e.reason)) for e in seal.refusals)
    commands = (generate_command(plan, run.path.resolve().name),)
    return Section(f"run-{reported.slug}", title, _known(facts), commands, (), refusals)


def _warnings(reported: ReportedRun) -> str:
    """Each once; only their number where a prompt's text must not be shown, which they may hold."""
    found = list(dict.fromkeys(text for attempt in reported.run.attempts for text in attempt.warnings))
    if reported.shows_text or not found:
        return "; ".join(found)
    return f"{len(found)}, in the journals of the run: they may hold the text of prompts"


def scores_section(
    found: Provenance, folder: str, plan: Plan | None, slug: str, result: Result, label: str = ""
) -> Section:
    """What made the scores of a result, and each of them.

    folder: of the run. slug: what addresses begin with. label: what the model is called, if not by its name.
    """
    id_ = f"{slug}-{category_slug(result.protocol.name)}"
    groups = []
    for metric in dict.fromkeys(score.metric for score in result.scores):
        scores = [score for score in result.scores if score.metric == metric]
        rows = tuple(
            found.row(
                score,
                f"{id_}-{metric}-{category_slug(score.scope)}",
                score.scope,
                f"{score.value:.6g}",
                *interval_words(score.interval),
                str(score.n),
                score.note,
            )
            for score in scores
        )
        groups.append(NumberGroup(measure_of(metric).arrowed, scores[0].definition, rows))
    protocol, run = result.protocol, result.run
    facts = [
        ("date", result.date),
        ("run hash", run.plan_sha256 if run else ""),
        ("pixels", run.pixels_sha256 if run else ""),
        ("protocol", f"{protocol.name} version {protocol.version}, fingerprint {protocol.fingerprint}"),
        ("prompt set", f"{result.prompt_set.name}, {result.prompt_set.n} prompts, SHA-256 {result.prompt_set.sha256}"),
        ("reference", _reference(result.reference)),
        ("evaluated at", f"{result.size} px, {result.samples} per prompt, {result.refusals} refused"),
        ("versions", _versions(result.environment)),
    ]
    drawn = (generate_command(plan, folder),) if plan else ()
    title = f"Scores of {label or result.model.name} on {result.prompt_set.name}, protocol {protocol.name}"
    return Section(id_, title, _known(facts), (*drawn, score_command(folder, result)), tuple(groups))


def _comparison_section(found: Provenance, comparison: Comparison) -> Section:
    a, b = comparison.a, comparison.b
    folders = [path.rstrip("/").rpartition("/")[2] for path in (a.path, b.path)]
    id_ = category_slug(f"compare-{folders[0]}-{folders[1]}-{comparison.protocol.name}")
    groups = []
    for metric in dict.fromkeys(each.metric for each in comparison.differences):
        rows = tuple(
            found.row(
                each,
                f"{id_}-{metric}-{category_slug(each.scope)}",
                each.scope,
                f"{each.difference:+.6g}",
                *interval_words(each.interval),
                str(each.n),
                "; ".join(part for part in (each.verdict, each.note) if part),
            )
            for each in comparison.differences
            if each.metric == metric
        )
        words = f"{a.name} minus {b.name}, paired by prompt over the samples that both have an image for"
        groups.append(NumberGroup(measure_of(metric).arrowed, words, rows))
    command = ["drawbench", "compare", *(f"runs/{folder}" for folder in folders), *measuring_options(comparison)]
    protocol = comparison.protocol
    facts = [
        ("run hashes", f"{a.plan_sha256}, {b.plan_sha256}"),
        ("protocol", f"{protocol.name} version {protocol.version}, fingerprint {protocol.fingerprint}"),
        ("compared", f"{comparison.images} images of each run: those that both have"),
        ("reference", _reference(comparison.reference)),
        ("left out", "; ".join(f"{name}: {why}" for name, why in comparison.left_out.items())),
        ("to be known", "; ".join(dict.fromkeys((*comparison.notes, *a.notes, *b.notes)))),
    ]
    title = f"Differences of {a.name} and {b.name} on {comparison.prompt_set.name}, protocol {protocol.name}"
    return Section(id_, title, _known(facts), (shlex.join(command),), tuple(groups))


def human_section(found: Provenance, result: Result) -> Section:
    """What made the numbers of a human study, and each of them."""
    study = result.study
    assert study is not None
    id_ = category_slug(f"study-{study.name}-{result.model.name}-{result.against}")
    groups = []
    for question in dict.fromkeys(each.question for each in result.human):
        rows = tuple(
            found.row(
                each,
                f"{id_}-{category_slug(question)}-{category_slug(each.scope)}-{each.average}",
                f"{each.scope} (mean over {AVERAGES[each.average]})",
                f"{100 * each.a:.1f}% A, {100 * each.indifferent:.1f}% indifferent, {100 * each.b:.1f}% B",
                *interval_words(each.interval, percent=True),
                f"{each.votes} votes, {each.raters} raters, {each.prompts} prompts",
                f"net {100 * each.net:+.1f} points {interval_words(each.net_interval, percent=True)[0]}",
            )
            for each in result.human
            if each.question == question
        )
        words = (
            f"how often raters chose {result.model.name} (A), neither, or {result.against} (B); the interval is of A"
        )
        groups.append(NumberGroup(question, words, rows))
    for score in result.scores:
        row = found.row(
            score,
            f"{id_}-{score.metric}",
            score.scope,
            f"{score.value:.6g}",
            *interval_words(score.interval),
            str(score.n),
            score.note,
        )
        groups.append(NumberGroup(measure_of(score.metric).arrowed, score.definition, (row,)))
    facts = [
        ("kind", "SIMULATED: no person took part" if result.kind == "simulated" else ""),
        ("date", result.date),
        ("design", study.design_sha256),
        ("seats", f"{study.seats_complete} of {study.seats}"),
        ("stopping", study.stopping),
        ("run hash", result.run.plan_sha256 if result.run else ""),
        ("protocol", f"{result.protocol.name} version {result.protocol.version}, {result.protocol.fingerprint}"),
        ("versions", _versions(result.environment)),
    ]
    title = f"Human study {study.name}: {result.model.name}" + (f" against {result.against}" if result.against else "")
    return Section(
        id_, title, _known(facts), (shlex.join(["drawbench", "study", "analyse", study.name]),), tuple(groups)
    )


def interval_words(interval: Interval | str, *, percent: bool = False) -> tuple[str, str]:
    """(interval, method) in words."""
    if isinstance(interval, str):
        return "not available", ""
    ends = [f"{100 * end:.1f}%" if percent else f"{end:.6g}" for end in (interval.low, interval.high)]
    return f"[{ends[0]}, {ends[1]}]", f"{interval.level:.0%}, {interval.method}"


def _reference(reference: ReferenceRef | None) -> str:
    return f"{reference.name}, {reference.n} images, SHA-256 {reference.sha256}" if reference else ""


def _known(facts: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((name, text) for name, text in facts if text)


def _versions(versions: dict[str, str]) -> str:
    """A long digest by its first digits."""
    shown = {name: re.sub(r"\b([0-9a-f]{12})[0-9a-f]{52}\b", r"\1", text) for name, text in versions.items()}
    return ", ".join(f"{name} {version}" for name, version in sorted(shown.items()))
