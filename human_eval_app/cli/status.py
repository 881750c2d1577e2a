"""`drawbench study status`: how far a study is."""

import argparse
from typing import TYPE_CHECKING

from drawbench.terminal import terminal_width
from human_eval_app.cli.votes import add_study_options, study_votes

if TYPE_CHECKING:
    from drawbench.tables.layout import Sheet
    from human_eval_app.store.standing import Standing

EPILOGUE = """examples:
  drawbench study status studies/a-b
  drawbench study status studies/a-b --json
Seats: complete: judged to the end. leased: a rater is at it. lapsed: its rater has been away for longer than the
lease; they may go on until the seat is given to another. free: waiting for a rater.
Looks: at preferences, with `study analyse --look`. Codes: what raters are shown at their end, by how it ended.
"""
WIDTH = 120


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOGUE
    add_study_options(parser)
    parser.add_argument("--json", action="store_true", help="the same as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the study's standing."""
    with study_votes(args) as (design, store):
        from human_eval_app.store.standing import standing_of

        standing = standing_of(design, store.status(), store.seats(), store.raters(), len(store.problems()))
        beside = {"looks": tuple(store.looks()), "decision": store.decision(), "codes": store.codes()}
        standing = standing.model_copy(update=beside)
    if args.json:
        print(standing.model_dump_json(indent=1))
        return 0
    from drawbench.tables.text import sheet_text

    print(sheet_text(standing_sheet(standing), terminal_width(WIDTH)))
    return 0


def _looks(standing: "Standing") -> str:
    """How often somebody looked at preferences before the study was closed."""
    if not standing.looks:
        return "nobody saw preferences before the study was closed"
    last = standing.looks[-1]
    times = "once" if len(standing.looks) == 1 else f"{len(standing.looks)} times"
    return f"preferences were seen {times} before the study was closed, last at {last.at} ({last.place})"


def standing_sheet(standing: "Standing") -> "Sheet":
    """The standing as a table: a row per panel, and their sum."""
    from drawbench.tables.layout import Block, Cell, Column, Sheet

    columns = (
        Column("panel", numeric=False),
        Column("category", numeric=False),
        Column("models", numeric=False),
        *(Column(name) for name in ("seats", "complete", "leased", "lapsed", "free", "votes")),
    )
    counts = [(p.seats, p.complete, p.leased, p.lapsed, p.free, p.votes) for p in standing.panels]
    rows = [
        (panel.panel, panel.category, " / ".join(panel.models), *map(str, row))
        for panel, row in zip(standing.panels, counts, strict=True)
    ]
    if len(rows) > 1:
        rows.append(("all", "", "", *(str(sum(column)) for column in zip(*counts, strict=True))))
    people = ", ".join(f"{count} {stage.replace('_', ' ')}" for stage, count in standing.raters.items())
    return Sheet(
        f"study {standing.study}: {standing.status}",
        (Block("", columns, tuple(tuple(Cell(text) for text in row) for row in rows)),),
        (),
        (
            ("raters", people or "nobody has come yet"),
            ("who they are", "SIMULATED: no person takes part" if standing.raters_are == "simulated" else "humans"),
            ("last vote", standing.last_vote_at or "none yet"),
            *([("problems", f"{standing.problems} reported; they are on the admin page")] if standing.problems else []),
            ("looks", _looks(standing)),
            *([("decision", f"at {standing.decision.at}, the study's own")] if standing.decision else []),
            ("codes", ", ".join(f"{ending.replace('_', ' ')} {code}" for ending, code in standing.codes.items())),
            ("type", standing.type),
            ("design", standing.design_sha256),
        ),
    )
