"""Scorers of the user's own that read an image with its prompt, from the protocol's name to the score files."""

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pandas
import pytest

from drawbench.cli.main import main
from drawbench.errors import UserError
from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.prompts.prompt_set import Prompt, PromptSet
from drawbench.prompts.registry import load_prompt_set
from drawbench.report.provenance import score_command
from drawbench.results.scores import OVERALL, read_scores, scores_path
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, generate
from drawbench.scoring.kinds.asked import GENEVAL, QA_SCORE
from drawbench.scoring.kinds.kind import MetricKind
from drawbench.scoring.protocols import get_protocol
from drawbench.tables.loading import load_run
from drawbench.verifying.claims import check_table
from metrics.errors import MetricInputError
from metrics.image_set import CannotMeasureError, ImageSet
from metrics.images.folders import CACHE_VARIABLE
from tests.metrics.detectors import write_owlv2
from tests.metrics.stand_ins import write_transformers_clip
from tests.metrics.vision_language import write_blip, write_llava

PROMPTS = PromptSet(
    "made-up",
    (Prompt("a-1", "A", "two cats"), Prompt("a-2", "A", "a red dog"), Prompt("b-1", "B", "a blue fish")),
)
QUESTIONS = [
    {"id": 1, "caption": "two cats", "question": "how many?", "choices": ["one", "two", "three"], "answer": "two"},
    {"id": 1, "caption": "two cats", "question": "are there cats?", "choices": ["yes", "no"], "answer": "yes"},
    {"id": 2, "caption": "a red dog", "question": "is it red?", "choices": ["yes", "no"], "answer": "yes"},
]
RULES = [
    {"tag": "counting", "include": [{"class": "cat", "count": 2}], "prompt": "two cats"},
    {"tag": "colors", "include": [{"class": "dog", "count": 1, "color": "red"}], "prompt": "a red dog"},
]


class Noise(TextToImage):
    def card(self) -> ModelCard:
        return ModelCard(adapter="python", spec="tests", name="noise")

    def generate(self, samples: list[Sample], size: int) -> list[np.ndarray | Refused]:
        return [np.random.default_rng(s.seed).integers(0, 256, (size, size, 3), dtype=np.uint8) for s in samples]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "noise"
    return generate(Request(Noise(), PROMPTS, path, samples=2, size=48)).path


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_llava(folder / "llava")
    write_blip(folder / "blip")
    write_owlv2(folder / "owlv2")
    write_transformers_clip(folder / "clip")
    (folder / "questions.json").write_text(json.dumps(QUESTIONS))
    (folder / "rules.jsonl").write_text("\n".join(map(json.dumps, RULES)))
    return folder


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))


def score(run: Path, name: str, capsys: pytest.CaptureFixture[str]) -> tuple[dict, dict]:
    assert main(["score", str(run), "--protocol", name, "--device", "cpu", "--json"]) == 0
    (file,) = json.loads(capsys.readouterr().out)
    return file, {(each["metric"], each["scope"]): each for each in file["scores"]}


def test_vqascore_has_a_number_for_every_prompt(run: Path, models: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, scores = score(run, f"vqa:{models / 'llava'}", capsys)
    assert file["protocol"]["name"].startswith("vqa-llava-")
    assert scores["vqa_score", OVERALL]["n"] == 3
    assert 0 < scores["vqa_score", OVERALL]["value"] < 1
    assert "Does this figure show" in scores["vqa_score", OVERALL]["definition"]
    kept = read_scores(scores_path(run, file["protocol"]["name"]))
    assert kept.scores[0].value == scores["vqa_score", OVERALL]["value"]


def test_only_prompts_with_questions_are_scored_and_n_says_so(
    run: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, scores = score(run, f"qa:{models / 'questions.json'}@{models / 'blip'}", capsys)
    overall = scores["qa_score", OVERALL]
    assert overall["n"] == 2
    assert "1 prompt has no questions and is left out" in overall["note"]
    assert "unverified" in overall["note"]
    assert ("qa_score", "A") in scores
    assert ("qa_score", "B") not in scores
    assert file["protocol"]["name"].startswith("qa-questions-")


def test_a_file_without_a_question_for_any_prompt_scores_nothing(
    run: Path, models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.json"
    other.write_text(json.dumps([QUESTIONS[0] | {"caption": "a horse"}]))
    assert main(["score", str(run), "--protocol", f"qa:{other}@{models / 'blip'}", "--device", "cpu"]) == 2
    assert "has no qa_score, which needs questions, and the protocol's file has none" in capsys.readouterr().err
    assert not list((run / "scores").glob("qa-other*"))


def test_genevals_rules_are_judged_by_a_detector_and_a_clip(
    run: Path, models: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"geneval:{models / 'rules.jsonl'}@{models / 'owlv2'}+{models / 'clip'}"
    _, scores = score(run, name, capsys)
    overall = scores["geneval", OVERALL]
    assert overall["n"] == 2
    assert "unverified" in overall["note"]
    assert "surer than 0.1" in overall["definition"]
    assert "transformers clip" in overall["definition"]


DSG = """item_id,text,proposition_id,dependency,question_natural_language
vrd_7,two cats,1,0,Are there cats?
vrd_7,two cats,2,1,Are there two cats?
mine_2,a red dog,1,0,Is there a dog?
"""


def test_one_file_has_the_prompts_and_what_is_asked_of_them(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Files in GenEval's and DSG's formats name the prompts of a run, and its scorer: nothing is made of them first."""
    (tmp_path / "dsg.csv").write_text(DSG)
    geneval = f"geneval:{models / 'rules.jsonl'}@{models / 'owlv2'}+{models / 'clip'}"
    asked = ((models / "rules.jsonl", geneval), (tmp_path / "dsg.csv", f"qa:{tmp_path / 'dsg.csv'}@{models / 'blip'}"))
    for file, protocol in asked:
        made = generate(Request(Noise(), load_prompt_set(str(file)), tmp_path / file.stem, samples=2, size=48)).path
        _, scores = score(made, protocol, capsys)
        (overall,) = (each for (_, scope), each in scores.items() if scope == OVERALL)
        assert overall["n"] == 2
        assert "left out" not in overall["note"]
    assert {scope for _, scope in scores} == {OVERALL}


def test_the_mean_of_geneval_is_over_tasks() -> None:
    rows = np.array([[1, 1], [1, 1], [1, 0], [1, 0], [2, 1], [0, 0]], dtype=np.float32)
    found = GENEVAL.results(ImageSet(rows, np.array([0, 0, 1, 2, 3, 4])))["geneval"]
    assert found.value == pytest.approx((1 / 3 + 1) / 2)
    assert found.n == 4
    paired = GENEVAL.differences(ImageSet(rows, np.arange(6)), ImageSet(rows[::1] * [1, 0], np.arange(6)))["geneval"]
    assert paired.a == pytest.approx((2 / 4 + 1) / 2)
    assert paired.b == 0
    with pytest.raises(CannotMeasureError, match="needs a rule"):
        GENEVAL.results(ImageSet(rows[5:], np.array([0])))


def test_intervals_of_geneval_take_its_tasks_as_fixed() -> None:
    """Tasks from easy to hard, 40 prompts of four images each: the interval holds the truth, and is no wider for it."""
    random, easy = np.random.default_rng(0), np.array([0.95, 0.8, 0.7, 0.6, 0.3, 0.2])
    tasks = np.repeat(np.arange(1, 7), 40)
    prompts = np.repeat(np.arange(len(tasks)), 4)
    values, held, widths = [], 0, []
    for _ in range(300):
        chances = random.beta(4 * easy[tasks - 1], 4 * (1 - easy[tasks - 1]))
        right = random.random(len(prompts)) < chances[prompts]
        found = GENEVAL.results(ImageSet(np.stack([tasks[prompts], right], 1).astype(np.float32), prompts))["geneval"]
        assert found.interval is not None
        values.append(found.value)
        widths.append(found.interval.high - found.interval.low)
        held += found.interval.low <= easy.mean() <= found.interval.high
    assert 0.92 <= held / 300 <= 0.98
    assert np.mean(widths) == pytest.approx(2 * 1.97 * np.std(values), rel=0.1)


def test_equal_thirds_are_no_certainty() -> None:
    rows = np.array([[1, right] for _ in range(10) for right in (0, 0, 1)], dtype=np.float32)
    for kind in (GENEVAL, QA_SCORE):
        interval = kind.results(ImageSet(rows, np.repeat(np.arange(10), 3)))[kind.name].interval
        assert interval is not None
        assert interval.high - interval.low > 0.3


@pytest.mark.parametrize("kind", [GENEVAL, QA_SCORE])
@pytest.mark.parametrize("all_of_them", [0, 1])
def test_a_share_of_none_or_all_has_an_interval_with_a_width(kind: MetricKind, all_of_them: int) -> None:
    rows = np.array([[1, all_of_them]] * 5, dtype=np.float32)
    found = kind.results(ImageSet(rows, np.arange(5)))[kind.name]
    assert found.value == pytest.approx(all_of_them)
    assert found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx(
        (0, 0.607) if not all_of_them else (0.393, 1), abs=1e-3
    )


def test_a_task_of_one_prompt_is_told_and_leaves_no_interval() -> None:
    rows = np.array([[1, 1], [1, 0], [1, 1], [2, 1], [0, 0]], dtype=np.float32)
    found = GENEVAL.results(ImageSet(rows, np.arange(5)))["geneval"]
    assert found.interval is None
    assert found.note == "1 prompt has no rule and is left out; a task has one prompt, which shows no spread"


def test_a_run_without_questions_is_left_out_and_never_zero() -> None:
    nothing = ImageSet(np.zeros((2, 3), dtype=np.float32), np.array([0, 1]))
    with pytest.raises(CannotMeasureError, match="needs questions"):
        QA_SCORE.results(nothing)
    values = QA_SCORE.per_image(nothing)
    assert np.isnan(values).all()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("vqa:", "there is no protocol 'vqa:'"),
        ("qa:questions.json", "write it so"),
        ("qa:@model", "write it so"),
        ("geneval:rules.jsonl@detector+", "names no CLIP"),
    ],
)
def test_names_of_another_form_are_refused(name: str, said: str) -> None:
    with pytest.raises(UserError, match=said):
        get_protocol(name)


def test_missing_files_and_a_missing_clip_are_told(models: Path) -> None:
    with pytest.raises(MetricInputError, match="cannot be read as a file of questions"):
        get_protocol(f"qa:none.json@{models / 'blip'}")
    with pytest.raises(MetricInputError, match="has rules of colours, which a CLIP tells"):
        get_protocol(f"geneval:{models / 'rules.jsonl'}@{models / 'owlv2'}")
    with pytest.raises(MetricInputError, match="name a detector of type owlv2"):
        get_protocol(f"geneval:{models / 'rules.jsonl'}@{models / 'blip'}+{models / 'clip'}")


@pytest.mark.parametrize("form", ["clip:{}/clip", "vqa:{}/llava", "geneval:{}/rules.jsonl@{}/owlv2+{}/clip"])
def test_a_result_says_how_its_protocol_is_typed_without_this_machines_places(
    run: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """The command in a report works where the files lie, and there alone gives the same protocol."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    (models / "rules.jsonl").write_text("\n".join(json.dumps(rule) for rule in RULES))
    mine = Path(shutil.copytree(run, tmp_path / "mine", ignore=shutil.ignore_patterns("scores")))
    protocol = get_protocol(form.format(*[models] * 3))
    assert main(["score", str(mine), "--protocol", form.format(*[models] * 3)]) == 0
    text = scores_path(mine, protocol.name).read_text()
    assert str(models) not in text
    [result] = load_run(mine)
    words = shlex.split(score_command("mine", result))
    assert words[words.index("--protocol") + 1] == form.replace("{}/", "")
    monkeypatch.chdir(models)
    assert get_protocol(result.protocol.typed).ref == result.protocol
    assert main(["verify", str(mine), "--protocol", result.protocol.typed]) == 0


def test_a_mean_over_tasks_is_not_held_against_the_mean_over_prompts(run: Path, models: Path, tmp_path: Path) -> None:
    rules = [RULES[0], *({**RULES[0], "tag": "two", "prompt": prompt} for prompt in ("a red dog", "a blue fish"))]
    (tmp_path / "rules.jsonl").write_text("\n".join(map(json.dumps, rules)))
    mine = Path(shutil.copytree(run, tmp_path / "mine", ignore=shutil.ignore_patterns("scores")))
    name = f"geneval:{tmp_path / 'rules.jsonl'}@{models / 'owlv2'}"
    assert main(["score", str(mine), "--protocol", name]) == 0
    protocol, [result] = get_protocol(name), load_run(mine)
    table = scores_path(mine, protocol.name).with_suffix(".parquet")
    frame = pandas.read_parquet(table)
    rows = np.array([[{"a-1": 1, "a-2": 2, "b-1": 2}[each], each == "a-1"] for each in frame.prompt_id], np.float32)
    frame.assign(geneval=rows[:, 1].astype(float)).to_parquet(table)
    value = GENEVAL.results(ImageSet(rows, rows[:, 0].astype(int) - 1))["geneval"].value
    assert value == 0.5  # of tasks; of prompts it would be a third
    overall = result.scores[0].model_copy(update={"value": value})
    opened = RunDirectory.open(mine)
    assert check_table(result.model_copy(update={"scores": [overall]}), opened, protocol).outcome == "not checkable"


def test_what_a_result_names_is_loaded_for_nobody_but_who_names_it(
    run: Path, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.chdir(models)
    mine = Path(shutil.copytree(run, tmp_path / "mine", ignore=shutil.ignore_patterns("scores")))
    assert main(["score", str(mine), "--protocol", "clip:clip"]) == 0
    capsys.readouterr()
    assert main(["verify", str(mine)]) == 0
    assert "give --protocol clip:clip" in " ".join(capsys.readouterr().out.split())
