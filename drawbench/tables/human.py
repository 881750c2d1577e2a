"""The table of human studies: what raters preferred, laid out like the other tables."""

from collections.abc import Sequence

from drawbench.results.files import HumanPreference
from drawbench.results.scores import OVERALL, Interval
from drawbench.tables.footnotes import NO_INTERVAL, Footnotes
from drawbench.tables.layout import Block, Cell, Column, Sheet, format_number, table_title
from drawbench.tables.leaderboard import LeaderboardTable, Row, in_sentence

AVERAGES = {"micro": "votes", "macro": "categories"}
CAUTIONS = (
    "rows are of different raters: two models' rates against a third do not compare with each other",
    "no row has a rank: a net preference whose interval holds 0 says nothing about who is better",
)


def human_sheet(table: LeaderboardTable) -> Sheet:
    """Lay out a table of human preferences: a row per pair, question and average, then a block per question."""
    notes = Footnotes()
    blocks = [_overall_block(table, notes)]
    for question in dict.fromkeys(each.question for row in table.rows for each in row.result.human):
        scopes = _scopes(table, question)
        if scopes:
            blocks.append(_scope_block(table, question, scopes, notes))
    return Sheet(table_title(table.first), tuple(blocks), notes.listed(), tuple(_provenance(table)))


def _overall_block(table: LeaderboardTable, notes: Footnotes) -> Block:
    columns = [Column(name, numeric=False) for name in ("A", "B", "question", "mean over")]
    columns += [Column("A", "%"), Column("indifferent", "%"), Column("B", "%"), Column("net", "points")]
    columns += [Column("votes"), Column("raters"), Column("prompts")]
    rows = [
        (
            Cell(row.label + ("" if row.result.complete else " [partial]")),
            Cell(each.against),
            Cell(each.question),
            Cell(AVERAGES[each.average]),
            _cell(each.a, each.interval, notes, each),
            Cell(format_number(100 * each.indifferent, 1)),
            Cell(format_number(100 * each.b, 1)),
            _cell(each.net, each.net_interval, notes, each),
            *(Cell(str(count)) for count in (each.votes, each.raters, each.prompts)),
        )
        for row in table.rows
        for each in row.result.human
        if each.scope == OVERALL
    ]
    return Block("", tuple(columns), tuple(rows))


def _scope_block(table: LeaderboardTable, question: str, scopes: Sequence[str], notes: Footnotes) -> Block:
    columns = [Column("A", numeric=False), Column("B", numeric=False), *(Column(scope) for scope in scopes)]
    rows = []
    for row in table.rows:
        found = {each.scope: each for each in _of_question(row, question)}
        cells = [
            _cell(found[scope].a, found[scope].interval, notes, found[scope]) if scope in found else Cell("–")
            for scope in scopes
        ]
        rows.append((Cell(row.label), Cell(row.result.against), *cells))
    return Block(f"{question}: votes for A, %", tuple(columns), tuple(rows))


def _cell(share: float, interval: Interval | str, notes: Footnotes, number: HumanPreference) -> Cell:
    """A share as percent, with its interval as `[low, high]`."""
    value = format_number(100 * share, 1)
    if isinstance(interval, str):
        return Cell(value, "", notes.mark(NO_INTERVAL), number)
    return Cell(value, f"[{format_number(100 * interval.low, 1)}, {format_number(100 * interval.high, 1)}]", "", number)


def _scopes(table: LeaderboardTable, question: str) -> list[str]:
    found = [each.scope for row in table.rows for each in _of_question(row, question)]
    return [scope for scope in dict.fromkeys(found) if scope != OVERALL]


def _of_question(row: Row, question: str) -> list[HumanPreference]:
    return [each for each in row.result.human if each.question == question]


def _provenance(table: LeaderboardTable) -> list[tuple[str, str]]:
    result = table.first
    protocol, prompts = result.protocol, result.prompt_set
    methods = [
        f"{each.interval.level:.0%}: {each.interval.method}"
        for row in table.rows
        for each in row.result.human
        if each.interval != "not available"
    ]
    studies = [
        f"{in_sentence(row.label)} against {in_sentence(row.result.against)}: "
        f"{study.name}, design {study.design_sha256[:12]}, {study.seats_complete} of {study.seats} seats"
        f"{', from an export alone: whether it was closed is unknown' if study.status_unknown else ''}"
        f"{f'. {study.stopping}' if study.stopping else ''}"
        for row in table.rows
        if (study := row.result.study) is not None
    ]
    cautions = list(CAUTIONS)
    if not result.complete:
        cautions.append("PARTIAL: some raters of the design have not finished")
    if result.kind == "simulated":
        cautions.append("SIMULATED: no person took part")
    return [
        ("protocol", f"{protocol.name} version {protocol.version}, fingerprint {protocol.fingerprint[:12]}"),
        ("prompt set", f"{prompts.name}, {prompts.n} prompts, SHA-256 {prompts.sha256[:12]}"),
        ("images", f"shown at {result.size} px, {result.samples} per prompt and side"),
        ("intervals", "; ".join(dict.fromkeys(methods)) or "not available"),
        ("net", "A minus B, in points of 100"),
        *(("study", study) for study in studies),
        *(("caution", caution) for caution in cautions),
        *(("apart", reason) for reason in table.apart),
    ]
