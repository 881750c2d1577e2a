"""Before a release is built: one version, in all places, with a day."""

from pathlib import Path

import pytest

from deploy.release import ReleaseError, checked_version, keep, main
from drawbench import __version__

ROOT = Path(__file__).parents[1]


def project(
    folder: Path, heading: str = "## [1.2.0] - 2026-01-31", project: str = "1.2.0", module: str = "1.2.0"
) -> Path:
    """A project of these versions."""
    (folder / "drawbench").mkdir()
    (folder / "CHANGELOG.md").write_text(f"# Changes\n\n{heading}\n\n- something\n\n## [1.1.0] - 2025-01-31\n")
    (folder / "pyproject.toml").write_text(f'[project]\nname = "drawbench"\nversion = "{project}"\n')
    (folder / "drawbench/__init__.py").write_text(f'"""Words."""\n\n__version__ = "{module}"\n')
    return folder


def test_the_newest_entry_counts(tmp_path: Path) -> None:
    assert checked_version(project(tmp_path)) == ("1.2.0", "2026-01-31")


def test_this_one_agrees_with_itself() -> None:
    assert checked_version(ROOT)[0] == __version__


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"heading": "## [1.1.9] - 2026-01-31"}, "1.1.9 in CHANGELOG.md, 1.2.0 in pyproject.toml"),
        ({"project": "1.3.0"}, "1.3.0 in pyproject.toml"),
        ({"module": "1.3.0"}, "1.3.0 in drawbench/__init__.py"),
        ({"heading": "## [1.2.0] - soon"}, "dates 1.2.0 'soon'"),
    ],
)
def test_versions_that_do_not_agree_stop_it(tmp_path: Path, changed: dict[str, str], said: str) -> None:
    with pytest.raises(ReleaseError, match=said.replace("[", r"\[")):
        checked_version(project(tmp_path, **changed))


def test_it_stops_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("deploy.release.ROOT", project(tmp_path, module="0"))
    monkeypatch.setattr("sys.argv", ["release", "--out", str(tmp_path / "dist")])
    assert main() == 1
    assert "the version is not the same everywhere" in capsys.readouterr().err
    assert not (tmp_path / "dist").exists()


def test_an_older_release_does_not_stay_beside_it(tmp_path: Path) -> None:
    out, new = tmp_path / "dist", tmp_path / "new"
    for folder, name in ((out, "drawbench-1.1.0.tar.gz"), (out, "notes.txt"), (new, "drawbench-1.2.0.tar.gz")):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text("x")
    assert keep([new / "drawbench-1.2.0.tar.gz"], out) == [out / "drawbench-1.2.0.tar.gz"]
    assert sorted(path.name for path in out.iterdir()) == ["drawbench-1.2.0.tar.gz", "notes.txt"]
