"""An analysis as tables, for terminal, Markdown and HTML alike."""

from collections.abc import Iterator, Sequence

from drawbench.results.scores import OVERALL, Interval
from drawbench.tables.layout import MISSING, Block, Cell, Column, Sheet, format_number
from human_eval_app.analysis.records import (
    WHOLE,
    Analysis,
    CaptionScore,
    Checks,
    PairSequence,
    PairwiseComparison,
    Preference,
    Rate,
    Sequences,
    Strengths,
    Version,
)
from human_eval_app.analysis.report.methods import facts

VERSION_NAMES = {"all": "all raters", "after exclusions": "after the exclusions fixed in the design"}
SIMULATED = "SIMULATED RATERS: no person took part"
UNKNOWN = "unknown"
ASKED = (
    "what raters prefer on these very prompts, each category alike, indifferent answers counted half; all of these "
    "intervals hold at once, whenever one looks. What they prefer on other prompts, the two-way intervals tell; those "
    "take the number of raters as given, and claim a little too much where the study stopped at a decision"
)


def sheets(analysis: Analysis) -> list[Sheet]:
    """All tables: what a stopping rule decided; per version the rates, the scale and the checks; how all was made."""
    found = [] if analysis.stopping is None else [sequence_sheet(analysis.stopping, marks(analysis))]
    found += [sheet for version in analysis.versions for sheet in _version_sheets(analysis, version)]
    return [*found, Sheet("how these numbers were made", (), (), tuple(facts(analysis)))]


def marks(analysis: Analysis) -> list[str]:
    """What must stand beside everything that is shown of an analysis: simulated raters, seats that are missing."""
    progress = analysis.progress
    found = [SIMULATED] if analysis.simulated else []
    if progress.complete < progress.seats:
        word = "DECIDED WITH" if analysis.complete else "INCOMPLETE:"
        found.append(f"{word} {progress.complete} of {progress.seats} seats")
    return found


def sequence_sheet(stopping: Sequences, tail: Sequence[str] = ()) -> Sheet:
    """What is known at any look, and after how many raters it was. tail: of the title."""
    columns = (
        _text("question"),
        _text("A"),
        _text("B"),
        _text("decided"),
        Column("after", "raters"),
        Column("A, by then", "% preferred"),
        Column("A, so far", "% preferred"),
        Column("so far", "raters"),
    )
    rows = tuple(
        (
            Cell(each.question),
            Cell(each.model_a),
            Cell(each.model_b),
            Cell(decision_text(each)),
            Cell(MISSING if each.rounds is None else str(each.rounds * each.panels)),
            _known(each, each.rounds),
            _known(each, len(each.mean)),
            Cell(str(len(each.mean) * each.panels)),
        )
        for each in stopping.sequences
    )
    told = (("rule", stopping.rule), ("sittings", sittings_text(stopping)), ("asked", ASKED))
    return Sheet(" · ".join(("known at any look", *tail)), (Block("", columns, rows),), (), told)


def sittings_text(stopping: Sequences) -> str:
    """How many sittings are complete, and how many of these have no say in the sequences."""
    left = {
        "with a long pause": stopping.paused,
        "left out by a rule": stopping.excluded,
        "waiting for raters who began before, or in another category": stopping.waiting,
    }
    others = ", ".join(f"{count} {name}" for name, count in left.items() if count)
    return f"{stopping.complete} sittings complete" + (f"; of these {others}" if others else "")


def decision_text(sequence: PairSequence) -> str:
    """Which model is preferred, or that it is not decided."""
    names = {"a": f"{sequence.model_a} preferred", "b": f"{sequence.model_b} preferred"}
    return names.get(sequence.decision, "undecided")


def percent(value: float, decimals: int = 1) -> str:
    """A share as a number of percent, without the sign."""
    return format_number(100 * value, decimals)


def span(interval: Interval | str | None, scale: float = 100.0, decimals: int = 1) -> str:
    """`[low, high]`, or `[unknown]`."""
    if interval is None or isinstance(interval, str):
        return f"[{UNKNOWN}]"
    return f"[{format_number(interval.low * scale, decimals)}, {format_number(interval.high * scale, decimals)}]"


def p_text(p: float | None) -> str:
    """A p-value with three decimals."""
    if p is None:
        return UNKNOWN
    return "<0.001" if p < 0.0005 else f"{p:.3f}"


def _version_sheets(analysis: Analysis, version: Version) -> Iterator[Sheet]:
    tail = (VERSION_NAMES[version.name], *marks(analysis))
    if version.problem:
        yield Sheet(" · ".join(("no numbers", *tail)), (), (), (("problem", version.problem),))
        return
    indifferent = analysis.type != "coco-photorealism"
    for pair in version.comparisons:
        title = " · ".join((f"{pair.model_a} against {pair.model_b}", *tail))
        yield Sheet(title, tuple(_comparison_blocks(pair, indifferent)), (), ())
    if version.captions:
        yield Sheet(" · ".join(("captions", *tail)), (_caption_block(version.captions),), (), ())
    if version.strengths:
        blocks = tuple(_strength_block(each) for each in version.strengths)
        yield Sheet(" · ".join(("all models on one scale", *tail)), blocks, (), ())
    yield Sheet(" · ".join(("checks", *tail)), tuple(_check_blocks(version)), (), ())


def _comparison_blocks(pair: PairwiseComparison, indifferent: bool) -> Iterator[Block]:
    whole = [row for row in pair.rows if row.scope in WHOLE]
    yield _rate_block("overall", pair, whole, indifferent, by_category=False)
    parts = [row for row in pair.rows if row.scope not in WHOLE]
    for question in dict.fromkeys(row.question for row in parts):
        of_question = [row for row in parts if row.question == question]
        yield _rate_block(f"{question}, by category", pair, of_question, indifferent, by_category=True)
    yield _beside_block(pair)


def _rate_block(
    caption: str, pair: PairwiseComparison, rows: Sequence[Preference], indifferent: bool, by_category: bool
) -> Block:
    columns = [Column("category", numeric=False)] if by_category else [_text("question"), _text("votes of")]
    columns += [Column(pair.model_a, "% of votes"), *([Column("indifferent", "% of votes")] if indifferent else [])]
    columns += [Column(pair.model_b, "% of votes"), Column("net", "points"), Column("p", "Holm" if by_category else "")]
    columns += [Column("votes"), Column("raters"), Column("prompts")]
    grid = []
    for row in rows:
        cells = [Cell(row.scope)] if by_category else [Cell(row.question), Cell(_scope(row))]
        cells += [_share(row.a), *([_share(row.indifferent)] if indifferent else []), _share(row.b), _net(row.net)]
        cells += [Cell(p_text(row.p_holm if by_category else row.p))]
        grid.append((*cells, *(Cell(str(count)) for count in (row.votes, row.raters, row.prompts))))
    return Block(caption, tuple(columns), tuple(grid))


def _beside_block(pair: PairwiseComparison) -> Block:
    columns = (
        _text("question"),
        _text("votes of"),
        Column(pair.model_a, "prompts won"),
        Column("even", "prompts"),
        Column(pair.model_b, "prompts won"),
        Column("sign test", "p"),
        Column("80% power", "net, points"),
        Column(pair.model_a, "pooled interval"),
    )
    grid = tuple(
        (
            Cell(row.question),
            Cell(_scope(row)),
            *(Cell(str(count)) for count in (row.sign.a, row.sign.ties, row.sign.b)),
            Cell(p_text(row.sign.p)),
            Cell(UNKNOWN if row.detectable is None else f"±{percent(row.detectable)}"),
            Cell(MISSING if row.pooled is None else span(row.pooled)),
        )
        for row in pair.rows
        if not (row.scope == OVERALL and row.average == "macro")
    )
    return Block("beside the rates", columns, grid)


def _caption_block(rows: Sequence[CaptionScore]) -> Block:
    columns = (
        _text("images of"),
        _text("captions"),
        Column("score", "0 to 100"),
        Column("minus photographs", "points"),
        *(Column(name, "% of votes") for name in ("yes", "somewhat", "no")),
        *(Column(name) for name in ("votes", "raters", "captions")),
    )
    grid = tuple(
        (
            Cell(row.model),
            Cell(row.scope),
            Cell(format_number(row.score.value, 1), span(row.score.interval, 1)),
            Cell(MISSING)
            if row.over_original is None
            else Cell(_signed(row.over_original.value), span(row.over_original.interval, 1)),
            *(_share(each) for each in (row.yes, row.somewhat, row.no)),
            *(Cell(str(count)) for count in (row.votes, row.raters, row.prompts)),
        )
        for row in rows
    )
    return Block("", columns, grid)


def _strength_block(strengths: Strengths) -> Block:
    if strengths.problem:
        return Block(f"{strengths.question}: {strengths.problem}", (_text("model"),), ())
    names = ("votes", "raters", "prompts")
    columns = (_text("model"), Column("log strength"), Column("Elo-like", "points"), *map(Column, names))
    counts = [Cell(str(count)) for count in (strengths.votes, strengths.raters, strengths.prompts)]
    grid = tuple(
        (
            Cell(each.model),
            Cell(f"{each.log_strength.value:+.2f}", span(each.log_strength.interval, 1, 2)),
            Cell(f"{each.elo.value:.0f}", span(each.elo.interval, 1, 0)),
            *counts,
        )
        for each in strengths.models
    )
    return Block(f"{strengths.question}, tie parameter {strengths.tie:.2f}", columns, grid)


def _check_blocks(version: Version) -> Iterator[Block]:
    columns = (_text("question"), _text("prompts of"), Column("nominal"), Column("ordinal"), Column("answers"))
    rows = tuple(
        (
            Cell(each.question),
            Cell(each.scope),
            *(Cell(UNKNOWN if alpha is None else f"{alpha:.3f}") for alpha in (each.nominal, each.ordinal)),
            Cell(str(each.answers)),
        )
        for each in version.agreement
    )
    yield Block("agreement of raters (Krippendorff's alpha)", columns, rows)
    if version.checks is not None:
        yield from _side_blocks(version.checks)
        yield _other_checks(version, version.checks)


def _side_blocks(checks: Checks) -> Iterator[Block]:
    if checks.left:
        columns = (_text("question"), Column("left side", "% of decided"), Column("p of 50%"), Column("decided votes"))
        rows = tuple((Cell(e.question), _share(e.share), Cell(p_text(e.p)), Cell(str(e.votes))) for e in checks.left)
        yield Block("the side on the left won", columns, rows)
    if checks.mirrored:
        yield Block(
            "a trial shown again with its sides exchanged",
            (_text("question"), Column("same answer", "% of pairs"), Column("pairs")),
            tuple((Cell(each.question), _share(each.share), Cell(str(each.pairs))) for each in checks.mirrored),
        )


def _other_checks(version: Version, checks: Checks) -> Block:
    times, gold = checks.times, checks.gold
    rows = [
        ("screens answered", str(times.screens)),
        (
            "seconds from images loaded to answer: 10%, median, 90%",
            _seconds(times.dwell_10, times.dwell_50, times.dwell_90),
        ),
        ("seconds until images were loaded: median, 95%", _seconds(times.load_50, times.load_95)),
        ("raters faster than anybody can be, by the server's clock", str(times.impossible)),
    ]
    if gold is not None:
        shares = ", ".join(percent(each) for each in (gold.share, gold.lowest, gold.median))
        rows.append(("control trials, % right: all answers, lowest rater, median rater", shares))
    rows += [(f"raters left out by {each.rule} {each.threshold:g}", str(each.raters)) for each in version.excluded]
    rows.append(("raters in these tables", str(version.raters)))
    return Block("times and controls", (_text("what"), Column("value")), tuple((Cell(a), Cell(b)) for a, b in rows))


def _known(sequence: PairSequence, rounds: int | None) -> Cell:
    if not rounds:
        return Cell(MISSING)
    interval = f"({percent(sequence.low[rounds - 1])}, {percent(sequence.high[rounds - 1])})"
    return Cell(percent(sequence.mean[rounds - 1]), interval)


def _text(header: str) -> Column:
    return Column(header, numeric=False)


def _scope(row: Preference) -> str:
    if row.scope != OVERALL:
        return row.scope
    if row.average == "macro":
        return f"all, mean of {row.categories} categories (macro)"
    return "all, each vote alike (micro)"


def _share(rate: Rate) -> Cell:
    return Cell(percent(rate.value), span(rate.interval))


def _net(rate: Rate) -> Cell:
    return Cell(_signed(100 * rate.value), span(rate.interval))


def _signed(points: float) -> str:
    text = format_number(points, 1)
    return f"+{text}" if points > 0 and float(text) else text


def _seconds(*milliseconds: float) -> str:
    return ", ".join(f"{each / 1000:.1f}" for each in milliseconds)
