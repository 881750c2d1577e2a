"""Which results share a table, in which order; and reading them. All numbers here are made up."""

from pathlib import Path

import pytest

from drawbench.errors import UserError
from drawbench.results.comparable import differences
from drawbench.results.files import Result, StudyRef, write_result
from drawbench.results.scores import OVERALL, ReferenceRef
from drawbench.tables.leaderboard import build_tables, separations
from drawbench.tables.loading import load_results
from tests.drawbench.synthetic import clip_scores, human_result, preference, result, score, world_result


def _other(**changes: object) -> Result:
    return result("b").model_copy(update=changes)


OTHERS = {
    "prompt set": result("b", set_hash="9" * 64),
    "number of prompts": result("b", prompts=11),
    "protocol": result("b", fingerprint="9" * 64),
    "reference set": result("b", reference=ReferenceRef(name="r", sha256="9" * 64, n=5)),
    "evaluated size": result("b", size=64),
    "samples per prompt": result("b", samples=8),
    "completeness": result("b", complete=False),
    "kind": _other(kind="simulated"),
}


@pytest.mark.parametrize("field", OTHERS)
def test_results_that_differ_in_one_field_never_share_a_table(field: str) -> None:
    one, other = result("a"), OTHERS[field]
    tables = build_tables([one, other])
    assert [[row.result for row in table.rows] for table in tables] in ([[one], [other]], [[other], [one]])
    (difference,) = differences(one, other)
    assert difference.startswith(field)
    assert all(difference.split(" (")[0] in reason for table in tables for reason in table.apart)
    (sentence,) = separations(tables)
    assert field in sentence


def test_results_of_one_key_share_a_table_whatever_the_model() -> None:
    one, other = result("a"), result("b", settings={"guidance": 2.0}, refusals=4)
    assert differences(one, other) == ()
    (table,) = build_tables([one, other])
    assert len(table.rows) == 2
    assert separations([table]) == []


def test_sets_have_tables_of_their_own_without_a_word_about_each_other() -> None:
    tables = build_tables([result("a"), world_result("a", 0.2, 1.0)])
    assert [table.first.prompt_set.name for table in tables] == ["open", "world"]
    assert all(table.apart == () for table in tables)


def test_a_distance_orders_before_clip_score() -> None:
    (table,) = build_tables([world_result("far", 0.9, 2.0), world_result("near", 0.1, 0.5)])
    assert [(row.rank, row.label) for row in table.rows] == [(1, "near"), (2, "far")]


def test_without_distances_the_higher_clip_score_is_first() -> None:
    (table,) = build_tables([result("low", 0.1), result("high", 0.3)])
    assert [row.label for row in table.rows] == ["high", "low"]


def test_a_distance_that_some_rows_lack_does_not_order() -> None:
    with_distance = [score("clip_score", 0.1), score("frechet_distance", 1.0, half=None)]
    (table,) = build_tables([result("a", scores=with_distance), result("b", scores=[score("clip_score", 0.3)])])
    assert [row.label for row in table.rows] == ["b", "a"]


def test_a_result_without_the_ordering_metric_comes_last() -> None:
    (table,) = build_tables([result("empty", scores=[]), result("low", 0.01)])
    assert [row.label for row in table.rows] == ["low", "empty"]


def test_equal_scores_share_a_rank() -> None:
    values = {"d": 0.1, "a": 0.2, "b": 0.2, "c": 0.3}
    (table,) = build_tables([result(name, value) for name, value in values.items()])
    assert [(row.label, row.rank) for row in table.rows] == [("c", 1), ("a", 2), ("b", 2), ("d", 4)]


def test_a_score_that_shuffled_captions_reach_too_has_no_rank_however_high() -> None:
    """Noise may please a scorer more than images do; it pleases it as much under any caption."""
    noise = result("noise", scores=clip_scores(0.9, {"Colors": 25}, unmeasurable=(OVERALL,)))
    (table,) = build_tables([noise, result("low", 0.1), result("high", 0.3)])
    assert [(row.label, row.rank) for row in table.rows] == [("high", 1), ("low", 2), ("noise", None)]


def test_the_ceiling_has_its_place_but_no_rank() -> None:
    ceiling = world_result("true renderings", 0.3, 0.4, adapter="world")
    (table,) = build_tables([world_result("good", 0.2, 0.5), ceiling, world_result("bad", 0.1, 3.0)])
    assert [(row.label, row.rank, row.is_ceiling) for row in table.rows] == [
        ("true renderings", None, True),
        ("good", 1, False),
        ("bad", 2, False),
    ]


def test_namesakes_are_told_apart_by_what_differs() -> None:
    (table,) = build_tables(
        [result("m", 0.3, settings={"guidance": 1.0, "steps": 8}), result("m", 0.2, settings={"steps": 8})]
    )
    assert [row.label for row in table.rows] == ["m (guidance=1.0)", "m (guidance=default)"]


def test_the_same_measurement_given_twice_is_one_row() -> None:
    (table,) = build_tables([result("a"), result("a")])
    assert len(table.rows) == 1


def test_the_same_plan_with_other_pixels_is_two_rows() -> None:
    (table,) = build_tables([result("a", pixels="1" * 64), result("a", pixels="2" * 64)])
    assert [row.label for row in table.rows] == ["a (run 11111111)", "a (run 22222222)"]


def test_results_are_read_from_files_and_folders(tmp_path: Path) -> None:
    one, other = write_result(result("a"), tmp_path), write_result(result("b"), tmp_path)
    assert load_results([one]) == [result("a")]
    assert load_results([tmp_path]) == [result("a"), result("b")]
    assert load_results([other, one]) == [result("b"), result("a")]


def test_a_path_without_results_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no results in"):
        load_results([tmp_path])
    with pytest.raises(UserError, match="does not exist"):
        load_results([tmp_path / "absent"])


def test_human_studies_have_a_table_of_their_own_without_ranks() -> None:
    studies = [human_result(name, [preference(0.4, 0.3, against=rival)]) for name, rival in (("b", "a"), ("a", "c"))]
    tables = build_tables([result("m"), *studies])
    (human,) = [table for table in tables if table.first.human]
    assert [(row.label, row.result.against, row.rank) for row in human.rows] == [("a", "c", None), ("b", "a", None)]
    assert not any(row.is_ceiling for row in human.rows)


def test_one_model_against_two_is_two_rows_under_one_name() -> None:
    studies = [human_result("a", [preference(0.4, 0.3, against=rival)]) for rival in ("c", "b")]
    (table,) = build_tables(studies)
    assert [(row.label, row.result.against) for row in table.rows] == [("a", "b"), ("a", "c")]


def test_simulated_results_are_refused_in_one_sentence(tmp_path: Path) -> None:
    path = write_result(result("honest"), tmp_path)
    simulated = write_result(result("pretended").model_copy(update={"kind": "simulated"}), tmp_path)
    assert load_results([path])
    for given in (simulated, tmp_path):
        with pytest.raises(UserError, match="SIMULATED") as refusal:
            load_results([given])
        assert simulated.name in str(refusal.value)


def test_people_order_a_table_of_caption_scores_and_photographs_have_no_rank() -> None:
    scores = {"low": 80.0, "high": 90.0, "photographs": 92.0}
    given = [
        result(name, scores=[score("caption_alignment", value)], adapter=name if name == "photographs" else "folder")
        for name, value in scores.items()
    ]
    (table,) = build_tables(given)
    assert [(row.label, row.rank) for row in table.rows] == [("photographs", None), ("high", 1), ("low", 2)]


def test_photographs_of_two_studies_are_told_apart_by_the_studies() -> None:
    one, other = (
        result("original photographs").model_copy(
            update={"run": None, "study": StudyRef(name=name, design_sha256=name, seats=5, seats_complete=5)}
        )
        for name in ("north", "south")
    )
    (table,) = build_tables([one, other])
    assert {row.label for row in table.rows} == {
        "original photographs (study north)",
        "original photographs (study south)",
    }


def test_a_name_with_a_comma_is_one_word_of_a_sentence() -> None:
    tables = build_tables([result("tiny, guidance 1"), result("cat and dog"), result("b", size=64)])
    (sentence,) = separations(tables)
    assert "'cat and dog', 'tiny, guidance 1'" in sentence
    assert sentence.count("'") == 4
