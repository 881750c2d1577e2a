"""The estimate before a training: what it counts is what a step takes."""

import copy
import ctypes
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from reference_model.networks.presets import PRESETS, TINY, StageConfig, build_unet, parameter_counts, preset
from reference_model.networks.unet import UNetConfig
from reference_model.training import estimate as estimating
from reference_model.training.estimate import Launch, estimate
from reference_model.training.loop import LoopConfig, make_optimizers
from reference_model.training.ranks import recompute_blocks
from tests.reference_model.training.processes import in_ranks

SMALL = StageConfig(UNetConfig(64, 32, (32, 64), (1, 1), (False, True), 32, 64, 4), "v", "cosine")
M_MMAP_THRESHOLD = -3  # of glibc's mallopt


@pytest.mark.parametrize(
    ("name", "number"),
    [
        pytest.param(name, number, marks=() if (name, number) == ("paper", 0) else pytest.mark.proof)
        for name in PRESETS
        for number in range(3)
    ],
)
def test_a_step_of_every_preset_is_counted_without_memory(name: str, number: int) -> None:
    stage = preset(name)[number]
    found = estimate(stage, Launch(batch=4, ranks=8, accumulate=16, tokens=16))
    assert found.parameters == parameter_counts(name)[stage.name]
    assert found.memory.weights == found.memory.average == -(-4 * found.parameters // 8)
    assert found.state == pytest.approx(16 * found.parameters, rel=1e-4)
    assert found.flop > 16 * 4 * 2 * 3 * found.parameters  # each weight is used at one place of an image or more


def test_operations_are_those_of_the_closed_form() -> None:
    """A network that is nearly all one convolution: 2 operations a weight and pixel, three times (Kaplan et al.)."""
    wide = StageConfig(UNetConfig(64, 8, (1024,), (1,), (False,), embedding_width=8, patch=8), "v", "cosine")
    flop = estimate(wide, Launch(batch=3, tokens=4)).flop
    kernels = sum(p.numel() for p in build_unet(wide.unet).parameters() if p.shape[2:] == (3, 3))
    skips = sum(p.numel() for p in build_unet(wide.unet).parameters() if p.shape[2:] == (1, 1))
    assert flop == pytest.approx(3 * 3 * 2 * 64 * (kernels + skips), rel=0.02)


def test_what_the_options_change() -> None:
    plain = estimate(SMALL, Launch(8, tokens=16))
    again = estimate(SMALL, Launch(8, tokens=16, gradient_checkpointing=True))
    assert again.memory.activations < 0.7 * plain.memory.activations
    assert 1.2 < again.flop / plain.flop < 1.34
    muon = estimate(SMALL, Launch(8, tokens=16, ranks=2, accumulate=4, optimizer="muon"))
    assert 0.5 * plain.memory.optimizer < 2 * muon.memory.optimizer < 0.75 * plain.memory.optimizer
    assert muon.flop == 4 * plain.flop
    assert muon.memory.gathered > 0 == plain.memory.gathered


def status(name: str) -> int:
    """Bytes of memory that the kernel counts for this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(name))


def train_twice(stage: StageConfig, launch: Launch) -> None:
    """Two real steps, with all that a training holds."""
    network = build_unet(stage.unet).to(memory_format=torch.channels_last)
    average = copy.deepcopy(network)
    if launch.gradient_checkpointing:
        recompute_blocks(network)
    optimizers = make_optimizers(network, LoopConfig(1, 1, 1, launch.optimizer))
    for _ in range(2):
        network.zero_grad()
        estimating._loss(network, estimating._inputs(stage, launch)).backward()
        for optimizer in optimizers:
            optimizer.step()
    del average


def measured_peak(stage: StageConfig, launch: Launch) -> int:
    """Bytes that real steps need, beyond what libraries take at their first use. In a process of its own."""
    libc = ctypes.CDLL("libc.so.6")
    libc.mallopt(M_MMAP_THRESHOLD, 2**16)  # what is freed is given back at once
    train_twice(stage, replace(launch, batch=1))
    libc.malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = status("VmRSS")
    train_twice(stage, launch)
    return status("VmHWM") - before


@pytest.mark.parametrize("checkpointing", [True, pytest.param(False, marks=pytest.mark.proof)])
@pytest.mark.parametrize("stage", [SMALL, *(pytest.param(stage, marks=pytest.mark.proof) for stage in TINY)])
def test_the_estimate_is_within_a_quarter_of_the_measured_peak(stage: StageConfig, checkpointing: bool) -> None:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("memory is measured by Linux")
    launch = Launch(batch={TINY[0]: 24, SMALL: 96}.get(stage, 64), tokens=40, gradient_checkpointing=checkpointing)
    [peak] = in_ranks(1, measured_peak, stage, launch)
    assert 0.8 < estimate(stage, launch).memory.total / peak < 1.25


def test_the_command_prints_each_stage(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "tiny", (SMALL,))
    options = ["--batch", "8", "--ranks", "8", "--accumulate", "16", "--steps", "1000", "--tflops", "0.001"]
    assert estimating.main(["--preset", "tiny", *options]) == 0
    out = capsys.readouterr().out
    assert "base_64" in out
    assert "A step is 128 images" in out
    assert estimating.main(["--preset", "tiny", "--ranks", "8", "--accumulate", "12"]) == 2
    assert "multiple of 8" in capsys.readouterr().err
