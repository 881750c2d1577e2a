"""What stands in a run of the GPU that drew it."""

import subprocess
from pathlib import Path

import pytest
import torch

from drawbench.runs.hardware import gpu_of


def with_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"Card of {device}")
    monkeypatch.setattr(torch.version, "cuda", "13.2")


def test_name_driver_and_cuda_are_recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_gpu(monkeypatch)
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\n[ "$1" = --query-gpu=driver_version ] && printf "580.65.06\\n580.65.06\\n"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert gpu_of("cuda:1") == "Card of cuda:1, driver 580.65.06, CUDA 13.2"


def test_a_driver_that_is_not_told_is_not_invented(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with_gpu(monkeypatch)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpu_of("cuda") == "Card of cuda, driver not stated, CUDA 13.2"
    monkeypatch.setattr("shutil.which", lambda name: "/nowhere/nvidia-smi")
    assert "driver not stated" in gpu_of("cuda")
    monkeypatch.setattr("shutil.which", lambda name: "/bin/true")
    assert "driver not stated" in gpu_of("cuda")

    def hangs(*words: object, **options: object) -> None:
        raise subprocess.TimeoutExpired("nvidia-smi", 30)

    monkeypatch.setattr(subprocess, "run", hangs)
    assert "driver not stated" in gpu_of("cuda")


@pytest.mark.parametrize("device", ["cpu", "none", "server api.example.org", "not stated"])
def test_other_devices_have_none(device: str) -> None:
    assert gpu_of(device) == ""
