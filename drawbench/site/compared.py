"""Data of the comparison page: one file with all names and tables, and one file a model with its numbers."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from drawbench.pages.templates import script_data
from drawbench.report.provenance import measuring_options
from drawbench.results.files import Result
from drawbench.results.scores import OVERALL, Interval, Score
from drawbench.site.entries import Contents, Entry, run_folder
from drawbench.site.tables import TableView
from drawbench.tables.footnotes import remarks_of
from drawbench.tables.headers import measure_of
from drawbench.tables.layout import format_interval, format_number, metrics_of
from drawbench.tables.leaderboard import LeaderboardTable
from drawbench.tables.ranks import rank_ranges, rank_words


def write_compared(contents: Contents, views: Sequence[TableView], folder: Path) -> None:
    """Write `models.js` and `models/<slug>.js` below `folder`."""
    tables = [_table_facts(view, table) for view, (_, table) in zip(views, contents.scored, strict=True)]
    known = {"tables": tables, "models": [[entry.slug, entry.label] for entry in contents.entries]}
    _write(folder / "models.js", f"drawbench.known({script_data(known)})")
    found: dict[str, list[object]] = {entry.slug: [] for entry in contents.entries}
    for number, (_, table) in enumerate(contents.scored):
        for row, places in zip(table.rows, rank_ranges(table), strict=True):
            entry = contents.entry_of[id(row.result)]
            facts = {"table": number, "label": row.label, "rank": rank_words(places)}
            found[entry.slug].append(facts | _numbers(row.result, entry, contents))
    (folder / "models").mkdir()
    for entry in contents.entries:
        _write(
            folder / "models" / f"{entry.slug}.js", f"drawbench.model({script_data([entry.slug, found[entry.slug]])})"
        )


def _table_facts(view: TableView, table: LeaderboardTable) -> dict[str, object]:
    first = table.first
    metrics = [[name, measure_of(name).arrowed, measure_of(name).higher_is_better] for name in metrics_of(table)]
    scopes = dict.fromkeys(score.scope for row in table.rows for score in row.result.scores)
    return {
        "slug": view.slug,
        "title": view.sheet.title,
        "metrics": metrics,
        "scopes": sorted(scopes, key=lambda scope: scope != OVERALL),
        "options": shlex.join(measuring_options(first)),
        "cautions": view.cautions,
    }


def _numbers(result: Result, entry: Entry, contents: Contents) -> dict[str, object]:
    scores: dict[str, dict[str, object]] = {}
    for score in result.scores:
        address = contents.provenance.address_of(score).partition("#")[2]
        scores.setdefault(score.metric, {})[score.scope] = [
            *_words(score),
            *_ends(score),
            score.n,
            remarks_of(score.note),
            address,
        ]
    return {"run": run_folder(entry.slug, result), "scores": scores}


def _words(score: Score) -> tuple[str, str, float]:
    """The number and its interval as tables write them, and the number."""
    decimals = measure_of(score.metric).decimals(abs(score.value))
    interval = format_interval(score.value, score.interval, decimals) if isinstance(score.interval, Interval) else ""
    return format_number(score.value, decimals), interval, score.value


def _ends(score: Score) -> tuple[float | None, float | None]:
    return (score.interval.low, score.interval.high) if isinstance(score.interval, Interval) else (None, None)


def _write(path: Path, text: str) -> None:
    path.write_text(f"{text};\n", encoding="utf-8")
