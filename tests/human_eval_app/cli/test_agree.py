"""`drawbench study agree` as a user meets it: real runs, a real study of them, its votes and made-up scores."""

import csv
import dataclasses
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.stats import kendalltau, norm

import drawbench
from drawbench.agreement.records import ONE_WITH_ANOTHER, Agreement
from drawbench.cli.main import main
from drawbench.errors import UserError
from drawbench.interface import Sample
from drawbench.runs.directory import RunDirectory
from human_eval_app.app.service import default_database
from human_eval_app.simulate import Truth, simulate_votes
from human_eval_app.store.records import VoteRow
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Answer, Design, read_design
from tests.human_eval_app.runs import make_run, prompt_set
from tests.human_eval_app.scored import write_made_up_scores
from tests.human_eval_app.store.sitting import TIMING, VERSION, ready, trial_at

PROMPTS, SAMPLES, RATERS = 24, 2, 5  # of each of two categories; images a side; of each prompt
NAMES = ("one", "two")


def _by_chance(*what: object) -> float:
    """A standard normal number, the same on every machine."""
    digest = hashlib.sha256(" ".join(map(str, what)).encode()).digest()
    return float(norm.ppf((int.from_bytes(digest[:4]) + 0.5) / 2**32))


def _quality(question: str, model: str, prompt: str) -> float:
    """What raters see in a model's images of a prompt."""
    return _by_chance(question, model, prompt)


def _answer(seat: str, prompt: str, question: str, left: str) -> Answer:
    """A rater's side: by the images' qualities and a noise of their own."""
    ahead = _quality(question, "one", prompt) - _quality(question, "two", prompt)
    ahead += 0.8 * _by_chance(seat, prompt, question)
    if abs(ahead) < 0.3:
        return "indifferent"
    return "left" if (ahead > 0) == (left == "one") else "right"


def _scores(model: str) -> dict[str, Callable[[Sample], float]]:
    """Two metrics that know one question each, one of them upside down, and one of noise; samples differ."""

    def knows(question: str, sample: Sample) -> float:
        return _quality(question, model, sample.prompt_id) + (sample.index - 0.5) * _by_chance(model, sample.prompt_id)

    return {
        "matches": partial(knows, "alignment"),
        "looks": partial(knows, "fidelity"),
        "error": lambda sample: -knows("alignment", sample),
        "noise": lambda sample: _by_chance("noise", model, sample.prompt_id, sample.index),
    }


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs `one` and `two`, scored, a study of them without votes, and an export of votes that somebody gave."""
    folder = tmp_path_factory.mktemp("lab")
    prompts = prompt_set({"Colors": PROMPTS, "Text": PROMPTS})
    for number, name in enumerate(NAMES):
        run = make_run(folder / name, name, prompts=prompts, samples=SAMPLES, size=16, seed=number)
        write_made_up_scores(run, _scores(name))
    create = [
        "study",
        "create",
        "--type",
        "drawbench",
        *(str(folder / name) for name in NAMES),
        "--out",
        str(folder / "study"),
    ]
    assert main([*create, "--samples", str(SAMPLES), "--raters", str(RATERS)]) == 0
    _export(folder / "votes.csv", _votes(read_design(folder / "study")))
    return folder


def _votes(design: Design) -> list[VoteRow]:
    rows = simulate_votes(design, Truth(), 0)
    return [
        dataclasses.replace(
            row, source="prolific", answer=_answer(row.seat, row.prompt_id, row.question, row.left_model)
        )
        for row in rows
    ]


def _export(path: Path, votes: list[VoteRow]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in dataclasses.fields(VoteRow)])
        writer.writeheader()
        writer.writerows(vars(vote) for vote in votes)
    return path


def _words(lab: Path, *more: str) -> list[str]:
    return ["study", "agree", str(lab / "study"), str(lab / "one"), str(lab / "two"), *more]


def _found(lab: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Agreement]:
    votes = [] if "--votes" in more else ["--votes", str(lab / "votes.csv")]
    assert main(_words(lab, *votes, "--json", *more)) == 0
    read = [Agreement.model_validate(each) for each in json.loads(capsys.readouterr().out)]
    return {each.question: each for each in read}


def _refused(lab: Path, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    capsys.readouterr()
    assert main(list(words)) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.strip().splitlines()) == 1
    return shown.err


def test_each_question_has_the_metric_that_knows_it_and_noise_is_not_shown(
    lab: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = _found(lab, capsys)
    assert list(found) == ["fidelity", "alignment"]
    assert found["alignment"].metrics[0] == "matches"
    assert found["fidelity"].metrics[0] == "looks"
    verdicts = {each.metric: each.verdict for each in found["alignment"].chance}
    assert verdicts == {"matches": "above", "error": "below", "noise": "not shown", "looks": "not shown"}
    assert found["alignment"].sentence.startswith("On alignment, matches sides with people most often, on ")
    assert {each.votes for each in found.values()} == {2 * PROMPTS * RATERS}
    assert "frechet_distance" in " ".join(found["alignment"].notes)
    assert "the set of 2 that raters saw" in " ".join(found["alignment"].notes)


def test_the_numbers_are_those_counted_by_hand(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    design = read_design(lab / "study")
    ahead: dict[str, list[int]] = {}
    for row in _votes(design):
        if row.question == "alignment":
            left = {"left": 1, "indifferent": 0, "right": -1}[row.answer]
            ahead.setdefault(row.prompt_id, []).append(left if row.left_model == "one" else -left)
    people = np.array([np.mean(ahead[prompt]) for prompt in design.captions])
    scores = [
        [[_by_chance("noise", name, prompt, index) for index in range(SAMPLES)] for prompt in design.captions]
        for name in NAMES
    ]
    metric = np.subtract(*np.mean(scores, axis=2))
    decided = people != 0
    pairs = [
        0.5 if mine == 0 else float(mine == other)
        for said in ahead.values()
        for n, mine in enumerate(said)
        for m, other in enumerate(said)
        if n != m and other != 0
    ]
    found = _found(lab, capsys)["alignment"]
    noise, raters = found.number("noise"), found.number(ONE_WITH_ANOTHER)
    assert noise is not None
    assert raters is not None
    assert noise.value == pytest.approx((np.sign(people) == np.sign(metric))[decided].mean())
    assert (noise.n, found.pairs) == (decided.sum(), 2 * PROMPTS)
    assert raters.value == pytest.approx(np.mean(pairs))
    tau = found.number("noise", "prompts_kendall_tau_b")
    assert tau is not None
    assert tau.value == pytest.approx(kendalltau(people, metric).statistic)
    assert found.number("noise", "models_spearman") is None
    parts = [found.number("noise", "agreement", scope) for scope in ("Colors", "Text")]
    assert sum(part.n for part in parts if part) == noise.n


def test_the_tables_the_plots_and_what_less_is_better_of(
    lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    votes = ["--votes", str(lab / "votes.csv")]
    assert main(_words(lab, *votes, "--plot", str(tmp_path))) == 0
    shown = capsys.readouterr()
    assert "which metric sides with people on fidelity: study" in shown.out
    assert "On alignment, matches sides with people" in " ".join(shown.out.split())
    assert "error sides against people: if less of it is better, say --lower error" in shown.err
    for question in ("fidelity", "alignment"):
        with Image.open(tmp_path / f"agreement-{question}.png") as image:
            assert image.width > 1000
    turned = _found(lab, capsys, "--lower", "error", "--metric", "error", "--metric", "matches")["alignment"]
    assert set(turned.metrics) == {"error", "matches"}
    assert turned.contrasts[0].difference == 0
    assert main(_words(lab, *votes, "--format", "csv")) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert {row["question"] for row in rows} == {"fidelity", "alignment"}


def test_from_python_it_is_the_same(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    by_command = _found(lab, capsys)
    found = drawbench.agree(lab / "study", [lab / "one", lab / "two"], votes=lab / "votes.csv")
    assert found.agreements == tuple(by_command.values())
    assert found["matches", "alignment"] == by_command["alignment"].number("matches")
    assert set(found.to_pandas()["question"]) == {"fidelity", "alignment"}
    assert "On fidelity, looks sides" in " ".join(str(found).split())
    with pytest.raises(KeyError, match="fidelity, alignment"):
        _ = found["matches"]
    with pytest.raises(UserError, match="is a study: give the runs"):
        drawbench.agree(lab / "study")


def test_votes_of_the_studys_own_database(lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before it is closed a look is asked for and noted; raters who stopped leave prompts with fewer votes, or none."""
    study = tmp_path / "study"
    create = ["study", "create", "--type", "drawbench", str(lab / "one"), str(lab / "two"), "--out", str(study)]
    assert main([*create, "--samples", "1", "--raters", "2", "--limit", "4"]) == 0
    design = read_design(study)
    store = VoteStore.open(default_database(study), design)
    for number, screens in enumerate((99, 99, 99, 2)):
        place = ready(store, f"rater {number}")
        while place.stage == "trial" and screens:
            trial = trial_at(design, place)
            assert place.sitting is not None
            assert place.seat is not None
            left = design.sets[trial.left].model
            given = {q.id: _answer(place.seat, trial.prompt_id, q.id, left) for q in design.questions}
            place = store.vote(
                place.rater, place.sitting, "main", place.position, place.sequence, given, TIMING, VERSION
            )
            screens -= 1
    words = ["study", "agree", str(study), str(lab / "one"), str(lab / "two")]
    assert "give --look" in _refused(lab, capsys, *words)
    assert main([*words, "--look", "--json"]) == 0
    looked = capsys.readouterr().out
    assert [look.place for look in store.looks()] == ["study agree"]
    store.set_status("closed")
    store.close()
    assert main([*words, "--json"]) == 0
    assert capsys.readouterr().out == looked
    made = [Agreement.model_validate(each) for each in json.loads(looked)]
    assert {(each.votes, each.pairs) for each in made} == {(12, 8)}
    assert all("1 of the study's seats have no complete votes yet" in each.notes for each in made)
    assert not any("the set of" in note for each in made for note in each.notes)


def test_simulated_raters_are_called_so(lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    votes = _export(tmp_path / "tried.csv", simulate_votes(read_design(lab / "study"), Truth(), 0))
    found = _found(lab, capsys, "--votes", str(votes))
    assert all("SIMULATED" in each.source and "SIMULATED" in " ".join(each.notes) for each in found.values())


def _with_scores(
    lab: Path, tmp_path: Path, values: Mapping[str, Mapping[str, Callable[[Sample], float]]], **more: str
) -> list[str]:
    """The command on copies of the runs that have other scores. values: model -> metric -> values."""
    for name in NAMES:
        shutil.copytree(lab / name, tmp_path / name)
        shutil.rmtree(tmp_path / name / "scores")
        if name in values:
            own = more if name == "two" else {}
            write_made_up_scores(RunDirectory.open(tmp_path / name), values[name], **own)  # type: ignore[arg-type]
    words = ["study", "agree", str(lab / "study"), *(str(tmp_path / name) for name in NAMES)]
    return [*words, "--votes", str(lab / "votes.csv")]


def test_a_metric_of_some_prompts_is_left_out_by_name_and_taken_when_asked_for(
    lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {name: {"matches": _scores(name)["matches"], "words": _scores(name)["noise"]} for name in NAMES}
    values["two"]["words"] = lambda sample: 1.0 if sample.prompt_id.startswith("text") else np.nan
    words = _with_scores(lab, tmp_path, values)
    assert main([*words, "--json"]) == 0
    made = Agreement.model_validate(json.loads(capsys.readouterr().out)[0])
    assert made.metrics == ["matches"]
    assert f"words ({PROMPTS} of {2 * PROMPTS} prompts)" in " ".join(made.notes)
    assert main([*words, "--metric", "word"]) == 2
    assert f"left out, since some images have no value: words ({PROMPTS}" in capsys.readouterr().err
    assert main([*words, "--json", "--metric", "words", "--metric", "matches"]) == 0
    asked = Agreement.model_validate(json.loads(capsys.readouterr().out)[0])
    assert set(asked.metrics) == {"matches", "words"}
    assert asked.pairs == PROMPTS
    assert f"{PROMPTS} prompts are left out, since a metric asked for has no value there" in asked.notes


def test_a_name_of_two_protocols_says_which(lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = _with_scores(lab, tmp_path, {name: _scores(name) for name in NAMES})
    for name in NAMES:
        write_made_up_scores(RunDirectory.open(tmp_path / name), {"noise": _scores(name)["looks"]}, "other")
    assert main([*words, "--json"]) == 0
    made = Agreement.model_validate(json.loads(capsys.readouterr().out)[0])
    assert {"noise (made-up)", "noise (other)", "looks"} <= set(made.metrics)
    assert main([*words, "--json", "--protocol", "other"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["metrics"] == ["noise"]


def test_whoever_knows_which_way_is_better_is_not_told_to_turn_it(
    lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {name: {"clip_score": _scores(name)["error"], "error": _scores(name)["error"]} for name in NAMES}
    assert main(_with_scores(lab, tmp_path, values)) == 0
    shown = capsys.readouterr()
    assert "say --lower error" in shown.err
    assert "--lower clip_score" not in shown.err


def test_scores_that_do_not_compare_are_refused(lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = {"noise": _scores("one")["noise"]}
    words = _with_scores(lab, tmp_path / "a", {"one": one})
    assert "were not scored by one protocol" in _refused(lab, capsys, *words)
    assert "has no scores under protocol made-up" in _refused(lab, capsys, *words, "--protocol", "made-up")
    words = _with_scores(lab, tmp_path / "b", {"one": one, "two": one}, fingerprint="e" * 64)
    assert "was made by another made-up" in _refused(lab, capsys, *words)
    words = _with_scores(lab, tmp_path / "c", {"one": {}, "two": {}})
    refusal = _refused(lab, capsys, *words)
    assert "have no score of every image" in refusal
    assert "frechet_distance" in refusal
    words = _with_scores(lab, tmp_path / "d", {"one": one, "two": one})
    (tmp_path / "d/two/scores/made-up.parquet").write_bytes(b"nothing")
    assert "score the run again" in _refused(lab, capsys, *words)
    (tmp_path / "d/two/scores/made-up.parquet").unlink()
    assert "score the run again" in _refused(lab, capsys, *words)


def test_what_is_not_the_studys_is_refused(lab: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study, one, two = (str(lab / name) for name in ("study", "one", "two"))
    votes = ["--votes", str(lab / "votes.csv")]
    other = make_run(tmp_path / "other", "other", prompts=prompt_set({"Colors": 2}), samples=2, size=16)
    assert "is none of the runs of study study, which compared one, two" in _refused(
        lab, capsys, "study", "agree", study, one, str(other.path), *votes
    )
    assert "name the runs of two or more" in _refused(lab, capsys, "study", "agree", study, one, *votes)
    assert "hold the same run" in _refused(lab, capsys, "study", "agree", study, one, one, *votes)
    assert "has no votes yet" in _refused(lab, capsys, "study", "agree", study, one, two)
    assert "--metric nothing is no metric" in _refused(lab, capsys, *_words(lab, *votes, "--metric", "nothing"))
    assert f"drawbench study agree {study} RUN RUN says which" in _refused(lab, capsys, "agree", study)
    with pytest.raises(UserError, match="votes are those of a study"):
        drawbench.agree(lab / "votes.csv", votes=lab / "votes.csv")
