"""`drawbench study analyse` as a user meets it."""

import csv
import dataclasses
import json
from pathlib import Path

import pytest

from drawbench.cli.main import main
from human_eval_app.analysis.records import Analysis, Sequences
from human_eval_app.simulate import Truth, simulate_votes
from human_eval_app.store.records import Place, VoteRow
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Answer, Design, Stopping, write_design
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.sitting import TIMING, VERSION, finish, ready, trial_at


def _study(folder: Path, design: Design | None = None) -> Design:
    design = design or make_design(raters=3)
    folder.mkdir(parents=True, exist_ok=True)
    write_design(design, folder)
    return design


def _export(path: Path, votes: list[VoteRow], source: str = "prolific") -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in dataclasses.fields(VoteRow)])
        writer.writeheader()
        writer.writerows({**vars(vote), "source": source} for vote in votes)
    return path


def test_an_export_becomes_tables_and_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    design = _study(tmp_path / "study")
    export = _export(tmp_path / "votes.csv", simulate_votes(design, Truth(), 0))
    assert main(["study", "analyse", str(tmp_path / "study"), "--votes", str(export)]) == 0
    shown = capsys.readouterr()
    assert "model one against model two · all raters" in shown.out
    assert "fidelity, by category" in shown.out
    assert "checks · all raters" in shown.out
    assert "how these numbers were made" in shown.out
    assert "SIMULATED" not in shown.out
    assert str(tmp_path / "study" / "analysis") in shown.err
    analysis = Analysis.model_validate_json((tmp_path / "study" / "analysis" / "analysis.json").read_bytes())
    assert analysis.design_sha256 == design.sha256


def test_json_is_the_analysis_and_writes_nothing_unless_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    design = _study(tmp_path / "study")
    export = _export(tmp_path / "votes.csv", simulate_votes(design, Truth(), 0))
    arguments = ["study", "analyse", str(tmp_path / "study"), "--votes", str(export), "--json"]
    assert main(arguments) == 0
    analysis = Analysis.model_validate_json(capsys.readouterr().out)
    assert analysis.versions[0].raters == 6
    assert not (tmp_path / "study" / "analysis").exists()
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 0
    assert json.loads((tmp_path / "out" / "analysis.json").read_text()) == json.loads(capsys.readouterr().out)


def test_a_studys_result_is_a_table_of_the_leaderboard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    design = _study(tmp_path / "study")
    export = _export(tmp_path / "votes.csv", simulate_votes(design, Truth(), 0))
    assert (
        main(["study", "analyse", str(tmp_path / "study"), "--votes", str(export), "--out", str(tmp_path / "a")]) == 0
    )
    capsys.readouterr()
    assert main(["leaderboard", str(tmp_path / "a" / "results")]) == 0
    shown = capsys.readouterr().out
    assert "human-drawbench" in shown
    for word in ("model one", "model two", "fidelity", "alignment", "indifferent", "votes", "raters", "prompts"):
        assert word in shown


def test_simulated_votes_are_marked_and_refused_by_the_leaderboard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    design = _study(tmp_path / "study")
    export = _export(tmp_path / "votes.csv", simulate_votes(design, Truth(), 0), source="simulated")
    assert (
        main(["study", "analyse", str(tmp_path / "study"), "--votes", str(export), "--out", str(tmp_path / "a")]) == 0
    )
    assert "SIMULATED RATERS" in capsys.readouterr().out
    for page in ("index.html", "README.md"):
        assert "SIMULATED RATERS" in (tmp_path / "a" / page).read_text(encoding="utf-8")
    assert main(["leaderboard", str(tmp_path / "a" / "results")]) == 2
    refusal = capsys.readouterr().err.strip()
    assert "is SIMULATED" in refusal
    assert len(refusal.splitlines()) == 1


def test_votes_of_another_design_are_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _study(tmp_path / "study")
    other = make_design(raters=3, seed=1)
    export = _export(tmp_path / "votes.csv", simulate_votes(other, Truth(), 0))
    assert main(["study", "analyse", str(tmp_path / "study"), "--votes", str(export)]) == 2
    complaint = capsys.readouterr().err
    assert other.sha256[:12] in complaint
    assert len(complaint.strip().splitlines()) == 1
    assert not (tmp_path / "study" / "analysis").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [([], "has no votes yet"), (["--votes", "absent.csv"], "cannot be read"), (["--votes", "x.ods"], "ends in")],
)
def test_what_is_missing_is_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    _study(tmp_path / "study")
    assert main(["study", "analyse", str(tmp_path / "study"), *arguments]) == 2
    error = capsys.readouterr().err.strip()
    assert complaint in error
    assert len(error.splitlines()) == 1


def test_a_folder_without_a_study_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "analyse", str(tmp_path)]) == 2
    assert "holds no study" in capsys.readouterr().err


def test_votes_are_read_from_the_studys_own_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from human_eval_app.store.records import Identity, ResponseTimes

    design = _study(tmp_path / "study", make_design(categories={"Only": 2}, raters=1))
    store = VoteStore.open(f"sqlite:///{tmp_path / 'study' / 'votes.sqlite'}", design)
    place = store.consent(store.enter(Identity("invite", "one")).rater, "en", "1")
    place = store.finish_instructions(place.rater)
    while place.stage == "trial":
        assert place.sitting is not None
        answers = dict.fromkeys([question.id for question in design.questions], "left")
        timing = ResponseTimes(load_ms=10, dwell_ms=1000, zooms=0, shown_at="")
        place = store.vote(place.rater, place.sitting, "main", place.position, 0, answers, timing, "test")  # type: ignore[arg-type]
    store.close()
    assert place.stage == "complete"
    assert main(["study", "analyse", str(tmp_path / "study"), "--json"]) == 2
    assert "or give --look, which the study keeps note of" in capsys.readouterr().err
    assert main(["study", "analyse", str(tmp_path / "study"), "--json", "--look"]) == 0
    analysis = Analysis.model_validate_json(capsys.readouterr().out)
    assert (analysis.versions[0].raters, analysis.versions[0].answers) == (1, 4)
    assert not analysis.simulated
    assert analysis.looks == 1
    assert main(["study", "status", str(tmp_path / "study")]) == 0
    assert "preferences were seen once before the study was closed" in capsys.readouterr().out
    assert main(["study", "control", str(tmp_path / "study"), "close", "--for-good"]) == 0
    assert main(["study", "analyse", str(tmp_path / "study")]) == 0
    assert "somebody saw preferences once before the study was closed" in " ".join(capsys.readouterr().out.split())


def test_a_studys_own_folder_is_never_replaced(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = tmp_path / "study"
    design = _study(study)
    export = _export(tmp_path / "votes.csv", simulate_votes(design, Truth(), 0))
    (study / "analysis.json").write_text("{}")
    before = {path.name: path.read_bytes() for path in study.iterdir()}
    assert main(["study", "analyse", str(study), "--votes", str(export), "--out", str(study)]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
    assert {path.name: path.read_bytes() for path in study.iterdir()} == before


def test_of_an_open_study_that_may_stop_only_what_holds_at_any_look_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stopping = Stopping(at_decision="advise", pause_minutes=60)
    made = make_design(categories={"Only": 2}, raters=3).model_copy(update={"stopping": stopping})
    design, study = _study(tmp_path / "study", made), tmp_path / "study"
    store = VoteStore.open(f"sqlite:///{study / 'votes.sqlite'}", design)
    finish(store, design, ready(store, "one"))
    assert main(["study", "analyse", str(study)]) == 0
    shown = capsys.readouterr()
    assert "known at any look" in shown.out
    assert "checks" not in shown.out
    assert "net" not in shown.out
    assert "the study is open" in shown.err
    assert not (study / "analysis").exists()
    assert main(["study", "analyse", str(study), "--json"]) == 0
    assert len(Sequences.model_validate_json(capsys.readouterr().out).sequences) == 2
    store.set_status("closed")
    store.close()
    assert main(["study", "analyse", str(study)]) == 0
    assert "checks" in capsys.readouterr().out


def _sit(store: VoteStore, design: Design, place: Place, model: int, screens: int = 99) -> None:
    """Screens on which a rater prefers one of the models."""
    while place.stage == "trial" and screens:
        side: Answer = (
            "left" if design.sets[trial_at(design, place).left].model == design.models[model].label else "right"
        )
        given = {question.id: side for question in design.questions}
        assert place.sitting is not None
        place = store.vote(place.rater, place.sitting, "main", place.position, place.sequence, given, TIMING, VERSION)
        screens -= 1


@pytest.fixture(scope="module")
def held_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven raters at work, who began earlier and prefer B, and eleven who began later, have ended and prefer A."""
    stopping = Stopping(at_decision="advise", pause_minutes=60)
    made = make_design(categories={"Only": 2}, raters=22).model_copy(update={"stopping": stopping})
    study = tmp_path_factory.mktemp("held up") / "study"
    design = _study(study, made)
    store = VoteStore.open(f"sqlite:///{study / 'votes.sqlite'}", design)
    for number in range(11):
        _sit(store, design, ready(store, f"early {number}"), 1, screens=1)
    for number in range(11):
        _sit(store, design, ready(store, f"late {number}"), 0)
    store.close()
    return study


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_an_export_decides_what_its_database_does(
    held_up: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    part, whole = tmp_path / f"part.{kind}", tmp_path / f"whole.{kind}"
    assert main(["study", "export", str(held_up), "--out", str(part)]) == 0
    assert main(["study", "export", str(held_up), "--out", str(whole), "--all"]) == 0
    capsys.readouterr()
    analyse = ["study", "analyse", str(held_up), "--json"]
    assert main(analyse) == 0
    own = Sequences.model_validate_json(capsys.readouterr().out)
    assert {each.decision for each in own.sequences} == {"undecided"}
    assert main([*analyse, "--votes", str(whole)]) == 0
    assert Sequences.model_validate_json(capsys.readouterr().out) == own
    assert main([*analyse, "--votes", str(part)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.strip().endswith("export it with --all.")
    assert len(shown.err.strip().splitlines()) == 1


def test_an_export_that_does_not_say_it_is_whole_or_lost_a_row_is_refused(
    held_up: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, less, older = (tmp_path / f"{name}.csv" for name in ("whole", "less", "older"))
    assert main(["study", "export", str(held_up), "--out", str(whole), "--all"]) == 0
    lines = whole.read_text(encoding="utf-8").splitlines(keepends=True)
    less.write_text("".join([lines[0], *lines[2:]]), encoding="utf-8")
    older.write_text("".join(line.rpartition(",")[0] + "\n" for line in lines), encoding="utf-8")
    for path in (less, older):
        assert main(["study", "analyse", str(held_up), "--votes", str(path), "--json"]) == 2
        assert "export it with --all" in capsys.readouterr().err


def test_an_export_of_an_open_study_is_a_look_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study, export, out = tmp_path / "study", tmp_path / "votes.csv", tmp_path / "out"
    design = _study(study, make_design(categories={"Only": 2}, raters=1))
    store = VoteStore.open(f"sqlite:///{study / 'votes.sqlite'}", design)
    finish(store, design, ready(store, "one"))
    assert main(["study", "export", str(study), "--out", str(export)]) == 0
    analyse = ["study", "analyse", str(study), "--votes", str(export), "--json", "--out", str(out)]
    assert main(analyse) == 2
    assert "or give --look" in capsys.readouterr().err
    assert not out.exists()
    assert main([*analyse, "--look"]) == 0
    assert (len(store.looks()), Analysis.model_validate_json(capsys.readouterr().out).looks) == (1, 1)
    store.close()
    tried = _export(tmp_path / "tried.csv", simulate_votes(design, Truth(), 0), source="simulated")
    assert main(["study", "analyse", str(study), "--votes", str(tried), "--json"]) == 0  # nobody's preferences


def test_without_the_studys_database_its_status_is_said_to_be_unknown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    design = _study(tmp_path / "study")
    export = _export(tmp_path / "votes.csv", simulate_votes(design, Truth(), 0))
    assert main(["study", "analyse", str(tmp_path / "study"), "--votes", str(export)]) == 0
    said = "unknown, from an export alone: whether the study is closed"
    assert said in " ".join(capsys.readouterr().out.split())
    folder = tmp_path / "study" / "analysis"
    assert said in " ".join((folder / "README.md").read_text(encoding="utf-8").split())
    (result,) = (folder / "results").glob("*.json")
    assert json.loads(result.read_text(encoding="utf-8"))["study"]["status_unknown"] is True
    assert main(["leaderboard", str(folder / "results")]) == 0
    assert "whether it was closed is unknown" in " ".join(capsys.readouterr().out.split())
