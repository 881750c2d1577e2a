"""`drawbench agree`: what it says of made-up raters and of TIFA's, in every format, and its plot."""

import csv
import io
import json
import os
import re
from pathlib import Path

import pytest
from PIL import Image

import drawbench
from drawbench.agreement.measure import measure_agreement
from drawbench.agreement.plot import write_plot
from drawbench.agreement.records import ONE_WITH_ANOTHER, ONE_WITH_OTHERS, Agreement
from drawbench.agreement.render import CSV_FIELDS, render_agreements
from drawbench.agreement.tables import read_judgements
from drawbench.cli.main import main
from drawbench.tables.markup import escape_markdown
from tests.drawbench.agreement.tables import made_up

TIFA = "DRAWBENCH_TIFA"


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ratings") / "mine.csv"
    made_up(60).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def made(table: Path) -> Agreement:
    return measure_agreement(read_judgements(table))


def test_the_one_that_knows_is_above_chance_its_opposite_below_and_noise_is_not_shown(made: Agreement) -> None:
    assert made.metrics == ["good", "noise", "bad"]
    assert [each.verdict for each in made.chance] == ["above", "not shown", "below"]
    good, bad = made.number("good"), made.number("bad")
    assert good is not None
    assert bad is not None
    assert good.value == pytest.approx(1 - bad.value)
    assert made.sentence.startswith("good sides with people most often, on ")
    assert made.sentence.endswith("; it is told apart from noise and bad.")


def test_all_that_was_asked_for_is_there(made: Agreement) -> None:
    statistics = {each.statistic for each in made.numbers if each.metric == "good"}
    assert len(statistics) == 6
    for name in (ONE_WITH_ANOTHER, ONE_WITH_OTHERS, *made.metrics):
        parts = [made.number(name, "agreement", scope) for scope in ("overall", "Colors", "Text")]
        assert all(parts)
        assert parts[0] is not None
        assert parts[0].n == sum(part.n for part in parts[1:] if part)
    assert made.decided < made.pairs == 180
    contrast = made.contrast("noise", "good")
    assert contrast is not None
    assert contrast.apart
    assert contrast.prompts_needed is not None
    assert contrast.votes_needed == contrast.prompts_needed * 9


def test_a_random_metric_alone_is_not_called_better(tmp_path: Path) -> None:
    made_up(60).drop(columns=["good", "bad"]).to_csv(tmp_path / "x.csv", index=False)
    found = measure_agreement(read_judgements(tmp_path / "x.csv"))
    assert "not shown to be more than chance (50%)" in found.sentence


def test_equal_metrics_and_constant_ones_are_not_told_apart(tmp_path: Path) -> None:
    table = made_up(60).assign(again=lambda t: t["good"], flat=1)
    table.to_csv(tmp_path / "x.csv", index=False)
    found = measure_agreement(read_judgements(tmp_path / "x.csv"))
    assert found.notes == ["all images have one value of flat"]
    flat, same = found.number("flat"), found.contrast("good", "again")
    assert flat is not None
    assert flat.value == 0.5
    assert next(each.verdict for each in found.chance if each.metric == "flat") == "not shown"
    assert same is not None
    assert (same.apart, same.prompts_needed) == (False, None)
    tau = found.number("flat", "kendall_tau_b")
    assert tau is not None
    assert tau.value == 0


def test_two_prompts_have_numbers_and_no_interval(tmp_path: Path) -> None:
    made_up(2).to_csv(tmp_path / "x.csv", index=False)
    found = measure_agreement(read_judgements(tmp_path / "x.csv"))
    assert all(each.interval == "not available" for each in found.numbers)
    assert {each.verdict for each in found.chance} == {"not shown"}
    text = render_agreements([found])
    assert "interval: not available" in text
    write_plot(found, tmp_path)


def test_every_format_carries_every_number(made: Agreement) -> None:
    assert Agreement.model_validate_json(render_agreements([made], "json")) == made
    rows = list(csv.DictReader(io.StringIO(render_agreements([made], "csv"))))
    assert tuple(rows[0]) == CSV_FIELDS
    assert [float(row["value"]) for row in rows] == [each.value for each in made.numbers]
    for form in ("table", "markdown", "latex", "html"):
        text = " ".join(re.sub(r"\\", "", render_agreements([made], form)).split())
        for metric in made.metrics:
            number = made.number(metric)
            assert number is not None
            assert f"{100 * number.value:.1f}" in text


@pytest.mark.parametrize("width", [60, 80, 120, 140])
def test_the_table_keeps_to_the_width(made: Agreement, width: int) -> None:
    assert max(map(len, render_agreements([made], "table", width).splitlines())) <= width


def test_the_command_prints_and_draws(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["agree", str(table), "--plot", str(tmp_path / "plots")]) == 0
    said = capsys.readouterr()
    assert "which metric sides with people: mine.csv" in said.out
    assert "bad sides against people: if less of it is better, say --lower bad" in said.err
    with Image.open(tmp_path / "plots/agreement.png") as image:
        assert image.width > 1000
    first = (tmp_path / "plots/agreement.svg").read_bytes()
    assert main(["agree", str(table), "--plot", str(tmp_path / "plots"), "--json"]) == 0
    assert (tmp_path / "plots/agreement.svg").read_bytes() == first
    assert json.loads(capsys.readouterr().out)["metrics"] == ["good", "noise", "bad"]
    assert main(["agree", str(table), "--plot", str(table)]) == 2


@pytest.mark.skipif(TIFA not in os.environ, reason=f"{TIFA} names no copy of TIFA's human_annotations_with_scores.json")
def test_tifas_raters_and_metrics() -> None:
    """Counted apart from this code, ties half: CLIP B/32 0.695 of the whole file, rater 1 with rater 2 0.798."""
    found = measure_agreement(read_judgements(Path(os.environ[TIFA])))
    clip, raters = found.number("clipscore_vitb32"), found.number(ONE_WITH_ANOTHER)
    assert clip is not None
    assert raters is not None
    assert clip.value == pytest.approx(0.70, abs=0.012)
    assert raters.value == pytest.approx(0.80, abs=0.012)
    assert len(found.metrics) >= 10
    assert {each.verdict for each in found.chance} == {"above"}
    page = (Path(__file__).parents[3] / "docs" / "agree.md").read_text(encoding="utf-8")
    table = render_agreements([found], "markdown").split("\n\n")[1]
    assert table in page
    assert escape_markdown(found.sentence) in page


def test_a_notebook_shows_names_as_they_are() -> None:
    shown = drawbench.agree(made_up().rename(columns={"good": "<img src=x onerror=alert()>"}))._repr_html_()
    assert "<img" not in shown
    assert "&lt;img src=x onerror=alert()&gt; sides with people" in shown
