"""The example metric of CONTRIBUTING.md, added as it says: scored, compared, shown, read by the sanity suite."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

import metrics
from drawbench.comparing.compare import compare_runs
from drawbench.comparing.text import comparison_text
from drawbench.interface import ModelCard
from drawbench.results.files import result_from_score_file
from drawbench.results.scores import OVERALL
from drawbench.scoring import kinds
from drawbench.scoring.protocol import MetricDefinition, Protocol
from drawbench.scoring.score import score_run
from drawbench.tables.layout import leaderboard_sheet
from drawbench.tables.leaderboard import build_tables
from drawbench.tables.text import sheet_text
from metrics.features.registry import scorer_folder
from metrics.sanity.suite import CLEAN_SETS, MEMORISED, SuiteImages, run_suite
from tests.drawbench.scoring.test_score import CATEGORIES, make_run
from tests.metrics.stand_ins import write_scorer

PAGE = Path(__file__).parents[3] / "CONTRIBUTING.md"


@pytest.fixture(scope="module")
def nearest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The kind's module, once both of the page's files lie where the page puts them."""
    mathematics, kind = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    with pytest.MonkeyPatch.context() as patch:
        for package, code in ((metrics, mathematics), (kinds, kind)):
            folder = tmp_path_factory.mktemp("package")
            (folder / "nearest.py").write_text(code, encoding="utf-8")
            patch.setattr(package, "__path__", [*package.__path__, str(folder)])
        kinds.kinds.cache_clear()
        yield importlib.import_module("drawbench.scoring.kinds.nearest")
    kinds.kinds.cache_clear()


@pytest.fixture(scope="module")
def protocol(nearest: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    """A protocol of this metric alone, on a random scorer."""
    scorer = scorer_folder(write_scorer(tmp_path_factory.mktemp("scorer")))
    metric = MetricDefinition("nearest", nearest.NEAREST, scorer, "copies; made up")
    return Protocol("copies", 1, "made up for a test", None, (metric,))


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two runs of noise, the second of which lacks a prompt."""
    folder = tmp_path_factory.mktemp("runs")
    return make_run(folder / "a"), make_run(folder / "b", refuse=["text-001"])


@pytest.fixture(scope="module")
def references(runs: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copies of the first images of two categories, and noise."""
    folder = tmp_path_factory.mktemp("references")
    for path in [*(runs[0] / "images").rglob("co*-001-0.png")]:
        (folder / path.name).write_bytes(path.read_bytes())
    for number in range(3):
        noise = np.random.default_rng(number).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number}.png")
    return folder


def test_it_is_scored_and_stands_in_a_table(protocol: Protocol, runs: tuple[Path, Path], references: Path) -> None:
    scores = score_run(runs[0], protocol, references)
    assert [(score.metric, score.scope) for score in scores.scores] == [
        ("nearest", scope) for scope in (OVERALL, *CATEGORIES)
    ]
    for score in scores.scores:
        assert score.definition.startswith("copies; made up; references references")
        assert score.definition.endswith("; mean over the samples of a prompt, then over prompts")
        assert score.interval != "not available"
        assert score.interval.low <= score.value <= score.interval.high
    card = ModelCard(adapter="python", spec="noise", name="noise")
    (table,) = build_tables([result_from_score_file(card, scores, "measured")])
    text = sheet_text(leaderboard_sheet(table), 120)
    assert "nearest reference ↓" in text
    assert f"{scores.scores[0].value:.4f}" in text


def test_two_runs_are_compared_by_it(protocol: Protocol, runs: tuple[Path, Path], references: Path) -> None:
    found = compare_runs(*runs, protocol, references)
    assert [each.scope for each in found.differences] == [OVERALL, *CATEGORIES]
    assert [each.n for each in found.differences] == [11, 4, 4, 3]
    assert all(each.lower_is_better for each in found.differences)
    assert "nearest reference ↓" in comparison_text(found, 140)
    assert compare_runs(*runs, protocol).left_out == {"nearest": "no reference images"}


def test_the_sanity_suite_reads_it(protocol: Protocol) -> None:
    """Copies of the references give themselves away, which no other metric notices."""
    noise = np.random.default_rng(0).integers(0, 256, ((1 + CLEAN_SETS) * 48, 40, 40, 3), dtype=np.uint8)
    images = SuiteImages("noise", noise[:48], noise[48:], np.arange(CLEAN_SETS * 48) % 6, "none", [], [])
    scorer = protocol.metrics[0].extractor.load("cpu")
    metric = next(kind.suite_metric for kind in kinds.kinds() if kind.name == "nearest")
    (check,) = [each for each in run_suite(scorer, images, [metric]) if each.required]
    assert (check.metric, check.degradation, check.passed) == ("nearest", MEMORISED, True)
