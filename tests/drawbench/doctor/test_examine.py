"""What is on this machine: every kind of thing, found, missing and wrong."""

import os
from pathlib import Path

import pytest

from drawbench.doctor import examine as doctor
from drawbench.doctor.examine import Finding, Section, examine, folder_size, size_text
from drawbench.doctor.text import sections_text
from metrics.features.ocr.tesseract import installed
from metrics.features.weights import PUBLISHED

PUBLISHED_PROMPTS = os.environ.get("DRAWBENCH_PROMPTS", "")  # before tests change it


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the user's own: no weights, no cache, no prompts."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "cache"))
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("DRAWBENCH_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.delenv("DRAWBENCH_PROMPTS", raising=False)


def _finding(title: str, name: str) -> Finding:
    (section,) = [section for section in examine() if section.title.startswith(title)]
    (found,) = [each for each in section.findings if each.name == name]
    return found


def test_every_section_has_findings_and_whatever_is_not_there_says_what_to_do() -> None:
    sections = examine()
    titles = [section.title.partition(",")[0] for section in sections]
    assert titles == ["Machine", "Packages", "Weights", "Prompt sets", "Caches", "Protocols"]
    for section in sections:
        assert section.findings
        for finding in section.findings:
            assert finding.detail
            if finding.state in ("missing", "wrong") and finding.name != "gpu":
                assert finding.next, finding


def test_looking_writes_nothing(tmp_path: Path) -> None:
    examine()
    assert list(tmp_path.iterdir()) == []


def test_weights_are_found_where_the_variable_says(tmp_path: Path) -> None:
    file = PUBLISHED[0]
    assert _finding("Weights", file.name).state == "missing"
    assert _finding("Weights", file.name).next == f"drawbench weights fetch {file.name}"
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / file.file).write_bytes(bytes(2_500_000))
    found = _finding("Weights", file.name)
    assert found.state == "found"
    assert "2.5 MB" in found.detail
    assert str(tmp_path / "weights") in found.detail


def test_the_bundled_scorer_is_checked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert _finding("Weights", "bundled scorer").state == "found"
    monkeypatch.setattr("metrics.features.registry.BUNDLED_FOLDER", tmp_path / "cache")
    assert _finding("Weights", "bundled scorer").state == "wrong"


def test_a_protocol_is_ready_when_its_weights_are_here(tmp_path: Path) -> None:
    assert _finding("Protocols", "bundled").state == "ready"
    lacking = _finding("Protocols", "imagen")
    assert lacking.state == "missing"
    names = lacking.next.removeprefix("drawbench weights fetch ").split()
    (tmp_path / "weights").mkdir()
    for weights in PUBLISHED:
        if weights.name in names:
            (tmp_path / "weights" / weights.file).touch()
    assert _finding("Protocols", "imagen").state == "ready"


def test_a_program_that_is_not_here_is_missing_and_not_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    installed.cache_clear()
    found = _finding("Protocols", "ocr-tesseract")
    installed.cache_clear()
    assert (found.state, "sudo apt install tesseract-ocr" in found.detail) == ("missing", True)


def test_drawbenchs_prompts_missing_wrong_and_right(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert "DRAWBENCH_PROMPTS" in _finding("Prompt sets", "drawbench").next
    monkeypatch.setenv("DRAWBENCH_PROMPTS", str(tmp_path / "absent.csv"))
    absent = _finding("Prompt sets", "drawbench")
    assert (absent.state, absent.next) == ("wrong", "correct or unset DRAWBENCH_PROMPTS")
    other = tmp_path / "other.csv"
    other.write_text("Prompts,Category\na cat,Colors\n")
    monkeypatch.setenv("DRAWBENCH_PROMPTS", str(other))
    assert "row 1" in _finding("Prompt sets", "drawbench").detail


def test_the_published_prompts_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    if not PUBLISHED_PROMPTS:
        pytest.skip("DRAWBENCH_PROMPTS names no file")
    monkeypatch.setenv("DRAWBENCH_PROMPTS", PUBLISHED_PROMPTS)
    assert _finding("Prompt sets", "drawbench").state == "found"


def test_a_wrong_copy_in_the_cache_is_to_be_deleted(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "drawbench.csv").write_text("Prompts,Category\na cat,Colors\n")
    found = _finding("Prompt sets", "drawbench")
    assert found.state == "wrong"
    assert found.next == f"delete {tmp_path / 'cache' / 'drawbench.csv'}"


def test_caches_tell_their_size(tmp_path: Path) -> None:
    assert _finding("Caches", "features").state == "empty"
    (tmp_path / "cache" / "features" / "key").mkdir(parents=True)
    (tmp_path / "cache" / "features" / "key" / "a.features").write_bytes(bytes(1200))
    (tmp_path / "cache" / "world-1").mkdir()
    (tmp_path / "cache" / "world-1" / "b.png").write_bytes(bytes(7))
    assert "1.2 kB" in _finding("Caches", "features").detail
    assert "7 B" in _finding("Caches", "world").detail


def test_packages_missing_and_too_old_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = ["numpy>=2", "no-such-thing-of-ours>=1", "pillow>=9999", 'accelerate[a]>=1; extra == "diffusers"']
    monkeypatch.setattr(doctor, "requires", lambda name: asked)
    required = _finding("Packages", "required")
    assert required.state == "wrong"
    assert "no-such-thing-of-ours is missing" in required.detail
    assert "is not >=9999" in required.detail
    assert required.next == "pip install 'drawbench'"
    monkeypatch.setattr(doctor, "requires", lambda name: ['no-such-thing-of-ours>=1; extra == "diffusers"'])
    assert _finding("Packages", "diffusers").next == "pip install 'drawbench[diffusers]'"


def test_threads_that_are_fixed_by_the_environment_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert "OMP_NUM_THREADS" not in _finding("Machine", "cpu").detail
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert "OMP_NUM_THREADS=1" in _finding("Machine", "cpu").detail


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (95_607_719, "96 MB"), (1.7e9, "1.7 GB"), (3.2e15, "3200.0 TB")],
)
def test_sizes(count: float, text: str) -> None:
    assert size_text(count) == text


def test_a_folders_size_counts_no_link_and_no_absent_folder(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(500))
    (tmp_path / "loop").symlink_to(tmp_path)
    assert 500 <= folder_size(tmp_path) < 1000
    assert folder_size(tmp_path / "absent") == 0


@pytest.mark.parametrize("width", [60, 80])
def test_long_names_leave_room_for_words_and_commands(width: int) -> None:
    long = "pt_inception-2015-12-05-6726825d (legacy_pytorch)"
    findings = tuple(
        Finding(name, "missing", "96 MB, " + "word " * 20, "FID", f"drawbench weights fetch {long.split()[0]}")
        for name in (long, "short")
    )
    text = sections_text([Section("Weights", findings)], width)
    assert max(map(len, text.splitlines())) <= max(width, len(f"    next: {findings[0].next}"))
    assert text.count(findings[0].next) == 2


def test_text_fits_the_width_and_keeps_commands_whole() -> None:
    command = "drawbench weights fetch one two three four five six seven"
    section = Section("Things", (Finding("thing", "missing", "word " * 30, "a purpose", command),))
    text = sections_text([section], 60)
    assert command in text
    assert all(len(line) <= 60 for line in text.splitlines() if command not in line)
