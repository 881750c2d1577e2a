"""`drawbench leaderboard` without runs: defaults, --write, and what it loads."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from drawbench.cli import leaderboard
from drawbench.cli.main import main
from drawbench.results.files import write_result
from drawbench.tables.committed import BEGIN, END
from tests.drawbench.synthetic import result


def test_it_reads_the_results_folder_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_result(result("synthetic model"), tmp_path / "results")
    assert main(["leaderboard", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["label"] for table in document["tables"] for row in table["rows"]] == ["synthetic model"]
    assert document["published"]


def test_named_paths_show_no_published_numbers_unless_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_result(result("synthetic model"), tmp_path)
    main(["leaderboard", str(path), "--json"])
    assert json.loads(capsys.readouterr().out)["published"] == []
    main(["leaderboard", str(path), "--json", "--published"])
    assert json.loads(capsys.readouterr().out)["published"]


def test_without_any_results_it_shows_the_published_ones_and_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(leaderboard, "default_paths", list)
    assert main(["leaderboard"]) == 0
    printed = capsys.readouterr()
    assert "not measured here" in printed.out
    assert "no measured results here" in printed.err


def test_write_makes_the_committed_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "README.md").write_text(f"{BEGIN}\n{END}\n")
    assert main(["leaderboard", "--write", str(tmp_path)]) == 0
    assert str(tmp_path / "README.md") in capsys.readouterr().out
    assert main(["leaderboard", "--write", str(tmp_path)]) == 0
    assert "up to date" in capsys.readouterr().err


def test_it_loads_neither_torch_nor_pandas() -> None:
    probe = (
        "import sys; from drawbench.cli.main import main; main(['leaderboard', '--published']); "
        "assert not {'torch', 'pandas', 'transformers', 'open_clip', 'jinja2'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
