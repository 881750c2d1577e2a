"""Which results stand in one table, in which order, and why the others do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drawbench.errors import UserError
from drawbench.results import Result, read_result, result_from_score_file
from drawbench.run_directory import RunDirectory
from drawbench.score_table import read_scores
from drawbench.scores import OVERALL, Score
from metrics.clip_score import NOT_MEASURABLE

CEILING_ADAPTERS = ("world", "photographs")  # the true renderings, and the prompts' own photographs
# Distances order a table before CLIP score does; the nearest to the published FID comes first.
DISTANCES = ("fid_legacy_tensorflow", "fid_clean", "frechet_distance")
CLIP_SCORE = "clip_score"
CAPTION_SCORE = "caption_alignment"  # people's, 0 to 100
SET_ORDER = ("drawbench", "open", "coco", "world")


@dataclass(frozen=True)
class ComparisonKey:
    """Two numbers compare only when all of this is equal."""

    kind: str
    prompt_set_sha256: str
    prompts: int
    protocol_fingerprint: str
    reference_sha256: str | None
    size: int
    samples: int
    complete: bool


@dataclass(frozen=True)
class Row:
    """One result in a table. `rank` is None for a ceiling, which competes with nobody, and for human preferences.

    Nor has a model a rank by CLIP score whose own captions the scorer cannot tell from shuffled ones.
    """

    label: str
    rank: int | None
    result: Result

    @property
    def is_ceiling(self) -> bool:
        return self.result.model.adapter in CEILING_ADAPTERS


@dataclass(frozen=True)
class LeaderboardTable:
    """Results that compare, best first. `apart` says, for each table of the same set, what keeps the two apart."""

    key: ComparisonKey
    rows: tuple[Row, ...]
    apart: tuple[str, ...] = ()

    @property
    def first(self) -> Result:
        """Any row's result: what the key covers is the same in all of them."""
        return self.rows[0].result


def comparison_key(result: Result) -> ComparisonKey:
    """The key under which a result may stand beside another one."""
    return ComparisonKey(
        kind=result.kind,
        prompt_set_sha256=result.prompt_set.sha256,
        prompts=result.prompt_set.n,
        protocol_fingerprint=result.protocol.fingerprint,
        reference_sha256=result.reference.sha256 if result.reference else None,
        size=result.size,
        samples=result.samples,
        complete=result.complete,
    )


def differences(a: Result, b: Result) -> tuple[str, ...]:
    """Every reason why two results do not compare, in words, with both values; empty when they do."""
    pairs = {
        "kind": (a.kind, b.kind),
        "prompt set": (
            f"{a.prompt_set.name} {a.prompt_set.sha256[:12]}",
            f"{b.prompt_set.name} {b.prompt_set.sha256[:12]}",
        ),
        "number of prompts": (a.prompt_set.n, b.prompt_set.n),
        "protocol": (_protocol_words(a), _protocol_words(b)),
        "reference set": (_reference_words(a), _reference_words(b)),
        "evaluated size": (f"{a.size} px", f"{b.size} px"),
        "samples per prompt": (a.samples, b.samples),
        "completeness": ("complete" if a.complete else "partial", "complete" if b.complete else "partial"),
    }
    keys = (comparison_key(a), comparison_key(b))
    same = [getattr(keys[0], field) == getattr(keys[1], field) for field in _FIELD_ORDER]
    return tuple(
        f"{field} ({one} against {other})"
        for (field, (one, other)), equal in zip(pairs.items(), same, strict=True)
        if not equal
    )


_FIELD_ORDER = (
    "kind",
    "prompt_set_sha256",
    "prompts",
    "protocol_fingerprint",
    "reference_sha256",
    "size",
    "samples",
    "complete",
)


def build_tables(results: Sequence[Result]) -> list[LeaderboardTable]:
    """Group results into tables, each of one comparison key, and order tables and rows.

    The same measurement given twice (a result file and its run directory) is one row.
    """
    groups: dict[ComparisonKey, list[Result]] = {}
    for result in _without_repeats(results):
        groups.setdefault(comparison_key(result), []).append(result)
    tables = [LeaderboardTable(key, _rows(group)) for key, group in groups.items()]
    tables.sort(key=_table_order)
    return [LeaderboardTable(table.key, table.rows, _apart(table, tables)) for table in tables]


def separations(tables: Sequence[LeaderboardTable]) -> list[str]:
    """For each pair of tables of the same set: which models they keep apart, and which fields differ."""
    return [
        f"{_row_names(one)} and {_row_names(other)} on {one.first.prompt_set.name} are not in one table: "
        f"they differ in {', '.join(differences(one.first, other.first))}"
        for i, one in enumerate(tables)
        for other in tables[i + 1 :]
        if one.first.prompt_set.name == other.first.prompt_set.name
    ]


def ordering_metric(results: Sequence[Result]) -> tuple[str, bool]:
    """The metric that orders a table, and whether less is better.

    It is a distance that all rows have, else people's caption scores where all have these, else CLIP score.
    """
    for metric in (*DISTANCES, CAPTION_SCORE):
        if all(result.score(metric, OVERALL) for result in results):
            return metric, metric in DISTANCES
    return CLIP_SCORE, False


def load_results(paths: Sequence[Path]) -> list[Result]:
    """Results from result files, run directories, and folders of either. Raises UserError where there is none."""
    results = []
    for path in paths:
        found = _load_one(path)
        if not found:
            raise UserError(
                f"no results in {path}: give result files, a folder of them, or run directories that were scored"
            )
        results.extend(found)
    return results


def load_run(folder: Path) -> list[Result]:
    """The results of one run directory: one for each scored protocol.

    Raises UserError when the run is not sealed, or when scores are of other images than those it holds now.
    """
    run = RunDirectory.open(folder)
    images = run.require_seal().pixels_sha256
    results = []
    for path in sorted((folder / "scores").glob("*.json")):
        scores = read_scores(path)
        if (scores.plan_sha256, scores.pixels_sha256) != (run.plan.sha256, images):
            raise UserError(f"{path} was made from other images than {folder} holds now: score the run again")
        results.append(result_from_score_file(run.plan.model, scores, "measured"))
    return results


def read_shown_result(path: Path) -> Result:
    """A result file that a table may show. Raises UserError for one of simulated raters or scores."""
    result = read_result(path)
    if result.kind == "simulated":
        raise UserError(f"{path} is SIMULATED: nobody judged and nothing was measured; leave it out of the leaderboard")
    return result


def _load_one(path: Path) -> list[Result]:
    if path.is_file():
        return [read_shown_result(path)]
    if not path.is_dir():
        raise UserError(f"{path} does not exist: give a result file, a folder of them, or a run directory")
    if (path / "manifest.json").is_file():
        return load_run(path)
    results = [read_shown_result(each) for each in sorted(path.glob("*.json"))]
    for run in sorted(each.parent for each in path.glob("*/manifest.json")):
        results.extend(load_run(run))
    return results


def _without_repeats(results: Sequence[Result]) -> list[Result]:
    seen = set()
    unique = []
    for result in results:
        numbers = (tuple(result.scores), result.human)
        mark = result.run and (result.kind, result.run, result.protocol, result.reference, *numbers)
        if mark is None or mark not in seen:
            unique.append(result)
        seen.add(mark)
    return unique


def _rows(results: list[Result]) -> tuple[Row, ...]:
    labels = _labels(results)
    if all(result.human for result in results):
        ordered = sorted(results, key=lambda result: (labels[id(result)], result.against))
        return tuple(Row(labels[id(result)], None, result) for result in ordered)
    metric, less_is_better = ordering_metric(results)

    def order(result: Result) -> tuple[bool, bool, float, str]:
        score = result.score(metric, OVERALL)
        value = 0.0 if score is None else score.value if less_is_better else -score.value
        return score is None, _says_nothing(score), value, labels[id(result)]

    rows: list[Row] = []
    rank = 0
    for result in sorted(results, key=order):
        ranked = result.model.adapter not in CEILING_ADAPTERS and not _says_nothing(result.score(metric, OVERALL))
        rank += ranked
        rows.append(Row(labels[id(result)], rank if ranked else None, result))
    return tuple(rows)


def _says_nothing(score: Score | None) -> bool:
    """Whether it is a CLIP score that is no higher for a model's own captions than for those of other prompts."""
    return score is not None and NOT_MEASURABLE in score.note


def _labels(results: list[Result]) -> dict[int, str]:
    """Names of the rows; models of one name are told apart by the settings, weights or run in which they differ."""
    labels = {}
    for result in results:
        names = (result.model.name, result.against)
        namesakes = [each for each in results if (each.model.name, each.against) == names]
        labels[id(result)] = result.model.name + _what_differs(result, namesakes)
    return labels


def _what_differs(result: Result, namesakes: list[Result]) -> str:
    if len(namesakes) == 1:
        return ""
    keys = sorted({key for each in namesakes for key in each.model.settings})
    settings = [
        f"{key}={result.model.settings.get(key, 'default')}"
        for key in keys
        if len({repr(each.model.settings.get(key)) for each in namesakes}) > 1
    ]
    if len({each.model.weights_sha256 for each in namesakes}) > 1:
        settings.append(f"weights {result.model.weights_sha256[:8] or 'unknown'}")
    if not settings and result.run:
        settings.append(f"run {result.run.pixels_sha256[:8]}")
    elif not settings and result.study:
        settings.append(f"study {result.study.name}")
    return f" ({', '.join(settings)})" if settings else ""


def _table_order(table: LeaderboardTable) -> tuple:
    result = table.first
    name = result.prompt_set.name
    place = SET_ORDER.index(name) if name in SET_ORDER else len(SET_ORDER)
    return (
        result.kind != "measured",
        place,
        name,
        not result.complete,
        result.protocol.name,
        -result.protocol.version,
        -result.size,
        -result.samples,
        result.protocol.fingerprint,
    )


def _apart(table: LeaderboardTable, tables: list[LeaderboardTable]) -> tuple[str, ...]:
    others = [each for each in tables if each.key != table.key]
    same_set = [each for each in others if each.first.prompt_set.name == table.first.prompt_set.name]
    return tuple(
        f"not in one table with {_row_names(each)}: {', '.join(differences(table.first, each.first))}"
        for each in same_set
    )


def _row_names(table: LeaderboardTable) -> str:
    shown = [row.label for row in table.rows[:2]]
    more = len(table.rows) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _protocol_words(result: Result) -> str:
    protocol = result.protocol
    return f"{protocol.name} version {protocol.version}, {protocol.fingerprint[:12]}"


def _reference_words(result: Result) -> str:
    reference = result.reference
    return f"{reference.name} {reference.sha256[:12]}" if reference else "none"
