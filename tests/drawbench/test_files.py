"""Files and folders are put in place whole or not at all: after an error, an interrupt, a kill, on a full disk."""

import os
import resource
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from drawbench.files import (
    atomic_file,
    atomic_folder,
    put_in_place,
    remove_abandoned,
    remove_leftovers,
    write_text_atomically,
)

OLD = "what was there before"
LONG = "all of the new content\n" * 10_000
Write = Callable[[Path], None]


def _write_file(path: Path) -> None:
    write_text_atomically(path / "file", LONG)


def _write_folder(path: Path) -> None:
    with atomic_folder(path / "folder", replace=True) as staged:
        (staged.path / "deep").mkdir()
        (staged.path / "deep" / "file").write_text(LONG)


def _names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A place with an old file, and an old folder with a file in it."""
    (tmp_path / "file").write_text(OLD)
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "kept").write_text(OLD)
    return tmp_path


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def _assert_old(place: Path) -> None:
    shown = [name for name in _names(place) if not name.startswith(".")]
    assert shown == ["file", "folder", "folder/kept"]
    assert (place / "file").read_text() == (place / "folder" / "kept").read_text() == OLD


KILLED = """
import os, resource, signal, sys
from pathlib import Path
from tests.drawbench import test_files

def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

writer, step, place = sys.argv[1:]
if step == "write":
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # kills
else:
    setattr(os if step == "fsync" else Path, step, killed)
getattr(test_files, writer)(Path(place))
"""


@pytest.mark.parametrize(
    ("write", "step"),
    [
        *((_write_file, step) for step in ("write", "fsync", "replace")),
        *((_write_folder, step) for step in ("write", "fsync", "rename")),
    ],
)
def test_a_kill_leaves_the_old_whole(old: Path, write: Write, step: str) -> None:
    """In the midst of writing, at the first sync, and between the last sync and the rename."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", KILLED, write.__name__, step, str(old)]
    assert subprocess.run(command, env=environment, check=False).returncode in (-signal.SIGKILL, -signal.SIGXFSZ)
    _assert_old(old)
    write(old)
    assert [path for path in old.rglob("file") if path.read_text() == LONG]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError, SystemExit])
def test_whatever_ends_the_block_leaves_nothing(old: Path, error: type[BaseException]) -> None:
    def half_a_file() -> None:
        with atomic_file(old / "file") as file:
            file.write(b"half")
            raise error

    def half_a_folder() -> None:
        with atomic_folder(old / "folder", replace=True) as staged:
            (staged.path / "half").write_text("half")
            raise error

    for ended in (half_a_file, half_a_folder):
        with pytest.raises(error):
            ended()
    _assert_old(old)
    assert _names(old) == ["file", "folder", "folder/kept"]


@pytest.mark.parametrize("write", [_write_file, _write_folder])
def test_a_full_disk_leaves_nothing(old: Path, write: Write) -> None:
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            write(old)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    _assert_old(old)
    assert _names(old) == ["file", "folder", "folder/kept"]


def test_all_is_on_disk_before_it_has_its_name(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append(path.name.split(".")[1] if path.suffix == ".partial" else path.name)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    _write_file(old)
    assert synced == ["file", old.name]
    synced.clear()
    _write_folder(old)
    assert sorted(synced[:-1]) == ["deep", "file", "folder"]
    assert synced[-1] == old.name


def test_modes(tmp_path: Path, umask: Callable[[int], int]) -> None:
    umask(0o027)
    write_text_atomically(tmp_path / "new", OLD)
    with atomic_file(tmp_path / "private", 0o600) as file:
        assert _mode(next(tmp_path.glob(".private.*"))) == 0o600
        file.write(b"secret")
    with atomic_folder(tmp_path / "folder"):
        pass
    assert [_mode(tmp_path / name) for name in ("new", "private", "folder")] == [0o640, 0o600, 0o750]
    (tmp_path / "new").chmod(0o604)
    (tmp_path / "folder").chmod(0o711)
    write_text_atomically(tmp_path / "new", LONG)
    with atomic_folder(tmp_path / "folder", replace=True):
        pass
    assert [_mode(tmp_path / name) for name in ("new", "folder")] == [0o604, 0o711]


def test_a_link_stays_and_a_pipe_is_written_to(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").write_text(OLD)
    (tmp_path / "link").symlink_to("elsewhere/file")
    write_text_atomically(tmp_path / "link", LONG)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "elsewhere" / "file").read_text() == LONG
    write_text_atomically(Path(os.devnull), LONG)
    assert Path(os.devnull).is_char_device()


def test_a_folder_takes_no_others_place_unless_told(old: Path) -> None:
    with pytest.raises(OSError, match="not empty"), atomic_folder(old / "folder") as staged:
        (staged.path / "new").write_text(LONG)
    _assert_old(old)
    with pytest.raises(OSError, match="Not a directory"), atomic_folder(old / "file"):
        pass
    (old / "empty").mkdir()
    with atomic_folder(old / "empty") as staged:
        (staged.path / "new").write_text(LONG)
    assert _names(old) == ["empty", "empty/new", "file", "folder", "folder/kept"]


def test_an_old_folder_comes_back_when_the_new_one_cannot_take_its_place(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def refused(path: Path, target: Path) -> Path:
        if target.name == "folder" and (path / "deep").exists():
            raise OSError("refused")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refused)
    with pytest.raises(OSError, match="refused"):
        _write_folder(old)
    assert _names(old) == ["file", "folder", "folder/kept"]


def test_a_published_folder_is_taken_back(tmp_path: Path) -> None:
    def too_late() -> None:
        with atomic_folder(tmp_path / "folder") as staged:
            staged.publish()
            assert _names(tmp_path) == ["folder"]
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        too_late()
    assert _names(tmp_path) == []


def test_many_files_get_their_names_after_all_are_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moves = [(tmp_path / f"{number}", tmp_path / "to" / f"{number % 2}" / f"{number}") for number in range(20)]
    for partial, _ in moves:
        partial.write_text(LONG)
    steps: list[str] = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda descriptor: (steps.append("sync"), sync(descriptor))[1])
    monkeypatch.setattr(Path, "replace", lambda path, to: (steps.append("replace"), replace(path, to))[1])
    put_in_place(moves)
    assert steps == ["sync"] * 20 + ["replace"] * 20 + ["sync"] * 2
    assert all(target.read_text() == LONG for _, target in moves)
    put_in_place([])


def test_what_a_kill_left_can_be_removed(tmp_path: Path) -> None:
    for name in (".a.json.0123abcd.partial", ".a.json.partial", ".ab.json.0123abcd.partial", "a.json"):
        (tmp_path / name).write_text("")
    remove_leftovers(tmp_path / "a.json")
    remove_leftovers(tmp_path / "nowhere" / "a.json")
    assert _names(tmp_path) == [".ab.json.0123abcd.partial", "a.json"]


def test_the_next_writer_removes_what_a_kill_left_and_nothing_that_lives(tmp_path: Path) -> None:
    """A killed process leaves a hidden file and folder; another process still fills the same two; a third writes."""
    body = (
        "import sys, time; from pathlib import Path; from drawbench.files import atomic_file, atomic_folder\n"
        "place = Path(sys.argv[1])\n"
        "with atomic_file(place / 'file') as file, atomic_folder(place / 'folder', replace=True) as staged:\n"
        "    (staged.path / 'new').write_text('new'); print('ready', flush=True); sys.stdin.readline()\n"
    )

    def begun() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", body, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    killed = begun()
    killed.kill()
    killed.communicate()
    living = begun()
    hidden = sorted(tmp_path.glob(".*.partial"))
    assert len(hidden) == 4
    for path in (*hidden, tmp_path):
        os.utime(path, (1, 1))
    (tmp_path / ".folder.old-notes.partial").mkdir()  # of nobody here
    _write_folder(tmp_path)
    _write_file(tmp_path)
    remove_abandoned(tmp_path / "file")
    assert len(list(tmp_path.glob(".f*.????????.partial"))) == 2
    living.communicate("\n")
    assert living.returncode == 0
    assert (tmp_path / "folder" / "new").read_text() == "new"
    assert [path.name for path in tmp_path.glob(".*")] == [".folder.old-notes.partial"]


def test_what_was_made_this_moment_stays(tmp_path: Path) -> None:
    left = tmp_path / ".file.01234567.partial"
    left.write_text(OLD)
    remove_abandoned(tmp_path / "file")
    assert left.exists()
    os.utime(left, (1, 1))
    remove_abandoned(tmp_path / "file")
    assert not left.exists()
