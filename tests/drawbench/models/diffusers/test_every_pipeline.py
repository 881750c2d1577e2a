"""Every text-to-image class that diffusers exports: a tiny one is built, saved, loaded as `diffusers:` and drawn."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
from diffusers.pipelines.auto_pipeline import AUTO_TEXT2IMAGE_PIPELINES_MAPPING

from drawbench.errors import UserError
from drawbench.interface import Sample
from drawbench.models.diffusers.adapter import DiffusersAdapter
from drawbench.models.diffusers.loading import OTHER_KINDS, draws_from_text
from tests.drawbench.models.diffusers import tiny_chat, tiny_pipelines, tiny_published, tiny_transformers, tiny_unets

PAGE = Path(__file__).parents[4] / "docs/models_by_name.md"
GREY_LEVEL = 1  # of 255: batches of another size may round differently, and by no more
UNCLEANED = {"clean_caption": "false"}


@dataclass(frozen=True)
class Tiny:
    """A tiny pipeline. size: what it is drawn at; common: drawn in the ordinary tests, not in the long proofs alone."""

    build: Callable[[], Any]
    common: bool = False
    size: int = 32
    settings: Mapping[str, str] = field(default_factory=dict)


def sd(name: str) -> Tiny:
    return Tiny(partial(tiny_unets.like_stable_diffusion, name))


DRAWS = {
    "AmusedPipeline": Tiny(tiny_transformers.amused),
    "AuraFlowPipeline": Tiny(tiny_transformers.aura_flow, common=True),
    "BriaFiboPipeline": Tiny(tiny_chat.bria_fibo),
    "BriaPipeline": Tiny(tiny_transformers.bria),
    "ChromaPipeline": Tiny(tiny_transformers.chroma, common=True),
    "CogView3PlusPipeline": Tiny(tiny_transformers.cogview_3),
    "CogView4Pipeline": Tiny(tiny_chat.cogview_4, common=True),
    "ErnieImagePipeline": Tiny(tiny_chat.ernie_image),
    "Flux2KleinPipeline": Tiny(tiny_chat.flux_2_klein, common=True),
    "Flux2Pipeline": Tiny(tiny_chat.flux_2),
    "FluxKontextPipeline": Tiny(tiny_transformers.flux_kontext, common=True),
    "FluxPipeline": Tiny(tiny_published.flux, common=True),
    "HiDreamImagePipeline": Tiny(tiny_transformers.hidream, size=256),
    "HunyuanDiTPAGPipeline": Tiny(partial(tiny_transformers.hunyuan_dit, "HunyuanDiTPAGPipeline")),
    "HunyuanDiTPipeline": Tiny(tiny_transformers.hunyuan_dit, common=True),
    "HunyuanImagePipeline": Tiny(tiny_chat.hunyuan_image),
    "IFPipeline": Tiny(tiny_pipelines.if_stage_1, common=True, size=16),
    "Ideogram4Pipeline": Tiny(tiny_chat.ideogram_4, settings={"guidance": "7"}),
    "Kandinsky3Pipeline": Tiny(tiny_unets.kandinsky_3, size=64),
    "Kandinsky5T2IPipeline": Tiny(tiny_chat.kandinsky_5, size=1024),
    "KandinskyCombinedPipeline": Tiny(partial(tiny_unets.kandinsky_2, "KandinskyCombinedPipeline"), size=64),
    "KandinskyV22CombinedPipeline": Tiny(
        partial(tiny_unets.kandinsky_2, "KandinskyV22CombinedPipeline"), common=True, size=64
    ),
    "KolorsPAGPipeline": Tiny(partial(tiny_unets.kolors, "KolorsPAGPipeline")),
    "KolorsPipeline": Tiny(tiny_unets.kolors, common=True),
    "Krea2Pipeline": Tiny(tiny_chat.krea_2, common=True, settings={"guidance": "0.5", "negative_prompt": "dull"}),
    "LDMTextToImagePipeline": Tiny(tiny_published.latent_diffusion, common=True),
    "LatentConsistencyModelPipeline": Tiny(tiny_unets.latent_consistency, common=True),
    "LongCatImagePipeline": Tiny(tiny_chat.longcat_image, settings={"enable_prompt_rewrite": "false"}),
    "Lumina2Pipeline": Tiny(tiny_transformers.lumina_2, common=True),
    "LuminaPipeline": Tiny(tiny_transformers.lumina, settings=UNCLEANED),
    "NucleusMoEImagePipeline": Tiny(tiny_chat.nucleus_image),
    "OmniGenPipeline": Tiny(tiny_chat.omnigen),
    "OvisImagePipeline": Tiny(tiny_chat.ovis_image),
    "PRXPipeline": Tiny(tiny_transformers.prx),
    "PRXPixelPipeline": Tiny(tiny_chat.prx_pixel),
    "PixArtAlphaPipeline": Tiny(tiny_pipelines.pixart, common=True, settings=UNCLEANED),
    "PixArtSigmaPAGPipeline": Tiny(
        partial(tiny_transformers.pixart_sigma, "PixArtSigmaPAGPipeline"), settings=UNCLEANED
    ),
    "PixArtSigmaPipeline": Tiny(tiny_transformers.pixart_sigma, common=True, settings=UNCLEANED),
    "QwenImage21Pipeline": Tiny(tiny_chat.qwen_image_21),
    "QwenImagePipeline": Tiny(tiny_published.qwen_image, common=True),
    "SanaPAGPipeline": Tiny(partial(tiny_transformers.sana, "SanaPAGPipeline"), settings=UNCLEANED),
    "SanaPipeline": Tiny(tiny_transformers.sana, common=True, settings=UNCLEANED),
    "SanaSprintPipeline": Tiny(tiny_transformers.sana_sprint, settings=UNCLEANED),
    "SemanticStableDiffusionPipeline": sd("SemanticStableDiffusionPipeline"),
    "StableCascadeCombinedPipeline": Tiny(tiny_unets.stable_cascade, common=True, size=128),
    "StableDiffusion3PAGPipeline": Tiny(tiny_transformers.stable_diffusion_3_pag),
    "StableDiffusion3Pipeline": Tiny(tiny_published.stable_diffusion_3, common=True),
    "StableDiffusionModelEditingPipeline": sd("StableDiffusionModelEditingPipeline"),
    "StableDiffusionPAGPipeline": sd("StableDiffusionPAGPipeline"),
    "StableDiffusionPanoramaPipeline": sd("StableDiffusionPanoramaPipeline"),
    "StableDiffusionPipeline": Tiny(tiny_pipelines.stable_diffusion, common=True),
    "StableDiffusionSAGPipeline": sd("StableDiffusionSAGPipeline"),
    "StableDiffusionXLPAGPipeline": Tiny(tiny_unets.stable_diffusion_xl_pag),
    "StableDiffusionXLPipeline": Tiny(tiny_published.stable_diffusion_xl, common=True),
    "StableUnCLIPPipeline": Tiny(tiny_unets.stable_unclip),
    "WuerstchenCombinedPipeline": Tiny(tiny_unets.wuerstchen, common=True, size=128),
    "ZImageOmniPipeline": Tiny(tiny_chat.z_image_omni),
    "ZImagePipeline": Tiny(tiny_chat.z_image, common=True),
}
WITH_ONNXRUNTIME = {"OnnxStableDiffusionPipeline", "StableDiffusionOnnxPipeline"}  # exported where that is installed
# What is let through, and of which no tiny pipeline is drawn here.
UNTRIED = {
    "AltDiffusionPipeline",
    "Cosmos2TextToImagePipeline",  # is not made without the package cosmos_guardrail
    "GlmImagePipeline",
    "StableDiffusionParadigmsPipeline",
    "UnCLIPPipeline",
    "VQDiffusionPipeline",
    "VersatileDiffusionTextToImagePipeline",
    *WITH_ONNXRUNTIME,
}


def exported() -> dict[str, type]:
    """The pipelines of diffusers whose packages are here."""
    classes = {name: getattr(diffusers, name) for name in dir(diffusers) if name.endswith("Pipeline")}
    return {name: one for name, one in classes.items() if not getattr(one, "_backends", None)}


def drawing() -> set[str]:
    """Those that are not refused by their class alone."""
    listed = AUTO_TEXT2IMAGE_PIPELINES_MAPPING.values()
    return {name for name, one in exported().items() if draws_from_text(one, listed=one in listed)}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if tiny.common else pytest.mark.proof) for name, tiny in DRAWS.items()]
)
def test_a_pipeline_of_every_class_draws(name: str, tmp_path: Path) -> None:
    tiny = DRAWS[name]
    folder = tiny_pipelines.save(tiny.build(), tmp_path / "tiny")
    model = DiffusersAdapter(str(folder), {"steps": "2", **tiny.settings}, "cpu")
    assert model.card().settings["pipeline"] == name
    assert model.native_size >= 16
    model.check_plan([], tiny.size)
    pair = [Sample("a", "A", "a red car", 0, 1), Sample("b", "A", "two dogs on the hill", 0, 2)]
    images = [np.asarray(image).astype(int) for image in model.generate(pair, tiny.size)]
    assert [image.shape for image in images] == [(tiny.size, tiny.size, 3)] * 2
    assert abs(images[0] - images[1]).max() > 10 * GREY_LEVEL
    alone = np.asarray(model.generate(pair[1:], tiny.size)[0]).astype(int)
    assert abs(alone - images[1]).max() <= GREY_LEVEL


def test_every_class_that_diffusers_exports_is_drawn_refused_or_named_as_untried() -> None:
    assert drawing() | WITH_ONNXRUNTIME == DRAWS.keys() | UNTRIED
    assert set(OTHER_KINDS) <= set(exported())


@pytest.mark.parametrize(("name", "why"), OTHER_KINDS.items())
def test_what_does_something_else_with_a_prompt_is_refused_with_that(name: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(f'{{"_class_name": "{name}"}}')
    with pytest.raises(UserError, match=f"is a {name}, which {why}: name a text-to-image pipeline"):
        DiffusersAdapter(str(tmp_path), {}, "cpu")


def test_the_page_lists_what_draws_what_is_refused_and_what_is_untried() -> None:
    section = PAGE.read_text().partition("## Which pipelines draw")[2].partition("\n## ")[0]
    draws, refused, untried = (re.findall(r"`(\w+)`", part) for part in re.split(r"\n- \*\*", section)[1:4])
    short = [sorted(name.removesuffix("Pipeline") for name in names) for names in (DRAWS, OTHER_KINDS, UNTRIED)]
    assert [draws, refused, untried] == short
    assert f"[{len(DRAWS)} classes in all](" in (PAGE.parent / "your_model.md").read_text()
