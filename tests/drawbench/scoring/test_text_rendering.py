"""Text rendering through the commands: which prompts are scored, what tables and comparisons say, what is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

import drawbench
from drawbench.cli.main import main
from drawbench.errors import UserError
from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.prompts.prompt_set import Prompt, PromptSet
from drawbench.results.scores import OVERALL
from drawbench.runs.generate import Request, generate
from drawbench.scoring.protocols import get_protocol
from experiments.text_engines import FONTS, Sign
from metrics.features.ocr import tesseract
from metrics.images.folders import CACHE_VARIABLE
from metrics.text_rendering import asked_texts
from tests.metrics.packaged_networks import loaded_rapidocr, with_extra

ASKING = PromptSet(
    "signs",
    (
        Prompt("t-1", "Text", "A sign that says 'Fresh Bread'."),
        Prompt("t-2", "Text", "A shop named “Plum Jam” in a street."),
        Prompt("t-3", "Text", 'A wall with "SLOW" on it.'),
        Prompt("c-1", "Colors", "A red door that says 'Ask Me'."),
        Prompt("c-2", "Colors", "A blue door."),
        Prompt("n-1", "Counting", "Two dogs' bowls."),
    ),
)
SILENT = PromptSet("silent", (Prompt("a-1", "A", "a red dog"), Prompt("a-2", "A", "a kid's drawing")))
NUMBERS = ("text_exact", "text_error_rate", "text_words_found")


class Painter(TextToImage):
    """Paints what is asked for on a sign; the careless one leaves out the last word, and the blind one any."""

    def __init__(self, words: int | None = None) -> None:
        self.words = words

    def card(self) -> ModelCard:
        return ModelCard(adapter="python", spec="tests", name={None: "exact", -1: "careless", 0: "blind"}[self.words])

    def generate(self, samples: list[Sample], size: int) -> list[np.ndarray | Refused]:
        return [self._sign(" ".join(asked_texts(sample.text)), size) for sample in samples]

    def _sign(self, text: str, size: int) -> np.ndarray:
        shown = " ".join(text.split()[: self.words])
        sign = Sign(shown, "", FONTS[1], size, 0, "brick.png")
        return sign.image() if shown else sign.scene()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("text") / "runs"
    for model in (Painter(), Painter(-1), Painter(0)):
        generate(Request(model, ASKING, folder / model.card().name, samples=2, size=128))
    generate(Request(Painter(), SILENT, folder / "silent", samples=2, size=64))
    return folder


@pytest.fixture(autouse=True)
def _quick(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(runs.parent / "cache"))
    monkeypatch.setattr("metrics.features.ocr.entries.RapidOcr", loaded_rapidocr)


def scored(run: Path, capsys: pytest.CaptureFixture[str], name: str = "ocr-rapidocr") -> dict[tuple[str, str], dict]:
    assert main(["score", str(run), "--protocol", name, "--device", "cpu", "--json"]) == 0
    (file,) = json.loads(capsys.readouterr().out)
    assert file["protocol"]["name"] == name
    return {(each["metric"], each["scope"]): each for each in file["scores"]}


@with_extra
def test_prompts_that_ask_for_text_are_scored_by_category_and_no_others(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = scored(runs / "exact", capsys)
    assert {scope for _, scope in found} == {OVERALL, "Text", "Colors"}
    assert [found[name, OVERALL]["value"] for name in NUMBERS] == [1, 0, 1]
    assert (found["text_exact", OVERALL]["n"], found["text_exact", "Text"]["n"]) == (4, 3)
    assert found["text_exact", "Text"]["interval"] != "not available"
    assert "2 prompts have no Latin text in quotation marks and are left out" in found["text_exact", OVERALL]["note"]
    assert "RapidOCR itself" in found["text_exact", "Text"]["note"]
    for words in ("RapidOCR 3.10.0", "confidence 0.75 or more", "the reading nearest to what is asked for"):
        assert words in found["text_exact", OVERALL]["definition"]
    table = parquet.read_table(runs / "exact/scores/ocr-rapidocr.parquet").to_pandas()
    asking = table.prompt_id.isin(["t-1", "t-2", "t-3", "c-1"])
    assert all((table[name].notna() == asking).all() for name in NUMBERS)


@with_extra
def test_what_is_misspelt_or_missing_scores_less_and_compare_says_so(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    careless, blind = scored(runs / "careless", capsys), scored(runs / "blind", capsys)
    assert careless["text_exact", OVERALL]["value"] == 0, "the last of one word is all of it"
    assert careless["text_words_found", OVERALL]["value"] == pytest.approx((0.5 + 0.5 + 0 + 0.5) / 4)
    assert careless["text_error_rate", OVERALL]["value"] == pytest.approx((5 / 10 + 3 / 7 + 1 + 2 / 5) / 4)
    assert [blind[name, OVERALL]["value"] for name in NUMBERS] == [0, 1, 0]
    names = [str(runs / "exact"), str(runs / "careless")]
    assert main(["compare", *names, "--protocol", "ocr-rapidocr", "--device", "cpu", "--json"]) == 0
    differences = json.loads(capsys.readouterr().out)["differences"]
    overall = {each["metric"]: each for each in differences if each["scope"] == OVERALL}
    assert set(overall) == set(NUMBERS)
    assert overall["text_exact"]["difference"] == 1
    assert {each["scope"] for each in differences} == {OVERALL, "Text", "Colors"}


@with_extra
def test_a_table_ranks_models_by_what_they_write_with_a_block_by_category_and_a_report_has_the_engines_own_errors(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [str(runs / name) for name in ("blind", "exact", "careless")]
    assert main(["score", *names, "--protocol", "ocr-rapidocr", "--device", "cpu"]) == 0
    capsys.readouterr()
    assert main(["leaderboard", *names, "--protocol", "ocr-rapidocr", "--format", "markdown"]) == 0
    shown = capsys.readouterr().out
    assert shown.index("exact |") < shown.index("careless |")
    for words in (
        "exact text ↑",
        "character error rate ↓",
        "words found ↑",
        "exact text by category",
        "RapidOCR itself",
    ):
        assert words in shown
    assert "Counting" not in shown
    assert main(["report", *names, "--out", str(tmp_path / "report"), "--no-compare"]) == 0
    assert "RapidOCR itself reads exactly 100%" in (tmp_path / "report/index.html").read_text().partition("Scores")[0]


@pytest.mark.parametrize("command", ["score", "compare"])
def test_a_run_without_asked_text_is_told_so_and_has_no_zero(
    command: str, runs: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("metrics.features.ocr.entries.RapidOcr", None)  # which is not needed for it
    names = [str(runs / "silent")] * (1 if command == "score" else 2)
    code = main([command, *names, "--protocol", "ocr-rapidocr", "--device", "cpu"])
    told = " ".join("".join(capsys.readouterr()).split())
    assert code == (2 if command == "score" else 0)
    assert "needs Latin text in quotation marks, and no prompt here asks for any" in told
    assert not (runs / "silent/scores").exists()


@pytest.mark.parametrize(
    "command",
    [["run", "--protocol", "bundled,ocr-rapidocr"], ["sweep", "--protocol", "ocr-rapidocr", "--guidance", "1,2"]],
    ids=lambda command: command[0],
)
def test_prompts_that_ask_for_no_text_are_told_before_anything_is_drawn(
    command: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def drawing(*_: object) -> None:
        raise AssertionError("drawn")

    monkeypatch.setattr("drawbench.runs.generate.open_run", drawing)
    (tmp_path / "set.csv").write_text("prompt\na sign that says 'go'\na red dog\n")
    given = ["--model", "reference", "--prompts", str(tmp_path / "set.csv"), "--device", "cpu", "--out"]
    with pytest.raises(AssertionError, match="drawn"):
        main([*command, *given, str(tmp_path / "asking")])
    capsys.readouterr()
    (tmp_path / "set.csv").write_text("prompt\na blue dog\na red dog\n")
    assert main([*command, *given, str(tmp_path / "silent")]) == 2
    told = capsys.readouterr().err
    assert "protocol ocr-rapidocr would measure nothing: text_exact needs Latin text in quotation marks" in told
    assert not (tmp_path / "silent").exists()


@with_extra
def test_runs_whose_prompts_do_not_all_ask_for_text_can_be_the_same(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["same", str(runs / "exact"), str(runs / "careless"), "--protocol", "ocr-rapidocr", "--json"]
    assert main([*words, "--margin", "text_exact=0.9", "--device", "cpu"]) in (0, 3, 4)
    found = json.loads(capsys.readouterr().out)
    assert found["pairs"]["distances"] == []  # what a reader says is no direction
    assert found["tests"][0]["metric"] == "text_exact"


def test_a_set_without_asked_text_is_refused_from_python() -> None:
    with pytest.raises(UserError, match="would measure nothing: text_exact needs Latin text in quotation marks"):
        drawbench.run(Painter(), ["a blue dog", "a red dog"], protocol="ocr-rapidocr", size=64, progress=False)


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="the program tesseract is not installed")
def test_tesseract_is_a_protocol_of_its_own(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = scored(runs / "exact", capsys, "ocr-tesseract")
    assert found["text_exact", OVERALL]["n"] == 4
    assert f"Tesseract {tesseract.installed().version}" in found["text_exact", OVERALL]["definition"]
    assert "Tesseract itself reads exactly" in found["text_exact", OVERALL]["note"]
    assert get_protocol("ocr-tesseract").fingerprint != get_protocol("ocr-rapidocr").fingerprint


def test_without_an_engine_one_sentence_says_what_to_install(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    tesseract.installed.cache_clear()
    try:
        assert main(["score", str(runs / "exact"), "--protocol", "ocr-tesseract"]) == 2
        assert capsys.readouterr().err.strip().endswith("not installed: run `sudo apt install tesseract-ocr`")
        assert main(["protocols", "list"]) == 0
        assert "sudo apt install tesseract-ocr" in " ".join(capsys.readouterr().out.split())
    finally:
        tesseract.installed.cache_clear()
