"""Sweeps: which points there are, what is shared, what a second run does again, and what comes out."""

import csv
import itertools
import json
import shutil
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from drawbench.cli.main import main
from drawbench.cli.sweep import axes_of, configure
from drawbench.errors import UserError
from drawbench.files import write_text_atomically
from drawbench.interface import ModelCard, Sample, TextToImage
from drawbench.progress import Progress
from drawbench.prompts.prompt_set import PromptRow, build_prompt_set
from drawbench.results.scores import OVERALL, ScoreFile
from drawbench.scoring.kinds import clip_score as kinds
from drawbench.scoring.protocol import MetricDefinition, Protocol
from drawbench.scoring.protocols import get_protocol
from drawbench.scoring.score import score_run
from drawbench.sweeps import PAPER_GUIDANCE
from drawbench.sweeps.pareto_plot import curves, write_plots
from drawbench.sweeps.sweep import Sweep, SweepFile, SweepPoint, read_sweep, run_sweep
from drawbench.sweeps.table import sweep_csv, sweep_text
from drawbench.tables.headers import CLIP_SCORE
from tests.drawbench.plain_extractors import PlainExtractor, entry_of

PROMPTS = build_prompt_set("mine", [PromptRow("", f"a red ring number {n}", f"row {n}") for n in range(6)], "mine")


class Noise(TextToImage):
    """A model whose images are noise of a seed, brighter with more guidance."""

    calls: list[tuple[str, tuple[int, ...]]]

    def __init__(self, settings: Mapping[str, str], calls: list[tuple[str, tuple[int, ...]]]) -> None:
        self.settings, self.calls = dict(settings), calls

    def card(self) -> ModelCard:
        return ModelCard(adapter="test", spec="noise", name="Noise", settings=dict(self.settings))

    def generate(self, samples: list[Sample], size: int) -> list[np.ndarray]:
        guidance = float(self.settings["guidance"])
        self.calls.append((self.settings["guidance"], tuple(sample.seed for sample in samples)))
        made = []
        for sample in samples:
            noise = np.random.default_rng(sample.seed).uniform(0, 60, (size, size, 3))
            made.append((noise + 20 * guidance).clip(0, 255).astype(np.uint8))
        return made


class Source:
    """Models by settings, which note what was asked of them."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[int, ...]]] = []

    def __call__(self, spec: str, settings: Mapping[str, str]) -> TextToImage:
        return Noise(settings, self.calls)  # type: ignore[return-value]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    write_noise(folder, range(8))
    return folder


def write_noise(folder: Path, numbers: range) -> None:
    for number in numbers:
        pixels = np.random.default_rng(number).integers(0, 120, (32, 32, 3))
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")


def sweep_of(reference: Path | None, guidance: tuple[str, ...] = ("1", "2", "5")) -> Sweep:
    return Sweep(
        models=("noise",),
        axes={"guidance": guidance},
        fixed={},
        prompt_set=PROMPTS,
        samples=1,
        size=32,
        seed=0,
        limit=None,
        slice_size=4,
        protocol=get_protocol("bundled"),
        reference=reference,
    )


def test_every_point_has_the_same_seeds_and_its_own_numbers(reference: Path, tmp_path: Path) -> None:
    source = Source()
    points = run_sweep(sweep_of(reference), tmp_path, source)
    seeds = {guidance: [s for g, part in source.calls if g == guidance for s in part] for guidance, _ in source.calls}
    assert list(seeds) == ["1", "2", "5"]
    assert seeds["1"] == seeds["2"] == seeds["5"]
    assert len(set(seeds["1"])) == len(PROMPTS.prompts)
    assert len({score_of(point) for point in points}) == 3
    assert [point.settings for point in read_sweep(tmp_path)] == [{"guidance": g} for g in ("1", "2", "5")]


def score_of(point: SweepPoint, metric: str = CLIP_SCORE) -> float:
    score = point.result.score(metric, OVERALL)
    assert score is not None
    return score.value


@pytest.mark.parametrize("stop_after", range(1, 7))
def test_an_interrupted_sweep_resumes_without_drawing_a_finished_point_again(
    reference: Path, tmp_path: Path, stop_after: int
) -> None:
    """Two slices a point, three points: stopped after each of the six."""
    source, undisturbed = Source(), Source()
    stop = stopping(source, stop_after)
    if stop_after < 6:
        with pytest.raises(KeyboardInterrupt):
            run_sweep(sweep_of(reference), tmp_path / "stopped", stop)
    resumed = run_sweep(sweep_of(reference), tmp_path / "stopped", source)
    whole = run_sweep(sweep_of(reference), tmp_path / "whole", undisturbed)
    assert sorted(source.calls) == sorted(undisturbed.calls), "every slice was drawn once"
    assert [point.result.scores for point in resumed] == [point.result.scores for point in whole]
    assert [point.result.run for point in resumed] == [point.result.run for point in whole]


class Interposed:
    """A source of models that do something before each slice they draw, told the settings of its point."""

    def __init__(self, source: Source, act: Callable[[Mapping[str, str]], None]) -> None:
        self.source, self.act = source, act

    def __call__(self, spec: str, settings: Mapping[str, str]) -> TextToImage:
        model = self.source(spec, settings)
        draw = model.generate

        def generate(samples: list[Sample], size: int) -> list[np.ndarray]:
            self.act(settings)
            return draw(samples, size)  # type: ignore[return-value]

        model.generate = generate  # type: ignore[method-assign,assignment]
        return model


def stopping(source: Source, n: int) -> Interposed:
    """Interrupts, as Ctrl-C does, before the call after the `n`-th."""

    def act(settings: Mapping[str, str]) -> None:
        if len(source.calls) >= n:
            raise KeyboardInterrupt

    return Interposed(source, act)


def meanwhile(source: Source, guidance: str, happen: Callable[[], None]) -> Interposed:
    """Lets something happen before the first slice of one guidance weight is drawn."""

    def act(settings: Mapping[str, str]) -> None:
        first = settings["guidance"] not in {drawn for drawn, _ in source.calls}
        if first and settings["guidance"] == guidance:
            happen()

    return Interposed(source, act)


def test_a_finished_point_is_not_scored_again_unless_something_changed(
    reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_sweep(sweep_of(reference), tmp_path, Source())
    measured: list[Path] = []
    monkeypatch.setattr("drawbench.sweeps.sweep.score_run", lambda path, *_, **__: measured.append(path) or fail())
    again = run_sweep(sweep_of(reference), tmp_path, Source())
    assert not measured
    assert again == read_sweep(tmp_path)
    write_noise(reference, range(8, 9))
    with pytest.raises(RuntimeError, match="scored again"):
        run_sweep(sweep_of(reference), tmp_path, Source())


def fail() -> None:
    raise RuntimeError("scored again")


def test_of_a_finished_point_no_image_is_read_again(reference: Path, tmp_path: Path) -> None:
    points, again = run_sweep(sweep_of(reference), tmp_path, Source()), Source()
    images = list(tmp_path.glob("runs/*/images/**/*.png"))
    assert len(images) == 3 * len(PROMPTS.prompts)
    for path in images:
        path.write_bytes(b"whoever reads this finds no image")
    assert run_sweep(sweep_of(reference), tmp_path, again) == points
    assert again.calls == []


def test_scoring_finds_the_features_that_were_computed_while_drawing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / "cache"))
    extractor, known = PlainExtractor("a"), []

    def scoring(*arguments: Any, **options: Any) -> ScoreFile:
        known.append(sum(extractor.batches))
        scores = score_run(*arguments, **options)
        assert sum(extractor.batches) == known[-1], "scoring computed features again"
        return scores

    monkeypatch.setattr("drawbench.sweeps.sweep.score_run", scoring)
    plain = Protocol(
        "p", 1, "", None, (MetricDefinition(CLIP_SCORE, kinds.CLIP_SCORE, entry_of(extractor), "made up"),)
    )
    run_sweep(Sweep(**{**vars(sweep_of(None, ("1", "2"))), "protocol": plain}), tmp_path / "sweep", Source())
    assert known == [len(PROMPTS.prompts), 2 * len(PROMPTS.prompts)]


def test_more_values_keep_the_points_there_are(reference: Path, tmp_path: Path) -> None:
    first, second = Source(), Source()
    run_sweep(sweep_of(reference, ("1", "5")), tmp_path, first)
    points = run_sweep(sweep_of(reference, ("1", "2", "5")), tmp_path, second)
    assert {guidance for guidance, _ in second.calls} == {"2"}
    assert [point.settings["guidance"] for point in points] == ["1", "2", "5"]


def test_points_of_earlier_calls_stay_as_long_as_their_runs_do(reference: Path, tmp_path: Path) -> None:
    first = run_sweep(sweep_of(reference, ("1", "2")), tmp_path, Source())
    other = run_sweep(sweep_of(reference, ("5", "2")), tmp_path, Source())
    assert read_sweep(tmp_path) == other
    assert weights(tmp_path) == (["5", "2"], ["1"])
    again = Source()
    assert run_sweep(sweep_of(reference, ("1", "2")), tmp_path, again) == first
    assert again.calls == []
    assert weights(tmp_path) == (["1", "2"], ["5"])
    shutil.rmtree(tmp_path / "runs" / other[0].run)
    run_sweep(sweep_of(reference, ("1",)), tmp_path, again)
    assert weights(tmp_path) == (["1"], ["2"])
    redrawn = run_sweep(sweep_of(reference, ("5",)), tmp_path, again)
    assert {guidance for guidance, _ in again.calls} == {"5"}
    assert redrawn[0].result.scores == other[0].result.scores


def weights(folder: Path) -> tuple[list[str], list[str]]:
    """Guidance of the points in sweep.json: those asked for, and the earlier ones."""
    file = SweepFile.model_validate_json((folder / "sweep.json").read_bytes())
    asked, earlier = [[point.settings["guidance"] for point in points] for points in (file.points, file.earlier)]
    return asked, earlier


def test_a_sweep_that_another_one_overtakes_keeps_its_points(reference: Path, tmp_path: Path) -> None:
    def other() -> None:
        run_sweep(sweep_of(reference, ("3", "4")), tmp_path, Source())
        assert weights(tmp_path) == (["3", "4"], ["1"])

    points = run_sweep(sweep_of(reference, ("1", "2")), tmp_path, meanwhile(Source(), "2", other))
    assert [point.settings["guidance"] for point in points] == ["1", "2"]
    assert weights(tmp_path) == (["1", "2"], ["3", "4"])


def test_a_point_that_another_sweep_measured_meanwhile_is_not_measured_again(
    reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs: list[SweepPoint] = []
    scored: list[str] = []

    def other() -> None:
        theirs.extend(run_sweep(sweep_of(reference, ("3",)), tmp_path, Source()))

    def note_and_score(path: Path, *arguments: Any, **options: Any) -> ScoreFile:
        scored.append(path.name)
        return score_run(path, *arguments, **options)

    monkeypatch.setattr("drawbench.sweeps.sweep.score_run", note_and_score)
    source = Source()
    points = run_sweep(sweep_of(reference, ("1", "3")), tmp_path, meanwhile(source, "1", other))
    assert {guidance for guidance, _ in source.calls} == {"1"}
    assert sorted(scored) == sorted(point.run for point in points)
    assert points[1:] == theirs


def test_two_sweeps_that_write_at_the_same_moment_lose_no_point(
    reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored, read = threading.Barrier(2), threading.Barrier(2)

    def score_together(*arguments: Any, **options: Any) -> ScoreFile:
        scores = score_run(*arguments, **options)
        scored.wait(timeout=60)
        return scores

    def write_late(path: Path, text: str) -> None:
        with suppress(threading.BrokenBarrierError):  # as it should be: the other one may not even read
            read.wait(timeout=0.5)
        write_text_atomically(path, text)

    run_sweep(sweep_of(reference, ("1", "2")), tmp_path, Source())
    (tmp_path / "sweep.json").unlink()
    monkeypatch.setattr("drawbench.sweeps.sweep.score_run", score_together)
    monkeypatch.setattr("drawbench.sweeps.sweep.write_text_atomically", write_late)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda guidance: run_sweep(sweep_of(reference, (guidance,)), tmp_path, Source()), ("1", "2")))
    asked, earlier = weights(tmp_path)
    assert sorted(asked + earlier) == ["1", "2"]


def test_the_last_axis_changes_fastest() -> None:
    sweep = sweep_of(None)
    grid = Sweep(**{**vars(sweep), "models": ("a", "b"), "axes": {"guidance": ("1", "2"), "steps": ("4", "8")}})
    expected = itertools.product("ab", "12", "48")
    assert [(m, s["guidance"], s["steps"]) for m, s in grid.combinations()] == list(expected)


def test_the_csv_says_what_the_points_say(reference: Path, tmp_path: Path) -> None:
    points = run_sweep(sweep_of(reference), tmp_path, Source())
    rows = list(csv.DictReader(sweep_csv(points).splitlines()))
    assert [row["guidance"] for row in rows] == ["1", "2", "5"]
    for row, point in zip(rows, points, strict=True):
        for metric in ("clip_score", "frechet_distance"):
            score = point.result.score(metric, OVERALL)
            assert score is not None
            assert float(row[metric]) == score.value
            assert int(row[f"{metric}_n"]) == score.n
            if score.interval != "not available":
                assert (float(row[f"{metric}_low"]), float(row[f"{metric}_high"])) == (
                    score.interval.low,
                    score.interval.high,
                )
        assert row["protocol_fingerprint"] == point.result.protocol.fingerprint
        assert (row["prompts"], row["complete"]) == ("6", "true")


def test_curves_run_along_guidance_and_mark_the_smallest_distance(reference: Path, tmp_path: Path) -> None:
    points = run_sweep(sweep_of(reference, ("10", "9", "1")), tmp_path, Source())
    (curve,) = curves(points)
    assert [point.label for point in curve.points] == ["1", "9", "10"]
    assert curve.best.distance.value == min(score_of(point, "frechet_distance") for point in points)
    starred = [line for line in sweep_text(points).splitlines() if line.endswith(" *")]
    assert [line.split()[0] for line in starred] == [curve.best.label]


def test_plots_are_readable_files_and_equal_for_equal_points(reference: Path, tmp_path: Path) -> None:
    points = run_sweep(sweep_of(reference), tmp_path, Source())
    for folder in (tmp_path / "one", tmp_path / "two"):
        folder.mkdir()
        assert [path.name for path in write_plots(points, folder)] == ["pareto.svg", "pareto.png"]
    for name in ("pareto.svg", "pareto.png"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    with Image.open(tmp_path / "one" / "pareto.png") as picture:
        assert len(set(picture.convert("RGB").resize((60, 40)).tobytes())) > 20
    assert "not FID" in (tmp_path / "one" / "pareto.svg").read_text()


def test_without_references_there_is_no_curve(tmp_path: Path) -> None:
    points = run_sweep(sweep_of(None, ("1", "2")), tmp_path, Source())
    assert curves(points) == []
    assert write_plots(points, tmp_path) == []
    assert "frechet" not in sweep_text(points)


def test_settings_that_are_no_plan_are_refused_before_anything_is_drawn(reference: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="size 0"):
        run_sweep(Sweep(**{**vars(sweep_of(reference)), "size": 0}), tmp_path / "out", Source())
    assert not (tmp_path / "out").exists()


def parsed(*words: str) -> dict[str, tuple[str, ...]]:
    import argparse

    parser = argparse.ArgumentParser()
    configure(parser)
    return axes_of(parser.parse_args(["--model", "reference", "--prompts", "world", *words]))


def test_the_papers_values_are_the_default() -> None:
    assert parsed() == {"guidance": PAPER_GUIDANCE}
    assert [float(value) for value in PAPER_GUIDANCE] == [1, 1.25, 1.5, 1.75, 2, 3, 4, 5, 6, 7, 8, 9, 10]


def test_axes_are_given_by_options_and_by_vary() -> None:
    words = ("--guidance", "1,2", "--aug-level", "0,0.2", "--thresholding", "none,static", "--vary", "steps=4, 8")
    assert parsed(*words) == {
        "guidance": ("1", "2"),
        "thresholding": ("none", "static"),
        "aug_level": ("0", "0.2"),
        "steps": ("4", "8"),
    }


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--guidance", "1,,2"), "different values separated by commas"),
        (("--guidance", "2,2"), "different values separated by commas"),
        (("--guidance", "2", "--vary", "guidance=3"), "given twice"),
        (("--guidance", "2", "--set", "guidance=3"), "both fixed and swept"),
    ],
)
def test_axes_that_cannot_be(words: tuple[str, ...], says: str) -> None:
    with pytest.raises(UserError, match=says):
        parsed(*words)


def test_the_command_draws_the_bundled_model_and_keeps_its_texts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = tmp_path / "mine.csv"
    prompts.write_text("category,text\nColors,a red ring on grass\nColors,a blue star on sand\n")
    out = tmp_path / "sweep"
    words = ["sweep", "--model", "reference", "--prompts", str(prompts), "--size", "64", "--samples", "1"]
    words += ["--guidance", "1,3", "--set", "steps=2", "--out", str(out)]
    assert main(words) == 0
    table = capsys.readouterr().out
    assert [line.split()[0] for line in table.splitlines()[5:7]] == ["1", "3"]
    texts = list((out / "texts").rglob("*.rows"))
    assert len(texts) == 1, "the second point encoded nothing"
    assert {path.name for path in out.iterdir()} - {".sweep.json.lock"} == {"runs", "sweep.csv", "sweep.json", "texts"}
    single = ["generate", "--model", "reference", "--prompts", str(prompts), "--size", "64", "--samples", "1"]
    single += ["--set", "steps=2", "--set", "guidance=3", "--out", str(tmp_path / "single"), "--json"]
    assert main(single) == 0
    alone = json.loads(capsys.readouterr().out)
    (_, three) = read_sweep(out)
    assert three.result.run is not None
    assert three.result.run.pixels_sha256 == alone["pixels_sha256"], "as a single run draws it, to the last bit"


@pytest.fixture(scope="module")
def other(reference: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[Path, list[SweepPoint]]:
    folder = tmp_path_factory.mktemp("other")
    return {folder: run_sweep(sweep_of(reference, ("1",)), folder, Source())}


OTHER_PROMPTS = build_prompt_set(
    "mine", [PromptRow("", f"a blue ring number {n}", f"row {n}") for n in range(6)], "mine"
)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"prompt_set": OTHER_PROMPTS}, "prompt set"),
        ({"limit": 4}, "completeness"),
        ({"size": 64}, "evaluated size (32 px against 64 px)"),
        ({"samples": 2}, "samples per prompt (1 against 2)"),
        ({"protocol": get_protocol("bundled-extended")}, "protocol"),
        ({"reference": None}, "reference set"),
    ],
)
def test_what_does_not_compare_with_another_sweep_is_refused_before_anything_is_drawn(
    reference: Path, other: dict[Path, list[SweepPoint]], tmp_path: Path, change: dict[str, Any], says: str
) -> None:
    source, out = Source(), tmp_path / "out"
    with pytest.raises(UserError) as refused:
        run_sweep(Sweep(**{**vars(sweep_of(reference)), **change}), out, source, others=other)
    assert says in str(refused.value)
    assert str(next(iter(other))) in str(refused.value)
    assert source.calls == []
    assert not out.exists()


def test_references_that_another_sweep_lacks_are_refused_before_anything_is_drawn(
    reference: Path, tmp_path: Path
) -> None:
    source, folder = Source(), tmp_path / "other"
    theirs = {folder: run_sweep(sweep_of(None, ("1",)), folder, Source())}
    with pytest.raises(UserError, match="reference set"):
        run_sweep(sweep_of(reference), tmp_path / "out", source, others=theirs)
    assert source.calls == []


def test_other_references_are_refused_after_the_first_point_which_is_kept(
    other: dict[Path, list[SweepPoint]], tmp_path: Path
) -> None:
    source, references, out = Source(), tmp_path / "references", tmp_path / "out"
    references.mkdir()
    write_noise(references, range(20, 28))
    with pytest.raises(UserError, match="reference set"):
        run_sweep(sweep_of(references), out, source, others=other)
    assert {guidance for guidance, _ in source.calls} == {"1"}
    assert [point.settings["guidance"] for point in read_sweep(out)] == ["1"]


def test_what_compares_with_another_sweep_is_drawn(
    reference: Path, other: dict[Path, list[SweepPoint]], tmp_path: Path
) -> None:
    (point,) = run_sweep(sweep_of(reference, ("2",)), tmp_path, Source(), others=other)
    assert point.settings == {"guidance": "2"}


def test_sweeps_that_do_not_compare_share_no_plot(
    reference: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_sweep(sweep_of(reference, ("1", "2")), tmp_path / "other", Source())
    prompts = tmp_path / "mine.csv"
    prompts.write_text("category,text\nColors,a red ring on grass\n")
    words = ["sweep", "--model", "reference", "--prompts", str(prompts), "--size", "64", "--samples", "1"]
    words += [
        "--guidance",
        "1",
        "--set",
        "steps=1",
        "--out",
        str(tmp_path / "sweep"),
        "--with",
        str(tmp_path / "other"),
    ]
    assert main(words) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert "does not compare" in said
    assert "prompt set" in said
    assert not (tmp_path / "sweep").exists()
    assert main([*words[:-1], str(tmp_path)]) == 2
    assert "holds no sweep" in capsys.readouterr().err


def test_points_with_equal_pixels_are_named(tmp_path: Path) -> None:
    """A point of guidance 100 and one of 200 are both white."""
    notes: list[str] = []
    progress = Progress()
    progress.note = notes.append  # type: ignore[method-assign]
    points = run_sweep(sweep_of(None, ("1", "100", "2", "200")), tmp_path, Source(), progress=progress)
    said = "the same pixels at guidance 100; guidance 200: what differs between these points had no effect"
    assert [note for note in notes if "pixels" in note] == [said]
    assert said in " ".join(sweep_text(points).split())
    assert "pixels" not in sweep_text(points[:3])
