"""The wheel: it holds every file that belongs in it, and works without the checkout.

An editable install reads the checkout and so hides what a wheel lacks; here the tracked files are built into a wheel,
which is installed where only third-party packages are shared with this environment.
"""

import shutil
import zipfile
from pathlib import Path

import pytest

from deploy import release
from drawbench import __version__

PACKAGES = ("drawbench", "metrics", "reference_model", "human_eval_app")
CHECKOUT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a clone would hold."""
    if not (CHECKOUT / ".git").exists() or shutil.which("git") is None:
        pytest.skip("needs a git checkout: the tracked files are what the wheel is compared with")
    folder = tmp_path_factory.mktemp("source")
    release.copy_tracked(CHECKOUT, folder)
    return folder


@pytest.fixture(scope="module")
def tracked(source: Path) -> list[str]:
    """The same, as relative paths, before anything is built there."""
    return [str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()]


@pytest.fixture(scope="module")
def built(source: Path, tracked: list[str], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Sdist and wheel."""
    assert tracked
    return release.build(source, tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(built: list[Path]) -> Path:
    """The wheel, built from the sdist."""
    (found,) = (path for path in built if path.suffix == ".whl")
    return found


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new virtual environment with the wheel in it."""
    return release.install(wheel, tmp_path_factory.mktemp("elsewhere") / "venv")


def test_the_wheel_holds_the_packages_tracked_files_and_no_others(wheel: Path, tracked: list[str]) -> None:
    expected = {name for name in tracked if name.split("/")[0] in PACKAGES}
    content = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert content == expected, "name what is missing in pyproject.toml, under packages or package-data"


def test_the_wheel_holds_the_licence(wheel: Path) -> None:
    assert any(name.endswith("/LICENSE") for name in zipfile.ZipFile(wheel).namelist())


def test_every_package_is_imported_from_the_new_environment(environment: Path, tmp_path: Path) -> None:
    probe = "".join(f"import {name}; print({name}.__file__);" for name in PACKAGES)
    places = release.succeed([str(environment / "bin" / "python"), "-c", probe], cwd=tmp_path).split()
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


def test_a_release_is_tried_out(environment: Path, tmp_path: Path) -> None:
    with pytest.raises(release.ReleaseError, match=rf"is drawbench {__version__}, not drawbench 9\.9"):
        release.try_out(environment, "9.9", tmp_path)
    release.try_out(environment, __version__, tmp_path)
    assert (tmp_path / "run/scores/bundled.json").is_file()
    assert len(list((tmp_path / "run/images").rglob("*.png"))) == 11


def test_twine_takes_it(built: list[Path], tmp_path: Path) -> None:
    release.twine_check(built)
    broken = tmp_path / built[0].name
    broken.write_bytes(b"no archive")
    with pytest.raises(release.ReleaseError, match="twine"):
        release.twine_check([broken])


def _drawbench(environment: Path, folder: Path, *arguments: str) -> str:
    return release.succeed([str(environment / "bin" / "drawbench"), *arguments], cwd=folder)
