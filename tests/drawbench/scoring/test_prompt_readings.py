"""Numbers about images with their prompts: each pair is read once, kept, and read again only where it changed."""

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from drawbench.errors import UserError
from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.prompts.prompt_set import Prompt, PromptSet
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, generate
from drawbench.scoring.estimate import FeatureTimes
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.kinds.clip_score import CLIP_SCORE
from drawbench.scoring.kinds.kind import Measure, PromptMeans
from drawbench.scoring.protocol import MetricDefinition, Protocol
from drawbench.scoring.score import score_run
from drawbench.scoring.while_drawing import FeaturesWhileDrawing
from metrics.errors import MetricInputError
from metrics.features.registry import ExtractorEntry, scorer_folder
from metrics.image_set import ImageSet
from metrics.images.folders import CACHE_VARIABLE
from tests.metrics.stand_ins import write_scorer

WORDS = 4
PROMPTS = PromptSet(
    "made-up", tuple(Prompt(f"p-{i}", "AB"[i % 2], " ".join("word" for _ in range(i))) for i in range(1, 8))
)


class _Same(TextToImage):
    """Draws one image for all samples, so that pairs differ by their prompts only."""

    def card(self) -> ModelCard:
        return ModelCard(adapter="python", spec="tests", name="same")

    def generate(self, samples: list[Sample], size: int) -> list[np.ndarray | Refused]:
        return [np.full((size, size, 3), 7, dtype=np.uint8) for _ in samples]


class _Reader:
    """The mean level times the number of words of which it reads the first four. Fails after so many batches."""

    fingerprint, dimension, context_length = "f" * 64, 1, WORDS

    def __init__(self) -> None:
        self.asked: list[tuple[str, ...]] = []
        self.last = 99

    def truncated(self, prompts: Sequence[str]) -> list[bool]:
        return [len(prompt.split()) > WORDS for prompt in prompts]

    def __call__(self, images: Sequence[np.ndarray], prompts: Sequence[str]) -> np.ndarray:
        if len(self.asked) == self.last:
            raise KeyboardInterrupt
        self.asked.append(tuple(prompts))
        pairs = zip(images, prompts, strict=True)
        return np.array([[image.mean() * min(len(prompt.split()), WORDS)] for image, prompt in pairs], dtype=np.float32)


class _Mean(PromptMeans):
    def per_image(self, images: ImageSet) -> np.ndarray:
        return images.features[:, 0]


def _protocol(reader: _Reader, scorer: Path | None = None) -> Protocol:
    entry = ExtractorEntry("reader", "a reader", "f" * 64, lambda: "f" * 64, lambda _: reader, reads_prompts=True)
    kind = _Mean("reading", (Measure("reading", "reading", True),))
    metrics = [MetricDefinition("reading", kind, entry, "made up")]
    if scorer:
        metrics.append(MetricDefinition("clip_score", CLIP_SCORE, scorer_folder(scorer), "made up"))
    return Protocol("read", 1, "made up for a test", None, tuple(metrics))


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunDirectory:
    """A run, and a cache that nothing is in."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    return generate(Request(_Same(), PROMPTS, tmp_path / "run", samples=2, size=8, slice_size=4))


def _values(run: RunDirectory, protocol: Protocol, **options: int) -> dict[str, float]:
    found = score_run(run.path, protocol, batch=options.get("batch"))
    return {score.scope: score.value for score in found.scores if score.metric == "reading"}


def test_a_pair_is_read_once_whatever_the_image_is_drawn_for(run: RunDirectory) -> None:
    """Fourteen equal images of seven prompts are seven pairs; scoring again asks nobody."""
    reader = _Reader()
    expected = {"overall": np.mean([7 * min(i, WORDS) for i in range(1, 8)])}
    for category, first in (("B", 1), ("A", 2)):
        expected[category] = np.mean([7 * min(i, WORDS) for i in range(first, 8, 2)])
    assert _values(run, _protocol(reader)) == pytest.approx(expected)
    assert reader.asked == [tuple(prompt.text for prompt in PROMPTS.prompts)]
    assert _values(run, _protocol(reader)) == pytest.approx(expected)
    assert len(reader.asked) == 1


def test_beside_a_number_stands_how_many_prompts_were_cut(run: RunDirectory) -> None:
    notes = {score.scope: score.note for score in score_run(run.path, _protocol(_Reader())).scores}
    assert "3 captions were cut at 4 tokens" in notes["overall"]
    assert "1 caption was cut at 4 tokens" in notes["A"]


def test_what_was_interrupted_goes_on_at_the_same_batch(run: RunDirectory) -> None:
    reader = _Reader()
    reader.last = 2
    with pytest.raises(KeyboardInterrupt):
        _values(run, _protocol(reader), batch=2)
    reader.last = 99
    values = _values(run, _protocol(reader), batch=2)
    assert [len(batch) for batch in reader.asked] == [2, 2, 2, 1]
    assert sum(reader.asked, ()) == tuple(prompt.text for prompt in PROMPTS.prompts)
    assert values["overall"] == pytest.approx(np.mean([7 * min(i, WORDS) for i in range(1, 8)]))


def test_an_image_that_changed_since_it_was_sealed_is_no_pair(run: RunDirectory) -> None:
    changed = run.image_path(next(iter(run.samples())))
    Image.fromarray(np.full((8, 8, 3), 9, dtype=np.uint8)).save(changed)
    with pytest.raises(UserError, match="was changed after the run was sealed"):
        _values(run, _protocol(_Reader()))


def test_a_reader_that_gives_no_number_is_an_error_and_no_score(run: RunDirectory) -> None:
    class Lost(_Reader):
        def __call__(self, images: Sequence[np.ndarray], prompts: Sequence[str]) -> np.ndarray:
            return np.full((len(images), 1), np.nan)

    with pytest.raises(MetricInputError, match="NaN or infinite"):
        _values(run, _protocol(Lost()))
    assert not (run.path / "scores").exists()


def test_networks_of_images_alone_are_asked_beside_it(run: RunDirectory, tmp_path: Path) -> None:
    """And while a run is drawn only these; that a reader lacks its weights is told before."""
    protocol = _protocol(reader := _Reader(), write_scorer(tmp_path / "scorer"))
    assert {score.metric for score in score_run(run.path, protocol).scores} >= {"reading", "clip_score"}
    entries = [metric.extractor for metric in protocol.metrics]
    watcher = FeaturesWhileDrawing(protocol, False, Extractors(entries, "cpu", print), print)
    asked = len(reader.asked)
    generate(Request(_Same(), PROMPTS, tmp_path / "other", samples=1, size=8, slice_size=4), watcher=watcher)
    assert len(reader.asked) == asked

    def missing(_: str) -> SimpleNamespace:
        raise MetricInputError("no weights")

    entry = ExtractorEntry("absent", "a reader", "f" * 64, lambda: "f" * 64, missing, reads_prompts=True)
    with pytest.raises(MetricInputError, match="no weights"):
        FeaturesWhileDrawing(protocol, False, Extractors([entry], "cpu", print), print).load()


def test_the_estimate_counts_pairs_that_were_not_read(run: RunDirectory) -> None:
    """They are timed with the run's own prompts, as a reader may know nothing of others."""
    protocol = _protocol(reader := _Reader())
    images, texts = [np.zeros((8, 8, 3), dtype=np.uint8)] * 2, [prompt.text for prompt in PROMPTS.prompts]
    times = FeatureTimes(protocol, None, Extractors([protocol.metrics[0].extractor], "cpu", print))
    assert times.of_run(images, texts, 8, 0, run) > 0
    assert reader.asked == [(texts[0],), (texts[0], texts[3])]
    _values(run, protocol)
    assert times.of_run(images, texts, 8, 0, run) == 0
