"""Comparing runs: what is paired, what is said in words, and which runs are refused."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawbench.cli import compare as command
from drawbench.cli.main import main
from drawbench.comparing.compare import Comparison, compare_runs
from drawbench.comparing.differences import Difference, verdict
from drawbench.comparing.text import comparison_text
from drawbench.errors import UserError
from drawbench.prompts.prompt_set import Prompt, PromptSet
from drawbench.results.scores import OVERALL
from drawbench.runs.generate import Request, generate
from drawbench.scoring.bundled import bundled, bundled_extended
from drawbench.scoring.kinds.asked import GENEVAL, QA_SCORE
from drawbench.scoring.kinds.kind import MetricKind
from drawbench.scoring.kinds.manifold import MANIFOLD
from drawbench.scoring.kinds.text_rendering import TEXT_RENDERING
from drawbench.scoring.protocol import Protocol
from drawbench.scoring.protocols import PROTOCOLS
from drawbench.scoring.score import score_run
from metrics.frechet.difference import FrechetDifference
from metrics.image_set import ImageSet
from metrics.statistics.jackknife import Jackknife
from metrics.statistics.paired import PairedResult, paired_jackknives, paired_means
from metrics.statistics.result import Interval
from tests.drawbench.scoring.test_score import SIZE, NoiseModel
from tests.metrics.stand_ins import write_scorer

CATEGORIES = ("Colors", "Text")
PROMPTS = PromptSet(
    "made-up",
    tuple(Prompt(f"{c.lower()}-{i:03d}", c, f"{c} prompt, number {i}") for c in CATEGORIES for i in (1, 2, 3, 4)),
)


def _run(
    path: Path,
    most: int = 256,
    refuse: Sequence[str] = (),
    prompts: PromptSet = PROMPTS,
    samples: int = 2,
    size: int = SIZE,
    limit: int | None = None,
) -> Path:
    model = NoiseModel(refuse, name=path.name, most=most)
    generate(Request(model, prompts, path, samples=samples, size=size, limit=limit))
    return path


@pytest.fixture(scope="module")
def scorer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random scorer's folder."""
    return write_scorer(tmp_path_factory.mktemp("scorer"))


@pytest.fixture(scope="module")
def protocol(scorer: Path) -> Protocol:
    """The bundled protocol on the random scorer."""
    return bundled(scorer)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A bright run, and a dark one that lacks a prompt."""
    folder = tmp_path_factory.mktemp("runs")
    return _run(folder / "bright"), _run(folder / "dark", 120, refuse=["text-002"])


@pytest.fixture(scope="module")
def references(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of 60 bright images."""
    folder = tmp_path_factory.mktemp("references")
    random = np.random.default_rng(9)
    for number in range(60):
        Image.fromarray(random.integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


def test_clip_scores_are_paired_by_prompt(protocol: Protocol, runs: tuple[Path, Path]) -> None:
    found = compare_runs(*runs, protocol)
    scored = [score_run(path, protocol) for path in runs]
    overall, colors, text = found.differences
    assert [each.scope for each in found.differences] == [OVERALL, *CATEGORIES]
    # the category that nothing was refused in has the scores of both runs
    theirs = [next(s.value for s in each.scores if (s.metric, s.scope) == ("clip_score", "Colors")) for each in scored]
    assert (colors.a, colors.b) == pytest.approx(tuple(theirs), abs=1e-6)  # other batches of captions
    assert colors.difference == pytest.approx(theirs[0] - theirs[1], abs=1e-6)
    assert (overall.n, colors.n, text.n) == (7, 4, 3)
    assert (found.images, found.b.refusals) == (14, 2)
    assert found.left_out == {"frechet_distance": "no reference images"}
    for each in found.differences:
        assert each.interval != "not available"
        assert each.interval.low <= each.difference <= each.interval.high


def test_distances_are_compared_at_equal_n(protocol: Protocol, runs: tuple[Path, Path], references: Path) -> None:
    """14 images of 16 dimensions: nothing can be said, and it is said."""
    found = compare_runs(*runs, protocol, references)
    distance = next(each for each in found.differences if each.metric == "frechet_distance")
    assert (distance.n, distance.scope, distance.lower_is_better) == (14, OVERALL, True)
    assert distance.verdict == "n too small for FID"
    assert distance.note == "n = 14 images is at most the dimension 16: bias cannot be told from distance"
    assert found.reference is not None
    assert found.reference.n == 60


def test_every_metric_of_the_extended_protocol_has_its_difference(
    scorer: Path, runs: tuple[Path, Path], references: Path
) -> None:
    """On the images of one run alone, A and B are its scores; 14 images of 16 dimensions cannot be extrapolated."""
    extended = bundled_extended(scorer)
    found = compare_runs(*runs, extended, references)
    assert set(found.left_out) == {"frechet_distance_infinity"}
    assert found.left_out["frechet_distance_infinity"] == "needs 3 images for each of 16 dimensions and has 14"
    assert {each.metric for each in found.differences} == {
        *("clip_score", "frechet_distance", "pairwise_distance", "vendi_score", "r_precision", "kid", "cmmd"),
        *("precision", "recall", "density", "coverage"),
    }
    scopes = {(each.metric, each.scope) for each in found.differences}
    assert {("r_precision", scope) for scope in (OVERALL, *CATEGORIES)} <= scopes
    twice = compare_runs(runs[0], runs[0], extended, references)
    scored = {(score.metric, score.scope): score for score in score_run(runs[0], extended, references).scores}
    for each in twice.differences:
        words = "n too small for FID" if each.metric == "frechet_distance" else "within noise"
        assert (each.difference, each.verdict) == (0, words)
        theirs = scored[each.metric, each.scope]
        assert (each.a, each.n) == (pytest.approx(theirs.value, abs=1e-9), theirs.n)


def test_too_few_images_are_named(scorer: Path, references: Path, tmp_path: Path) -> None:
    few = PromptSet("few", PROMPTS.prompts[:2])
    pair = [_run(tmp_path / name, prompts=few) for name in ("one", "two")]
    found = compare_runs(*pair, bundled_extended(scorer), references)
    assert found.left_out["manifold"] == "4 images are in both runs, and it needs 6"
    assert "kid" in {each.metric for each in found.differences}


def test_too_few_references_are_named(scorer: Path, runs: tuple[Path, Path], references: Path, tmp_path: Path) -> None:
    """Of 4 references the neighbours of manifold cannot be found; all else is compared."""
    for path in sorted(references.iterdir())[:4]:
        shutil.copy(path, tmp_path)
    found = compare_runs(*runs, bundled_extended(scorer), tmp_path)
    assert found.left_out["manifold"] == f"{tmp_path.name} holds 4 images, and it needs 6 or more"
    assert {"kid", "frechet_distance", "clip_score"} <= {each.metric for each in found.differences}
    assert "manifold" in comparison_text(found, 60)
    score_run(runs[0], bundled_extended(scorer), tmp_path)


def test_a_run_does_not_differ_from_itself(protocol: Protocol, runs: tuple[Path, Path]) -> None:
    found = compare_runs(runs[0], runs[0], protocol)
    assert [each.difference for each in found.differences] == [0, 0, 0]
    assert {each.verdict for each in found.differences} == {"within noise"}


def test_the_words_follow_interval_and_bias() -> None:
    above, around = Interval(0.1, 0.3, "t"), Interval(-0.1, 0.3, "t")
    assert verdict(PairedResult(0.2, 0.0, above, 5)) == "A is higher"
    assert verdict(PairedResult(-0.2, 0.0, Interval(-0.3, -0.1, "t"), 5)) == "B is higher"
    assert verdict(PairedResult(0.1, 0.0, around, 5)) == "within noise"
    assert verdict(PairedResult(0.1, 0.0, None, 5)) == "no interval"
    assert verdict(PairedResult(0.2, 0.0, above, 5, doubtful=True)) == "n too small for FID"
    assert verdict(PairedResult(0.1, 0.0, around, 5, doubtful=True)) == "within noise"
    assert verdict(PairedResult(0.1, 0.0, around, 5, hopeless=True)) == "n too small for FID"


@pytest.mark.parametrize(
    ("bias", "limits", "words", "note"),
    [
        ((1.0, 0.9), (2.0, 1.1), "A is higher", "1 in A and 0.9 in B, +0.1 in the difference (FID-infinity)"),
        (
            (2.0, 0.5),
            (1.0, 1.5),
            "n too small for FID",
            "2 in A and 0.5 in B, +1.5 in the difference (FID-infinity)",
        ),
        ((2.0, 0.5), None, "n too small for FID", "(jackknife; too few images for FID-infinity)"),
    ],
)
def test_bias_that_may_make_the_difference_is_said(
    bias: tuple[float, float],
    limits: tuple[float, float] | None,
    words: str,
    note: str,
) -> None:
    interval = Interval(0.5, 1.5, "jackknife")
    found = FrechetDifference(3.0, 2.0, interval, 500, 64, limits, interval if limits else None, bias)
    row = Difference.of("frechet_distance", OVERALL, found.at_this_n, lower_is_better=True)
    assert row.verdict == words
    assert note in row.note


def _of_means(a: np.ndarray, b: np.ndarray) -> Difference:
    return Difference.of("r_precision", "Text", paired_means(a, b), lower_is_better=False)


def test_one_prompt_has_no_interval() -> None:
    found = _of_means(np.array([0.5]), np.array([0.2]))
    assert (found.interval, found.verdict, found.n) == ("not available", "no interval", 1)


def test_scores_of_which_nothing_varies_are_no_certainty() -> None:
    means = _of_means(np.ones(3), np.zeros(3))
    assert (means.difference, means.interval, means.verdict) == (1.0, "not available", "no interval")
    a, b = (Jackknife(value, np.full(3, value), 6) for value in (1.0, 0.0))
    middle = Jackknife(0.4, np.full(3, 0.4), 6)
    rounded = Jackknife(1 / 3, np.array([0.1, 0.2, 0.3]) + 0.1, 6), Jackknife(0.1, np.array([0.1, 0.2, 0.3]), 6)
    for ours, theirs in ((a, b), (a, a), (b, b), (middle, middle), rounded):
        row = Difference.of("coverage", OVERALL, paired_jackknives(ours, theirs, "t"), lower_is_better=False)
        assert (row.interval, row.verdict) == ("not available", "no interval")


def test_only_the_same_images_differ_by_nothing_for_certain() -> None:
    """Two sets of which the same prompts hit tell less than two copies of one set."""
    random = np.random.default_rng(0)
    references = random.standard_normal((30, 4)).astype(np.float32)
    images = np.concatenate([references[:15], references[15:20] + 50]).astype(np.float32)
    moved = images + random.normal(0, 1e-4, images.shape).astype(np.float32)
    a, b = (
        ImageSet(each, np.arange(20), references=references, hashes=[f"{name}{row}" for row in range(20)])
        for name, each in (("a", images), ("b", moved))
    )
    assert MANIFOLD.differences(a, b)["precision"].a == MANIFOLD.differences(a, b)["precision"].b == 0.75
    assert MANIFOLD.differences(a, b)["precision"].interval is None
    itself = MANIFOLD.differences(a, a)["precision"].interval
    assert itself is not None
    assert (itself.low, itself.high) == (0, 0)


@pytest.mark.parametrize("kind", [TEXT_RENDERING[0], QA_SCORE, GENEVAL])
def test_verdicts_that_are_alike_make_no_images_the_same(kind: MetricKind) -> None:
    rows = np.array([[1, 1, 0, 1]] * 20 + [[2, 1, 0, 1]] * 5, dtype=np.float32)
    rows = rows if kind in TEXT_RENDERING else rows[:, :2]
    a, b = (ImageSet(rows, np.arange(25), hashes=[f"{name}{row}" for row in range(25)]) for name in "ab")
    (other,), (itself,) = kind.differences(a, b).values(), kind.differences(a, a).values()
    assert other.interval is not None
    assert other.interval.low < -0.05 < 0.05 < other.interval.high
    assert itself.interval is not None
    assert (itself.interval.low, itself.interval.high) == (0, 0)


def test_a_mean_over_tasks_is_one_of_equal_runs_too() -> None:
    rows = np.array([[1, 0]] * 80 + [[2, 1]] * 8, dtype=np.float32)
    images = ImageSet(rows, np.arange(88), hashes=[str(row) for row in range(88)])
    found = GENEVAL.differences(images, images)["geneval"]
    assert (found.a, found.b) == (0.5, 0.5)


def test_runs_that_do_not_compare_are_refused(protocol: Protocol, runs: tuple[Path, Path], tmp_path: Path) -> None:
    other = PromptSet("other", (Prompt("a-001", "A", "another prompt"),))
    edited = PromptSet("made-up", (*PROMPTS.prompts[:-1], Prompt("text-004", "Text", "changed")))
    cases = {
        r"prompt set \(made-up \w+ against other": _run(tmp_path / "set", prompts=other),
        r"prompt set \(made-up \w+ against made-up": _run(tmp_path / "content", prompts=edited),
        r"number of prompts \(8 against 2\)": _run(tmp_path / "part", limit=1),
        r"evaluated size \(40 px against 48 px\)": _run(tmp_path / "size", size=48),
        r"samples per prompt \(2 against 1\)": _run(tmp_path / "samples", samples=1),
    }
    for words, path in cases.items():
        with pytest.raises(UserError, match=words):
            compare_runs(runs[0], path, protocol)


def test_runs_without_a_common_image_are_refused(protocol: Protocol, tmp_path: Path) -> None:
    ids = [prompt.id for prompt in PROMPTS.prompts]
    a, b = _run(tmp_path / "a", refuse=ids[:4]), _run(tmp_path / "b", refuse=ids[4:])
    with pytest.raises(UserError, match="no sample has an image in both runs"):
        compare_runs(a, b, protocol)


def test_the_table_shows_every_row_and_what_must_be_known(
    protocol: Protocol, runs: tuple[Path, Path], references: Path
) -> None:
    found = compare_runs(*runs, protocol, references)
    text = comparison_text(found, 140)
    for each in found.differences:
        line = next(line for line in text.splitlines() if each.scope in line and f"{each.verdict}" in line)
        assert f"{each.difference:+.3f}"[:4] in line
    assert "at most the dimension 16" in text
    assert "14 of 16 images of each run" in text
    assert "2 refused" in text
    assert max(len(line) for line in text.splitlines()) <= 140


def test_what_is_odd_in_one_run_is_said(protocol: Protocol, runs: tuple[Path, Path], tmp_path: Path) -> None:
    dark = _run(tmp_path / "dark", most=1)
    text = " ".join(comparison_text(compare_runs(runs[0], dark, protocol), 120).split())
    assert "caution B: 16 of 16 images are of a single colour, 16 of them black" in text
    assert "caution B: 15 of 16 images are copies of others" in text
    assert "caution A:" not in text


def test_what_is_not_known_of_the_weights_is_said(protocol: Protocol, runs: tuple[Path, Path]) -> None:
    """Beside every number, and in the definition that is shown; the protocol's fingerprint is the same."""
    (metric, *_) = protocol.metrics
    doubted = replace(metric.extractor, origin="weights not verified", caution="nobody knows these weights")
    other = replace(protocol, metrics=(replace(metric, extractor=doubted),))
    assert other.fingerprint == replace(protocol, metrics=(metric,)).fingerprint
    for score in score_run(runs[0], other).scores:
        assert "nobody knows these weights" in score.note
        assert "; weights not verified; " in score.definition
    found = compare_runs(*runs, other)
    assert found.notes == ("nobody knows these weights",)
    assert "caution nobody knows these weights" in " ".join(comparison_text(found, 140).split())


def test_a_run_compared_with_itself_says_so(protocol: Protocol, runs: tuple[Path, Path], tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(runs[0])
    for other in (runs[0], link):
        assert "one run, compared with itself" in comparison_text(compare_runs(runs[0], other, protocol), 140)
    assert "itself" not in comparison_text(compare_runs(*runs, protocol), 140)


def test_the_command(
    runs: tuple[Path, Path],
    scorer: Path,
    references: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setitem(PROTOCOLS, "bundled", lambda: bundled(scorer))
    assert main(["compare", str(runs[0]), str(runs[1]), "--device", "cpu"]) == 0
    assert "In words" in capsys.readouterr().out
    assert main(["compare", *map(str, runs), "--device", "cpu", "--reference", str(references), "--json"]) == 0
    stored = Comparison.model_validate_json(capsys.readouterr().out)
    assert stored.differences[0].metric == "clip_score"
    assert main(["compare", str(runs[0]), str(references)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "is not a run directory" in error


def test_other_references_are_refused(
    runs: tuple[Path, Path],
    scorer: Path,
    references: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    """Runs that were scored against different references need one to be named."""
    monkeypatch.setitem(PROTOCOLS, "bundled", lambda: bundled(scorer))
    for path in runs:
        score_run(path, bundled(scorer), references)
    file = runs[1] / "scores" / "bundled.json"
    scores = json.loads(file.read_text())
    scores["reference"]["sha256"] = "0" * 64
    file.write_text(json.dumps(scores))
    assert main(["compare", *map(str, runs), "--device", "cpu"]) == 2
    assert "different references" in capsys.readouterr().err
    assert main(["compare", *map(str, runs), "--device", "cpu", "--reference", str(references)]) == 0
    file.write_text("{}")
    assert main(["compare", *map(str, runs), "--device", "cpu"]) == 2
    assert "is not a valid score file" in capsys.readouterr().err
    file.unlink()


def test_help_needs_nothing_heavy(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit):
        main(["compare", "--help"])
    assert command.EPILOGUE.splitlines()[1] in capsys.readouterr().out


def test_no_interval_goes_beyond_what_a_number_can_be(scorer: Path, references: Path, tmp_path: Path) -> None:
    """Of three prompts alone t intervals reach far: shares of images would differ by more than all of them."""
    protocol = bundled_extended(scorer)
    pair = [_run(tmp_path / "bright", limit=3), _run(tmp_path / "dark", 120, limit=3)]
    measures = {metric.metric: metric.kind.measure(metric.metric) for metric in protocol.metrics}
    measures |= {each.name: each for metric in protocol.metrics for each in metric.kind.measures}
    bounded = 0
    for row in compare_runs(*pair, protocol, references).differences:
        reach = measures[row.metric].most - measures[row.metric].least
        if isinstance(row.interval, Interval):
            assert -reach <= row.interval.low <= row.interval.high <= reach
            bounded += abs(row.interval.low) == reach or row.interval.high == reach
    assert bounded
