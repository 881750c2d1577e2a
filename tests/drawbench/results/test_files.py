"""Result files: what they hold, their names, and what is refused. All numbers here are made up."""

import json
import math
from pathlib import Path

import pytest

from drawbench.errors import UserError
from drawbench.interface import ModelCard
from drawbench.results.files import read_result, result_from_score_file, write_result
from drawbench.results.scores import Interval, PromptSetRef, ProtocolRef, Score, ScoreFile
from tests.drawbench.synthetic import human_result, preference, result, score


def test_a_result_survives_its_file(tmp_path: Path) -> None:
    original = result("modèle 模型", refusals=3, samples=8)
    path = write_result(original, tmp_path / "new folder")
    assert read_result(path) == original


def test_the_file_is_pretty_and_sorted(tmp_path: Path) -> None:
    text = write_result(result(), tmp_path).read_text(encoding="utf-8")
    document = json.loads(text)
    assert text == json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def test_the_name_says_model_set_and_protocol(tmp_path: Path) -> None:
    assert write_result(result("My Model, v2!"), tmp_path).name == "my-model-v2--open--bundled.json"


def test_a_newer_measurement_replaces_the_older_one(tmp_path: Path) -> None:
    first = write_result(result("m", 0.1, pixels="1" * 64), tmp_path)
    second = write_result(result("m", 0.2, pixels="2" * 64), tmp_path)
    assert first == second
    assert read_result(first) == result("m", 0.2, pixels="2" * 64)


def test_other_measurements_of_one_model_get_names_of_their_own(tmp_path: Path) -> None:
    variants = [
        result("m"),
        result("m", size=64),
        result("m", size=64, samples=8),
        result("m", size=64, samples=8, complete=False),
        result("m", settings={"guidance": 1.0}),
        result("m", settings={"guidance": 3.0}),
        result("m", size=64, samples=8, complete=False, settings={"guidance": 3.0}),
    ]
    paths = [write_result(each, tmp_path) for each in variants]
    assert len(set(paths)) == len(variants)
    assert [read_result(path) for path in paths] == variants
    assert [write_result(each, tmp_path) for each in variants] == paths


def test_nothing_half_written_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, target: Path) -> Path:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        write_result(result(), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("size", "large", "size"),
        ("kind", "guessed", "kind"),
        ("protocol", {"name": "bundled", "version": 1}, "protocol.fingerprint"),
        ("extra", 1, "extra"),
        ("schema_version", 2, "schema 2 is of a newer drawbench"),
        ("schema_version", 0, "schema_version"),
    ],
)
def test_an_invalid_file_names_file_and_field(tmp_path: Path, field: str, value: object, named: str) -> None:
    path = write_result(result(), tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: value}))
    with pytest.raises(UserError) as caught:
        read_result(path)
    assert str(path) in str(caught.value)
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_json_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")
    with pytest.raises(UserError, match=r"x\.json"):
        read_result(tmp_path / "x.json")


def _score_file(scores: list[Score]) -> ScoreFile:
    return ScoreFile(
        protocol=ProtocolRef(name="bundled", version=1, fingerprint="f" * 64),
        prompt_set=PromptSetRef(name="open", sha256="a" * 64, n=200),
        reference=None,
        size=64,
        samples=2,
        complete=True,
        refusals=1,
        scores=scores,
        plan_sha256="1" * 64,
        pixels_sha256="2" * 64,
        environment={"python": "3.11"},
        date="2020-01-01",
    )


def test_a_score_file_becomes_a_result() -> None:
    card = ModelCard(adapter="folder", spec="x", name="x")
    made = result_from_score_file(card, _score_file([score("clip_score", 0.2)]), "measured")
    assert made.model == card
    assert made.run is not None
    assert made.run.pixels_sha256 == "2" * 64
    assert (made.size, made.samples, made.refusals) == (64, 2, 1)
    assert made.scores == [score("clip_score", 0.2)]


@pytest.mark.parametrize(
    ("scores", "complaint"),
    [
        ([score("clip_score", math.nan, half=None)], "not a finite number"),
        ([score("clip_score", 0.2), score("clip_score", 0.3)], "twice"),
        (
            [score("clip_score", 0.2).model_copy(update={"interval": Interval(low=0.3, high=0.4, method="x")})],
            "outside its own interval",
        ),
    ],
)
def test_numbers_that_no_table_may_show_are_refused(scores: list[Score], complaint: str) -> None:
    card = ModelCard(adapter="folder", spec="x", name="x")
    with pytest.raises(UserError, match=complaint):
        result_from_score_file(card, _score_file(scores), "measured")


def test_a_human_study_survives_its_file_and_has_its_rival_in_the_name(tmp_path: Path) -> None:
    one = human_result("m", [preference(0.5, 0.3, against="Model X")])
    other = human_result("m", [preference(0.5, 0.3, against="Model Y")])
    again = human_result("m", [preference(0.4, 0.3, against="Model X")], design="e" * 64)
    paths = [write_result(each, tmp_path) for each in (one, other, again)]
    assert [read_result(path) for path in paths] == [one, other, again]
    assert paths[0].name == "m--open-against-model-x--human-drawbench.json"
    assert len(set(paths)) == 3
    assert write_result(one.model_copy(update={"date": "2021-01-01"}), tmp_path) == paths[0]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"a": 0.6}, "no shares of one whole"),
        ({"a": -0.1, "indifferent": 0.8}, "no shares of one whole"),
        ({"net": 0.5}, "not the difference"),
        ({"interval": {"low": 0.6, "high": 0.7, "method": "x"}}, "outside its own interval"),
        ({"net_interval": {"low": 0.6, "high": 0.7, "method": "x"}}, "outside its own interval"),
    ],
)
def test_preferences_that_no_table_may_show_are_refused(
    tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    document = human_result("m", [preference(0.5, 0.3)]).model_dump(mode="json")
    document["human"][0].update(change)
    (tmp_path / "x.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(UserError, match=complaint):
        read_result(tmp_path / "x.json")


def test_one_result_has_one_rival(tmp_path: Path) -> None:
    both = human_result("m", [preference(0.5, 0.3, against="x"), preference(0.5, 0.3, against="y")])
    path = write_result(both, tmp_path)
    with pytest.raises(UserError, match="several results"):
        read_result(path)
