"""`metrics.fid` and `metrics.clip_score`: the numbers of their parts, and of others' packages, from what users hold."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import metrics
from metrics import MetricInputError
from metrics.alignment import clip_score_results, prompt_scores
from metrics.features.inception.extractor import InceptionExtractor
from metrics.features.registry import inception, scorer_folder, transformers_clip
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import Gaussian
from tests.metrics.random_inception import TORCHSCRIPT
from tests.metrics.stand_ins import write_transformers_clip

DRAWN = np.random.default_rng(0).integers(0, 256, (80, 24, 24, 3), np.uint8)
TRUE = np.clip(DRAWN.astype(int) + 40, 0, 255).astype(np.uint8)
TEXTS = [f"a drawing of {number} cups" for number in range(40)] * 2
ON: dict[str, Any] = {"network": "bundled"}


def folder_of(folder: Path, images: np.ndarray) -> Path:
    folder.mkdir()
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number:03d}.png")
    return folder


def test_what_is_public_is_what_dir_shows() -> None:
    assert dir(metrics) == sorted(metrics.__all__)
    for name in metrics.__all__:
        assert getattr(metrics, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = metrics.nothing


def test_fid_is_the_distance_of_inceptions_features(inception_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which tests of their own hold against the peers."""
    monkeypatch.setenv("DRAWBENCH_WEIGHTS", str(inception_folder))
    few = DRAWN[:6], TRUE[:6]
    found = metrics.fid(*few, network=inception("clean", TORCHSCRIPT))
    extract = InceptionExtractor.load("clean", folder=inception_folder, weights=TORCHSCRIPT)
    expected = frechet_distance(*(Gaussian.of_features(extract(images)) for images in few))
    assert found.value == pytest.approx(expected, rel=1e-6)
    assert found.n == 6
    assert "no FID" not in found.note


def test_images_of_a_folder_a_list_and_a_tensor_have_one_fid(tmp_path: Path) -> None:
    drawn, true = folder_of(tmp_path / "drawn", DRAWN), folder_of(tmp_path / "true", TRUE)
    tensor = torch.from_numpy(DRAWN).permute(0, 3, 1, 2) / 255
    found = [
        metrics.fid(drawn, true, **ON),
        metrics.fid(str(drawn), list(TRUE), **ON),
        metrics.fid([Image.fromarray(each) for each in DRAWN], TRUE, **ON),
    ]
    assert found[0] == found[1] == found[2]
    assert "no FID" in found[0].note
    assert found[0].interval is not None
    assert found[0].n == 80
    given = metrics.fid(tensor, TRUE / 255, value_range=(0, 1), **ON)
    assert given == found[0]


def test_images_of_one_prompt_are_one_unit_of_the_interval() -> None:
    alone, together = metrics.fid(DRAWN, TRUE, **ON), metrics.fid(DRAWN, TRUE, prompts=TEXTS, **ON)
    assert alone.value == together.value
    assert alone.interval
    assert together.interval
    assert "images" in alone.interval.method
    assert "prompts" in together.interval.method


def test_clip_score_is_that_of_its_parts_and_stands_beside_shuffled_captions() -> None:
    found = metrics.clip_score(DRAWN, TEXTS, scorer="bundled")
    scorer, texts = scorer_folder().load("cpu"), TEXTS[:40]
    parts = prompt_scores(scorer(list(DRAWN)), [*range(40)] * 2, texts, scorer.encode_texts(texts))  # type: ignore[attr-defined]
    expected = clip_score_results(parts)
    assert found.value == pytest.approx(expected["clip_score"].value, abs=1e-6)
    assert found.n == 40
    assert found.shuffled
    assert found.shuffled.value == pytest.approx(expected["clip_score_shuffled"].value, abs=1e-6)
    assert found.difference
    assert found.difference.n == 40
    one = metrics.clip_score(DRAWN[:2], ["a cup"] * 2, scorer="bundled")
    assert (one.shuffled, one.difference) == (None, None)
    assert "one caption" in one.note


def test_a_scorer_may_be_a_folder_of_transformers_or_an_entry(tmp_path: Path) -> None:
    folder = write_transformers_clip(tmp_path / "clip")
    named = metrics.clip_score(DRAWN[:4], TEXTS[:4], scorer=str(folder))
    assert named == metrics.clip_score(DRAWN[:4], TEXTS[:4], scorer=transformers_clip(str(folder)))


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: metrics.fid(DRAWN, TRUE, network="inception"), "no network 'inception': use one of legacy_tensorflow"),
        (lambda: metrics.fid([], TRUE, **ON), "no images were given"),
        (lambda: metrics.fid(DRAWN[:1], TRUE, **ON), "2"),
        (lambda: metrics.fid("nowhere", TRUE, **ON), "nowhere is no folder of images"),
        (lambda: metrics.fid(DRAWN, TRUE, size=48, **ON), "24x24 px would be enlarged to 48 px"),
        (lambda: metrics.fid(DRAWN, TRUE, prompts=["a"], **ON), "80 images and 1 prompts"),
        (lambda: metrics.fid(DRAWN / 255, TRUE, **ON), "no stated range"),
        (lambda: metrics.fid(DRAWN / 255, TRUE, value_range=(1, 0), **ON), r"value_range is \(1, 0\)"),
        (lambda: metrics.clip_score(DRAWN, TEXTS[:3], scorer="bundled"), "80 images and 3 prompts"),
        (lambda: metrics.clip_score(DRAWN, "a cup", scorer="bundled"), "the prompts are one text"),
    ],
)
def test_what_cannot_be_measured_is_said(call: Any, sentence: str) -> None:
    with pytest.raises(MetricInputError, match=sentence):
        call()
