"""The tables in the repository are what its result files say."""

from pathlib import Path

import pytest

from drawbench.errors import UserError
from drawbench.prompts.registry import load_prompt_set
from drawbench.results.files import read_result, write_result
from drawbench.results.published import published_text
from drawbench.scoring.protocols import PROTOCOLS, get_protocol
from drawbench.tables.committed import (
    BEGIN,
    END,
    NOTHING_YET,
    render_committed_tables,
    stale_tables,
    write_committed_tables,
)
from tests.drawbench.synthetic import human_result, preference, result

BOTH = ("bundled", "offline")
REPOSITORY = Path(__file__).resolve().parents[3]


def stale_results(results_dir: Path) -> list[str]:
    """One sentence per committed result that today's code would not make: its protocol or prompt set has changed."""
    complaints = []
    for path in sorted(results_dir.glob("*.json")):
        found = read_result(path)
        if found.kind != "measured" or found.study is not None:  # what people said once stays said
            continue
        now = get_protocol(found.protocol.name).fingerprint if found.protocol.name in PROTOCOLS else None
        if now != found.protocol.fingerprint:
            complaints.append(f"{path.name}: protocol {found.protocol.name} is another one today, score again")
        if found.prompt_set.name == "open" and load_prompt_set("open").sha256 != found.prompt_set.sha256:
            complaints.append(f"{path.name}: prompt set open is another one today, run again")
    return complaints


def test_the_committed_tables_are_not_stale() -> None:
    assert stale_tables(REPOSITORY / "results") == [], "run `drawbench leaderboard --write`"


def test_the_committed_results_are_what_todays_protocols_and_prompts_would_make() -> None:
    assert stale_results(REPOSITORY / "results") == [], "run `make results`"


def test_rows_of_both_protocols_are_of_the_same_images() -> None:
    found = [read_result(path) for path in (REPOSITORY / "results").glob("imagen-tiny*--open--*.json")]
    of = {name: {each.model.name: each.run for each in found if each.protocol.name == name} for name in BOTH}
    assert len(of["offline"]) == 3
    assert of["offline"] == of["bundled"], "delete runs/ and run `make results`"


def test_results_of_older_protocols_and_prompts_are_named(tmp_path: Path) -> None:
    fingerprint, prompts = get_protocol("imagen").fingerprint, load_prompt_set("open").sha256
    write_result(result("fresh", protocol="imagen", fingerprint=fingerprint, set_hash=prompts), tmp_path)
    assert stale_results(tmp_path) == []
    write_result(result("older", protocol="imagen", fingerprint="0" * 64, set_hash=prompts), tmp_path)
    write_result(result("reworded", protocol="imagen", fingerprint=fingerprint, set_hash="0" * 64), tmp_path)
    complaints = stale_results(tmp_path)
    assert [complaint.split("--")[0] for complaint in complaints] == ["older", "reworded"]
    assert "protocol imagen" in complaints[0]
    assert "prompt set open" in complaints[1]


def _results_folder(root: Path) -> Path:
    folder = root / "results"
    folder.mkdir()
    (folder / "README.md").write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    return folder


def test_writing_makes_them_anew_and_a_second_time_does_nothing(tmp_path: Path) -> None:
    folder = _results_folder(tmp_path)
    written = write_committed_tables(folder)
    assert written == [folder / "README.md", folder / "published.csv"]
    page = (folder / "README.md").read_text()
    assert page.startswith("before\n")
    assert page.endswith("after\n")
    assert NOTHING_YET in page
    assert (folder / "published.csv").read_text() == published_text()
    assert write_committed_tables(folder) == []


def test_a_new_result_makes_them_stale(tmp_path: Path) -> None:
    folder = _results_folder(tmp_path)
    write_committed_tables(folder)
    write_result(result("synthetic model"), folder)
    assert stale_tables(folder) == [folder / "README.md"]
    assert "synthetic model" in render_committed_tables(folder)[folder / "README.md"]


def test_the_front_page_has_the_categories_of_one_table_and_their_cautions(tmp_path: Path) -> None:
    folder = _results_folder(tmp_path)
    (tmp_path / "README.md").write_text(f"front\n{BEGIN}\n{END}\n")
    write_result(result("synthetic model"), folder)
    for name in ("synthetic painter", "synthetic drawer"):
        write_result(result(name, set_name="drawbench", set_hash="b" * 64), folder)
    write_result(
        result("other scorer", set_name="drawbench", set_hash="b" * 64, fingerprint="e" * 64, protocol="imagen"), folder
    )
    write_committed_tables(folder)
    front = (tmp_path / "README.md").read_text()
    assert "synthetic painter" in front
    assert "never compare them with published ones" in front
    assert "by category" in front
    assert "synthetic model" not in front
    assert "other scorer" not in front
    assert "DALL-E 2" not in front


def test_a_page_without_its_markers_is_named(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(f"{BEGIN} and no end")
    with pytest.raises(UserError, match="no place for the tables"):
        render_committed_tables(tmp_path)


def test_a_human_study_is_shown_and_never_stale_while_simulated_results_are_refused(tmp_path: Path) -> None:
    folder = _results_folder(tmp_path)
    write_result(human_result("judged model", [preference(0.5, 0.2)]), folder)
    assert "judged model" in render_committed_tables(folder)[folder / "README.md"]
    assert stale_results(folder) == []
    write_result(result("pretended").model_copy(update={"kind": "simulated"}), folder)
    with pytest.raises(UserError, match="SIMULATED"):
        render_committed_tables(folder)


def test_the_front_page_has_no_footnotes_of_what_it_does_not_show() -> None:
    tables = (REPOSITORY / "README.md").read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    rows = [line for line in tables.splitlines() if line.startswith("|")]
    marks = [line.split()[0] for line in tables.splitlines() if line.endswith("  ")]
    assert marks
    assert all(any(mark in row for row in rows) for mark in marks)
