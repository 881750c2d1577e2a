"""The folder of an analysis: everything is in it, and nothing is half written or lost."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from drawbench.errors import UserError
from drawbench.tables.loading import load_results
from human_eval_app.analysis.analyse import analyse
from human_eval_app.analysis.records import Analysis
from human_eval_app.analysis.report import page
from human_eval_app.analysis.report.page import html_page, markdown_page, write_analysis
from human_eval_app.analysis.report.sheets import SIMULATED
from human_eval_app.study.create import create_study
from human_eval_app.study.design import Design
from human_eval_app.study.options import Options
from tests.human_eval_app.analysis.made_up import answered, anything, simulated
from tests.human_eval_app.designs import make_design

EVIL = '<script>alert("x")</script> | _a_'
DESIGN = make_design(categories={"Only": 3}, raters=3)


def _analysis(design: Design = DESIGN) -> Analysis:
    return analyse(design, answered(design, anything(0)))


def test_the_folder_holds_numbers_pages_pictures_and_results(tmp_path: Path) -> None:
    analysis = _analysis()
    shown = write_analysis(DESIGN, analysis, tmp_path / "new" / "analysis")
    folder = shown.parent
    assert Analysis.model_validate_json((folder / "analysis.json").read_text(encoding="utf-8")) == analysis
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "analysis.json",
        "charts",
        "index.html",
        "results",
    ]
    for picture in ("charts/preferences.svg", "charts/preferences.png"):
        assert (folder / picture).is_file()
    assert "charts/preferences.svg" in shown.read_text(encoding="utf-8")
    assert len(load_results([folder / "results"])) == 1
    assert [path.name for path in folder.parent.iterdir()] == ["analysis"]


def test_an_older_analysis_is_replaced_whole(tmp_path: Path) -> None:
    out = tmp_path / "analysis"
    write_analysis(DESIGN, _analysis(), out)
    (out / "charts" / "left over.png").write_bytes(b"")
    write_analysis(DESIGN, _analysis(), out)
    assert not (out / "charts" / "left over.png").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["analysis"]


def test_a_failure_leaves_the_older_analysis_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "analysis"
    write_analysis(DESIGN, _analysis(), out)
    before = (out / "README.md").read_bytes()

    def fail(*_: object) -> list[Path]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(page, "write_charts", fail)
    with pytest.raises(UserError, match="No space left"):
        write_analysis(DESIGN, _analysis(), out)
    assert (out / "README.md").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["analysis"]


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="no analysis"):
        write_analysis(DESIGN, _analysis(), tmp_path)
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "mine"


def test_a_folder_that_holds_more_than_an_analysis_is_left_alone(tmp_path: Path) -> None:
    study = tmp_path / "study"
    write_analysis(DESIGN, _analysis(), study)
    (study / "images").mkdir()
    (study / "votes.sqlite").write_bytes(b"votes")
    before = {path: path.read_bytes() for path in study.rglob("*") if path.is_file()}
    with pytest.raises(UserError, match=r"holds images, which is no part of an analysis.*--out"):
        write_analysis(DESIGN, _analysis(), study)
    assert {path: path.read_bytes() for path in study.rglob("*") if path.is_file()} == before
    assert (study / "images").is_dir()
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]


def test_names_are_escaped_and_the_page_loads_only_its_pictures() -> None:
    design = make_design(categories={"Only": 3}, raters=3, models=(EVIL, "y"), name=EVIL)
    text = html_page(_analysis(design), ["charts/preferences.svg"])
    parser = _Tags()
    parser.feed(text)
    assert "script" not in parser.tags
    assert parser.links == ["charts/preferences.svg"]
    assert not re.search(r"(?<!\\)<(?!br>)", markdown_page(_analysis(design), []))


@pytest.mark.parametrize("write", [html_page, markdown_page])
def test_simulated_raters_are_told_at_the_top(write: object) -> None:
    analysis = analyse(DESIGN, simulated(DESIGN))
    text = write(analysis, [])  # type: ignore[operator]
    assert text.index(SIMULATED) < text.index("overall")
    assert SIMULATED not in write(_analysis(), [])  # type: ignore[operator]
    assert analysis.design_sha256 in text


def test_a_study_made_from_runs_is_analysed_end_to_end(small_runs: list[Path], tmp_path: Path) -> None:
    options = Options("drawbench", raters=4, samples=2, gold=1, mirrored=1)
    design = create_study(small_runs, tmp_path / "study", options).design
    analysis = analyse(design, simulated(design))
    version = analysis.versions[0]
    assert (version.raters, version.prompts, version.answers) == (8, 5, 40)
    assert version.checks is not None
    assert version.checks.gold is not None
    assert [each.pairs for each in version.checks.mirrored] == [8, 8]
    assert write_analysis(design, analysis, tmp_path / "study" / "analysis").is_file()
