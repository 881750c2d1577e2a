"""The published numbers: complete rows, each with its source."""

import re

from drawbench.results.published import published_numbers


def _fid(model: str, trained: str) -> str:
    (row,) = [
        each
        for each in published_numbers()
        if (each.model, each.metric, each.trained_on_coco) == (model, "fid_30k", trained)
    ]
    return row.value


def test_the_papers_headline_numbers_are_there() -> None:
    assert _fid("Imagen", "no") == "7.27"
    assert _fid("DALL-E 2", "no") == "10.39"
    assert _fid("LAFITE", "yes") == "8.12"
    preference = [row for row in published_numbers() if row.value == "39.5"]
    assert [(row.interval, row.unit) for row in preference] == [("0.75", "%")]


def test_every_row_names_a_source_and_why_it_does_not_compare() -> None:
    for row in published_numbers():
        assert re.search(r"arXiv \d{4}\.\d{5}|github\.com", row.source)
        assert row.comparability
        assert float(row.value) > 0


def test_every_distance_says_whether_coco_was_trained_on() -> None:
    assert {row.trained_on_coco for row in published_numbers() if row.metric == "fid_30k"} == {"yes", "no"}
