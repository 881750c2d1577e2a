"""Every kind of metric on one run, through the protocol that needs no download."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawbench.interface import Refused, Sample
from drawbench.progress import Progress
from drawbench.results.scores import OVERALL, ScoreFile
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, generate
from drawbench.scoring.bundled import bundled_extended
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.image_features import ReadSettings
from drawbench.scoring.kinds import kinds
from drawbench.scoring.kinds.asked import GENEVAL, QA_SCORE, VQA_SCORE
from drawbench.scoring.kinds.clip_score import CONSE_SCORE
from drawbench.scoring.kinds.diversity import DIVERSITY
from drawbench.scoring.kinds.frechet import FRECHET_INFINITY
from drawbench.scoring.kinds.inception_score import INCEPTION_SCORE
from drawbench.scoring.kinds.kind import Measure
from drawbench.scoring.kinds.manifold import MANIFOLD
from drawbench.scoring.kinds.retrieval import R_PRECISION
from drawbench.scoring.kinds.text_rendering import TEXT_RENDERING
from drawbench.scoring.learned import LEARNED
from drawbench.scoring.protocol import MetricDefinition, Protocol
from drawbench.scoring.run_features import features_of_run
from drawbench.scoring.score import score_run
from metrics.errors import MetricInputError
from metrics.image_set import ImageSet
from tests.drawbench.plain_extractors import PlainExtractor, entry_of
from tests.drawbench.scoring.test_score import CATEGORIES, PROMPTS, SIZE, NoiseModel, make_run
from tests.metrics.stand_ins import write_scorer

EVERYWHERE = ("clip_score", "clip_score_shuffled", "clip_score_difference", "r_precision")
OF_A_PROMPT = ("pairwise_distance", "vendi_score")
DISTANCES = ("frechet_distance", "kid", "cmmd", "precision", "recall", "density", "coverage")


class Notes(Progress):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.text = ""

    def note(self, message: str) -> None:
        self.text += message + "\n"


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    """bundled-extended on a random scorer of 16 dimensions."""
    return bundled_extended(write_scorer(tmp_path_factory.mktemp("scorer")))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 prompts x 8 images: enough for an extrapolation in 16 dimensions."""
    return make_run(tmp_path_factory.mktemp("runs") / "noise", samples=8)


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 PNG images."""
    folder = tmp_path_factory.mktemp("references")
    for number in range(60):
        pixels = np.random.default_rng(number).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def _scopes(scores: ScoreFile, metric: str) -> list[str]:
    return [score.scope for score in scores.scores if score.metric == metric]


def test_all_kinds_give_their_numbers_over_their_scopes(protocol: Protocol, run: Path, references: Path) -> None:
    scores = score_run(run, protocol, references)
    for metric in (*EVERYWHERE, *OF_A_PROMPT):
        assert _scopes(scores, metric) == [OVERALL, *CATEGORIES]
    for metric in (*DISTANCES, "frechet_distance_infinity"):
        assert _scopes(scores, metric) == [OVERALL]
    assert len(scores.scores) == 4 * len((*EVERYWHERE, *OF_A_PROMPT)) + len(DISTANCES) + 1
    for score in scores.scores:
        assert score.interval != "not available", score.metric
        assert score.interval.low <= score.value <= score.interval.high
        assert "never comparable with published numbers" in score.definition
        assert score.n == (96 if score.metric in (*DISTANCES, "frechet_distance_infinity") else score.n)
        assert ("references references" in score.definition) == (score.scope == OVERALL and score.n == 96)


def test_numbers_are_the_same_whatever_the_batch_and_the_cache(
    protocol: Protocol, run: Path, references: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Declared: 1e-6 for cosines, 1e-4 relative for distances. Shares may move where two cosines are nearly equal."""
    base = {(s.metric, s.scope): s.value for s in score_run(run, protocol, references).scores}
    again = {(s.metric, s.scope): s.value for s in score_run(run, protocol, references).scores}
    assert again == base
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path))
    for score in score_run(run, protocol, references, batch=7, workers=1).scores:
        assert score.value == pytest.approx(base[score.metric, score.scope], rel=1e-4, abs=1e-6), score.metric


def test_without_references_only_what_needs_none_is_measured(protocol: Protocol, tmp_path: Path) -> None:
    notes = Notes()
    scores = score_run(make_run(tmp_path / "run"), protocol, progress=notes)
    assert {score.metric for score in scores.scores} == {*EVERYWHERE, *OF_A_PROMPT}
    assert "no reference images" in notes.text


def test_what_a_run_is_too_small_for_is_left_out_and_named(
    protocol: Protocol, references: Path, tmp_path: Path
) -> None:
    notes = Notes()
    small = make_run(tmp_path / "small", samples=1, limit=1)
    scores = score_run(small, protocol, references, progress=notes)
    measured = {score.metric for score in scores.scores}
    assert measured == {*EVERYWHERE, "frechet_distance", "kid", "cmmd"}
    assert _scopes(scores, "r_precision") == [OVERALL]
    for what in ("no diversity", "no manifold", "no frechet_distance_infinity", "no r_precision of Colors"):
        assert what in notes.text


def test_one_image_has_no_distance(protocol: Protocol, references: Path, tmp_path: Path) -> None:
    ids = [f"{category.lower()}-{i:03d}" for category in CATEGORIES for i in (1, 2, 3, 4)]
    run = make_run(tmp_path / "run", refuse=ids[1:], samples=1)
    with pytest.raises(MetricInputError, match="at least 2"):
        score_run(run, protocol, references)


def test_prompts_with_one_image_left_are_named_beside_diversity(protocol: Protocol, tmp_path: Path) -> None:
    class RefusesOne(NoiseModel):
        def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
            drawn = super().generate(samples, size)
            one = [(sample.prompt_id, sample.index) == ("text-002", 1) for sample in samples]
            return [Refused("told to") if refused else image for refused, image in zip(one, drawn, strict=True)]

    generate(Request(RefusesOne(), PROMPTS, tmp_path / "run", samples=2, size=SIZE))
    scores = score_run(tmp_path / "run", protocol)
    found = {score.scope: score for score in scores.scores if score.metric == "vendi_score"}
    assert (found[OVERALL].n, found["Text"].n, found["Colors"].n) == (11, 3, 4)
    assert "1 of 24 images were refused" in found[OVERALL].note
    assert "1 prompt with one image is left out" in found["Text"].note
    assert found["Colors"].note == ""


def test_statistics_serve_the_distances_that_need_no_more(
    protocol: Protocol, run: Path, references: Path, tmp_path: Path
) -> None:
    from metrics.frechet.gaussian import write_statistics
    from metrics.frechet.moments import Moments
    from metrics.images.decode import read_image

    scorer = protocol.metrics[0].extractor.load("cpu")
    images = [read_image(path) for path in sorted(references.glob("*.png"))]
    write_statistics(tmp_path / "references.npz", Moments.of(scorer(images)))
    notes = Notes()
    scores = score_run(run, protocol, tmp_path / "references.npz", progress=notes)
    distances = {score.metric for score in scores.scores} - {*EVERYWHERE, *OF_A_PROMPT}
    assert distances == {"frechet_distance", "frechet_distance_infinity"}
    for name in ("kid", "cmmd", "manifold"):
        assert f"no {name}: references.npz does not hold what it needs" in notes.text


def test_a_network_without_texts_or_classes_is_refused_where_they_are_needed(
    protocol: Protocol, run: Path, tmp_path: Path
) -> None:
    scorer = protocol.metrics[0].extractor
    wrong = MetricDefinition("inception_score", INCEPTION_SCORE, scorer, "made up")
    with pytest.raises(MetricInputError, match="scorer knows no classes"):
        score_run(run, replace(protocol, metrics=(wrong,)))


def test_inception_score_is_that_of_the_logits_of_all_images(run: Path) -> None:
    class Classes(PlainExtractor):
        def logits(self, pool: np.ndarray) -> np.ndarray:
            return np.asarray(pool[:, :3] * 4)

    entry = entry_of(Classes("classes"), "classes")
    only = MetricDefinition("inception_score", INCEPTION_SCORE, entry, "made up")
    protocol = Protocol("classes", 1, "made up", None, (only,))
    (score,) = score_run(run, protocol).scores
    extractors, reading = Extractors([entry], "cpu", Progress().note), ReadSettings(SIZE, batch=8)
    rows = features_of_run(RunDirectory.open(run), extractors, ["classes"], reading, Progress()).features["classes"]
    odds = np.exp(rows[:, :3].astype(np.float64) * 4)
    shares = odds / odds.sum(axis=1, keepdims=True)
    expected = np.exp((shares * np.log(shares / shares.mean(axis=0))).sum(axis=1).mean())
    assert score.value == pytest.approx(float(expected), rel=1e-5)
    assert (score.scope, score.n) == (OVERALL, 96)
    (again,) = score_run(run, protocol).scores
    assert again == score


def test_every_kind_is_computed_by_something(protocol: Protocol) -> None:
    elsewhere = {CONSE_SCORE, INCEPTION_SCORE, VQA_SCORE, QA_SCORE, GENEVAL, *TEXT_RENDERING}
    elsewhere |= {kind for kind, _ in LEARNED.values()}
    assert {metric.kind for metric in protocol.metrics} | elsewhere == set(kinds())


def test_what_a_kind_says_of_its_numbers() -> None:
    """Where the words depend on the set."""
    images = ImageSet(np.zeros((10, 2)), np.array([0, 0, *[1] * 8]), ["a", "a", "b"])
    assert DIVERSITY.definition("vendi_score", images).endswith("2 to 8 samples a prompt")
    assert "among the 2 different captions" in R_PRECISION.definition("r_precision", images)
    assert FRECHET_INFINITY.definition("fid_infinity", images).startswith("extrapolated to infinite n")
    assert "neighbour 5" in MANIFOLD.definition("coverage", images)


def test_every_number_has_one_kind_and_one_column() -> None:
    numbers = [measure for kind in kinds() for measure in kind.measures]
    for each in (
        [measure.name for measure in numbers],
        [measure.column for measure in numbers],
        [kind.name for kind in kinds()],
    ):
        assert len(each) == len(set(each))


def test_units_and_arrows_stand_in_the_header() -> None:
    assert Measure("m", "sharpness", True, unit="px").arrowed == "sharpness, px ↑"
    assert Measure("m", "sharpness", None).arrowed == "sharpness"
