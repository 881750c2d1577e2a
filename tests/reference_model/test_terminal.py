"""Tables for a terminal: columns as wide as their cells, and below each other where the terminal is narrow."""

import pytest

from reference_model.terminal import table

ROWS = [("stage", "kind", "parameters", "published"), ("base_64", "all", "1,234,567", "-"), ("x", "one", "7", "123")]


def test_columns_are_as_wide_as_their_cells() -> None:
    assert table(ROWS, lead=2).splitlines() == [
        "stage    kind  parameters  published",
        "base_64  all    1,234,567          -",
        "x        one            7        123",
    ]


@pytest.mark.parametrize("width", [60, 36, 35, 26, 5])
def test_a_table_is_no_wider_than_the_terminal_and_loses_nothing(width: int) -> None:
    shown = table(ROWS, lead=2, width=width)
    least = len("base_64  kind  parameters")  # what tells rows apart, and one column
    assert max(map(len, shown.splitlines())) <= max(width, least)
    assert all(shown.count(cell) >= 1 for row in ROWS for cell in row)
    parts = shown.split("\n\n")
    assert len(parts) == (1 if width >= 36 else 2)
    assert all(part.splitlines()[1].startswith("base_64  all ") for part in parts)
