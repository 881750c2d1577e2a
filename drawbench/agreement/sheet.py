"""An agreement as a table: raters and metrics overall, the metrics against the most agreeing one, by category."""

from drawbench.agreement.records import PEOPLE, Agreement, Contrast, Measured, Statistic
from drawbench.agreement.words import on_question
from drawbench.results.scores import OVERALL, Interval
from drawbench.tables.footnotes import NO_INTERVAL, Footnotes
from drawbench.tables.layout import MISSING, Block, Cell, Column, Sheet, format_interval, format_number

SHOWN: tuple[tuple[Statistic, str, str, float, int], ...] = (  # statistic, heading, below it, factor, decimals
    ("agreement", "agreement", "%", 100, 1),
    ("accuracy_with_ties", "with ties", "%", 100, 1),
    ("kendall_tau_b", "tau-b", "", 1, 2),
    ("spearman", "rho", "", 1, 2),
    ("prompts_kendall_tau_b", "tau-b", "over prompts", 1, 2),
    ("prompts_spearman", "rho", "over prompts", 1, 2),
    ("models_kendall_tau_b", "models' tau-b", "", 1, 2),
    ("models_spearman", "models' rho", "", 1, 2),
)
MOST_PROMPTS = 100_000  # needed; more is as good as never
MEANS = {
    "agreement": "share of the pairs of images that people decide in which the metric scores theirs higher; equal "
    "scores count half, so chance is 50%",
    "accuracy_with_ties": "share of all pairs on which metric and people say the same, a tie too; a metric ties below "
    "a threshold that is chosen on the other prompts",
    "kendall_tau_b": "Kendall's, of a prompt's images, mean over prompts; 0 where the metric ties all of them, left "
    "out where people do",
    "spearman": "Spearman's, likewise",
    "prompts_kendall_tau_b": "Kendall's, of how far people and metric put one model ahead, prompt by prompt; 0 where "
    "the metric is the same on all",
    "prompts_spearman": "Spearman's, likewise",
    "models_kendall_tau_b": "of the models' means over prompts, as is their rho",
}


def agreement_sheet(made: Agreement) -> Sheet:
    """Lay out everything."""
    notes = Footnotes()
    blocks = [_overall_block(made, notes)]
    if len(made.metrics) > 1:
        blocks.append(_contrast_block(made))
    scopes = list(dict.fromkeys(each.scope for each in made.numbers if each.scope != OVERALL))
    if scopes:
        blocks.append(_category_block(made, scopes, notes))
    title = f"which metric sides with people{on_question(made)}: {made.source}"
    return Sheet(title, tuple(blocks), notes.listed(), tuple(_provenance(made)))


def _overall_block(made: Agreement, notes: Footnotes) -> Block:
    shown = [each for each in SHOWN if any(number.statistic == each[0] for number in made.numbers)]
    columns = [Column("metric", numeric=False), *(Column(name, below) for _, name, below, _, _ in shown)]
    chance = {each.metric: each for each in made.chance}
    rows = []
    for name in [*_people(made), *made.metrics]:
        cells = [
            _cell(made.number(name, statistic), factor, decimals, notes) for statistic, _, _, factor, decimals in shown
        ]
        rows.append((Cell(name), *cells, Cell(chance[name].verdict if name in chance else MISSING)))
    return Block("", (*columns, Column("against chance", numeric=False)), tuple(rows))


def _contrast_block(made: Agreement) -> Block:
    best = made.metrics[0]
    columns = (
        Column("metric", numeric=False),
        Column("less agreement", "points"),
        Column("p"),
        Column("told apart", numeric=False),
        Column("prompts needed"),
        Column("votes needed"),
    )
    rows = [_contrast_row(name, made.contrast(best, name)) for name in made.metrics[1:]]
    return Block(f"against the most agreeing, {best}", columns, tuple(rows))


def _contrast_row(name: str, found: Contrast | None) -> tuple[Cell, ...]:
    assert found is not None, "every pair of metrics has a contrast"
    interval = ""
    if found.interval != "not available":
        interval = format_interval(100 * found.difference, _times(found.interval, 100), 1)
    needed, votes = found.prompts_needed, found.votes_needed
    return (
        Cell(name),
        Cell(format_number(100 * found.difference, 1), interval),
        Cell(_p(found.p)),
        Cell("yes" if found.apart else "no"),
        Cell(MISSING if needed is None else f"{needed:,}" if needed <= MOST_PROMPTS else f"> {MOST_PROMPTS:,}"),
        Cell(MISSING if votes is None or needed is None or needed > MOST_PROMPTS else f"{votes:,}"),
    )


def _category_block(made: Agreement, scopes: list[str], notes: Footnotes) -> Block:
    columns = [Column("metric", numeric=False)]
    for scope in scopes:
        counted = [each.n for each in made.numbers if each.scope == scope and each.metric in made.metrics]
        columns.append(Column(scope, f"n={max(counted, default=0)}"))
    rows = tuple(
        (Cell(name), *(_cell(made.number(name, "agreement", scope), 100, 1, notes) for scope in scopes))
        for name in [*_people(made), *made.metrics]
    )
    return Block("agreement by category, %; n: pairs that people decide", tuple(columns), rows)


def _people(made: Agreement) -> list[str]:
    return [name for name in PEOPLE if made.number(name)]


def _cell(number: Measured | None, factor: float, decimals: int, notes: Footnotes) -> Cell:
    if number is None:
        return Cell(MISSING)
    value = factor * number.value
    if number.interval == "not available":
        return Cell(format_number(value, decimals), "", notes.mark(NO_INTERVAL))
    return Cell(format_number(value, decimals), format_interval(value, _times(number.interval, factor), decimals))


def _times(interval: Interval, factor: float) -> Interval:
    return Interval(factor * interval.low, factor * interval.high, interval.method, interval.level)


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _provenance(made: Agreement) -> list[tuple[str, str]]:
    tied = made.pairs - made.decided
    there = {each.statistic for each in made.numbers}
    methods = dict.fromkeys(each.interval.method for each in made.numbers if each.interval != "not available")
    lines = [
        ("people", f"{made.votes:,} votes on {made.prompts:,} prompts and {len(made.models)} models"),
        ("pairs", f"{made.pairs:,} pairs of images of one prompt; people decide {made.decided:,} and tie {tied:,}"),
        *((name, MEANS[statistic]) for statistic, name, _, _, _ in SHOWN if statistic in MEANS and statistic in there),
    ]
    if "accuracy_with_ties" in there:
        lines.append(("always a tie", f"would be right with ties on {tied / made.pairs:.1%}"))
    return [
        *lines,
        ("raters", "what one rater reaches; a metric is held against the mean of all, and may come above it"),
        ("intervals", f"95%, {'; '.join(methods) or 'not available'}; prompts are what varies, raters are given"),
        ("against chance", "at 5% for all metrics together, after Holm"),
        ("told apart", "at 5% for all pairs of metrics together, after Holm, as is p"),
        ("needed", "to show the difference 8 times in 10, were it and its spread as they are here"),
        *(("note", each) for each in made.notes),
    ]
