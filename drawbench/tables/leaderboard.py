"""Which results stand in one table, in which order, and why the others do not."""

from collections.abc import Sequence
from dataclasses import dataclass

from drawbench.results.comparable import ComparisonKey, comparison_key, differences
from drawbench.results.files import Result
from drawbench.results.scores import OVERALL, Score
from drawbench.scoring.kinds.kind import UNVERIFIED
from drawbench.tables.headers import CAPTION_SCORE, alignment_of, distances, measure_of
from metrics.alignment import NOT_MEASURABLE

CEILING_ADAPTERS = ("world", "photographs")  # the true renderings, and the prompts' own photographs
SET_ORDER = ("drawbench", "open", "coco", "world")


@dataclass(frozen=True)
class Row:
    """One result in a table. `rank` is None for a ceiling, which competes with nobody, and for human preferences.

    Nor has a model a rank by CLIP score whose own captions the scorer cannot tell from shuffled ones, nor any by a
    scorer that was not compared with its published code.
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

    It is a distance that all rows have, else people's caption scores where all have these, else CLIP (or ConSE) score.
    """
    for metric in (*distances(), CAPTION_SCORE):
        if all(result.score(metric, OVERALL) for result in results):
            return metric, not measure_of(metric).higher_is_better
    return alignment_of(results), False


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

    ordered = sorted(results, key=order)
    ranked = [each for each in ordered if each.model.adapter not in CEILING_ADAPTERS and not order(each)[1]]
    places: dict[tuple[bool, bool, float], int] = {}  # equal scores share the first of theirs
    ranks = {id(each): places.setdefault(order(each)[:3], place) for place, each in enumerate(ranked, 1)}
    return tuple(Row(labels[id(each)], ranks.get(id(each)), each) for each in ordered)


def _says_nothing(score: Score | None) -> bool:
    """Whether it does not tell a model's own captions from those of other prompts, or nobody knows what it tells."""
    return score is not None and (NOT_MEASURABLE in score.note or UNVERIFIED in score.note)


def _labels(results: list[Result]) -> dict[int, str]:
    """Names of the rows. Models of one name are told apart by what differs: settings, weights or run."""
    namesakes: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        namesakes.setdefault((result.model.name, result.against), []).append(result)
    return {
        id(result): result.model.name + _what_differs(result, group) for group in namesakes.values() for result in group
    }


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


def in_sentence(name: str) -> str:
    """A name as one word of a sentence: quoted where a comma or `and` in it would read as the end of it."""
    return f"'{name}'" if "," in name or " and " in name else name


def _row_names(table: LeaderboardTable) -> str:
    shown = [in_sentence(row.label) for row in table.rows[:2]]
    more = len(table.rows) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
