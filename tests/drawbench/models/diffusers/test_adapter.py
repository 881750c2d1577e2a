"""diffusers:FOLDER: real pipelines with tiny random networks, from disk to images, cards and tables."""

import json
import os
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from drawbench.cli.main import main
from drawbench.errors import StageError, UserError
from drawbench.interface import Refused, Sample
from drawbench.models.diffusers.adapter import DiffusersAdapter
from drawbench.models.registry import resolve_model
from drawbench.runs.directory import RunDirectory

Checkpoints = Callable[[str], Path]

GREY_LEVEL = 1  # of 255: batches of another size may round differently, and by no more
NEEDS = {"sd": {}, "sd-lenient": {}, "pixart": {"clean_caption": "false"}, "IF-I": {}}  # settings that are not optional
KINDS = list(NEEDS)


def adapter(folder: Path, **settings: str) -> DiffusersAdapter:
    return DiffusersAdapter(str(folder), {"steps": "2"} | settings, "cpu")


def drawn(model: DiffusersAdapter, samples: list[Sample], size: int | None = None) -> list[np.ndarray]:
    """Images as signed numbers, so that differences of them are right."""
    images = model.generate(samples, size or model.native_size)
    assert all(isinstance(image, np.ndarray) and image.dtype == np.uint8 for image in images)
    return [image.astype(int) for image in images if isinstance(image, np.ndarray)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_does_not_depend_on_its_neighbours(checkpoint: Checkpoints, samples: list[Sample], kind: str) -> None:
    model = adapter(checkpoint(kind), **NEEDS[kind])
    together = drawn(model, samples)
    turned = drawn(model, samples[::-1])[::-1]
    alone = [drawn(model, [sample])[0] for sample in samples]
    in_pairs = drawn(adapter(checkpoint(kind), batch="2", **NEEDS[kind]), samples)
    for others in (turned, alone, in_pairs):
        assert max(abs(one - other).max() for one, other in zip(together, others, strict=True)) <= GREY_LEVEL
    assert min(abs(one - other).max() for one, other in pairwise(together)) > 10 * GREY_LEVEL


@pytest.mark.parametrize("kind", ["sd", "pixart"])
def test_an_image_is_what_the_pipeline_itself_draws(checkpoint: Checkpoints, samples: list[Sample], kind: str) -> None:
    import diffusers

    ours = drawn(adapter(checkpoint(kind), guidance="3", **NEEDS[kind]), samples[:1])[0]
    pipeline = diffusers.DiffusionPipeline.from_pretrained(checkpoint(kind), use_safetensors=True)
    options: dict[str, Any] = {"clean_caption": False, "use_resolution_binning": False} if kind == "pixart" else {}
    theirs = pipeline(
        samples[0].text,
        num_inference_steps=2,
        guidance_scale=3.0,
        generator=torch.Generator().manual_seed(samples[0].seed),
        **options,
    ).images[0]
    assert np.array_equal(ours, np.asarray(theirs))


def test_settings_reach_the_images_and_the_card(checkpoint: Checkpoints, samples: list[Sample]) -> None:
    plain = drawn(adapter(checkpoint("sd")), samples[:1])[0]
    for name, value, recorded in [
        ("guidance", "1.5", 1.5),
        ("steps", "4", 4),
        ("negative_prompt", "dull", "dull"),
        ("scheduler", "EulerAncestralDiscreteScheduler", "EulerAncestralDiscreteScheduler"),
        ("dtype", "bfloat16", "bfloat16"),
        ("eta", "1", 1.0),
    ]:
        model = adapter(checkpoint("sd"), **{name: value})
        assert model.card().settings[name] == recorded
        assert abs(drawn(model, samples[:1])[0] - plain).max() > GREY_LEVEL, name


def test_the_card_holds_what_decides_images(checkpoint: Checkpoints) -> None:
    card = adapter(checkpoint("sd-lenient")).card()
    assert card.spec == "diffusers:sd-lenient"
    assert card.settings == {
        "batch": None,
        "clip_skip": None,
        "dtype": "float32",
        "eta": 0.0,
        "guidance": 7.5,
        "guidance_rescale": 0.0,
        "negative_prompt": None,
        "pipeline": "StableDiffusionPipeline",
        "safety_checker": True,
        "scheduler": "DDIMScheduler",
        "steps": 2,
        "variant": None,
    }
    assert str(checkpoint("sd").parent) not in card.model_dump_json()
    assert len({adapter(checkpoint(kind)).card().weights_sha256 for kind in ("sd", "sd-lenient", "sd-strict")}) == 3


def test_a_model_says_what_can_be_set_of_its_loading(checkpoint: Checkpoints) -> None:
    plain, cascade = adapter(checkpoint("sd")).known_settings, adapter(checkpoint("IF-I")).known_settings
    assert {"lora", "offload", "scheduler", "variant"} <= set(plain)
    assert not {"prior", "config", "stage_2", "watermark", "steps"} & set(plain)
    assert {"stage_2", "watermark"} <= set(cascade)
    assert "lora" not in cascade


def test_tables_tell_runs_of_one_checkpoint_apart(checkpoint: Checkpoints) -> None:
    names = [adapter(checkpoint("sd"), **given).card().name for given in ({}, {"guidance": "2"}, {"name": "mine"})]
    assert names == ["sd, steps 2", "sd, steps 2, guidance 2", "mine"]


def test_prompts_that_are_cut_are_counted(checkpoint: Checkpoints, samples: list[Sample]) -> None:
    model = adapter(checkpoint("sd"))
    model.check_plan(samples, 32)
    assert "prompts_cut_by_tokenizer" not in model.card().settings
    long = [Sample(f"l-{n}", "L", "word " * n, 0, n) for n in (10, 20, 30)]  # 77 tokens of one character each
    model.check_plan(long, 32)
    assert model.card().settings["prompts_cut_by_tokenizer"] == 2


def test_blanked_images_are_refusals(checkpoint: Checkpoints, samples: list[Sample]) -> None:
    strict = adapter(checkpoint("sd-strict")).generate(samples, 32)
    assert all(isinstance(one, Refused) and "safety checker" in one.reason for one in strict)
    off = adapter(checkpoint("sd-strict"), safety_checker="false")
    assert off.card().settings["safety_checker"] is False
    without = drawn(adapter(checkpoint("sd")), samples)
    assert all(np.array_equal(a, b) for a, b in zip(drawn(off, samples), without, strict=True))


def test_noise_from_elsewhere_draws_one_by_one(checkpoint: Checkpoints, samples: list[Sample]) -> None:
    def wander(model: DiffusersAdapter) -> None:
        """A scheduler that takes its noise from torch's own generator, as some do."""
        scheduler = model._model.pipeline.scheduler
        step = scheduler.step

        def noisy(output: torch.Tensor, *args: Any, **options: Any) -> Any:
            return step(output + 0.3 * torch.randn(output.shape), *args, **options)

        scheduler.step = noisy

    model = adapter(checkpoint("sd"))
    wander(model)
    state = torch.get_rng_state()
    together = drawn(model, samples)
    assert torch.equal(state, torch.get_rng_state())
    again = adapter(checkpoint("sd"))
    wander(again)
    alone = [drawn(again, [sample])[0] for sample in reversed(samples)][::-1]
    assert max(abs(one - other).max() for one, other in zip(together, alone, strict=True)) <= GREY_LEVEL


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory"), MemoryError()])
def test_too_little_memory_is_one_sentence(
    checkpoint: Checkpoints, samples: list[Sample], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    model = adapter(checkpoint("sd"))

    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(model._model.pipeline.unet, "forward", fail)
    with pytest.raises(StageError, match=r"1 image of 32 px at once: .* --set offload=model.* --set dtype"):
        model.generate(samples, 32)


def test_numbers_that_are_none_are_never_an_image(
    checkpoint: Checkpoints, samples: list[Sample], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = adapter(checkpoint("sd"))
    decode = model._model.pipeline.vae.decode
    monkeypatch.setattr(model._model.pipeline.vae, "decode", lambda z, **options: decode(z * float("nan"), **options))
    with pytest.raises(UserError, match=r"no numbers.*dtype=float32"):
        model.generate(samples, 32)


def test_the_size_is_the_pipelines_unless_another_is_asked_for(checkpoint: Checkpoints, samples: list[Sample]) -> None:
    model = adapter(checkpoint("pixart"), clean_caption="false")
    assert model.native_size == 16
    assert drawn(model, samples[:1], 24)[0].shape == (24, 24, 3)
    with pytest.raises(UserError, match="multiples of 2 px, and 15 is none"):
        model.check_plan(samples, 15)
    with pytest.raises(UserError, match=r"--size 18 does not fit this pipeline \(.*divisible by 8"):
        model.generate(samples, 18)


@pytest.mark.parametrize("argument", [None, ""])
def test_a_spec_without_a_pipeline_is_refused(argument: str | None) -> None:
    with pytest.raises(UserError, match="write diffusers:FOLDER"):
        DiffusersAdapter(argument, {}, "cpu")


def test_without_the_package_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(UserError, match=r"pip install 'drawbench\[diffusers\]'"):
        resolve_model(f"diffusers:{tmp_path}", {}, "cpu")


REAL_PROMPTS = pytest.mark.skipif(
    not os.environ.get("DRAWBENCH_PROMPTS"), reason="DRAWBENCH_PROMPTS does not name the published prompts' file"
)


@REAL_PROMPTS
@pytest.mark.parametrize("kind", ["sd", "pixart", "cascade"])
def test_from_a_checkpoint_on_disk_to_a_table(
    checkpoint: Checkpoints, tmp_path: Path, capfd: pytest.CaptureFixture[str], kind: str
) -> None:
    model = checkpoint("IF-I" if kind == "cascade" else kind)
    given = NEEDS.get(kind, {}) | {"steps": "2", "name": "tiny"}
    if kind == "cascade":
        given |= {"stage_2": str(checkpoint("IF-II")), "stage_2_steps": "1"}
    options = [word for name, value in given.items() for word in ("--set", f"{name}={value}")]
    command = ["run", "--model", f"diffusers:{model}", "--prompts", "drawbench", "--samples", "1", "--limit", "1"]
    command += ["--out", str(tmp_path / "run"), "--device", "cpu", *options]
    capfd.readouterr()
    assert main(command) == 0
    out, err = capfd.readouterr()
    assert "tiny" in out
    assert "Rare Words" in out
    assert out.startswith("TINY ON DRAWBENCH")  # no bar and no warning of a library before it
    assert "it/s" not in out
    assert "Warning" not in err
    run = RunDirectory.open(tmp_path / "run")
    assert run.require_seal().images == 11
    assert {"torch", "transformers", "diffusers"} <= set(run.attempts[0].versions)
    scores = json.loads((tmp_path / "run/scores/bundled.json").read_text())["scores"]
    assert all(np.isfinite(score["value"]) for score in scores)
    assert main(command) == 0  # the same checkpoint and settings are the same plan
    assert "nothing to do" in capfd.readouterr().err


@REAL_PROMPTS
def test_refusals_are_counted_in_the_table_and_never_scored(
    checkpoint: Checkpoints, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker

    forward = StableDiffusionSafetyChecker.forward

    def two_of_each(self: Any, clip_input: torch.Tensor, images: torch.Tensor) -> Any:
        images, flags = forward(self, clip_input, images)
        flags = [number < 2 for number, _ in enumerate(flags)]
        images[:2] = 0
        return images, flags

    monkeypatch.setattr(StableDiffusionSafetyChecker, "forward", two_of_each)
    command = ["run", "--model", f"diffusers:{checkpoint('sd-lenient')}", "--prompts", "drawbench", "--samples", "1"]
    command += ["--limit", "1", "--slice", "11", "--set", "steps=1", "--out", str(tmp_path / "run"), "--json"]
    assert main([*command, "--device", "cpu"]) == 0
    facts = json.loads(capfd.readouterr().out)
    assert (facts["images"], facts["refused"]) == (9, 2)
    assert facts["result"]["refusals"] == 2
    overall = next(score for score in facts["result"]["scores"] if score["scope"] == "overall")
    assert overall["n"] == 9
    assert len((tmp_path / "run/refused.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (["--model", "diffusers:nowhere/at/all"], "no folder nowhere/at/all"),
        (["--set", "colour=red"], "has no setting 'colour': its settings are dtype"),
        (["--set", "steps=many"], "--set steps=many is not a whole number"),
        (["--set", "scheduler=FlowMatchEulerDiscreteScheduler"], "does not fit this pipeline"),
        (["--set", "variant=fp16"], "has no weights of variant 'fp16'"),
        (["--size", "33"], "multiples of 2 px"),
    ],
)
def test_wrong_input_is_one_sentence_and_nothing_is_written(
    checkpoint: Checkpoints, tmp_path: Path, capfd: pytest.CaptureFixture[str], changed: list[str], sentence: str
) -> None:
    command = ["run", "--model", f"diffusers:{checkpoint('sd')}", "--prompts", "open", "--samples", "1"]
    capfd.readouterr()
    assert main([*command, "--out", str(tmp_path / "run"), "--device", "cpu", *changed]) == 2
    out, err = capfd.readouterr()
    assert (out, (tmp_path / "run").exists()) == ("", False)
    assert sentence in err
    assert len(err.splitlines()) == 1
