"""Grids of many columns of numbers, turned: what stood side by side stands in rows."""

from itertools import takewhile

from drawbench.tables.layout import Block, Cell, Column

MOST_COLUMNS = 7  # of numbers beside each other; what has more, as categories, becomes rows


def labels_of(block: Block) -> int:
    """How many columns at the left say what a row is."""
    return max((number + 1 for number, column in enumerate(block.columns) if not column.numeric), default=0)


def upright(block: Block) -> Block:
    """A grid of many columns of numbers with these as rows."""
    labels = len(list(takewhile(lambda column: not column.numeric, block.columns)))
    scopes = block.columns[labels:]
    if len(scopes) <= MOST_COLUMNS or labels != labels_of(block):
        return block
    columns = [Column("", numeric=False), *(Column(" / ".join(c.text for c in row[:labels])) for row in block.rows)]
    rows = [(Cell(scope.header), *(row[labels + n] for row in block.rows)) for n, scope in enumerate(scopes)]
    if any(scope.sub for scope in scopes):
        columns.insert(1, Column("", numeric=False))
        rows = [(row[0], Cell(scope.sub), *row[1:]) for row, scope in zip(rows, scopes, strict=True)]
    return Block(block.caption, tuple(columns), tuple(rows))
