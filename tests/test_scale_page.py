"""docs/scale.md: its launchers and commands take the options that they are shown with."""

import os
import re
import shlex
from pathlib import Path

import pytest
from torch.distributed.run import get_args_parser

from drawbench.cli.main import parse
from drawbench.runs.claim import parse_shard

PAGE = Path(__file__).parents[1] / "docs/scale.md"
LINES = [
    os.path.expandvars(line.strip().removeprefix("srun "))
    for line in re.sub(r"\$SLURM_ARRAY_TASK_ID", "3", PAGE.read_text()).splitlines()
    if re.match(r"    (srun )?(torchrun|accelerate launch|drawbench) ", line)
]


@pytest.mark.parametrize("line", LINES)
def test_launchers_and_commands_take_these_options(line: str) -> None:
    launcher, module, command = line.partition(" -m drawbench ")
    found = parse(shlex.split(command if module else line)[0 if module else 1 :])
    assert found is not None
    if shard := getattr(found[1], "shard", None):
        assert parse_shard(shard)
    program, *options = shlex.split(launcher + module.removesuffix(" drawbench "))
    if program == "torchrun":
        assert get_args_parser().parse_args([*options, "drawbench"]).module
    elif program == "accelerate":
        commands = pytest.importorskip("accelerate.commands.launch")
        assert commands.launch_command_parser().parse_args([*options[1:], "drawbench"]).module


def test_every_way_is_shown() -> None:
    assert {line.split()[0] for line in LINES} == {"torchrun", "accelerate", "drawbench"}
    assert len(LINES) >= 8
