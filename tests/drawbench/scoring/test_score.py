"""Scoring a run: complete, the same whatever the batch, refusals counted, nothing half-written."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet

from drawbench.cli.main import main
from drawbench.errors import StageError, UserError
from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.progress import Progress
from drawbench.prompts.prompt_set import Prompt, PromptSet
from drawbench.results.scores import OVERALL, Score, ScoreFile
from drawbench.runs.generate import Request, generate
from drawbench.scoring.bundled import bundled, bundled_extended
from drawbench.scoring.kinds.clip_score import CLIP_SCORE
from drawbench.scoring.kinds.frechet import FRECHET
from drawbench.scoring.protocol import MetricDefinition, Protocol
from drawbench.scoring.protocols import PROTOCOLS
from drawbench.scoring.score import score_run
from metrics.errors import MetricInputError
from metrics.features.registry import inception, scorer_folder
from metrics.features.weights import INCEPTION, WeightsFile
from metrics.frechet.gaussian import write_statistics
from metrics.frechet.moments import Moments
from tests.metrics.stand_ins import write_inception, write_scorer

CATEGORIES = ("Colors", "Counting", "Text")
PROMPTS = PromptSet(
    "made-up",
    tuple(Prompt(f"{c.lower()}-{i:03d}", c, f"{c} prompt, number {i}") for c in CATEGORIES for i in (1, 2, 3, 4)),
)
SIZE = 40


class NoiseModel(TextToImage):
    """Noise that depends on the seed only, of a brightness; refuses and fails where it is told to."""

    def __init__(self, refuse: Sequence[str] = (), fail_at: str = "", name: str = "noise", most: int = 256) -> None:
        self.refuse = refuse
        self.fail_at = fail_at
        self.name = name
        self.most = most

    def card(self) -> ModelCard:
        return ModelCard(adapter="python", spec="tests", name=self.name)

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        images: list[np.ndarray | Refused] = []
        for sample in samples:
            if sample.prompt_id == self.fail_at:
                raise RuntimeError("stopped half way")
            pixels = np.random.default_rng(sample.seed).integers(0, self.most, (size, size, 3), dtype=np.uint8)
            images.append(Refused("told to") if sample.prompt_id in self.refuse else pixels)
        return images


def make_run(
    path: Path, refuse: Sequence[str] = (), samples: int = 2, size: int = SIZE, limit: int | None = None
) -> Path:
    """A sealed run of noise."""
    generate(Request(NoiseModel(refuse), PROMPTS, path, samples=samples, size=size, limit=limit))
    return path


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    """The bundled protocol on a random scorer."""
    return bundled(write_scorer(tmp_path_factory.mktemp("scorer")))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that no test changes."""
    return make_run(tmp_path_factory.mktemp("runs") / "noise")


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 70 reference images, of other sizes than the run's, one folder deep."""
    folder = tmp_path_factory.mktemp("references")
    random = np.random.default_rng(9)
    for number in range(70):
        pixels = random.integers(0, 256, (50, 60, 3), dtype=np.uint8)
        path = folder / str(number % 2) / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(path)
    return folder


def _find(scores: ScoreFile, metric: str, scope: str = OVERALL) -> Score:
    return next(score for score in scores.scores if (score.metric, score.scope) == (metric, scope))


def _values(scores: ScoreFile) -> dict[tuple[str, str], float]:
    return {(score.metric, score.scope): score.value for score in scores.scores}


def test_every_scope_has_score_shuffled_score_and_difference(protocol: Protocol, finished: Path) -> None:
    scores = score_run(finished, protocol)
    wanted = {
        (metric, scope)
        for metric in ("clip_score", "clip_score_shuffled", "clip_score_difference")
        for scope in (OVERALL, *CATEGORIES)
    }
    assert set(_values(scores)) == wanted
    for scope, n in ((OVERALL, 12), *((category, 4) for category in CATEGORIES)):
        score = _find(scores, "clip_score", scope)
        assert score.n == n
        assert score.interval != "not available"
        assert score.interval.low <= score.value <= score.interval.high
        gain = score.value - _find(scores, "clip_score_shuffled", scope).value
        assert _find(scores, "clip_score_difference", scope).value == pytest.approx(gain)
    assert (scores.size, scores.samples, scores.complete, scores.refusals) == (SIZE, 2, True, 0)
    assert scores.prompt_set.sha256 == PROMPTS.sha256
    assert scores.protocol == protocol.ref
    assert scores.reference is None


def test_the_numbers_are_the_means_of_the_table_of_samples(protocol: Protocol, finished: Path) -> None:
    scores = score_run(finished, protocol)
    rows = parquet.read_table(finished / "scores" / "bundled.parquet").to_pylist()
    assert list(rows[0]) == ["file_name", "prompt_id", "category", "sample", "clip_score"]
    assert len(rows) == 24
    assert all((finished / "images" / row["file_name"]).is_file() for row in rows)
    for category in CATEGORIES:
        mean = np.mean([row["clip_score"] for row in rows if row["category"] == category])
        assert _find(scores, "clip_score", category).value == pytest.approx(float(mean), abs=1e-12)
    stored = ScoreFile.model_validate_json((finished / "scores" / "bundled.json").read_bytes())
    assert stored == scores


def test_scores_are_the_same_whatever_the_batch(
    protocol: Protocol, finished: Path, references: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = _values(score_run(finished, protocol, references))
    assert base == _values(score_run(finished, protocol, references))
    for batch in (1, 5, 100):
        monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / str(batch)))
        other = _values(score_run(finished, protocol, references, batch=batch))
        for key, value in base.items():
            tolerance = {"rel": 1e-4} if key[0] == "frechet_distance" else {"abs": 1e-6}
            assert other[key] == pytest.approx(value, **tolerance)


def test_an_unfinished_run_is_refused_and_nothing_is_written(protocol: Protocol, tmp_path: Path) -> None:
    with pytest.raises(StageError):
        generate(Request(NoiseModel(fail_at="text-004"), PROMPTS, tmp_path / "run", samples=1, size=SIZE))
    with pytest.raises(UserError, match="not finished"):
        score_run(tmp_path / "run", protocol)
    assert not (tmp_path / "run" / "scores").exists()


def test_refusals_are_counted_everywhere_and_left_out_of_means_openly(protocol: Protocol, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", refuse=[f"colors-{i:03d}" for i in (1, 2, 3, 4)] + ["text-002"])
    scores = score_run(run, protocol)
    assert scores.refusals == 10
    assert _find(scores, "clip_score").n == 7
    assert "10 of 24 images were refused" in _find(scores, "clip_score").note
    assert "no image in Colors" in _find(scores, "clip_score").note
    assert "2 of 8 images were refused" in _find(scores, "clip_score", "Text").note
    assert "refused" not in _find(scores, "clip_score", "Counting").note
    assert ("clip_score", "Colors") not in _values(scores)
    rows = parquet.read_table(run / "scores" / "bundled.parquet").to_pylist()
    assert len(rows) == 24
    assert sum(row["clip_score"] is None for row in rows) == 10


def test_a_run_of_refusals_only_has_no_score(protocol: Protocol, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", refuse=[prompt.id for prompt in PROMPTS.prompts])
    with pytest.raises(UserError, match="refused every image"):
        score_run(run, protocol)


def test_an_image_that_changed_after_sealing_is_refused_by_name(protocol: Protocol, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    path = next((run / "images").rglob("counting-002-1.png"))
    Image.new("RGB", (SIZE, SIZE)).save(path)
    with pytest.raises(UserError, match=r"counting-002-1\.png was changed"):
        score_run(run, protocol)
    path.unlink()
    with pytest.raises(MetricInputError, match=r"counting-002-1\.png is missing"):
        score_run(run, protocol)


def test_partial_runs_say_so_and_long_captions_are_counted(protocol: Protocol, tmp_path: Path) -> None:
    assert not score_run(make_run(tmp_path / "part", limit=2), protocol).complete
    long = PromptSet("long", (Prompt("a", "", "x" * 39), Prompt("b", "", "y" * 38)))
    generate(Request(NoiseModel(), long, tmp_path / "long", samples=1, size=SIZE))
    scores = score_run(tmp_path / "long", protocol)
    assert {score.scope for score in scores.scores} == {OVERALL}
    assert "1 caption was cut at 40 tokens" in _find(scores, "clip_score").note


def test_distance_to_references_names_the_set_and_knows_it_by_its_pixels(
    protocol: Protocol, finished: Path, references: Path, tmp_path: Path
) -> None:
    scores = score_run(finished, protocol, references)
    distance = _find(scores, "frechet_distance")
    assert distance.value > 0
    assert distance.n == 24
    assert distance.interval != "not available"
    assert distance.interval.low <= distance.value <= distance.interval.high
    assert "over prompts" in distance.interval.method
    assert scores.reference is not None
    assert scores.reference.n == 70
    for number, path in enumerate(sorted(references.rglob("*.png"), reverse=True)):
        Image.open(path).save(tmp_path / f"{number}.webp", lossless=True)
    renamed = score_run(finished, protocol, tmp_path)
    assert renamed.reference is not None
    assert renamed.reference.sha256 == scores.reference.sha256
    assert _find(renamed, "frechet_distance").value == pytest.approx(distance.value, rel=1e-4)


def test_a_run_is_at_no_distance_from_its_own_images(protocol: Protocol, finished: Path) -> None:
    distance = _find(score_run(finished, protocol, finished / "images"), "frechet_distance")
    assert distance.value == pytest.approx(0, abs=1e-6)


def test_statistics_of_a_file_give_the_distance_of_the_images(
    protocol: Protocol, finished: Path, references: Path, tmp_path: Path
) -> None:
    from metrics.images.decode import centre_square, read_image

    scorer = protocol.metrics[0].extractor.load("cpu")
    images = [centre_square(read_image(path), SIZE) for path in sorted(references.rglob("*.png"))]
    write_statistics(tmp_path / "references.npz", Moments.of(scorer(images)))
    from_file = score_run(finished, protocol, tmp_path / "references.npz")
    from_images = score_run(finished, protocol, references)
    assert from_file.reference is not None
    assert from_file.reference.n == 0
    expected = _find(from_images, "frechet_distance").value
    assert _find(from_file, "frechet_distance").value == pytest.approx(expected, rel=1e-4)


def test_references_that_cannot_be_used_are_refused(protocol: Protocol, finished: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds 0 images"):
        score_run(finished, protocol, tmp_path)
    with pytest.raises(UserError, match="is not there: check the path"):
        score_run(finished, protocol, tmp_path / "absent")
    for number in range(3):
        Image.new("RGB", (8, 8)).save(tmp_path / f"{number}.png")
    Image.new("RGBA", (8, 8)).save(tmp_path / "1.png")
    with pytest.raises(MetricInputError, match=r"1\.png has transparent pixels"):
        score_run(finished, protocol, tmp_path)


def _fid_protocol(folder: Path) -> Protocol:
    """CLIP score and both FIDs, on stand-ins."""
    weights = WeightsFile(INCEPTION.file, "", INCEPTION.source)
    scorer = scorer_folder(folder)
    fids = (
        MetricDefinition(f"fid_{mode}", FRECHET, inception(mode, weights), f"FID {mode}", mode)
        for mode in ("legacy_tensorflow", "clean")
    )
    clip = MetricDefinition("clip_score", CLIP_SCORE, scorer, "CLIP score")
    return Protocol("fids", 1, "stand-ins", 32, (clip, *fids), published_n=30_000)


def test_fid_by_both_resizes_and_statistics_only_where_their_name_says_which(
    finished: Path, references: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAWBENCH_WEIGHTS", str(write_inception(tmp_path / "weights").parent))
    fids = _fid_protocol(write_scorer(tmp_path / "scorer"))
    scores = score_run(finished, fids, references)
    assert scores.size == 32
    for metric in ("fid_legacy_tensorflow", "fid_clean"):
        assert "no more references than feature dimensions (2048)" in _find(scores, metric).note
        assert "n = 24 images is at most the dimension 2048" in _find(scores, metric).note
        assert "30000" in _find(scores, metric).note
    features = np.random.default_rng(0).normal(size=(3, 2048))
    write_statistics(tmp_path / "statistics.npz", Moments.of(features))
    with pytest.raises(UserError, match="legacy_tensorflow or clean"):
        score_run(finished, fids, tmp_path / "statistics.npz")
    (tmp_path / "statistics.npz").rename(tmp_path / "coco_clean_256.npz")
    only_clean = score_run(finished, fids, tmp_path / "coco_clean_256.npz")
    assert ("fid_clean", OVERALL) in _values(only_clean)
    assert ("fid_legacy_tensorflow", OVERALL) not in _values(only_clean)


def test_small_images_are_not_enlarged_for_a_protocol(finished: Path, tmp_path: Path) -> None:
    protocol = _fid_protocol(write_scorer(tmp_path / "scorer"))
    large = Protocol(protocol.name, 1, protocol.label, 256, protocol.metrics)
    with pytest.raises(UserError, match="--size 256"):
        score_run(finished, large)


def test_a_failed_write_leaves_the_earlier_files(
    protocol: Protocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run(tmp_path / "run", samples=1)
    score_run(run, protocol)
    before = {path.name: path.read_bytes() for path in (run / "scores").iterdir()}

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(ScoreFile, "model_dump_json", fail)
    with pytest.raises(OSError, match="disk full"):
        score_run(run, protocol)
    assert {path.name: path.read_bytes() for path in (run / "scores").iterdir()} == before


def test_distances_are_not_replaced_by_scores_without(protocol: Protocol, references: Path, tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    score_run(run, protocol, references)
    before = (run / "scores/bundled.json").read_bytes()
    with pytest.raises(UserError, match="give --reference again, or delete that file"):
        score_run(run, protocol)
    assert (run / "scores/bundled.json").read_bytes() == before
    (run / "scores/bundled.json").unlink()
    assert score_run(run, protocol).reference is None
    (run / "scores/bundled.json").write_text("{")
    assert score_run(run, protocol).reference is None


def test_what_too_few_references_cannot_give_is_left_out(references: Path, tmp_path: Path) -> None:
    protocol = bundled_extended(write_scorer(tmp_path / "scorer"))
    few = tmp_path / "few"
    for path in sorted(references.rglob("*.png"))[:5]:
        (few / path.name).parent.mkdir(exist_ok=True)
        (few / path.name).write_bytes(path.read_bytes())
    metrics = {score.metric for score in score_run(make_run(tmp_path / "run"), protocol, few).scores}
    assert "kid" in metrics
    assert "precision" not in metrics


def test_few_references_are_named_and_have_no_distance_at_infinity(references: Path, tmp_path: Path) -> None:
    class Told(Progress):
        def __init__(self) -> None:
            self.lines: list[str] = []

        def note(self, message: str) -> None:
            self.lines.append(message)

    protocol = bundled_extended(write_scorer(tmp_path / "scorer"))
    few = tmp_path / "few"
    few.mkdir()
    for path in sorted(references.rglob("*.png"))[:4]:
        (few / path.name).write_bytes(path.read_bytes())
    run, told = make_run(tmp_path / "run", samples=5), Told()
    notes = {s.metric: s.note for s in score_run(run, protocol, few, progress=told).scores}
    assert "strongly biased upwards" in notes["frechet_distance"]
    assert "frechet_distance_infinity" not in notes
    for number in range(8):  # copies of two
        shutil.copy(sorted(few.glob("*.png"))[number % 2], few / f"copy{number}.png")
    notes = {s.metric: s.note for s in score_run(run, protocol, few, progress=told).scores}
    assert "4 of 12 references are different" in notes["precision"]
    assert "density and coverage are biased downwards" in notes["precision"]
    assert "upwards" not in notes["precision"]
    assert any("needs 3 references for each of 16 dimensions and has 4" in line for line in told.lines)


def test_a_place_that_cannot_be_written_is_one_sentence(
    finished: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    assert main(["report", str(finished), "--out", str(tmp_path / "file" / "page")]) == 2
    error = capsys.readouterr().err
    assert "(Not a directory): name another folder with --out" in error
    assert "Traceback" not in error


def test_progress_counts_every_image_and_says_what_is_left_out(protocol: Protocol, tmp_path: Path) -> None:
    class Recorded(Progress):
        key = notes = ""

        def __init__(self) -> None:
            self.totals: dict[str, int] = {}
            self.done: dict[str, int] = {}

        def start(self, label: str, done: int, total: int, unit: str = "images") -> None:
            self.totals[f"{label} {unit}"], self.done[f"{label} {unit}"] = total, done
            self.key = f"{label} {unit}"

        def advance(self, count: int) -> None:
            self.done[self.key] += count

        def note(self, message: str) -> None:
            self.notes += message

    progress = Recorded()
    score_run(make_run(tmp_path / "run"), protocol, progress=progress, batch=5)
    assert progress.totals == {"scoring images": 24, "measuring metrics": 1}
    assert progress.done == progress.totals
    assert "no reference images" in progress.notes


def test_the_command_prints_json_on_stdout_and_progress_on_stderr(
    protocol: Protocol, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run", samples=1)
    monkeypatch.setitem(PROTOCOLS, "bundled", lambda: protocol)
    assert main(["score", str(run), "--json"]) == 0
    printed = capsys.readouterr()
    assert ScoreFile.model_validate(json.loads(printed.out)[0]).prompt_set.n == 12
    assert "12 of 12 images" in printed.err
    assert main(["score", str(run)]) == 0
    assert "noise" in capsys.readouterr().out
    assert main(["score", str(run), "--protocol", "none"]) == 2
    assert main(["score", str(run), "--batch", "0"]) == 2
    assert main(["score", str(run), "--workers", "0"]) == 2
    assert main(["score", str(run), "--workers", "1", "--verify"]) == 0
    assert main(["score", str(tmp_path)]) == 2


def test_missing_weights_are_one_sentence_and_exit_code_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run = make_run(tmp_path / "run", samples=1, size=256, limit=1)
    monkeypatch.setenv("DRAWBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    capsys.readouterr()
    assert main(["score", str(run), "--protocol", "imagen"]) == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert "ViT-L-14.pt" in error
    assert "SHA-256" in error
    assert str(tmp_path) in error
