"""What drawing took, beside the numbers and never among them."""

from collections.abc import Sequence

from drawbench.results.files import Result
from drawbench.results.scores import Cost
from drawbench.tables.layout import Block, Cell, Column, Sheet
from drawbench.tables.leaderboard import LeaderboardTable

NOT_RECORDED = "not recorded"
CAUTION = "seconds and memory of different devices do not compare: rows are in the order of the tables, without ranks"
GIB = 2**30


def cost_sheet(tables: Sequence[LeaderboardTable]) -> Sheet:
    """A row for each model, size and prompt set of the tables, each run once."""
    columns = (
        Column("model", numeric=False),
        Column("prompts", numeric=False),
        Column("px"),
        Column("seconds/image"),
        Column("images"),
        Column("warm-up"),
        Column("peak memory"),
        Column("devices", numeric=False),
    )
    found = {_run(row.result): (row.label, row.result) for table in tables for row in table.rows}
    rows = tuple(_row(label, result) for label, result in found.values())
    return Sheet("Cost of drawing", (Block("", columns, rows),), (), (("caution", CAUTION),))


def cost_words(cost: Cost | None) -> str:
    """In one phrase."""
    if cost is None:
        return NOT_RECORDED
    memory = f"{cost.peak_memory_bytes / GIB:.2f} GiB"
    return f"{cost.seconds_per_image:.3g} s an image over {cost.images}, {memory} at most, {', '.join(cost.devices)}"


def _run(result: Result) -> tuple[object, ...]:
    return result.run or (result.model.name, result.prompt_set.sha256, result.size), result.model.name


def _row(label: str, result: Result) -> tuple[Cell, ...]:
    cost, named = result.cost, (label, result.prompt_set.name, str(result.size))
    if cost is None:
        return tuple(map(Cell, (*named, NOT_RECORDED, "–", "–", "–", "–")))
    warm_up = f"{cost.warm_up_seconds:.3g} s for {cost.warm_up_images}"
    memory = f"{cost.peak_memory_bytes / GIB:.2f} GiB"
    devices = ", ".join(cost.devices)
    return tuple(map(Cell, (*named, f"{cost.seconds_per_image:.3g}", str(cost.images), warm_up, memory, devices)))
