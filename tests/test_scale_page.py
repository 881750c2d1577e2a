"""docs/scale.md: its launchers and commands take the options that they are shown with."""

import os
import re
import shlex
from pathlib import Path

import pytest
import yaml
from torch.distributed.run import get_args_parser

from drawbench.cli.generate import cluster_of
from drawbench.cli.main import parse
from drawbench.runs.claim import parse_shard

PAGE = Path(__file__).parents[1] / "docs/scale.md"
LINES = [
    os.path.expandvars(line.strip().removeprefix("srun ").removeprefix("entrypoint: "))
    for line in re.sub(r"\$SLURM_ARRAY_TASK_ID", "3", PAGE.read_text()).splitlines()
    if re.match(r"    (srun )?(torchrun|accelerate launch|ray|drawbench) |  entrypoint: drawbench ", line)
]


@pytest.mark.parametrize("line", LINES)
def test_launchers_and_commands_take_these_options(line: str) -> None:
    launcher, module, command = line.partition(" -- drawbench " if line.startswith("ray ") else " -m drawbench ")
    found = parse(shlex.split(command if module else line)[0 if module else 1 :])
    assert found is not None
    if shard := getattr(found[1], "shard", None):
        assert parse_shard(shard)
    if getattr(found[1], "engine", None):
        cluster_of(found[1])
    program, *options = shlex.split(launcher + module.removesuffix(" drawbench "))
    if program == "torchrun":
        assert get_args_parser().parse_args([*options, "drawbench"]).module
    elif program == "accelerate":
        commands = pytest.importorskip("accelerate.commands.launch")
        assert commands.launch_command_parser().parse_args([*options[1:], "drawbench"]).module

    elif program == "ray":
        commands = pytest.importorskip("ray.scripts.symmetric_run", reason="Ray is not installed")
        with commands.symmetric_run.make_context("ray", [*options[1:], "drawbench"]) as context:
            assert context.params["ray_args_and_entrypoint"] == ("drawbench",)


def test_every_way_is_shown() -> None:
    assert {line.split()[0] for line in LINES} == {"torchrun", "accelerate", "ray", "drawbench"}
    assert len(LINES) >= 11


def test_the_job_of_a_ray_cluster_is_what_kuberay_reads() -> None:
    [text] = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    job = yaml.safe_load(text)
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    spec = job["spec"]["rayClusterSpec"]
    for group in (spec["headGroupSpec"], *spec["workerGroupSpecs"]):
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
        assert all({"name", "image"} <= set(each) for each in group["template"]["spec"]["containers"])
