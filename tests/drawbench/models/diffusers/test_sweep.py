"""Sweeps over a diffusers pipeline: it is loaded as seldom as it can be, and no point touches another's images."""

import gc
import itertools
import json
import weakref
from collections.abc import Callable, Mapping
from copy import copy
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch

from drawbench.cli.main import main
from drawbench.cli.sweep import _slow_first
from drawbench.errors import UserError
from drawbench.interface import Sample
from drawbench.models import registry
from drawbench.models.diffusers import source as diffusers_source
from drawbench.models.diffusers.adapter import DiffusersAdapter
from drawbench.models.diffusers.schedulers import with_scheduler
from drawbench.models.diffusers.settings import OF_NETWORKS, same_networks
from drawbench.models.registry import LoadedModels
from drawbench.sweeps.sweep import read_sweep

Checkpoints = Callable[[str], Path]

DDIM, EULER, MULTISTEP = "DDIMScheduler", "EulerAncestralDiscreteScheduler", "DPMSolverMultistepScheduler"


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by the type of number whenever a pipeline is loaded."""
    noted: list[str] = []
    load = diffusers.DiffusionPipeline.from_pretrained.__func__  # type: ignore[attr-defined]

    def noting(cls: type, *arguments: Any, **options: Any) -> Any:
        noted.append(str(options["dtype"]).removeprefix("torch."))
        return load(cls, *arguments, **options)

    monkeypatch.setattr(diffusers.DiffusionPipeline, "from_pretrained", classmethod(noting))
    return noted


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Grows by each file that is hashed."""
    noted: list[Path] = []
    digest = diffusers_source.file_sha256
    monkeypatch.setattr(diffusers_source, "file_sha256", lambda path: noted.append(path) or digest(path))
    return noted


def adapter(folder: Path, **settings: str) -> DiffusersAdapter:
    return DiffusersAdapter(str(folder), {"steps": "2"} | settings, "cpu")


def shared(model: DiffusersAdapter, **settings: str) -> DiffusersAdapter:
    other = model.with_settings({"steps": "2"} | settings)
    assert other is not None
    return other


def pixels(model: DiffusersAdapter, samples: list[Sample]) -> np.ndarray:
    return np.stack([np.asarray(image) for image in model.generate(samples, model.native_size)])


def test_a_sweep_loads_and_hashes_once_and_draws_what_single_runs_draw(
    checkpoint: Checkpoints, tmp_path: Path, capfd: pytest.CaptureFixture[str], loads: list[str], hashed: list[Path]
) -> None:
    prompts = tmp_path / "mine.csv"
    prompts.write_text("category,text\nColors,a red ring on grass\nColors,a blue star on sand\n")
    common = ["--model", f"diffusers:{checkpoint('sd')}", "--prompts", str(prompts), "--samples", "1"]
    common += ["--size", "32", "--device", "cpu", "--set", "steps=2"]
    sweep = [
        *common,
        "--guidance",
        "1,2,4",
        "--vary",
        f"scheduler={DDIM},{MULTISTEP}",
        "--out",
        str(tmp_path / "sweep"),
    ]
    assert main(["sweep", *sweep]) == 0
    assert loads == ["float32"]
    assert hashed
    assert len(hashed) == len(set(hashed))
    points = read_sweep(tmp_path / "sweep")
    assert len(points) == 6
    capfd.readouterr()
    for number, point in enumerate(points):
        settings = [word for name, value in point.settings.items() for word in ("--set", f"{name}={value}")]
        assert main(["generate", *common, *settings, "--out", str(tmp_path / str(number)), "--json"]) == 0
        single = json.loads(capfd.readouterr().out)
        assert point.result.run is not None
        assert point.result.run.plan_sha256 == single["plan_sha256"]
        assert point.result.run.pixels_sha256 == single["pixels_sha256"], point.settings


def test_no_order_of_settings_changes_an_image(checkpoint: Checkpoints, samples: list[Sample]) -> None:
    """Schedulers keep what they drew with last; each of these is used before, between and after the others."""
    points: list[dict[str, str]] = [
        {},
        {"scheduler": MULTISTEP},
        {"scheduler": EULER, "steps": "3"},
        {"guidance": "3", "batch": "1", "name": "mine"},
        {"scheduler": DDIM, "eta": "1"},
    ]
    fresh = [adapter(checkpoint("sd"), **point) for point in points]
    alone = [pixels(model, samples[:2]) for model in fresh]
    base = adapter(checkpoint("sd"), scheduler=MULTISTEP)
    models = [shared(base, **point) for point in points]
    assert [model.card() for model in models] == [model.card() for model in fresh]
    for number in (0, 1, 2, 3, 4, 1, 0):
        assert np.array_equal(pixels(models[number], samples[:2]), alone[number]), points[number]
    assert np.array_equal(pixels(base, samples[:2]), alone[1])


def test_a_cascade_shares_its_stages_and_each_point_has_its_schedulers(
    checkpoint: Checkpoints, samples: list[Sample], loads: list[str]
) -> None:
    above = {"stage_2": str(checkpoint("IF-II")), "stage_2_steps": "1"}
    points = [{}, {"scheduler": MULTISTEP}, {"stage_2_scheduler": MULTISTEP, "stage_2_steps": "2", "guidance": "2"}]
    fresh = [adapter(checkpoint("IF-I"), **above | point) for point in points]
    alone = [pixels(model, samples[:1]) for model in fresh]
    loads.clear()
    base = adapter(checkpoint("IF-I"), **above | points[1])
    assert len(loads) == 2
    models = [shared(base, **above | point) for point in points]
    assert [model.card() for model in models] == [model.card() for model in fresh]
    for number in (0, 1, 2, 0):
        assert np.array_equal(pixels(models[number], samples[:1]), alone[number]), points[number]
    assert len(loads) == 2


def test_what_one_point_notices_is_not_the_others(checkpoint: Checkpoints, samples: list[Sample]) -> None:
    first = adapter(checkpoint("sd"), batch="3", name="first")
    first.check_plan([Sample("l-1", "L", "word " * 30, 0, 1)], 32)  # 77 tokens of one character each
    first._alone = True
    second = shared(first)
    assert not second._alone
    assert second.card().settings["batch"] is None
    assert "prompts_cut_by_tokenizer" not in second.card().settings
    assert second.card().name == "sd, steps 2"
    assert first.card().settings["prompts_cut_by_tokenizer"] == 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"colour": "red"}, "a StableDiffusionPipeline has no setting 'colour'"),
        ({"steps": "many"}, "--set steps=many is not a whole number"),
        ({"batch": "0"}, "batch=0 draws nothing"),
        ({"scheduler": "ddim"}, "--set scheduler=ddim does not fit"),
    ],
)
def test_shared_networks_take_no_setting_that_loading_would_refuse(
    checkpoint: Checkpoints, settings: dict[str, str], says: str
) -> None:
    for make in (adapter(checkpoint("sd")).with_settings, lambda given: adapter(checkpoint("sd"), **given)):
        with pytest.raises(UserError, match=says):
            make(settings)


def test_other_networks_are_never_shared(checkpoint: Checkpoints) -> None:
    model = adapter(checkpoint("sd-lenient"))
    for name in (
        "dtype",
        "revision",
        "variant",
        "safety_checker",
        "watermark",
        "stage_2",
        "stage_3",
        "stage_2_variant",
    ):
        assert model.with_settings({"steps": "2", name: "false"}) is None
        assert name in DiffusersAdapter.settings_of_networks
    assert same_networks({"dtype": "float32", "guidance": "1"}, {"dtype": "float32", "scheduler": DDIM})
    assert not any(name.endswith("scheduler") for name in OF_NETWORKS)


def test_settings_of_networks_change_as_seldom_as_they_can(
    checkpoint: Checkpoints, tmp_path: Path, loads: list[str]
) -> None:
    axes = {"guidance": ("1", "2", "3"), "dtype": ("float32", "bfloat16")}
    models = LoadedModels("cpu")
    spec = f"diffusers:{checkpoint('sd')}"
    ordered = _slow_first(axes, models(spec, {"dtype": "float32"}))
    assert list(ordered) == ["dtype", "guidance"]
    for values in itertools.product(*ordered.values()):
        point = dict(zip(ordered, values, strict=True))
        assert models(spec, point).card().settings["dtype"] == point["dtype"]
    assert loads == ["float32", "bfloat16"]


def test_one_model_is_in_memory_at_a_time(checkpoint: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    networks: list[weakref.ref] = []
    resolve = registry.resolve_model

    def resolving(spec: str, settings: Mapping[str, str], device: str) -> Any:
        assert all(network() is None for network in networks), "the last one was let go before"
        model = resolve(spec, settings, device)
        networks.append(weakref.ref(model._model.loaded.unet))  # type: ignore[attr-defined]
        return model

    monkeypatch.setattr(registry, "resolve_model", resolving)
    models = LoadedModels("cpu")
    first, second = (f"diffusers:{checkpoint(name)}" for name in ("sd", "sd-lenient"))
    for spec, settings in [
        (first, {}),
        (first, {"guidance": "2"}),
        (second, {}),
        (second, {"dtype": "bfloat16"}),
        (first, {}),
    ]:
        assert models(spec, settings).card().spec == f"diffusers:{Path(spec).name}"
    gc.collect()
    assert [network() is None for network in networks] == [True, True, True, False]


def test_a_combined_pipeline_draws_with_the_scheduler_that_its_card_names(checkpoint: Checkpoints) -> None:
    """Such as Kandinsky's: it draws with pipelines of its own, which got its parts when it was made."""
    loaded = diffusers.DiffusionPipeline.from_pretrained(checkpoint("sd"), dtype=torch.float32)
    loaded.decoder_pipe = copy(loaded)
    own = loaded.scheduler
    changed = with_scheduler(loaded, MULTISTEP)
    assert type(changed.scheduler).__name__ == MULTISTEP
    assert changed.decoder_pipe.scheduler is changed.scheduler
    assert changed.decoder_pipe.unet is loaded.unet
    assert loaded.scheduler is own
    assert loaded.decoder_pipe.scheduler is own
