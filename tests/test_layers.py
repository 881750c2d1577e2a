"""The layers in pyproject.toml hold, and an import that runs against them is found."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("drawbench", "human_eval_app", "metrics", "reference_model")

INSIDE_A_FUNCTION = """

def planted():
    from drawbench.models import registry
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the packages' modules and of the contracts."""
    for package in PACKAGES:
        no_data = shutil.ignore_patterns("*.safetensors", "__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=no_data)
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    return tmp_path


def test_the_source_keeps_to_the_layers(source: Path) -> None:
    done = _lint(source)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("module", "line", "named"),
    [
        ("drawbench/runs/plan.py", INSIDE_A_FUNCTION, "drawbench.runs.plan -> drawbench.models.registry"),
        ("drawbench/errors.py", "import human_eval_app.study", "drawbench.errors -> human_eval_app.study"),
        ("metrics/kernel.py", "import reference_model.pixels", "metrics.kernel -> reference_model.pixels"),
        ("metrics/manifold.py", "import metrics.kernel", "metrics.manifold -> metrics.kernel"),
        ("reference_model/text/byte_t5.py", "import reference_model.cascade", "byte_t5 -> reference_model.cascade"),
        ("human_eval_app/study/gold.py", "import human_eval_app.store.store", "gold -> human_eval_app.store.store"),
        ("metrics/frechet/moments.py", "import metrics.frechet.interval", "moments -> .interval"),
        ("drawbench/attic.py", "", "attic"),
    ],
)
def test_a_planted_import_is_found(source: Path, module: str, line: str, named: str) -> None:
    with (source / module).open("a") as file:
        file.write(f"{line}\n")
    done = _lint(source)
    assert done.returncode == 1
    assert named in done.stdout


def _lint(source: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run([program, "--no-cache"], cwd=source, capture_output=True, text=True, check=False)
