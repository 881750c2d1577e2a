"""`drawbench audit`: scorers that are known, what each card says of them, and what a user sees."""

import csv
import io
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import drawbench
from drawbench.auditing import audit as auditing
from drawbench.auditing import scorers as known
from drawbench.auditing.audit import audit
from drawbench.auditing.changes import BRIBES
from drawbench.auditing.examples import KINDS, Example, Trial
from drawbench.auditing.guidance import guided_trials
from drawbench.auditing.plot import write_plot
from drawbench.auditing.records import Audit, Share
from drawbench.auditing.render import CSV_FIELDS, render_audit
from drawbench.auditing.scorers import Scorer, scorer_named
from drawbench.auditing.words import verdict
from drawbench.cli.main import main
from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.scoring.protocol import MetricDefinition, Protocol
from drawbench.scoring.protocols import get_protocol
from metrics.errors import MetricInputError
from tests.drawbench.plain_extractors import PlainExtractor, entry_of

TRIALS = 16
pytestmark = pytest.mark.usefixtures("no_guidance")


def scorer(name: str, mark: Callable[[Example], float]) -> Scorer:
    def marks(examples: Sequence[Example], progress: Progress) -> np.ndarray:
        progress.advance(len(examples))
        return np.array([mark(each) for each in examples])

    return Scorer(name, "of a test", "", marks)


def brightness(example: Example) -> float:
    return float(example.image.mean())


@pytest.fixture(scope="module")
def made() -> Audit:
    tried = [
        scorer_named("saturation"),
        scorer_named("random"),
        scorer("constant", lambda _: 1.0),
        scorer("dark", lambda example: -brightness(example)),
        scorer("signs", lambda example: brightness(example) if '"' in example.caption else np.nan),
    ]
    return audit(tried, count=TRIALS)


def test_saturation_is_exposed_by_its_bribe(made: Audit) -> None:
    card = made.cards[0]
    assert card.scenes.bribes["saturation"].paid > 0.2
    assert card.scenes.bribes["saturation"].p < 0.05
    assert card.scenes.bribes["prompt written in"].paid < 0
    assert "saturation pays" in card.sentence
    assert card.sentence.startswith("saturation, on drawn scenes, ")
    assert " tells " not in card.sentence


def test_who_reads_no_caption_is_at_chance_on_all_kinds(made: Audit) -> None:
    shares = [share for card in made.cards[:4] for share in card.scenes.right.values()]
    assert {share.n for share in shares} == {TRIALS}
    held = [share.interval.low <= 0.5 <= share.interval.high for share in shares if share.interval != "not available"]
    assert len(held) == 4 * len(KINDS)
    assert sum(held) >= len(held) - 2
    assert all(share.p > 0.05 for share in shares)


def test_equal_marks_are_chance_and_no_change_moves_them(made: Audit) -> None:
    card = made.cards[2]
    assert {share.value for share in card.scenes.right.values()} == {0.5}
    assert {bribe.paid for bribe in card.scenes.bribes.values()} == {0}
    assert {share.value for share in card.scenes.kept.values()} == {1}
    assert card.sentence.endswith("; no bribe is shown to pay.")


def test_pay_has_a_sign(made: Audit) -> None:
    dark = made.cards[3].scenes.bribes
    assert dark["frame"].paid > 0 > dark["10/10 written in"].paid


def test_who_marks_only_some_images_has_a_card_of_these_and_n_is_told(made: Audit) -> None:
    right = made.cards[4].scenes.right
    assert 0 < right["word"].n < TRIALS
    assert "object" not in right
    marked = sum(share.n for share in right.values())
    assert {bribe.n for bribe in made.cards[4].scenes.bribes.values()} == {min(marked, TRIALS)}
    table = render_audit(made)
    assert f"{right['word'].n} of {TRIALS} trials: it marks no images of the others" in " ".join(table.split())


def test_the_card_is_the_same_under_one_seed_and_another_under_another() -> None:
    one, two, other = (audit([scorer("dark", lambda e: -brightness(e))], count=3, seed=seed) for seed in (5, 5, 6))
    assert one == two
    assert one.scenes_sha256 != other.scenes_sha256


@pytest.mark.parametrize(
    ("value", "low", "high", "p", "said"),
    [
        (0.9, 0.8, 0.95, 0.001, "tells"),
        (0.7, 0.6, 0.8, 0.01, "tells at times"),
        (0.2, 0.1, 0.3, 0.001, "is mostly wrong about"),
        (0.5, 0.4, 0.6, 1.0, "is blind to"),
        (0.7, 0.4, 0.9, 0.2, "had too few trials for"),
        (0.2, 0.02, 0.7, 0.2, "had too few trials for"),
    ],
)
def test_verdicts(value: float, low: float, high: float, p: float, said: str) -> None:
    interval = {"low": low, "high": high, "method": "x", "level": 0.95}
    assert verdict(Share.model_validate({"value": value, "interval": interval, "n": 99, "p": p})) == said


def test_every_format_carries_every_number(made: Audit) -> None:
    assert Audit.model_validate_json(render_audit(made, "json")) == made
    rows = list(csv.DictReader(io.StringIO(render_audit(made, "csv"))))
    assert tuple(rows[0]) == CSV_FIELDS
    numbers = [part for card in made.cards for part in (card.scenes.right, card.scenes.bribes, card.scenes.kept)]
    assert len(rows) == sum(map(len, numbers))
    for form in ("table", "markdown", "latex", "html"):
        text = " ".join(re.sub(r"\\", "", render_audit(made, form)).split())
        for card in made.cards:
            assert all(f"{100 * share.value:.1f}" in text for share in card.scenes.right.values())


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_table_keeps_to_the_width(made: Audit, width: int) -> None:
    assert max(map(len, render_audit(made, "table", width).splitlines())) <= width


def test_the_command_prints_and_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs: list[Trial] = []

    def guided(count: int, seed: int, progress: Progress) -> list[Trial]:
        pairs.extend(guided_trials(count, seed, progress))
        return pairs

    monkeypatch.setattr(auditing, "guided_trials", guided)
    command = ["audit", "bundled", "saturation", "--trials", "2"]
    assert main([*command, "--plot", str(tmp_path / "plots")]) == 0
    said = capsys.readouterr()
    assert "crash test of 2 scorers" in said.out
    assert re.search(r"bundled: (\d+) of \1 images", said.err)
    for pair in pairs:
        assert pair.right.truth is not None
        assert pair.right.truth(pair.right.image) == pair.right.truth(pair.wrong.image)
        assert not np.array_equal(pair.right.image, pair.wrong.image)
    with Image.open(tmp_path / "plots/audit.png") as image:
        assert image.width > 1000
    monkeypatch.setattr(auditing, "guided_trials", lambda count, seed, progress: pairs)
    assert main([*command, "--json"]) == 0
    again = Audit.model_validate_json(capsys.readouterr().out)
    write_plot(again, tmp_path)
    assert (tmp_path / "plots/audit.svg").read_bytes() == (tmp_path / "audit.svg").read_bytes()
    assert [card.scorer for card in again.cards] == ["bundled", "saturation"]


def test_the_reader_is_right_and_cannot_be_bribed(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a frame: of what is written in, its reading takes a second an image."""
    monkeypatch.setattr(auditing, "BRIBES", {"frame": BRIBES["frame"]})
    (card,) = audit([scorer_named("reader")], count=1).cards
    assert {kind: share.value for kind, share in card.scenes.right.items()} == dict.fromkeys(KINDS, 1.0)
    assert card.scenes.bribes["frame"].paid == 0


def test_from_python_functions_are_scorers_too() -> None:
    def mean_red(images: Sequence[np.ndarray], captions: Sequence[str]) -> list[float]:
        assert len(images) == len(captions)
        return [float(image[..., 0].mean()) for image in images]

    found = drawbench.audit(mean_red, "random", trials=3)
    assert str(found).startswith("crash test of 2 scorers")
    assert found["mean_red"].scenes.right["count"].n == 3
    assert "<table" in found._repr_html_()
    with pytest.raises(KeyError, match="there is no card of nix: there is mean_red, random"):
        found["nix"]
    with pytest.raises(UserError, match="<lambda> gave marks of shape"):
        drawbench.audit(lambda images, captions: [1.0], trials=2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nix"], "there is no protocol 'nix'"),
        (["learned"], "learned stands for several protocols"),
        (["random", "random"], "two scorers are called random"),
        (["random", "--trials", "0"], "an audit of 0 trials tries nothing"),
        (["random", "--metric", "kid"], "random has no metrics to choose from"),
        (["bundled", "--metric", "frechet_distance"], "use clip_score"),
        (["pick-score:/nowhere"], "/nowhere"),
        (["reader", "--trials", "1", "--photographs", "PHOTOGRAPHS"], "knows scenes of the procedural world only"),
    ],
)
def test_what_cannot_be_tried_is_one_sentence(
    words: list[str], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photographs(tmp_path, "file,caption\na.png,a cat\nb.png,a dog\n")
    assert main(["audit", *(str(tmp_path) if word == "PHOTOGRAPHS" else word for word in words)]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("drawbench: ")]
    assert len(lines) == 1
    assert said in lines[0]


def photographs(folder: Path, listed: str) -> None:
    for name, level in (("a.png", 40), ("b.png", 200)):
        Image.new("RGB", (40, 30), (level, level, level)).save(folder / name)
    (folder / "captions.csv").write_text(listed, encoding="utf-8")


def test_photographs_are_tried_under_their_captions(tmp_path: Path) -> None:
    photographs(tmp_path, "caption,file\nbright night,a.png\nday,b.png\n")

    def knows(example: Example) -> float:
        assert example.image.shape[0] == example.image.shape[1]
        return (1 if example.caption.lower() == "day" else -1) * brightness(example)

    made = audit([scorer("knows", knows)], count=2, photographs=tmp_path)
    found = made.cards[0].photographs
    assert found is not None
    assert (made.photographs, found.right["photograph"].value, found.right["photograph"].n) == (2, 1.0, 2)
    assert set(found.bribes) == set(BRIBES)
    assert "paraphrase" not in found.kept
    assert "; on photographs it had too few to be judged, and no bribe is shown to pay" in made.cards[0].sentence
    assert "photograph: the next photograph" in render_audit(made)


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        (None, "is not there: list the photographs in it"),
        ("", "cannot be read as CSV"),
        ("name,caption\na.png,x\n", "has the columns name, caption"),
        ("file,caption\na.png,x\nb.png, \n", "has no caption for b.png"),
        ("file,caption\na.png,x\nb.png,x\n", "fewer than two different captions"),
        ("file,caption\na.png,x\nc.png,y\n", "lists c.png, which is not in its folder"),
        ("file,caption\na.png,x\ncaptions.csv,y\n", "captions.csv is not a PNG, JPEG or WebP image"),
    ],
)
def test_a_bad_folder_of_photographs_is_one_sentence(listed: str | None, said: str, tmp_path: Path) -> None:
    photographs(tmp_path, listed or "")
    if listed is None:
        (tmp_path / "captions.csv").unlink()
    with pytest.raises((UserError, MetricInputError), match=re.escape(said)):
        audit([scorer("dark", brightness)], count=1, photographs=tmp_path)


def _plain(monkeypatch: pytest.MonkeyPatch, extractor: PlainExtractor, better: bool = True) -> Scorer:
    """A scorer on an extractor of a few lines, by the name of a protocol."""
    kind = get_protocol("bundled").metrics[0].kind
    measures = (replace(kind.measures[0], higher_is_better=better), *kind.measures[1:])
    metric = MetricDefinition("clip_score", replace(kind, measures=measures), entry_of(extractor), "plain")
    monkeypatch.setattr(known, "get_protocol", lambda name: Protocol(name, 1, "plain", None, (metric,)))
    return scorer_named("plain")


def test_interrupted_work_is_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path))
    stopped = PlainExtractor("interrupted", fail_at=2)
    with pytest.raises(KeyboardInterrupt):
        audit([_plain(monkeypatch, stopped)], count=5)
    again, whole = PlainExtractor("interrupted"), PlainExtractor("other")
    resumed = audit([_plain(monkeypatch, again)], count=5)
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / "other"))
    audit([_plain(monkeypatch, whole)], count=5)
    assert sum(stopped.batches) > 0
    assert sum(again.batches) == sum(whole.batches) - sum(stopped.batches)
    nothing = PlainExtractor("interrupted")
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path))
    assert audit([_plain(monkeypatch, nothing)], count=5).cards == resumed.cards
    assert nothing.batches == []


def test_of_a_metric_of_which_less_is_better_less_is_better(monkeypatch: pytest.MonkeyPatch) -> None:
    up, down = (audit([_plain(monkeypatch, PlainExtractor("x"), better)], count=5) for better in (True, False))
    for kind, share in up.cards[0].scenes.right.items():
        assert share.value + down.cards[0].scenes.right[kind].value == pytest.approx(1)


def test_a_file_that_knows_no_caption_of_the_audit_is_one_sentence() -> None:
    with pytest.raises(UserError, match="qa:x marks none of the audit's images: it knows no question"):
        audit([scorer("qa:x", lambda _: np.nan)], count=2)


@pytest.fixture
def only_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is bribed or changed, which would take most of the time."""
    monkeypatch.setattr(auditing, "BRIBES", {})
    monkeypatch.setattr(auditing, "ALIKE", {})


@pytest.mark.proof
def test_intervals_of_scorers_that_know_nothing_hold_one_half_19_times_in_20(only_kinds: None) -> None:
    blind = [scorer_named("random"), scorer_named("saturation"), scorer("dark", lambda e: -brightness(e))]
    held: list[bool] = []
    for seed in range(20):
        for card in audit(blind, count=30, seed=seed).cards:
            for share in card.scenes.right.values():
                assert share.interval != "not available"
                held.append(share.interval.low <= 0.5 <= share.interval.high)
    assert 0.93 <= np.mean(held) <= 0.99


@pytest.mark.proof
def test_the_reader_is_right_and_the_bundled_scorer_is_as_its_own_test_says(only_kinds: None) -> None:
    """Its card has how often it tells each change, by another test of the same world, at 64 pixels and each image with
    a layout of its own."""
    own = json.loads((Path(drawbench.__file__).parents[1] / "metrics/weights/bundled_v3/scorer.json").read_text())
    found = audit([scorer_named("reader"), scorer_named("bundled")], count=100)
    for kind in KINDS:
        assert found.cards[0].scenes.right[kind].value >= 0.95
        share = found.cards[1].scenes.right[kind]
        assert share.interval != "not available"
        told = own["training"][f"rich: told {kind}"]
        assert share.interval.low - 0.05 <= told <= share.interval.high + 0.05
