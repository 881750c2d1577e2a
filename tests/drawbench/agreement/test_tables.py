"""Files of ratings and scores: what is read the same, and what is refused in one sentence."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from drawbench.agreement.judgements import Judgements
from drawbench.agreement.measure import measure_agreement
from drawbench.agreement.tables import read_judgements
from drawbench.cli.main import main
from drawbench.errors import UserError
from tests.drawbench.agreement.tables import MODELS, made_up, tifa_records


def _written(folder: Path, table: pd.DataFrame, name: str = "mine.csv") -> Path:
    path = folder / name
    if path.suffix == ".parquet":
        table.to_parquet(path)
    elif path.suffix == ".jsonl":
        table.to_json(path, orient="records", lines=True)
    elif path.suffix == ".json":
        table.to_json(path, orient="records")
    else:
        table.to_csv(path, index=False, sep="\t" if path.suffix == ".tsv" else ",")
    return path


def _same(one: Judgements, other: Judgements) -> bool:
    fields = ("people", "by_rater", "others", "prompt", "first", "second", "ratings")
    alike = [np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True) for name in fields]
    return all(alike) and all(np.array_equal(one.scores[name], other.scores[name]) for name in one.scores)


@pytest.mark.parametrize("name", ["mine.tsv", "mine.jsonl", "mine.json", "mine.parquet"])
def test_every_format_says_the_same(tmp_path: Path, name: str) -> None:
    table = made_up()
    assert _same(read_judgements(_written(tmp_path, table)), read_judgements(_written(tmp_path, table, name)))


def test_tifas_file_says_the_same(tmp_path: Path) -> None:
    table = made_up()
    (tmp_path / "tifa.json").write_text(json.dumps(tifa_records(table)))
    found = read_judgements(tmp_path / "tifa.json")
    assert _same(read_judgements(_written(tmp_path, table)), found)
    assert set(found.categories) == {"coco"}
    assert list(found.scores) == ["good", "bad", "noise"]


def test_dsgs_ratings_are_joined_with_tifas_scores(tmp_path: Path) -> None:
    table = made_up().replace({"model": dict(zip(MODELS, ("mini_dalle", "vq_diffusion", "mine"), strict=True))})
    (tmp_path / "tifa.json").write_text(json.dumps(tifa_records(table)))
    dsg = pd.DataFrame(
        {
            "t2i_model": table["model"].str.replace("_", "-"),
            "item_id": "tifa160_1",
            "source_id": "coco_" + table["prompt_id"],
            "worker_id": table["rater"],
            "question": "How consistent?",
            "answer": table["rating"],
        }
    )
    found = read_judgements(_written(tmp_path, dsg), tmp_path / "tifa.json")
    assert _same(read_judgements(tmp_path / "tifa.json"), found)
    assert found.source == "DSG (mine.csv), scores of TIFA"


def test_the_order_of_rows_changes_no_number(tmp_path: Path) -> None:
    table = made_up()
    made = [
        measure_agreement(read_judgements(_written(tmp_path, each)))
        for each in (table, table.sample(frac=1, random_state=1))
    ]
    for number in made[0].numbers:
        other = made[1].number(number.metric, number.statistic, number.scope)
        assert other is not None
        if not number.statistic.startswith("models"):  # resampled prompts stand in another order
            assert other.value == pytest.approx(number.value)


def test_a_metric_of_which_less_is_better_is_turned(tmp_path: Path) -> None:
    found = read_judgements(_written(tmp_path, made_up()), lower=["bad"], metrics=["good", "bad"])
    assert list(found.scores) == ["good", "bad"]
    assert np.array_equal(found.scores["bad"], found.scores["good"])


def test_raters_that_are_not_named_are_not_known(tmp_path: Path) -> None:
    table = made_up()
    named = read_judgements(_written(tmp_path, table))
    unnamed = read_judgements(_written(tmp_path, table.drop(columns="rater")))
    assert np.array_equal(named.people, unnamed.people)
    assert np.isnan(unnamed.by_rater).all()


def test_raters_who_skip_an_image_and_models_without_one_are_no_obstacle(tmp_path: Path) -> None:
    table = made_up()
    gone = (table["prompt_id"] == "p-003") & (table["model"] == "two")
    skipped = (table["prompt_id"] == "p-004") & (table["model"] == "one") & (table["rater"] == "r1")
    found = read_judgements(_written(tmp_path, table[~gone & ~skipped]))
    assert len(found.people) == 3 * 30 - 2
    rows = (found.prompt == 4) & ((found.first == 0) | (found.second == 0))
    assert np.isnan(found.by_rater[rows]).sum() == 2
    made = measure_agreement(found)
    assert made.pairs == 88
    assert made.votes == len(table) - 4


def test_columns_of_text_are_no_metrics_and_that_is_said(tmp_path: Path) -> None:
    found = read_judgements(_written(tmp_path, made_up().assign(file="x.png", seed_of=None)))
    assert list(found.scores) == ["good", "bad", "noise"]
    assert found.notes == ("no metric, since it holds no numbers: file, seed_of",)


def _with(column: str, row: int, value: object) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(table: pd.DataFrame) -> pd.DataFrame:
        changed = table.astype({column: object})
        changed.loc[row, column] = value
        return changed

    return change


WRONG: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = {
    "no model": (lambda t: t.drop(columns="model"), "has no column model"),
    "no prompt": (lambda t: t.drop(columns="prompt_id"), "has no column prompt_id"),
    "no rating": (lambda t: t.drop(columns="rating"), "has no column rating"),
    "no metric": (lambda t: t.drop(columns=["good", "bad", "noise"]), "holds no metric"),
    "no rows": (lambda t: t.head(0), "holds no rows"),
    "words as a rating": (_with("rating", 4, "fine"), "has 'fine' in column rating of row 5"),
    "no rating in a row": (_with("rating", 4, ""), "has '' in column rating of row 5"),
    "NaN in a metric": (_with("good", 7, "nan"), "has 'nan' in column good of row 8"),
    "infinity in a metric": (_with("good", 7, "inf"), "has 'inf' in column good of row 8"),
    "words in a metric": (_with("noise", 7, "n/a"), "has 'n/a' in column noise of row 8"),
    "two values for one image": (_with("good", 7, "9.5"), "two values of good for one image"),
    "a nameless model": (_with("model", 2, " "), "says nothing in column model of row 3"),
    "one rater twice": (lambda t: pd.concat([t, t.head(1)]), "two ratings of one image by rater r0"),
    "one prompt": (lambda t: t.head(9), "holds one prompt only"),
    "one model": (lambda t: t[t["model"] == "one"], "holds images of one model only"),
    "no prompt in common": (
        lambda t: t[
            (t["model"] == "one") & (t["prompt_id"] < "p-010") | (t["model"] == "two") & (t["prompt_id"] > "p-010")
        ],
        "no prompt with rated images of two models",
    ),
    "ties everywhere": (lambda t: t.assign(rating=3), "people tie every pair"),
}


@pytest.mark.parametrize("what", list(WRONG))
def test_what_is_wrong_is_told_in_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str) -> None:
    change, words = WRONG[what]
    path = _written(tmp_path, change(made_up()))
    assert main(["agree", str(path)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert words in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("x.json", "{", "is no json file"),
        ("x.json", "[1, 2]", "is no json file"),
        ("x.json", "3", "is no json file"),
        ("x.json", "{}", "none of TIFA's files"),
        ("x.json", '{"a_b": {"text_id": "a", "human_scores": []}}', "is odd at a_b"),
        ("x.json", '{"a_b": {"text_id": "c", "human_scores": [1]}}', "is odd at a_b"),
        ("x.json", '{"a_b": {"text_id": "a", "human_scores": ["good"]}}', "has 'good' in column human_scores"),
        ("x.jsonl", "hello", "is no jsonl file"),
        ("x.csv", "", "is no csv file"),
        ("x.csv", "\xff\xfe\x00", "is no csv file"),
        ("x.csv", "prompt_id,model,model\n1,2,3\n", "has two columns model"),
        ("x.parquet", "PAR", "is no parquet file"),
        ("x.txt", "hello", "is no file of ratings"),
    ],
)
def test_files_of_other_kinds_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, words: str
) -> None:
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    assert main(["agree", str(tmp_path / name)]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_scores_that_lack_a_rated_image_are_refused(tmp_path: Path) -> None:
    table = made_up()
    scores = table[["prompt_id", "model", "good"]].drop_duplicates()
    ratings = _written(tmp_path, table[["prompt_id", "model", "rater", "rating"]])
    whole = _written(tmp_path, scores, "scores.csv")
    assert list(read_judgements(ratings, whole).scores) == ["good"]
    part = _written(tmp_path, scores[2:], "part.csv")
    with pytest.raises(UserError, match=r"2 of the 90 rated images of mine\.csv have no good in part\.csv"):
        read_judgements(ratings, part)


def test_unknown_metrics_a_missing_file_and_a_study_are_told(tmp_path: Path) -> None:
    path = _written(tmp_path, made_up())
    for words, options in (
        ("--metric god is no metric of mine.csv: it has good, bad, noise", {"metrics": ["god"]}),
        ("--lower god is no metric", {"lower": ["god"]}),
        ("--lower bad is not among", {"metrics": ["good"], "lower": ["bad"]}),
    ):
        with pytest.raises(UserError, match=words):
            read_judgements(path, **options)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="cannot be read"):
        read_judgements(tmp_path / "none.csv")
    with pytest.raises(UserError, match="is no file of ratings"):
        read_judgements(tmp_path)
    (tmp_path / "design.json").write_text("{}")
    with pytest.raises(UserError, match="is a study"):
        read_judgements(tmp_path)
