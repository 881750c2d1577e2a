"""`drawbench study simulate` as a user meets it."""

from pathlib import Path

import pytest

from drawbench.cli.main import main
from human_eval_app.analysis.votes import check_votes, main_votes, read_votes
from human_eval_app.study.design import Design, Stopping, write_design
from tests.human_eval_app.designs import make_design


@pytest.fixture
def design(tmp_path: Path) -> Design:
    made = make_design(categories={"Colors": 12, "Text": 4}, raters=10, models=("imagen:tiny", "imagen"))
    write_design(made, tmp_path)
    return made


def _simulate(folder: Path, *options: str) -> int:
    return main(["study", "simulate", str(folder), "--out", str(folder / "votes.csv"), *options])


def test_votes_can_be_analysed_and_the_truth_is_shown(
    tmp_path: Path, design: Design, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _simulate(tmp_path, "--utility", "imagen:tiny=3", "--utility", "imagen:tiny:alignment:Text=-3") == 0
    shown = capsys.readouterr()
    assert "SIMULATED" in shown.out
    assert "320 simulated answers" in shown.err
    votes = check_votes(read_votes(tmp_path / "votes.csv"), design)
    assert votes.simulated
    table = main_votes(votes.table)
    share = (table["choice"] == "a").groupby([table["question"], table["category"]]).mean()
    assert share["fidelity", "Text"] > 0.8
    assert share["alignment", "Colors"] > 0.8
    assert share["alignment", "Text"] < 0.2


def test_the_seed_decides(tmp_path: Path, design: Design) -> None:
    texts = []
    for seed in ("1", "1", "2"):
        assert _simulate(tmp_path, "--seed", seed) == 0
        texts.append((tmp_path / "votes.csv").read_text(encoding="utf-8"))
    assert texts[0] == texts[1] != texts[2]
    assert design.sha256 in texts[0]


@pytest.mark.parametrize("name", ["our model 2", "Our", "A", "a"])
def test_a_model_is_named_as_people_write_it(tmp_path: Path, name: str) -> None:
    write_design(make_design(categories={"Colors": 4}, raters=2, models=("Our Model 2", "Their Model XL")), tmp_path)
    votes = []
    for utility in ("Our Model 2:fidelity=3", f"{name}:fidelity=3"):
        assert _simulate(tmp_path, "--utility", utility) == 0
        votes.append((tmp_path / "votes.csv").read_text(encoding="utf-8"))
    assert votes[0] == votes[1]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--utility", "nobody=1"), "write imagen:tiny (A), imagen (B)"),
        (("--utility", "imag=1"), "'imag' may be several models"),
        (("--utility", "A:alinment=1"), "its questions are fidelity, alignment"),
        (("--utility", "A:alignment:Colours=1"), "its categories are Colors, Text"),
        (("--utility", "imagen"), "is no MODEL"),
        (("--utility", "imagen=much"), "is no MODEL"),
        (("--careless", "1.5"), "--careless 1.5 is out of range"),
        (("--prompt-sd", "-1"), "--prompt-sd -1 is out of range"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    tmp_path: Path, design: Design, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], complaint: str
) -> None:
    assert _simulate(tmp_path, *options) == 2
    error = capsys.readouterr().err.strip()
    assert complaint in error
    assert len(error.splitlines()) == 1
    assert design.name
    assert not (tmp_path / "votes.csv").exists()


def test_simulated_votes_try_a_stopping_rule(tmp_path: Path) -> None:
    stopping = Stopping(at_decision="advise", pause_minutes=60)
    write_design(make_design(raters=3).model_copy(update={"stopping": stopping}), tmp_path)
    votes = str(tmp_path / "votes.csv")
    assert main(["study", "simulate", str(tmp_path), "--out", votes]) == 0
    assert main(["study", "analyse", str(tmp_path), "--votes", votes, "--json"]) == 0
