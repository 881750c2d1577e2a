"""Whether two runs are the same: the verdict and its code, what it stands on, what cannot be tested."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import drawbench
from drawbench.cli.main import main
from drawbench.comparing.compare import ComparedRun, Comparison
from drawbench.comparing.differences import Difference
from drawbench.comparing.pairs import ImagePairs
from drawbench.comparing.same import Sameness, parse_margins, same_runs, sameness
from drawbench.errors import UserError
from drawbench.results.scores import OVERALL, Interval, PromptSetRef
from drawbench.runs.directory import RunDirectory
from drawbench.scoring.protocols import get_protocol
from metrics.statistics.groups import paired_grouped_shares
from metrics.statistics.paired import T_PAIRED, paired_shares

TEXTS = [f"a red cup beside {n} blue cars" for n in range(40)]
DRAWN = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), np.uint8)
TRUE = np.random.default_rng(1).integers(0, 200, (70, 16, 16, 3), np.uint8)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`a`; `rounded`, the same but for a level here and there; `other`, of other noise; `dark`, half as bright."""
    folder = tmp_path_factory.mktemp("runs")
    rounded = np.clip(DRAWN.astype(int) + np.random.default_rng(2).integers(-1, 2, DRAWN.shape), 0, 255)
    rounded[0] = DRAWN[0]
    other = np.random.default_rng(3).integers(0, 256, DRAWN.shape, np.uint8)
    sets = {"a": DRAWN, "rounded": rounded.astype(np.uint8), "other": other, "dark": DRAWN // 3}
    for name, images in sets.items():
        drawbench.score(images, TEXTS, name=name, out=folder / name, references=TRUE)
    return folder


def verdict(capsys: pytest.CaptureFixture[str], code: int, *words: object) -> Sameness:
    assert main(["same", *map(str, words), "--json"]) == code
    return Sameness.model_validate_json(capsys.readouterr().out)


def test_rounding_is_the_same_and_says_how_far_the_images_are(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = verdict(capsys, 0, runs / "a", runs / "rounded", "--margin", "clip_score=0.01")
    [test] = found.tests
    assert -0.01 < test.low <= test.difference <= test.high < 0.01
    expected = np.mean([((runs_pixels(runs / "a") - runs_pixels(runs / "rounded")) ** 2)])
    assert found.pairs.psnr == pytest.approx(10 * np.log10(255**2 / expected))
    assert found.pairs.identical == 1
    assert found.pairs.distances[0].extractor == "scorer"
    assert 0 < found.pairs.distances[0].value < 0.01
    assert main(["same", str(runs / "a"), str(runs / "rounded"), "--margin", "clip_score=0.01"]) == 0
    assert "SAME: every difference is shown to be within its margin" in capsys.readouterr().out


def runs_pixels(path: Path) -> np.ndarray:
    run = RunDirectory.open(path)
    return np.stack([run.pixels(sample) for sample in run.samples()]).astype(float)


def test_another_picture_is_different_even_beside_a_wide_margin(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = [runs / "a", runs / "dark", "--reference", references(runs), "--margin", "clip_score=2"]
    found = verdict(capsys, 3, *words, "--margin", "frechet_distance=0.0001")
    assert [test.verdict for test in found.tests] == ["same", "different"]
    assert main(["same", *map(str, words), "--margin", "frechet_distance=0.0001"]) == 3
    assert "DIFFERENT: Fréchet distance is shown not to be zero" in " ".join(capsys.readouterr().out.split())


def references(runs: Path) -> Path:
    folder = runs / "references"
    folder.mkdir(exist_ok=True)
    for number, image in enumerate(TRUE):
        Image.fromarray(image).save(folder / f"{number:03d}.png")
    return folder


def test_what_is_too_little_says_how_much_would_decide(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = verdict(capsys, 4, runs / "a", runs / "other", "--margin", "clip_score=0.001")
    [test] = found.tests
    assert test.prompts_needed is not None
    assert test.prompts_needed > 40
    assert main(["same", str(runs / "a"), str(runs / "other"), "--margin", "clip_score=0.001"]) == 4
    assert f"about {test.prompts_needed} prompts would decide" in " ".join(capsys.readouterr().out.split())


def test_a_run_and_itself_are_the_same(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = verdict(capsys, 0, runs / "a", runs / "a", "--margin", "clip_score=0.0001")
    assert (found.pairs.psnr, found.pairs.identical, found.pairs.distances[0].value) == (None, 40, 0.0)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--margin", "clip_score"], "--margin clip_score is no margin"),
        (["--margin", "clip_score=-1"], "is no margin"),
        (["--margin", "clip_score=nan"], "is no margin"),
        (["--margin", "clip_score=1", "--margin", "clip_score=2"], "given twice"),
        (["--margin", "fid=1"], "--margin fid cannot be tested: there is clip_score"),
        (["--margin", "frechet_distance=1"], "frechet_distance was left out, no reference images"),
    ],
)
def test_what_cannot_be_tested_is_said(
    runs: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["same", str(runs / "a"), str(runs / "other"), *words]) == 2
    assert sentence in capsys.readouterr().err


def test_runs_of_other_seeds_do_not_pair(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def draw(prompt: str, seed: int, size: int = 16) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 256, (size, size, 3), np.uint8)

    for seed in (0, 1):
        drawbench.run(draw, TEXTS, samples=1, seed=seed, out=tmp_path / str(seed), progress=False)
    assert main(["same", str(tmp_path / "0"), str(tmp_path / "1"), "--margin", "clip_score=1"]) == 2
    assert "draw both with one --seed" in capsys.readouterr().err


def test_too_few_prompts_have_no_interval(tmp_path: Path) -> None:
    few = [drawbench.score(DRAWN[:2], TEXTS[:2], out=tmp_path / name).path for name in "ab"]
    assert parse_margins(["clip_score=1", "kid=2.5"]) == {"clip_score": 1.0, "kid": 2.5}
    with pytest.raises(UserError, match="has no interval; draw more prompts"):
        same_runs(*few, {"clip_score": 1.0}, get_protocol("bundled"))


def test_what_one_model_refuses_is_not_shown_to_be_the_same(
    runs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [drawbench.Refused("filtered")] * 2 + list(DRAWN[2:])
    for name in ("some", "same"):
        drawbench.score(given, TEXTS, out=tmp_path / name)
    found = verdict(capsys, 4, runs / "a", tmp_path / "some", "--margin", "clip_score=0.01")
    assert ([test.verdict for test in found.tests], found.refused_once) == (["same"], 2)
    assert main(["same", str(runs / "a"), str(tmp_path / "some"), "--margin", "clip_score=0.01"]) == 4
    told = " ".join(capsys.readouterr().out.split())
    assert "UNDECIDED: 2 samples have an image in one run and were refused in the other" in told
    assert verdict(capsys, 0, tmp_path / "same", tmp_path / "some", "--margin", "clip_score=0.01").refused_once == 0


def compared(metric: str, difference: float, interval: tuple[float, float], method: str, n: int) -> Comparison:
    """Of 200 prompts, of which the metric has so many."""
    row = Difference(
        metric=metric,
        scope="overall",
        a=difference,
        b=0.0,
        difference=difference,
        n=n,
        interval=Interval(*interval, method),
        lower_is_better=False,
        verdict="within noise",
    )
    run = ComparedRun(name="m", path="p", plan_sha256="0", refusals=0)
    return Comparison(
        a=run,
        b=run,
        protocol=get_protocol("bundled").ref,
        prompt_set=PromptSetRef(name="p", sha256="0", n=200),
        reference=None,
        size=16,
        samples=1,
        complete=True,
        images=200,
        prompts=200,
        differences=[row],
        left_out={},
    )


@pytest.mark.parametrize("n", [3, 5, 40])
@pytest.mark.parametrize("reach", [0.3, 0.7, 3.0])
def test_the_test_is_that_of_its_own_prompts_and_of_the_interval_before_it_was_cut(n: int, reach: float) -> None:
    """R-precision lies between 0 and 1, so its differences' intervals end at -1 and 1; here against scipy's t."""
    from scipy import stats

    difference, pairs = 0.5, ImagePairs(n=1, identical=1, psnr=None, distances=())
    interval = max(difference - reach, -1.0), min(difference + reach, 1.0)
    [test] = sameness(compared("r_precision", difference, interval, T_PAIRED, n), {"r_precision": 0.9}, pairs).tests
    error = reach / stats.t.ppf(0.975, n - 1)
    if reach < 1.5:
        assert test.p_within == pytest.approx(stats.t.sf((0.9 - difference) / error, n - 1))
        assert test.p_zero == pytest.approx(2 * stats.t.sf(difference / error, n - 1))
    assert test.prompts == n
    assert -1 <= test.low <= test.high <= 1
    assert (test.verdict == "same") == (difference + stats.t.ppf(0.95, n - 1) * error <= 0.9)


def test_shares_on_which_all_prompts_agree_are_tested_as_means_of_their_own_prompts() -> None:
    found = paired_shares(np.ones(21), np.ones(21)).interval
    assert found is not None
    pairs = ImagePairs(n=1, identical=0, psnr=30.0, distances=())
    row = compared("text_exact", 0.0, (found.low, found.high), found.method, 21)
    [test] = sameness(row, {"text_exact": 0.08}, pairs).tests
    assert (test.prompts, test.level, test.verdict) == (21, 0.9, "same")


def test_tasks_are_tested_at_their_own_degrees_of_freedom() -> None:
    from scipy import stats

    random, groups = np.random.default_rng(0), np.repeat([1, 2], [80, 8])
    pair = paired_grouped_shares((random.random(88) < 0.9).astype(float), (random.random(88) < 0.4) * 1.0, groups)
    assert pair.interval is not None
    assert pair.units is not None
    assert pair.units < 30
    row = Difference.of("geneval", OVERALL, pair, lower_is_better=False)
    pairs = ImagePairs(n=1, identical=0, psnr=30.0, distances=())
    comparison = compared("geneval", 0.0, (0.0, 0.0), "", 88).model_copy(update={"differences": [row]})
    [test] = sameness(comparison, {"geneval": 0.5}, pairs).tests
    error = (pair.difference - pair.interval.low) / stats.t.ppf(0.975, pair.units - 1)
    assert test.p_zero == pytest.approx(2 * stats.t.sf(abs(pair.difference) / error, pair.units - 1), rel=1e-6)


def test_json_is_whole(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["same", str(runs / "a"), str(runs / "a"), "--margin", "clip_score=1", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert {"verdict", "tests", "pairs", "comparison"} <= set(facts)
