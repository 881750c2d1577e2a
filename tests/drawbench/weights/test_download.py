"""Downloads from a real server on the loopback address: resumed, atomic, checked, safe to kill and to run twice."""

import hashlib
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drawbench.errors import StageError, UserError
from drawbench.progress import Progress
from drawbench.weights.download import TRIES, fetch
from metrics.errors import MetricInputError
from metrics.features.weights import WeightsFile, recorded_digest
from tests.drawbench.file_server import FileServer, serving

CONTENT = np.random.default_rng(0).bytes(1_500_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Notes(Progress):
    """Keeps what a user would see."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.steps: list[tuple[int, int]] = []

    def start(self, label: str, done: int, total: int, unit: str = "images") -> None:
        """Keep the counts."""
        self.steps.append((done, total))

    def advance(self, count: int) -> None:
        """Count."""
        self.steps[-1] = (self.steps[-1][0] + count, self.steps[-1][1])

    def note(self, message: str) -> None:
        """Keep the sentence."""
        self.notes.append(message)


def _weights(server: FileServer, **changes: str | int) -> WeightsFile:
    return replace(WeightsFile("net.pth", DIGEST, server.url, len(CONTENT)), **changes)


def _fetch(weights: WeightsFile, folder: Path) -> Notes:
    notes = Notes()
    assert fetch(weights, folder, notes, pause=0.01) == folder / "net.pth"
    return notes


def _visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def test_a_file_is_fetched_once(tmp_path: Path) -> None:
    with serving(CONTENT) as server:
        notes = _fetch(_weights(server), tmp_path / "new")
        assert (tmp_path / "new" / "net.pth").read_bytes() == CONTENT
        assert _visible(tmp_path / "new") == ["net.pth"]
        assert notes.steps == [(1, 2)]  # whole MiB of 1.43
        assert "its digest is right" in _fetch(_weights(server), tmp_path / "new").notes[0]
        assert server.seen == [None]


@pytest.mark.parametrize("digest", [DIGEST, ""])
def test_cut_connections_are_taken_up_where_they_ended(tmp_path: Path, digest: str) -> None:
    with serving(CONTENT) as server:
        server.cut_after = 400_000
        _fetch(_weights(server, sha256=digest), tmp_path)
        assert (tmp_path / "net.pth").read_bytes() == CONTENT
        assert server.seen == [None, *(f"bytes={400_000 * i}-" for i in range(1, 4))]
        assert server.sent == len(CONTENT)


def test_a_server_without_ranges_sends_it_all_again(tmp_path: Path) -> None:
    with serving(CONTENT) as server:
        (tmp_path / "net.pth.part").write_bytes(CONTENT[:1000])
        server.ranges = False
        _fetch(_weights(server), tmp_path)
        assert (tmp_path / "net.pth").read_bytes() == CONTENT
        assert server.seen == ["bytes=1000-"]


@pytest.mark.parametrize("digest", [DIGEST, ""])
def test_two_versions_of_a_source_are_never_glued_together(tmp_path: Path, digest: str) -> None:
    older = bytes(len(CONTENT))
    with serving(older) as server:
        server.cut_after = 300_000
        server.statuses = [200, 503, 503, 503, 503]
        with pytest.raises(StageError):
            fetch(_weights(server, sha256=digest), tmp_path, Notes(), pause=0.01)
        assert (tmp_path / "net.pth.part").read_bytes() == older[:300_000]
        server.content, server.tag, server.cut_after = CONTENT, '"v2"', None
        _fetch(_weights(server, sha256=digest), tmp_path)
        assert (tmp_path / "net.pth").read_bytes() == CONTENT
        assert server.seen[-1] == "bytes=300000-"


def test_without_digest_and_version_nothing_is_resumed(tmp_path: Path) -> None:
    with serving(CONTENT) as server:
        server.tag = ""
        (tmp_path / "net.pth.part").write_bytes(b"x" * 1000)
        _fetch(_weights(server, sha256="", size=0), tmp_path)
        assert (tmp_path / "net.pth").read_bytes() == CONTENT
        assert server.seen == [None]


@pytest.mark.parametrize("extra", [b"", b"beyond"])
def test_a_part_that_is_whole_or_too_long_is_settled(tmp_path: Path, extra: bytes) -> None:
    with serving(CONTENT) as server:
        (tmp_path / "net.pth.part").write_bytes(CONTENT + extra)
        _fetch(_weights(server), tmp_path)
        assert (tmp_path / "net.pth").read_bytes() == CONTENT


def test_a_server_that_does_not_tell_the_length(tmp_path: Path) -> None:
    with serving(CONTENT) as server:
        server.announce = False
        with pytest.raises(UserError, match="could pass for the whole"):
            fetch(_weights(server, size=0, sha256=""), tmp_path, Notes())
        assert _visible(tmp_path) == []
        _fetch(_weights(server, size=0), tmp_path)
        assert (tmp_path / "net.pth").read_bytes() == CONTENT


def test_another_file_is_refused_and_not_kept(tmp_path: Path) -> None:
    with serving(CONTENT[::-1]) as server:
        with pytest.raises(UserError, match=f"expected {DIGEST}; nothing of it was kept"):
            fetch(_weights(server), tmp_path, Notes())
        assert _visible(tmp_path) == []


def test_another_size_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with serving(CONTENT + b"x") as server:
        with pytest.raises(UserError, match=r"offers 1500001 bytes where net\.pth has 1500000"):
            fetch(_weights(server), tmp_path, Notes())
        assert _visible(tmp_path) == []


def test_a_wrong_file_in_place_is_replaced_when_the_digest_is_known(tmp_path: Path) -> None:
    (tmp_path / "net.pth").write_bytes(b"something else")
    with serving(CONTENT) as server:
        notes = _fetch(_weights(server), tmp_path)
        assert "not the published file" in notes.notes[0]
        assert (tmp_path / "net.pth").read_bytes() == CONTENT


def test_the_digest_of_an_unverified_file_is_recorded_and_enforced(tmp_path: Path) -> None:
    with serving(CONTENT) as server:
        unverified = _weights(server, sha256="")
        assert DIGEST in _fetch(unverified, tmp_path).notes[0]
        assert recorded_digest(tmp_path / "net.pth") == DIGEST
        (tmp_path / "net.pth").write_bytes(b"changed")
        with pytest.raises(MetricInputError, match="changed since its first use"):
            fetch(unverified, tmp_path, Notes())


def test_a_server_that_is_busy_for_a_moment_is_asked_again(tmp_path: Path) -> None:
    with serving(CONTENT) as server:
        server.statuses = [503, 429, 200]
        _fetch(_weights(server), tmp_path)
        assert len(server.seen) == 3


def test_a_missing_source_is_one_sentence_at_once(tmp_path: Path) -> None:
    with serving(CONTENT) as server:
        server.statuses = [404]
        with pytest.raises(UserError, match="answers 404"):
            fetch(_weights(server), tmp_path, Notes())
        assert len(server.seen) == 1


def test_offline_is_one_sentence_with_name_size_digest_and_place(tmp_path: Path) -> None:
    with serving(CONTENT) as server:
        weights = _weights(server)
    with pytest.raises(StageError) as caught:
        fetch(weights, tmp_path, Notes(), pause=0.001)
    message = str(caught.value)
    for part in ("net.pth", "2 MB", DIGEST, f"`drawbench weights fetch net --to {tmp_path}`", weights.source):
        assert part in message
    assert "\n" not in message
    assert TRIES > 1


def test_a_folder_that_cannot_be_written_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(UserError, match="cannot be written to"):
        fetch(WeightsFile("net.pth", DIGEST, "http://127.0.0.1:1/"), tmp_path / "new", Notes())


def test_too_little_room_is_said_before_anything_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = type("Usage", (), {"free": 1_000_000})()
    monkeypatch.setattr("drawbench.weights.download.shutil.disk_usage", lambda folder: usage)
    with serving(CONTENT) as server, pytest.raises(UserError, match=r"needs 2 MB more and .* has 1 MB free"):
        fetch(_weights(server), tmp_path, Notes())


_PROGRAM = """
import sys
from pathlib import Path
from drawbench.progress import Progress
from drawbench.weights.download import fetch
from metrics.features.weights import WeightsFile
url, folder, digest, size = sys.argv[1:]
fetch(WeightsFile("net.pth", digest, url, int(size)), Path(folder), Progress())
"""


def _program(server: FileServer, folder: Path) -> subprocess.Popen[bytes]:
    arguments = [sys.executable, "-c", _PROGRAM, server.url, str(folder), DIGEST, str(len(CONTENT))]
    return subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def test_a_fetch_killed_half_way_goes_on_where_it_was(tmp_path: Path) -> None:
    """Three kills, each after some more bytes; what they wrote is not asked for again."""
    part = tmp_path / "net.pth.part"
    with serving(CONTENT) as server:
        server.pause = 0.04
        for kill in range(1, 4):
            process = _program(server, tmp_path)
            deadline = time.monotonic() + 60
            while (part.stat().st_size if part.exists() else 0) < kill * 300_000:
                assert time.monotonic() < deadline
                assert process.poll() is None
                time.sleep(0.005)
            os.kill(process.pid, signal.SIGKILL)
            process.communicate()
            assert _visible(tmp_path) == ["net.pth.part", "net.pth.part.json"]
        server.pause = 0
        _fetch(_weights(server), tmp_path)
        begins = [int(re.findall(r"\d+", asked or "0")[0]) for asked in server.seen]
    assert (tmp_path / "net.pth").read_bytes() == CONTENT
    assert begins[0] == 0
    assert all(begin >= kill * 300_000 for kill, begin in enumerate(begins))
    assert _visible(tmp_path) == ["net.pth"]


def test_two_fetchers_at_once_download_once(tmp_path: Path) -> None:
    with serving(CONTENT) as server:
        server.pause = 0.02
        processes = [_program(server, tmp_path) for _ in range(2)]
        outputs = [process.communicate(timeout=60)[0] for process in processes]
        assert [process.returncode for process in processes] == [0, 0], outputs
        assert server.seen == [None]
    assert (tmp_path / "net.pth").read_bytes() == CONTENT
    assert _visible(tmp_path) == ["net.pth"]


def test_threads_wait_for_each_other_and_say_so(tmp_path: Path) -> None:
    with serving(CONTENT) as server, ThreadPoolExecutor(3) as pool:
        server.pause = 0.02
        notes = list(pool.map(lambda _: _fetch(_weights(server), tmp_path).notes, range(3)))
        assert server.seen == [None]
    waited = [note for found in notes for note in found if "waiting for it" in note]
    assert len(waited) == 2
