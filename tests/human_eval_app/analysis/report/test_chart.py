"""The bar charts: bars and whiskers are the numbers, the mark is there where nobody voted."""

import warnings
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure
from PIL import Image

from human_eval_app.analysis.analyse import analyse
from human_eval_app.analysis.records import Analysis, Preference
from human_eval_app.analysis.report.chart import charts, write_charts
from human_eval_app.study.design import Exclusion
from tests.human_eval_app.analysis.made_up import answered, anything, simulated
from tests.human_eval_app.designs import make_design

DESIGN = make_design(categories={"Colors": 4, "Gary Marcus et al.": 3}, raters=4)


def _analysis(people: bool = True) -> Analysis:
    return analyse(DESIGN, answered(DESIGN, anything(3)) if people else simulated(DESIGN))


def _texts(figure: Figure) -> str:
    return " ".join(text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_visible())  # type: ignore[attr-defined]


def _bars(figure: Figure, panel: int) -> list[float]:
    return [bar.get_height() for group in figure.axes[panel].containers if hasattr(group, "patches") for bar in group]


def test_bars_are_the_shares_of_all_votes_and_of_each_category() -> None:
    analysis = _analysis()
    (figure,) = charts(analysis).values()
    rows: list[Preference] = [row for row in analysis.versions[0].comparisons[0].rows if row.average == "micro"]
    for panel, question in enumerate(("fidelity", "alignment")):
        asked = [row for row in rows if row.question == question]
        expected = [100 * getattr(row, key).value for key in ("a", "indifferent", "b") for row in asked]
        assert _bars(figure, panel) == pytest.approx(expected)
        assert figure.axes[panel].get_title(loc="left").startswith(question.capitalize())
    names = _texts(figure)
    for name in ("All votes", "Colors", "Gary Marcus", "model one", "model two", "indifferent", "7 prompts"):
        assert name in names


def test_both_panels_have_one_scale_with_room_for_every_whisker() -> None:
    (figure,) = charts(_analysis()).values()
    ends = {panel.get_ylim() for panel in figure.axes}
    assert len(ends) == 1
    assert all(panel.dataLim.y1 <= panel.get_ylim()[1] for panel in figure.axes)


def test_simulated_is_written_across_and_only_then() -> None:
    (simulated_one,), (of_people,) = (charts(_analysis(people)).values() for people in (False, True))
    assert "SIMULATED" in _texts(simulated_one)
    assert "SIMULATED" not in _texts(of_people)


def test_each_pair_and_version_has_a_chart() -> None:
    design = make_design(models=("x", "y", "z"), raters=3, exclusions=(Exclusion(rule="gold", threshold=0.5),))
    names = [f"preferences-{number}{suffix}" for suffix in ("", "-after-exclusions") for number in (1, 2, 3)]
    assert list(charts(analyse(design, answered(design, anything(1))))) == names


def test_equal_votes_give_equal_files(tmp_path: Path) -> None:
    (tmp_path / "again").mkdir()
    first, second = write_charts(_analysis(), tmp_path), write_charts(_analysis(), tmp_path / "again")
    assert [path.name for path in first] == ["preferences.svg", "preferences.png"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    with Image.open(first[1]) as picture:
        assert min(picture.size) > 1000
    assert "<svg" in first[0].read_text(encoding="utf-8")


def test_captions_and_forced_choices_have_charts_of_their_own() -> None:
    for kind, groups in (
        ("coco-photorealism", ("model one", "original")),
        ("coco-alignment", ("yes", "somewhat", "no")),
    ):
        design = make_design(kind, models=("model one",), raters=3)  # type: ignore[arg-type]
        (figure,) = charts(analyse(design, simulated(design))).values()
        legend = [text.get_text() for text in figure.legends[0].get_texts()]
        assert legend == list(groups)


def test_long_names_are_shortened_in_the_middle() -> None:
    name = "a model whose name goes on and on, guidance 7"
    design = make_design(models=(name, "y"), raters=3)
    (figure,) = charts(analyse(design, simulated(design))).values()
    shown = figure.legends[0].get_texts()[0].get_text()
    assert len(shown) <= 30
    assert shown.startswith("a model")
    assert shown.endswith("guidance 7")


def test_a_name_that_no_font_can_show_gives_no_warning_of_another_program(tmp_path: Path) -> None:
    design = make_design(models=("owl 🦉", "モデル"), raters=4)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert write_charts(analyse(design, answered(design, anything(3))), tmp_path)
