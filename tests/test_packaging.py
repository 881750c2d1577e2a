"""The wheel: it holds every file that belongs in it, and works without the checkout.

An editable install reads the checkout and so hides what a wheel lacks; here the tracked files are built into a wheel,
which is installed where only third-party packages are shared with this environment.
"""

import os
import shutil
import site
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

PACKAGES = ("drawbench", "metrics", "reference_model", "human_eval_app")
CHECKOUT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tracked() -> list[str]:
    """What a clone would hold, as relative paths."""
    if not (CHECKOUT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("needs a git checkout: the tracked files are what the wheel is compared with")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return [name for name in listed.stdout.split("\0") if name and (CHECKOUT / name).is_file()]


@pytest.fixture(scope="module")
def wheel(tracked: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of the tracked files, built in a copy: build folders of the checkout can add nothing to it."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    for name in tracked:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(CHECKOUT / name, source / name)
    _succeed([sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(out)], cwd=source)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("elsewhere") / "venv"
    venv.create(folder, with_pip=False)
    target = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "--disable-pip-version-check"]
    _succeed([*target, "install", "--no-deps", "--no-index", str(wheel)], cwd=folder)
    # A path in a .pth file is searched for packages, but the .pth files found there, the editable install's among
    # them, are not read. Written last, so that pip cannot take this environment's drawbench for the new one's.
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "third_party.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    return folder


def test_the_wheel_holds_the_packages_tracked_files_and_no_others(wheel: Path, tracked: list[str]) -> None:
    expected = {name for name in tracked if name.split("/")[0] in PACKAGES}
    content = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert content == expected, "name what is missing in pyproject.toml, under packages or package-data"


def test_the_wheel_holds_the_licence(wheel: Path) -> None:
    assert any(name.endswith("/LICENSE") for name in zipfile.ZipFile(wheel).namelist())


def test_every_package_is_imported_from_the_new_environment(environment: Path, tmp_path: Path) -> None:
    probe = "".join(f"import {name}; print({name}.__file__);" for name in PACKAGES)
    places = _succeed([str(environment / "bin" / "python"), "-c", probe], cwd=tmp_path).split()
    assert len(places) == len(PACKAGES)
    for place in places:
        assert Path(place).is_relative_to(environment)


def test_what_is_shown_needs_no_checkout(environment: Path, tmp_path: Path) -> None:
    assert "Imagen" in _drawbench(environment, tmp_path, "leaderboard", "--published")
    assert "colors-001" in _drawbench(environment, tmp_path, "prompts", "show", "open")


def test_an_untrained_model_generates(environment: Path, tmp_path: Path) -> None:
    options = "--model reference:untrained --prompts open --limit 1 --samples 1 --size 64 --set steps=1 --out run"
    _drawbench(environment, tmp_path, "generate", *options.split())
    assert len(list((tmp_path / "run/images").rglob("*.png"))) == 11


def test_the_bundled_model_is_scored(environment: Path, tmp_path: Path) -> None:
    options = "--model reference --prompts open --limit 1 --samples 1 --size 64 --out run"
    shown = _drawbench(environment, tmp_path, "run", *options.split())
    assert "Imagen" in shown
    assert (tmp_path / "run/scores/bundled.json").is_file()
    assert len(list((tmp_path / "run/images").rglob("*.png"))) == 11


def _drawbench(environment: Path, folder: Path, *arguments: str) -> str:
    return _succeed([str(environment / "bin" / "drawbench"), *arguments], cwd=folder)


def _succeed(command: list[str], cwd: Path) -> str:
    """Run a command away from the checkout and its caches; its output, once it has ended well."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    variables |= {"HF_HUB_OFFLINE": "1", "DRAWBENCH_CACHE": str(cwd / "cache")}
    done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
    return done.stdout
