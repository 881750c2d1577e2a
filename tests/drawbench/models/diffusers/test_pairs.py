"""Pipelines in two halves: joined from their two checkpoints, and explained where one is missing."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drawbench.errors import UserError
from drawbench.interface import Sample
from drawbench.models.diffusers.adapter import DiffusersAdapter
from drawbench.models.diffusers.pairs import PAIRS
from tests.drawbench.models.diffusers import tiny_unets
from tests.drawbench.models.diffusers.tiny_pipelines import edit_json, save

SIZE = {"KandinskyV22Pipeline": 64, "StableCascadeDecoderPipeline": 128, "WuerstchenDecoderPipeline": 128}
STEPS = {"steps": "2", "prior_num_inference_steps": "2"}


def joined(decoder: str) -> Any:
    builders = {"StableCascadeDecoderPipeline": tiny_unets.stable_cascade}
    builders["WuerstchenDecoderPipeline"] = tiny_unets.wuerstchen
    builders["KandinskyV22Pipeline"] = lambda: tiny_unets.kandinsky_2("KandinskyV22CombinedPipeline")
    return builders[decoder]()


def drawn(folder: Path, size: int, samples: list[Sample], **settings: str) -> list[np.ndarray]:
    model = DiffusersAdapter(str(folder), STEPS | settings, "cpu")
    return [np.asarray(image) for image in model.generate(samples[:2], size)]


@pytest.mark.parametrize("decoder", SIZE)
def test_two_halves_draw_what_they_draw_joined(decoder: str, tmp_path: Path, samples: list[Sample]) -> None:
    whole = joined(decoder)
    save(whole, tmp_path / "whole")
    save(whole.decoder_pipe, tmp_path / "decoder")
    save(whole.prior_pipe, tmp_path / "prior")
    if decoder != "KandinskyV22Pipeline":  # as the published checkpoint names the library of its parts
        edit_json(tmp_path / "decoder/model_index.json", vqgan=["wuerstchen", "PaellaVQModel"])
    together = drawn(tmp_path / "whole", SIZE[decoder], samples)
    apart = drawn(tmp_path / "decoder", SIZE[decoder], samples, prior=str(tmp_path / "prior"))
    assert all(np.array_equal(one, other) for one, other in zip(together, apart, strict=True))


def test_both_halves_stand_in_the_plan(tmp_path: Path) -> None:
    whole = joined("KandinskyV22Pipeline")
    save(whole.decoder_pipe, tmp_path / "decoder")
    cards = []
    for name, weight in (("prior", 1.0), ("other", 2.0)):
        whole.prior_prior.clip_std.data.fill_(weight)
        save(whole.prior_pipe, tmp_path / name)
        cards.append(DiffusersAdapter(str(tmp_path / "decoder"), {"prior": str(tmp_path / name)}, "cpu").card())
    assert [card.settings["prior"] for card in cards] == ["prior", "other"]
    assert cards[0].weights_sha256 != cards[1].weights_sha256
    assert cards[0].name == "decoder + prior"


def half(folder: Path, name: str) -> Path:
    folder.mkdir()
    (folder / "model_index.json").write_text(json.dumps({"_class_name": name}))
    return folder


@pytest.mark.parametrize(("decoder", "pair"), PAIRS.items())
def test_half_a_pipeline_is_told_how_to_become_a_whole_one(decoder: str, pair: Any, tmp_path: Path) -> None:
    second, first = half(tmp_path / "second", decoder), half(tmp_path / "first", pair.prior)
    with pytest.raises(UserError, match=f"second is a {decoder}, the second half.*a {pair.prior}, with --set prior="):
        DiffusersAdapter(str(second), {}, "cpu")
    with pytest.raises(UserError, match=f"first is a {pair.prior}, the first half.*a {decoder}, .*--set prior=first"):
        DiffusersAdapter(str(first), {}, "cpu")
    with pytest.raises(UserError, match=f"second is a {decoder}, and the prior here is a {pair.prior}"):
        DiffusersAdapter(str(second), {"prior": str(second)}, "cpu")


def test_a_pipeline_that_is_whole_takes_no_prior(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="has no setting 'prior'"):
        DiffusersAdapter(str(half(tmp_path / "whole", "StableDiffusionPipeline")), {"prior": "x"}, "cpu")
