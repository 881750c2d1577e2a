"""Features of images in memory: scoring finds them, and gives the numbers it gives without them, to the last bit."""

from pathlib import Path

import pytest

from drawbench.errors import StageError
from drawbench.results.scores import Score
from drawbench.runs.generate import Request, generate
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.image_features import BATCH
from drawbench.scoring.kinds.clip_score import CLIP_SCORE
from drawbench.scoring.protocol import MetricDefinition, Protocol
from drawbench.scoring.score import score_run
from drawbench.scoring.while_drawing import FeaturesWhileDrawing
from tests.drawbench.plain_extractors import BATCH_EFFECT, PlainExtractor, entry_of
from tests.drawbench.scoring.test_score import PROMPTS, NoiseModel

SAMPLES, SIZE = 7, 16  # 84 images: two batches and a part


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / "cache"))


def _protocol(extractor: PlainExtractor, size: int | None = None) -> Protocol:
    return Protocol("p", 1, "", size, (MetricDefinition("clip_score", CLIP_SCORE, entry_of(extractor), "made up"),))


def _watched(path: Path, model: NoiseModel, extractor: PlainExtractor, size: int | None = None) -> None:
    extractors = Extractors([entry_of(extractor)], "cpu", pytest.fail)
    watcher = FeaturesWhileDrawing(_protocol(extractor, size), False, extractors, pytest.fail)
    generate(Request(model, PROMPTS, path, samples=SAMPLES, size=SIZE), watcher=watcher)


def _scores_without(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int | None) -> list[Score]:
    with monkeypatch.context() as patch:
        patch.setenv("DRAWBENCH_CACHE", str(tmp_path / "empty"))
        return score_run(path, _protocol(PlainExtractor("a", BATCH_EFFECT), size)).scores


@pytest.mark.parametrize("refuse", [(), ("colors-002", "text-004")])
@pytest.mark.parametrize("size", [None, SIZE - 4])
def test_scoring_computes_nothing_again_and_gives_the_same_bits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refuse: tuple[str, ...], size: int | None
) -> None:
    run = tmp_path / "run"
    _watched(run, NoiseModel(refuse), PlainExtractor("a", BATCH_EFFECT), size)
    scoring = PlainExtractor("a", BATCH_EFFECT)
    scores = score_run(run, _protocol(scoring, size)).scores
    assert scoring.batches == []
    assert scores == _scores_without(run, tmp_path, monkeypatch, size)


def test_a_run_that_goes_on_is_followed_from_its_next_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class StopsLate(NoiseModel):
        def generate(self, samples, size):  # type: ignore[no-untyped-def]
            if samples[0].index == 4:
                raise RuntimeError("stopped half way")
            return super().generate(samples, size)

    run = tmp_path / "run"
    with pytest.raises(StageError):
        _watched(run, StopsLate(), PlainExtractor("a", BATCH_EFFECT))  # 48 images: one batch
    _watched(run, NoiseModel(), PlainExtractor("a", BATCH_EFFECT))
    scoring = PlainExtractor("a", BATCH_EFFECT)
    scores = score_run(run, _protocol(scoring)).scores
    assert scoring.batches == [BATCH]  # the batch that was half drawn when it stopped
    assert scores == _scores_without(run, tmp_path, monkeypatch, None)


def test_images_drawn_anew_in_the_middle_are_left_to_scoring(tmp_path: Path) -> None:
    run = tmp_path / "run"
    generate(Request(NoiseModel(), PROMPTS, run, samples=SAMPLES, size=SIZE))
    next((run / "images").rglob("counting-002-1.png")).unlink()
    watching, scoring = PlainExtractor("a"), PlainExtractor("a")
    _watched(run, NoiseModel(), watching)
    assert watching.batches == []
    score_run(run, _protocol(scoring))
    assert sum(scoring.batches) == SAMPLES * len(PROMPTS.prompts)


def test_an_extractor_that_runs_out_of_memory_does_not_stop_the_drawing(tmp_path: Path) -> None:
    class Full(PlainExtractor):
        def __call__(self, images):  # type: ignore[no-untyped-def]
            raise RuntimeError("out of memory")

    notes: list[str] = []
    full = Full("a")
    extractors = Extractors([entry_of(full)], "cpu", notes.append)
    watcher = FeaturesWhileDrawing(_protocol(full), False, extractors, notes.append)
    generate(Request(NoiseModel(), PROMPTS, tmp_path / "run", samples=SAMPLES, size=SIZE), watcher=watcher)
    assert len(notes) == 1
    assert "out of memory" in notes[0]
    assert score_run(tmp_path / "run", _protocol(PlainExtractor("a"))).scores
