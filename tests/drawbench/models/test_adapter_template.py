"""docs/adapter_template: installed as its reader does, found by its entry point, described and drawn."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from drawbench.cli.main import main
from drawbench.interface import Refused, Sample
from drawbench.models.registry import resolve_model
from drawbench.runs.directory import RunDirectory

TEMPLATE = Path(__file__).parents[3] / "docs" / "adapter_template"


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package in it, installed by pip."""
    root = tmp_path_factory.mktemp("template")
    source = shutil.copytree(TEMPLATE, root / "source")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation", "--no-index"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(root / "packages"), str(source)]
    subprocess.run(command, check=True)
    return root / "packages"


@pytest.fixture(autouse=True)
def _installed(packages: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(packages)
    yield
    for name in [name for name in sys.modules if name.startswith("drawbench_gradient")]:
        del sys.modules[name]


def test_its_kind_is_listed_and_described(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["models", "list"]) == 0
    assert "gradient:...  " in capsys.readouterr().out
    assert main(["models", "describe", "gradient:blue", "--set", "contrast=0.5", "--device", "cpu", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["name"], facts["size"], facts["settings"]) == ("Gradient, blue", 64, {"contrast": 0.5})
    assert list(facts["takes"]) == ["contrast"]


def test_it_draws_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", "gradient:green", "--prompts", "open", "--limit", "1", "--samples", "2", "--device", "cpu"]
    assert main(["generate", *words, "--out", str(tmp_path / "run")]) == 0
    run = RunDirectory.open(tmp_path / "run")
    assert run.require_seal().images == 22
    assert run.plan.model.adapter == "gradient"


def test_it_keeps_the_contract() -> None:
    model = resolve_model("gradient", {}, "cpu")
    samples = [Sample("a", "", text, 0, number) for number, text in enumerate(("a cup", "two cups", " "))]
    together = model.generate(samples, 16)
    assert together[2] == Refused("no text")
    for sample, image in zip(samples[:2], together, strict=False):
        [alone] = model.generate([sample], 16)
        assert np.array_equal(np.asarray(alone), np.asarray(image))


@pytest.mark.parametrize(
    ("spec", "setting", "said"),
    [
        ("gradient:pink", "contrast=1", "no gradient 'pink'"),
        ("gradient", "x=1", "no setting 'x'"),
        ("gradient", "contrast=9", "no number"),
    ],
)
def test_what_it_refuses_is_one_sentence(
    spec: str, setting: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["models", "describe", spec, "--set", setting, "--device", "cpu"]) == 2
    assert said in capsys.readouterr().err
