"""A file is put in place whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from metrics.files import atomic_file

KILLED = """
import os, signal, sys
from pathlib import Path
from metrics.files import atomic_file

os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
with atomic_file(Path(sys.argv[1])) as file:
    file.write(b"new")
"""


def test_it_is_whole_and_of_the_usual_mode(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    for content in (b"old", b"new"):
        with atomic_file(path) as file:
            file.write(content)
        assert path.read_bytes() == content
    (tmp_path / "plain").write_text("")
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_whatever_ends_the_block_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    def ended() -> None:
        with atomic_file(tmp_path / "file") as file:
            file.write(b"half")
            raise error

    with pytest.raises(error):
        ended()
    assert list(tmp_path.iterdir()) == []


def test_a_kill_before_the_rename_leaves_the_old_whole(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", KILLED, str(tmp_path / "file")]
    assert subprocess.run(command, env=environment, check=False).returncode == -signal.SIGKILL
    assert (tmp_path / "file").read_text() == "old"
