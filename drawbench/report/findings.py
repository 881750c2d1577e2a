"""What the numbers say, one plain sentence each, and no more than they say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from drawbench.comparing.compare import Comparison
from drawbench.comparing.differences import Difference
from drawbench.comparing.text import decimals_of
from drawbench.report.provenance import Provenance
from drawbench.report.sources import Sources
from drawbench.results.files import HumanPreference, Result
from drawbench.results.scores import OVERALL, Interval
from drawbench.sweeps.pareto_plot import Curve, curves
from drawbench.tables.footnotes import remarks_of
from drawbench.tables.headers import ALIGNMENTS, TEXT, distances, measure_of, measures
from metrics.alignment import NOT_MEASURABLE

MOST_PAIRS = 6  # told one by one; of more, a sentence counts them


@dataclass(frozen=True)
class Finding:
    """One sentence, as HTML in which names and numbers are marked. kind: `clear`, `unclear` or `caution`."""

    kind: str
    text: Markup

    @property
    def plain(self) -> str:
        """The words alone."""
        return " ".join(self.text.striptags().split())


def findings(sources: Sources, provenance: Provenance) -> list[Finding]:
    """All sentences: differences between models, people's preferences, the sweep, then what must be known."""
    found = [*_differences(sources.comparisons, provenance), *_preferences(sources.human, provenance)]
    if sources.sweep:
        found += [_of_curve(curve, provenance) for curve in curves(sources.sweep.points)]
    return [*found, *_cautions(sources)]


def headline_metrics(comparison: Comparison) -> list[str]:
    """The metrics that sentences are about: a distance where there is one, and CLIP or ConSE score."""
    there = {each.metric for each in comparison.differences if each.scope == OVERALL}
    return [*[name for name in distances() if name in there][:1], *[name for name in ALIGNMENTS if name in there]]


def _differences(comparisons: Sequence[Comparison], provenance: Provenance) -> Iterator[Finding]:
    groups: dict[tuple[str, str, str], list[tuple[Comparison, Difference]]] = {}
    told: dict[object, tuple[str, str, str]] = {}  # two protocols may share a metric, which is told once
    for comparison in comparisons:
        for metric in headline_metrics(comparison):
            row = next(d for d in comparison.differences if d.metric == metric and d.scope == OVERALL)
            key = (comparison.prompt_set.name, comparison.protocol.name, metric)
            numbers = (key[0], metric, comparison.a.name, comparison.b.name, row.a, row.b, row.n)
            if told.setdefault(numbers, key) == key:
                groups.setdefault(key, []).append((comparison, row))
    several = {name: len({key[1] for key in groups if key[0] == name}) > 1 for name, _, _ in groups}
    for (set_name, protocol, _), rows in groups.items():
        where = _where(set_name, protocol, several[set_name])
        if len(rows) <= MOST_PAIRS:
            yield from (_difference(where, comparison, row, provenance) for comparison, row in rows)
        else:
            yield _counted(where, rows)


def _difference(where: str, comparison: Comparison, row: Difference, provenance: Provenance) -> Finding:
    """What one paired difference says of two models."""
    kind, words = (
        "unclear",
        "{where}, {a} and {b} do not differ in {title} by more than noise: {size}, n\u00a0=\u00a0{n}.",
    )
    first, second = comparison.a.name, comparison.b.name
    if NOT_MEASURABLE in row.note:
        words = "{where}, {title} says nothing of {a} and {b}: the scorer tells neither's captions from shuffled ones."
    elif isinstance(row.interval, str):
        words = "{where}, whether {a} and {b} differ in {title} is unknown: there is no interval."
    elif row.verdict == "n too small for FID":
        words = "{where}, {n} images are too few to tell whether {a} and {b} differ in {title}."
    elif row.verdict != "within noise":
        kind = "clear"
        words = "{where}, {a} has the {side} (better) {title} than {b}, by {size}, n\u00a0=\u00a0{n}: more than noise."
        if (row.verdict == "A is higher") == row.lower_is_better:
            first, second = second, first
    values = {"where": where, "a": named(first), "b": named(second), "title": measure_of(row.metric).title, "n": row.n}
    values |= {"side": "lower" if row.lower_is_better else "higher"}
    size = "" if isinstance(row.interval, str) else _size(row.difference, row.interval, signed=kind == "unclear")
    return Finding(kind, Markup(words).format(size=_linked(size, provenance.address_of(row)), **values))


def _size(difference: float, interval: Interval, *, signed: bool) -> str:
    """`0.100 [0.050, 0.150]` of a difference whose direction is told in words, else with signs."""
    decimals = decimals_of(interval)
    if signed:
        return f"{difference:+.{decimals}f} [{interval.low:+.{decimals}f}, {interval.high:+.{decimals}f}]"
    low, high = sorted(abs(end) for end in (interval.low, interval.high))
    return f"{abs(difference):.{decimals}f} [{low:.{decimals}f}, {high:.{decimals}f}]"


def _counted(where: str, rows: Sequence[tuple[Comparison, Difference]]) -> Finding:
    """Of many pairs, how many differ, and which do not."""
    clear = [row for _, row in rows if row.verdict in ("A is higher", "B is higher") and NOT_MEASURABLE not in row.note]
    unclear = [listed([c.a.name, c.b.name]) for c, row in rows if not any(row is each for each in clear)]
    words = "{where}, {clear} of {all} pairs of models differ in {title} by more than noise"
    words += "; not told apart: {unclear}." if unclear else "."
    title = measure_of(rows[0][1].metric).title
    values = {"clear": len(clear), "all": len(rows), "title": title, "unclear": Markup("; ").join(unclear)}
    return Finding("clear" if clear else "unclear", Markup(words).format(where=where, **values))


def _preferences(results: Sequence[Result], provenance: Provenance) -> Iterator[Finding]:
    for result in results:
        for each in result.human:
            if each.scope == OVERALL and each.average == "micro":
                yield _preference(result, each, provenance)


def _preference(result: Result, each: HumanPreference, provenance: Provenance) -> Finding:
    """What raters said of two models, over all votes of one question."""
    kind, net, first, second = "unclear", each.net_interval, result.model.name, each.against
    counts = f"{each.votes} votes of {each.raters} raters"
    if isinstance(net, str):
        size = f"{100 * each.a:.0f}% and {100 * each.b:.0f}%"
        words = "raters chose {a} and {b} in {size} of {counts} on {question}; there is no interval."
    else:
        size = f"{100 * each.net:+.0f} points [{100 * net.low:+.0f}, {100 * net.high:+.0f}]"
        words = "raters showed no preference between {a} and {b} beyond noise on {question}: net {size}, {counts}."
        if not net.low <= 0 <= net.high:
            kind = "clear"
            words = "raters preferred {a} to {b} on {question}: net {size}, {counts}, more than noise."
            if each.net < 0:
                first, second = second, first
    begun = f"SIMULATED, no person took part: {words}" if result.kind == "simulated" else words[0].upper() + words[1:]
    values = {"a": named(first), "b": named(second), "question": each.question, "counts": counts}
    return Finding(kind, Markup(begun).format(size=_linked(size, provenance.address_of(each)), **values))


def _of_curve(curve: Curve, provenance: Provenance) -> Finding:
    best = curve.best
    rest = [point for point in curve.points if point is not best]
    near = [point.label for point in rest if _overlap(point.distance.interval, best.distance.interval)]
    words = "Of {n} settings of {name}, the smallest {title}, {size}, was measured{at}; {rest}."
    if isinstance(best.distance.interval, str) or any(isinstance(point.distance.interval, str) for point in rest):
        told, kind = "without intervals nobody knows whether it is smaller than the next", "unclear"
    elif near:
        those = "that" if len(near) == 1 else "those"
        told, kind = f"its interval overlaps with {those} of guidance {', '.join(near)}", "unclear"
    else:
        told, kind = "its interval overlaps with no other", "clear" if rest else "unclear"
    values = {"n": len(curve.points), "name": named(curve.name), "title": measure_of(best.distance.metric).title}
    values |= {"at": f" at guidance {best.label}" if best.label else "", "rest": told}
    size = _linked(f"{best.distance.value:.4g}", provenance.address_of(best.distance))
    return Finding(kind, Markup(words).format(size=size, **values))


def _overlap(a: Interval | str, b: Interval | str) -> bool:
    return not isinstance(a, str) and not isinstance(b, str) and a.low <= b.high and b.low <= a.high


def _cautions(sources: Sources) -> Iterator[Finding]:
    partial: dict[str, list[str]] = {}
    for each in sources.runs:
        seal, plan = each.run.require_seal(), each.run.plan
        if seal.refused:
            samples = f"{seal.refused} of {seal.images + seal.refused} samples of {plan.prompt_set_name}"
            yield _caution(
                "{name} has no image for {samples}: they count in no score.", name=named(each.label), samples=samples
            )
        if not plan.complete:
            part = f"{plan.n_prompts} of {plan.prompt_set_n} prompts of {plan.prompt_set_name}"
            partial.setdefault(part, []).append(each.label)
    for part, names in partial.items():
        yield _caution("Partial: only {part} were drawn by {names}.", part=part, names=listed(names))
    told = dict.fromkeys(_unmeasurable(sources))
    words = "{where}, the scorer tells a model's captions from shuffled ones in some categories only ({shares}); "
    words += "what it says of others, drawn hollow, means nothing."
    for name, protocol, shares in told:
        several = len({other for set_name, other, _ in told if set_name == name}) > 1
        yield _caution(words, where=_where(name, protocol, several), shares=shares)
    if any(result.protocol.name.startswith("bundled") for result in sources.results):
        yield _caution("The scorer in this repository made these numbers: never compare them with published ones.")
    if any(result.protocol.name == "offline" for result in sources.results):
        yield _caution("Small networks from packages made these numbers: never compare them with published ones.")
    notes = [score.note for result in sources.results for score in result.scores if score.metric == TEXT]
    for remark in dict.fromkeys(each for note in notes for each in remarks_of(note) if " itself " in each):
        yield _caution("{remark}.", remark=remark)
    if sources.sweep and not curves(sources.sweep.points):
        yield _caution("The sweep has no distances to references, and so there is no curve of it.")
    for reason in sources.uncompared:
        yield _caution("Not compared, {reason}.", reason=reason.rstrip("."))


def _caution(words: str, **values: str) -> Finding:
    return Finding("caution", Markup(words).format(**values))


def _where(prompt_set: str, protocol: str, several: bool) -> str:
    """Where a sentence begins; the protocol is named where there are several."""
    return f"On {prompt_set}, protocol {protocol}" if several else f"On {prompt_set}"


def _unmeasurable(sources: Sources) -> Iterator[tuple[str, str, Markup]]:
    """Prompt sets and protocols whose scorer tells nothing in places: in how many categories it does.

    Asked are the scores that stand beside the same of shuffled captions.
    """
    asked = [name for name in ALIGNMENTS if f"{name}_shuffled" in measures()]
    for table in sources.tables:
        counts: dict[str, list[str]] = {}
        for row in table.rows:
            scores = [s for s in row.result.scores if s.metric in asked and s.scope != OVERALL]
            clear = sum(NOT_MEASURABLE not in score.note for score in scores)
            if clear < len(scores):
                counts.setdefault(f"{clear} of {len(scores)}", []).append(row.label)
        if counts:
            shares = [Markup("{} for {}").format(share, listed(names)) for share, names in counts.items()]
            yield table.first.prompt_set.name, table.first.protocol.name, Markup("; ").join(shares)


def named(name: str) -> Markup:
    """A model's name, set apart from the sentence around it."""
    return Markup("<b>{}</b>").format(name)


def listed(names: Sequence[str]) -> Markup:
    """`a`, `a and b`, `a, b and c`."""
    parts = [named(name) for name in names]
    return Markup(" and ").join([Markup(", ").join(parts[:-1]), parts[-1]]) if len(parts) > 1 else parts[0]


def _linked(text: str, href: str) -> Markup:
    return Markup('<a class="number" href="{}">{}</a>').format(href, text) if href and text else escape(text)
