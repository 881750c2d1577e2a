"""docs/training.md: its launchers take the options that they are shown with, and its figures are the estimate's."""

import re
import shlex
from importlib import import_module
from pathlib import Path

import pytest
from torch.distributed.run import get_args_parser

from reference_model.networks.presets import preset
from reference_model.training.estimate import Launch, estimate
from tests.test_docs import takes_options

PAGE = Path(__file__).parents[1] / "docs/training.md"
LINES = re.findall(r"^    ((?:torchrun|accelerate launch) .*)", PAGE.read_text(), re.MULTILINE)
GIB = 2**30


@pytest.mark.parametrize("line", LINES)
def test_launchers_take_these_options(line: str) -> None:
    program, *options = shlex.split(line)
    at = options.index("-m")
    takes_options(import_module(options[at + 1]).main, options[at + 2 :])
    if program == "torchrun":
        assert get_args_parser().parse_args(options).training_script == options[at + 1]
    else:
        commands = pytest.importorskip("accelerate.commands.launch")
        assert commands.launch_command_parser().parse_args(options[1:]).training_script == options[at + 1]


def test_every_launcher_is_shown() -> None:
    assert {line.split()[0] for line in LINES} == {"torchrun", "accelerate"}
    assert len(LINES) >= 3


@pytest.mark.proof
def test_the_figures_of_the_papers_base_are_the_estimates() -> None:
    found = estimate(preset("paper")[0], Launch(32, ranks=64, accumulate=64, gradient_checkpointing=True))
    memory = found.memory
    text = PAGE.read_text()
    assert f"| {(memory.total - memory.gathered - memory.activations) / GIB:.2f} GiB |" in text
    assert f"| {memory.gathered / GIB:.2f} GiB |" in text
    assert f"| {memory.activations / GIB:.1f} GiB |" in text
    assert f"| {found.state / GIB:.0f} GiB |" in text
    assert f"| {found.flop / 1e15:.1f} PFLOP |" in text
    assert f"| {found.flop / 64 / 300e12:.2f} s a step" in text
