"""From a leaderboard table to columns, cells, footnotes and provenance: what every format then only writes down."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from drawbench.prompts.captions import SAMPLED
from drawbench.results.files import HumanPreference, Result
from drawbench.results.published import PUBLISHED_TITLE, PublishedNumber
from drawbench.results.scores import OVERALL, Interval, ReferenceRef, Score
from drawbench.tables.footnotes import NO_INTERVAL, Footnotes, remarks_of
from drawbench.tables.headers import ALIGNMENTS, TEXT, alignment_of, measure_of, measures
from drawbench.tables.leaderboard import LeaderboardTable, Row, ordering_metric
from drawbench.tables.ranks import SAYS, rank_ranges, rank_words
from metrics.alignment import NOT_MEASURABLE

MISSING = "–"

Number = Score | HumanPreference


@dataclass(frozen=True)
class Cell:
    """One entry: its text, the interval that belongs to it, the marks of its footnotes, the number that it shows."""

    text: str
    interval: str = ""
    marks: str = ""
    number: Number | None = field(default=None, compare=False, repr=False)

    def joined(self) -> str:
        """Everything on one line."""
        return " ".join(part for part in (self.text, self.interval, self.marks) if part)


@dataclass(frozen=True)
class Column:
    """A heading, a second line below it (`n = 25`), and whether its cells are numbers."""

    header: str
    sub: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Block:
    """One grid of a sheet. Every row has one cell per column."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True)
class Sheet:
    """One table, ready to be written in any format."""

    title: str
    blocks: tuple[Block, ...]
    footnotes: tuple[tuple[str, str], ...]  # (mark, text)
    provenance: tuple[tuple[str, str], ...]  # (name, text): what made the numbers


def leaderboard_sheet(table: LeaderboardTable, *, ranges: bool = False) -> Sheet:
    """Lay out one leaderboard table: overall numbers, then the categories.

    Of several models, one block shows CLIP (or ConSE) score by category, one its difference from shuffled captions, and
    one how much text is right.
    Of one model, a category is a row, with everything measured on it.
    ranges: for pages that show all tables alike: ranks are ranges, and categories are columns of one model, too.
    """
    notes = Footnotes(frozenset(_remarks_of_all(table)))
    blocks = [_overall_block(table, notes, ranges)]
    categories = _categories(table)
    if len(categories) > 1 and len(table.rows) == 1 and not ranges:
        blocks.append(_one_model_block(table, categories, notes))
    elif len(categories) > 1:
        alignment = alignment_of([row.result for row in table.rows])
        title = measure_of(alignment).title
        captions = {
            alignment: f"{title} by category",
            f"{alignment}_difference": f"{title} minus shuffled captions, by category",
            TEXT: f"{measure_of(TEXT).title} by category",
        }
        for metric, caption in captions.items():
            scored = [each for each in categories if any(row.result.score(metric, each) for row in table.rows)]
            if len(scored) > 1:  # one alone has the overall numbers
                blocks.append(_category_block(table, metric, caption, scored, notes))
    return Sheet(table_title(table.first), tuple(blocks), notes.listed(), _provenance(table, ranges))


def published_sheet(rows: Sequence[PublishedNumber]) -> Sheet:
    """Lay out the published numbers, in a table of their own."""
    notes = Footnotes()
    groups = (
        ("FID-30K on COCO, 256 px, zero-shot", [row for row in rows if _is_fid(row) and row.trained_on_coco == "no"]),
        (
            "FID-30K on COCO, 256 px, trained on COCO",
            [row for row in rows if _is_fid(row) and row.trained_on_coco == "yes"],
        ),
        ("human studies", [row for row in rows if not _is_fid(row)]),
    )
    blocks = tuple(_published_block(caption, group, notes) for caption, group in groups if group)
    provenance = (
        ("source", "each row names its own; (read in ...) where that was not the model's own paper"),
        ("caution", "reported by others under protocols that are not fully known: never rank them with measured rows"),
    )
    return Sheet(PUBLISHED_TITLE, blocks, notes.listed(), provenance)


def format_number(value: float, decimals: int) -> str:
    """A number with fixed decimals, and no minus sign before zero."""
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if float(text) == 0 else text


def format_interval(value: float, interval: Interval, decimals: int) -> str:
    """`±half-width` where both sides are equal at the shown precision, else `[low, high]`."""
    below, above = value - interval.low, interval.high - value
    half = format_number(above, decimals)
    if format_number(below, decimals) != half:
        return f"[{format_number(interval.low, decimals)}, {format_number(interval.high, decimals)}]"
    if float(half) == 0 and above > 0:
        return f"±<{10**-decimals:.{decimals}f}"
    return f"±{half}"


def metrics_of(table: LeaderboardTable) -> list[str]:
    """All metrics with an overall number in some row, in the order of columns."""
    return ordered({score.metric for row in table.rows for score in row.result.scores if score.scope == OVERALL})


def ordered(metrics: Collection[str]) -> list[str]:
    """Each once, in the order of a table's columns: the known ones in theirs, then the others by name."""
    known = measures()
    return [name for name in known if name in metrics] + sorted(set(metrics) - set(known))


def _overall_block(table: LeaderboardTable, notes: Footnotes, ranges: bool) -> Block:
    metrics = metrics_of(table)
    decimals = {metric: _decimals(metric, table) for metric in metrics}
    ranks = [MISSING if row.rank is None else str(row.rank) for row in table.rows]
    ranks = [rank_words(places) for places in rank_ranges(table)] if ranges else ranks
    columns = [Column("rank" if ranges else "#"), Column("model", numeric=False)]
    columns += [Column(measure_of(metric).arrowed) for metric in metrics]
    columns += [Column("prompts"), Column("refused")]
    rows = []
    for rank, row in zip(ranks, table.rows, strict=True):
        cells = [Cell(rank), Cell(row_name(row))]
        cells += [score_cell(row.result.score(metric, OVERALL), decimals[metric], notes) for metric in metrics]
        cells += [Cell(str(prompts_of(row.result))), Cell(str(row.result.refusals))]
        rows.append(tuple(cells))
    return Block("", tuple(columns), tuple(rows))


def _category_block(
    table: LeaderboardTable, metric: str, caption: str, categories: Sequence[str], notes: Footnotes
) -> Block:
    columns = [Column("model", numeric=False)]
    columns += [Column(category, _counts(table, metric, category)) for category in categories]
    rows = tuple(
        (Cell(row_name(row)), *(score_cell(row.result.score(metric, each), 3, notes) for each in categories))
        for row in table.rows
    )
    return Block(caption, tuple(columns), rows)


def _one_model_block(table: LeaderboardTable, categories: Sequence[str], notes: Footnotes) -> Block:
    found = {(score.metric, score.scope): score for score in table.first.scores}
    metrics = [name for name in metrics_of(table) if any((name, each) in found for each in categories)]
    columns = [Column("category", numeric=False), Column("prompts")]
    columns += [Column(measure_of(metric).arrowed) for metric in metrics]
    rows = []
    for category in categories:
        scores = [found.get((metric, category)) for metric in metrics]
        count = str(next(score.n for score in scores if score))
        rows.append((Cell(category), Cell(count), *(score_cell(score, 3, notes) for score in scores)))
    return Block("by category", tuple(columns), tuple(rows))


def row_name(row: Row) -> str:
    """The model's label with what a reader must know before comparing: ceiling, partial."""
    tags = ["ceiling"] if row.is_ceiling else []
    if not row.result.complete:
        tags.append("partial")
    return row.label + "".join(f" [{tag}]" for tag in tags)


def score_cell(score: Score | None, decimals: int, notes: Footnotes) -> Cell:
    """A number with its interval, and the marks of what its note says."""
    if score is None:
        return Cell(MISSING)
    marks = [notes.mark(remark) for remark in remarks_of(score.note) if remark not in notes.of_all]
    if score.interval == "not available":
        return Cell(format_number(score.value, decimals), "", "".join([*marks, notes.mark(NO_INTERVAL)]), score)
    interval = format_interval(score.value, score.interval, decimals)
    return Cell(format_number(score.value, decimals), interval, "".join(marks), score)


def _remarks_of_all(table: LeaderboardTable) -> list[str]:
    """The remarks that stand beside every number of a table with several, in their order."""
    every = [remarks_of(score.note) for row in table.rows for score in row.result.scores]
    shared = set.intersection(*map(set, every)) - {NOT_MEASURABLE} if len(every) > 1 else set()
    return [remark for remark in every[0] if remark in shared] if shared else []


def _decimals(metric: str, table: LeaderboardTable) -> int:
    scores = [row.result.score(metric, OVERALL) for row in table.rows]
    largest = max((abs(score.value) for score in scores if score), default=0.0)
    return measure_of(metric).decimals(largest)


def _counts(table: LeaderboardTable, metric: str, category: str) -> str:
    counts = [score.n for row in table.rows if (score := row.result.score(metric, category))]
    low, high = min(counts, default=0), max(counts, default=0)
    return f"n={low}" if low == high else f"n={low}–{high}"


def _categories(table: LeaderboardTable) -> list[str]:
    scopes = [score.scope for row in table.rows for score in row.result.scores if score.metric in ALIGNMENTS]
    return [scope for scope in dict.fromkeys(scopes) if scope != OVERALL]


def prompts_of(result: Result) -> int:
    """How many prompts a result was made from."""
    score = result.score(alignment_of([result]), OVERALL)
    return score.n if score else result.prompt_set.n


def table_title(result: Result) -> str:
    """The heading of the table that a result stands in: what all its rows have in common."""
    parts = [result.prompt_set.name, f"protocol {result.protocol.name}", f"{result.size} px", _per_prompt(result)]
    if not result.complete:
        parts.append("PARTIAL")
    if result.kind != "measured":
        parts.append(result.kind.upper())
    return " · ".join(parts)


def _per_prompt(result: Result) -> str:
    return f"{result.samples} image{'' if result.samples == 1 else 's'} per prompt"


def _provenance(table: LeaderboardTable, ranges: bool) -> tuple[tuple[str, str], ...]:
    result = table.first
    protocol, prompts, reference = result.protocol, result.prompt_set, result.reference
    lines = [
        ("protocol", f"{protocol.name} version {protocol.version}, fingerprint {protocol.fingerprint[:12]}"),
        ("prompt set", f"{prompts.name}, {prompts.n} prompts, SHA-256 {prompts.sha256[:12]}"),
        ("reference", _reference(reference)),
        ("images", f"evaluated at {result.size} px, {_per_prompt(result)}"),
        ("intervals", _interval_methods(table)),
        ("order", _order(table, SAYS if ranges else "a rank says nothing about significance")),
        *_definitions(table),
        *_cautions(table),
    ]
    return tuple(lines)


def _order(table: LeaderboardTable, of_ranks: str) -> str:
    metric, less_is_better = ordering_metric([row.result for row in table.rows])
    name = measure_of(metric).title
    words = f"by {name}, {'lowest' if less_is_better else 'highest'} first; {of_ranks}"
    if f"{metric}_shuffled" in measures():
        words += "; no rank where a model's own captions score no higher than shuffled ones"
    return words


def _reference(reference: ReferenceRef | None) -> str:
    if reference is None:
        return "none"
    count = f"{reference.n} images" if reference.n else "number of images unknown"
    return f"{reference.name}, {count}, SHA-256 {reference.sha256[:12]}"


def _interval_methods(table: LeaderboardTable) -> str:
    """`95%: method`, once for each level and method in the table."""
    found: dict[str, None] = {}
    for row in table.rows:
        for score in row.result.scores:
            if score.interval != "not available":
                found[f"{score.interval.level:.0%}: {score.interval.method}"] = None
    return "; ".join(found) or "not available"


def _definitions(table: LeaderboardTable) -> list[tuple[str, str]]:
    """(metric, definition); what a definition shares with one above it is told there only."""
    lines: list[tuple[str, str]] = []
    told: dict[str, list[str]] = {}  # metric -> clauses of its definition
    for metric in metrics_of(table):
        definitions = [score.definition for row in table.rows if (score := row.result.score(metric, OVERALL))]
        for definition in dict.fromkeys(definitions):
            name, clauses = measure_of(metric).title, definition.split("; ")
            like = max(told, key=lambda other: len(set(told[other]) & set(clauses)), default="")
            own = [clause for clause in clauses if clause not in told.get(like, [])]
            shared = len(own) < len(clauses)
            lines.append((name, "; ".join([*own, f"otherwise as {like}"] if shared else clauses)))
            told[name] = clauses
    return lines


def _cautions(table: LeaderboardTable) -> list[tuple[str, str]]:
    result: Result = table.first
    cautions = _remarks_of_all(table)
    if result.protocol.name.startswith("bundled"):
        cautions.append("the scorer in this repository made these numbers: never compare them with published ones")
        if result.prompt_set.name != "world":
            cautions.append(
                "the scorer knows procedural worlds alone: on other prompts a high score of the bundled model says "
                "that two models of one world agree, not that the image shows the prompt"
            )
    if result.protocol.name == "offline":
        cautions.append("small networks from packages made these numbers: never compare them with published ones")
    if result.prompt_set.name.startswith("coco") and result.prompt_set.n < SAMPLED:
        cautions.append(
            f"{result.prompt_set.n} captions, where a zero-shot COCO evaluation takes {SAMPLED:,}: never compare these"
            " numbers with published ones"
        )
    if result.prompt_set.name == "world":
        cautions.append("the bundled models learn from this procedural world: in-distribution, never zero-shot")
    if any(row.is_ceiling for row in table.rows):
        photographs = any(row.result.model.adapter == "photographs" for row in table.rows)
        truth = "the prompts' own photographs" if photographs else "the true renderings"
        cautions.append(f"[ceiling] is {truth}, not a model, and has no rank")
    if not result.complete:
        cautions.append("PARTIAL: made from a part of the prompt set; compare with the same part only")
    if result.kind == "simulated":
        cautions.append("SIMULATED: nobody judged and nothing was measured")
    return [("caution", each) for each in cautions] + [("apart", each) for each in table.apart]


def _is_fid(row: PublishedNumber) -> bool:
    return row.metric == "fid_30k"


def _published_block(caption: str, rows: Sequence[PublishedNumber], notes: Footnotes) -> Block:
    is_fid = _is_fid(rows[0])
    columns = [Column("model", numeric=False)]
    if not is_fid:
        columns += [Column("question", numeric=False), Column("set", numeric=False)]
    columns += [Column("FID-30K ↓" if is_fid else "value"), Column("source", numeric=False)]
    grid = []
    for row in rows:
        cells = [Cell(row.model)]
        if not is_fid:
            cells += [Cell(row.metric), Cell(f"{row.prompt_set}, {row.split}")]
        grid.append((*cells, _published_value(row, notes), Cell(_source(row))))
    return Block(caption, tuple(columns), tuple(grid))


def _published_value(row: PublishedNumber, notes: Footnotes) -> Cell:
    interval = f"±{row.interval}" if row.interval else ""
    return Cell(f"{row.value}{row.unit}", interval, notes.mark(row.comparability) if row.comparability else "")


def _source(row: PublishedNumber) -> str:
    source = f"{row.source} (read in {row.read_in})" if row.read_in else row.source
    return source if row.status == "read in the source" else f"{source} [{row.status}]"
