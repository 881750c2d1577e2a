"""`drawbench weights list | fetch | check`, against a server on the loopback address."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from drawbench.cli.main import main
from metrics.features.weights import INCEPTION, OPENAI_VIT_B_32, PUBLISHED, WeightsFile
from tests.drawbench.file_server import FileServer, serving

CONTENT = b"a network" * 1000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of weights, and an empty cache."""
    monkeypatch.setenv("DRAWBENCH_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "weights"


def _publish(monkeypatch: pytest.MonkeyPatch, *weights: WeightsFile) -> None:
    for module in ("drawbench.weights.command", "drawbench.cli.weights"):
        monkeypatch.setattr(f"{module}.PUBLISHED", weights)


def _served(server: FileServer, sha256: str = DIGEST) -> WeightsFile:
    return WeightsFile("net.pth", sha256, server.url, len(CONTENT), "tests")


def test_list_names_every_published_file_with_size_digest_place_and_use(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.mkdir()
    (folder / OPENAI_VIT_B_32.file).write_bytes(b"here")
    assert main(["weights", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    assert [line.split()[0] for line in lines] == [weights.name for weights in PUBLISHED]
    by_name = {line.split()[0]: line for line in lines}
    assert f"96 MB  {INCEPTION.sha256[:12]}  missing" in by_name[INCEPTION.name]
    assert f"unknown  {OPENAI_VIT_B_32.sha256[:12]}  {folder / OPENAI_VIT_B_32.file}" in by_name[OPENAI_VIT_B_32.name]
    assert main(["weights", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [row["sha256"] for row in listed] == [weights.sha256 for weights in PUBLISHED]
    assert all(row["source"].startswith("https://") and row["used_for"] for row in listed)


def test_an_unknown_digest_is_listed_as_unverified(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _publish(monkeypatch, replace(INCEPTION, sha256=""))
    main(["weights", "list"])
    assert capsys.readouterr().out.splitlines()[1].split()[:5] == [INCEPTION.name, "96", "MB", "unverified", "missing;"]


@pytest.mark.parametrize("name", ["net", "net.pth"])
def test_fetch_puts_the_file_where_metrics_look_for_it(
    name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(CONTENT) as server:
        _publish(monkeypatch, _served(server))
        assert main(["weights", "fetch", name]) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{folder / 'net.pth'}\n"
    assert "fetching net.pth" in printed.err
    assert (folder / "net.pth").read_bytes() == CONTENT


def test_fetch_to_another_folder_and_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(CONTENT) as server:
        _publish(monkeypatch, _served(server))
        assert main(["weights", "fetch", "net", "--to", str(tmp_path / "other"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [str(tmp_path / "other" / "net.pth")]


def test_a_misspelt_name_is_refused_before_anything_is_fetched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(CONTENT) as server:
        _publish(monkeypatch, _served(server))
        assert main(["weights", "fetch", "net", "nett"]) == 2
        assert server.seen == []
    assert "no published weights 'nett': use one of net" in capsys.readouterr().err


def test_exit_codes_tell_a_wrong_file_from_a_lost_network(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("drawbench.weights.download.time.sleep", lambda seconds: None)
    with serving(b"x" * len(CONTENT)) as server:
        _publish(monkeypatch, _served(server))
        assert main(["weights", "fetch", "net"]) == 2
    assert main(["weights", "fetch", "net"]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith("drawbench: http://127.0.0.1")


def test_hub_models_go_to_the_hubs_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def snapshot(name: str, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((name, revision, "*.bin" in allow_patterns))
        if name == "owner/lost":
            raise RuntimeError("no network")
        return str(tmp_path / "snapshot")

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot)
    assert main(["weights", "fetch", "owner/model@abc"]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'snapshot'}\n"
    assert main(["weights", "fetch", "owner/lost"]) == 1
    assert "repeat `drawbench weights fetch owner/lost`" in capsys.readouterr().err
    assert asked == [("owner/model", "abc", False), ("owner/lost", None, False)]


def test_check_tells_right_wrong_recorded_and_unknown_files_apart(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"right.pth": DIGEST, "first.pth": "", "wrong.pth": "0" * 64}
    _publish(monkeypatch, *(WeightsFile(name, digest, "") for name, digest in names.items()))
    folder.mkdir()
    for name in (*names, "mine.safetensors", "changed.pt"):
        (folder / name).write_bytes(CONTENT)
    (folder / "first.pth.sha256").write_text(f"{DIGEST}  first.pth\n")
    (folder / "changed.pt.sha256").write_text(f"{'1' * 64}  changed.pt\n")
    (folder / "notes.txt").write_text("no weights")
    assert main(["weights", "check", "--json"]) == 2
    verdicts = {Path(found["path"]).name: found["verdict"] for found in json.loads(capsys.readouterr().out)}
    assert verdicts == {
        "right.pth": "right",
        "first.pth": "first digest",
        "wrong.pth": "wrong",
        "mine.safetensors": "unknown",
        "changed.pt": "wrong",
    }
    assert not (folder / "mine.safetensors.sha256").exists()
    (folder / "wrong.pth").unlink()
    (folder / "changed.pt").unlink()
    assert main(["weights", "check", str(folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert DIGEST in lines[-1]


def test_check_of_nothing_is_an_error(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "check"]) == 2
    assert str(folder) in capsys.readouterr().err
    assert main(["weights", "check", str(tmp_path / "none")]) == 2
    assert "is no folder" in capsys.readouterr().err
