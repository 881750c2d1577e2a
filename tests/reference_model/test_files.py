"""A file or a folder is put in place whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from reference_model.files import atomic_path, remove_leftovers

KILLED = """
import os, signal, sys
from pathlib import Path
from reference_model.files import atomic_path

os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
with atomic_path(Path(sys.argv[1])) as partial:
    partial.write_text("new")
"""


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_file_takes_anothers_place_and_a_folder_an_empty_ones(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    (tmp_path / "folder").mkdir()
    with atomic_path(tmp_path / "file") as partial:
        partial.write_text("new")
    with atomic_path(tmp_path / "folder") as partial:
        partial.mkdir()
        (partial / "content").write_text("new")
        (partial / "link").symlink_to("nowhere")
    assert _names(tmp_path) == ["file", "folder", "folder/content", "folder/link"]
    assert (tmp_path / "file").read_text() == "new"
    with pytest.raises(OSError, match="not empty"), atomic_path(tmp_path / "folder") as partial:
        partial.mkdir()
    assert _names(tmp_path) == ["file", "folder", "folder/content", "folder/link"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_whatever_ends_the_block_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def ended(folder: bool) -> None:
        with atomic_path(tmp_path / "new") as partial:
            if folder:
                partial.mkdir()
            (partial / "half" if folder else partial).write_text("half")
            raise error

    for folder in (False, True):
        with pytest.raises(error):
            ended(folder)
    assert _names(tmp_path) == []


def test_what_a_kill_leaves_is_hidden_and_can_be_removed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", KILLED, str(tmp_path / "file")]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    assert (tmp_path / "file").read_text() == "old"
    assert [name[:6] for name in _names(tmp_path)] == [".file.", "file"]
    remove_leftovers(tmp_path / "file")
    assert _names(tmp_path) == ["file"]
