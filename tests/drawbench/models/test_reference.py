"""The bundled cascade as a model: settings, refusals before anything is written, and runs that survive a kill."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from loky import get_reusable_executor

from drawbench.cores import processes_for
from drawbench.errors import UserError
from drawbench.interface import Sample, sample_seed
from drawbench.models.reference import WORKER_MEMORY, ReferenceAdapter
from drawbench.models.registry import resolve_model
from drawbench.prompts.prompt_set import PromptSet
from drawbench.prompts.registry import load_prompt_set
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, generate
from reference_model.checkpoint import assemble, save_stage
from reference_model.errors import ReferenceModelError
from reference_model.networks.presets import TINY, build_unet, with_text_width
from tests.reference_model.text_encoders import WIDTH, save_bert

CAPTIONS = ["a red car", "two blue fish in the snow", "a green tree left of a pink cup", 'a sign that says "GO"']
SAMPLES = [Sample(f"p-{i}", "", text, 0, sample_seed(0, f"p-{i}", 0)) for i, text in enumerate(CAPTIONS)]


def untrained(**settings: str) -> ReferenceAdapter:
    return ReferenceAdapter("untrained", settings, "cpu")


def test_settings_are_in_the_card_with_their_defaults() -> None:
    settings = untrained(steps="3", thresholding="static").card().settings
    assert settings["steps"] == 3
    assert settings["thresholding"] == "static"
    assert {"guidance", "sampler", "sr_steps", "aug_level", "dtype"} <= settings.keys()


@pytest.mark.parametrize(
    ("settings", "named"),
    [({"stepz": "3"}, "steps"), ({"steps": "many"}, "whole number"), ({"guidance": "strong"}, "a number")],
)
def test_wrong_settings_are_refused(settings: dict[str, str], named: str) -> None:
    with pytest.raises(UserError, match=named):
        untrained(**settings)


def test_settings_the_cascade_cannot_follow_are_refused() -> None:
    with pytest.raises(ReferenceModelError, match="euler"):
        untrained(sampler="euler")


def test_sizes_and_prompts_it_cannot_do_are_refused_before_anything_is_written() -> None:
    model = untrained()
    with pytest.raises(UserError, match="64 or 256 or 1024"):
        model.check_plan(SAMPLES, 128)
    with pytest.raises(UserError, match="too-long"):
        model.check_plan([Sample("too-long", "", "x" * 400, 0, 1)], 64)


def test_long_prompts_are_cut_when_asked_and_the_card_counts_them() -> None:
    long = [Sample(f"long-{i}", "", "x" * 400, index, 1) for i in range(2) for index in range(3)]
    with pytest.raises(UserError, match="long_prompts=cut"):
        untrained().check_plan([*SAMPLES, *long], 64)
    model = untrained(long_prompts="cut", steps="1")
    model.check_plan([*SAMPLES, *long], 64)
    assert model.card().settings["prompts_cut"] == 2
    cut = model.generate([long[0]], 64)[0]
    np.testing.assert_array_equal(cut, model.generate([Sample("short", "", "x" * 319, 0, 1)], 64)[0])
    model.check_plan(SAMPLES, 64)
    assert "prompts_cut" not in model.card().settings


def test_part_of_the_steps_is_guided_as_set_and_planned() -> None:
    partial = untrained(steps="4", guidance="5", guidance_low="0.5", guidance_high="0.75")
    assert partial.card().settings["guidance_low"] == 0.5
    assert partial.card().settings["guidance_high"] == 0.75
    images = [
        np.asarray(model.generate(SAMPLES[:1], 64)[0]).tobytes()
        for model in (partial, untrained(steps="4", guidance="5"), untrained(steps="4", guidance="1"))
    ]
    assert len(set(images)) == 3
    whole = untrained(steps="4", guidance="5", guidance_low="0", guidance_high="1")
    assert np.asarray(whole.generate(SAMPLES[:1], 64)[0]).tobytes() == images[1]
    assert whole.card() == untrained(steps="4", guidance="5").card()
    with pytest.raises(ReferenceModelError, match="interval of times"):
        untrained(guidance_low="0.9", guidance_high="0.1")


def test_settings_newer_than_the_first_results_are_in_the_plan_only_when_changed() -> None:
    newer = {"long_prompts", "text_dtype", "guidance_low", "guidance_high"}
    assert not newer & untrained().card().settings.keys()
    assert untrained(text_dtype="bfloat16").card().settings["text_dtype"] == "bfloat16"
    with pytest.raises(ReferenceModelError, match="overflow"):
        ReferenceAdapter(None, {"text_dtype": "float16"}, "cpu")
    with pytest.raises(ReferenceModelError, match="refuse or cut"):
        untrained(long_prompts="fold")


def test_a_checkpoint_may_hold_another_familys_text_encoder(tmp_path: Path) -> None:
    stage = with_text_width(TINY[0], WIDTH)
    save_stage(tmp_path / "stage", stage, build_unet(stage.unet), {})
    assemble("on BERT", save_bert(tmp_path / "bert"), [tmp_path / "stage"], tmp_path / "cascade", link_text=True)
    model = ReferenceAdapter(str(tmp_path / "cascade"), {"steps": "1"}, "cpu")
    assert model.card().name == "on BERT"
    assert model.generate(SAMPLES[:1], 64)[0].shape == (64, 64, 3)  # type: ignore[union-attr]
    with pytest.raises(UserError, match="text encoder's 16"):
        model.check_plan([Sample("long", "", "a red car " * 9, 0, 1)], 64)


def test_a_missing_checkpoint_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ReferenceModelError, match=r"cascade\.json"):
        ReferenceAdapter(str(tmp_path), {}, "cpu")


def test_the_bundled_model_draws_what_an_untrained_one_does_not() -> None:
    trained, noise = ReferenceAdapter(None, {}, "cpu"), untrained()

    def roughness(model: ReferenceAdapter) -> float:
        images = np.stack([np.asarray(image) for image in model.generate(SAMPLES, 64)]).astype(float)
        return float(np.abs(np.diff(images, axis=2)).mean())

    assert roughness(trained) < 0.3 * roughness(noise)


def test_slices_of_another_size_differ_by_one_level_at_most() -> None:
    model = ReferenceAdapter(None, {"steps": "4"}, "cpu")
    together = np.stack([np.asarray(image) for image in model.generate(SAMPLES, 64)]).astype(int)
    alone = np.stack([np.asarray(model.generate([sample], 64)[0]) for sample in SAMPLES]).astype(int)
    difference = np.abs(together - alone)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.01


def test_all_three_sizes_come_from_one_base_image() -> None:
    model = ReferenceAdapter(None, {"steps": "4", "sr_steps": "1"}, "cpu")
    small, medium, large = (np.asarray(model.generate(SAMPLES[:1], size)[0], float) for size in (64, 256, 1024))
    assert large.shape == (1024, 1024, 3)
    averaged = [image.reshape(64, len(image) // 64, 64, len(image) // 64, 3).mean((1, 3)) for image in (medium, large)]
    for image in averaged:
        assert np.corrcoef(image.ravel(), small.ravel())[0, 1] > 0.8


def test_on_a_cpu_it_draws_with_a_process_a_core_and_the_pixels_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "2")
    prompts = PromptSet("two", load_prompt_set("open").prompts[:2])
    pixels = []
    for workers in (None, 1):
        model = resolve_model("reference", {"steps": "2"}, "cpu")
        assert model.workers == min(2, processes_for(WORKER_MEMORY))
        asked = Request(model, prompts, tmp_path / f"{workers}", samples=1, size=64, slice_size=1, workers=workers)
        run = generate(asked)
        assert run.attempts[-1].threads == 1
        pixels.append(run.require_seal().pixels_sha256)
    assert pixels[0] == pixels[1]
    get_reusable_executor().shutdown(kill_workers=True)


def test_a_killed_run_resumes_to_the_pixels_of_an_undisturbed_one(tmp_path: Path) -> None:
    prompts = tmp_path / "prompts.csv"
    prompts.write_text("prompt\n" + "".join(f"a red car number {i}\n" for i in range(24)))

    def command(name: str) -> list[str]:
        options = ["--prompts", str(prompts), "--size", "64", "--samples", "1", "--slice", "2", "--set", "steps=3"]
        drawbench = [sys.executable, "-m", "drawbench.cli.main", "generate", "--model", "reference"]
        return [*drawbench, *options, "--out", str(tmp_path / name)]

    subprocess.run(command("undisturbed"), check=True, capture_output=True)
    process = subprocess.Popen(command("killed"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(list((tmp_path / "killed").rglob("*.png"))) < 4:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert RunDirectory.open(tmp_path / "killed").seal is None
    subprocess.run(command("killed"), check=True, capture_output=True)
    killed, undisturbed = (RunDirectory.open(tmp_path / name).require_seal() for name in ("killed", "undisturbed"))
    assert killed.pixels_sha256 == undisturbed.pixels_sha256
