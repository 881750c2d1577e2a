"""The six formats: complete, escaped, aligned. All numbers here are made up."""

import csv
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawbench.results.files import Result, read_result
from drawbench.results.published import PUBLISHED_TITLE, published_numbers
from drawbench.results.scores import Interval, Score
from drawbench.tables.footnotes import Footnotes
from drawbench.tables.latex import escape_latex
from drawbench.tables.layout import Block, Cell, Column, Sheet, format_interval, format_number, leaderboard_sheet
from drawbench.tables.leaderboard import build_tables
from drawbench.tables.markup import escape_markdown, html_fragment
from drawbench.tables.render import FORMATS, render_tables
from drawbench.tables.text import display_width, sheet_text
from tests.drawbench.synthetic import CATEGORIES, clip_scores, result, score, world_result

EVIL = '<script>alert("x")</script> & | \\textbf{%_#$^~} [1] `a`\x1b[31m\n模型'


def _two_models() -> list[Result]:
    return [
        result("alpha", 0.2),
        result("beta", 0.3, scores=clip_scores(0.3, CATEGORIES, ("Text",)), refusals=2),
    ]


class _Text(HTMLParser):
    """Collects tags, and the text outside style."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("br", "img", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data


def _parsed(html: str) -> _Text:
    parser = _Text()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    return parser


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_has_every_model_and_every_category(form: str) -> None:
    text = render_tables(_two_models(), form)  # type: ignore[arg-type]
    for expected in ("alpha", "beta", *CATEGORIES):
        shown = expected if form != "table" or " " not in expected else expected.split()[0]
        assert shown in text


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_says_when_there_is_no_interval(form: str) -> None:
    assert "not available" in render_tables([world_result("a", 0.2, 1.0)], form)  # type: ignore[arg-type]


@pytest.mark.parametrize("form", ["table", "markdown", "latex", "html"])
def test_what_cannot_be_measured_is_marked_and_explained(form: str) -> None:
    text = render_tables(_two_models(), form)  # type: ignore[arg-type]
    mark = r"$\dagger$" if form == "latex" else "†"
    assert text.count(mark) == 2  # the cell and the footnote
    assert "not measurable with this scorer" in text


@pytest.mark.parametrize("form", ["table", "markdown", "latex", "html"])
def test_a_partial_result_is_marked_in_title_and_row(form: str) -> None:
    text = render_tables([result("a", complete=False, prompts=11)], form)  # type: ignore[arg-type]
    assert "PARTIAL" in text
    assert "[partial]" in text.replace("{[}", "[").replace("{]}", "]").replace("\\", "")


def test_under_every_table_stands_what_made_it() -> None:
    facts = dict(leaderboard_sheet(build_tables([world_result("a", 0.2, 1.0)])[0]).provenance)
    assert "bundled version 1" in facts["protocol"]
    assert "ffffffffffff" in facts["protocol"]
    assert "cccccccccccc" in facts["prompt set"]
    assert "bbbbbbbbbbbb" in facts["reference"]
    assert "64 px" in facts["images"]
    assert facts["intervals"] == "95%: t over prompts"
    assert "made up for a test" in facts.values()


def test_bundled_scores_and_the_world_carry_their_cautions() -> None:
    text = render_tables([world_result("a", 0.2, 1.0, adapter="world")])
    assert "never compare them with published ones" in text
    assert "in-distribution, never zero-shot" in text
    assert "[ceiling]" in text


def test_an_excerpt_of_coco_says_how_small_it_is() -> None:
    whole, part = (result("a", set_name="coco", prompts=prompts) for prompts in (30_000, 200))
    assert "where a zero-shot COCO evaluation takes" not in render_tables([whole])
    assert "200 captions, where a zero-shot COCO evaluation takes 30,000" in " ".join(render_tables([part]).split())


def test_remarks_on_bias_share_a_footnote_and_others_do_not() -> None:
    notes = Footnotes()
    large = Footnotes()
    for value in (9500.0, 12_000.0):
        large.mark(f"about {value:.3g} of it is finite-sample bias")
    assert large.listed()[0][1] == "about 9.5e+03 to 1.2e+04 of it is finite-sample bias"
    bias = [f"about {whole} of it is finite-sample bias, {part} of 30 images" for whole, part in ((0.1, -2e-6), (2, 0))]
    marks = [notes.mark(text) for text in (*bias, "the text says 39.2", "the text says 43.6", bias[0])]
    assert marks == ["§", "§", "¶", "[1]", "§"]
    assert dict(notes.listed()) == {
        "§": "about 0.1 to 2 of it is finite-sample bias, -2e-06 to 0 of 30 images",
        "¶": "the text says 39.2",
        "[1]": "the text says 43.6",
    }


def test_the_bias_of_all_models_is_told_once() -> None:
    rows = [read_result(path) for path in (Path(__file__).parents[3] / "results").glob("*--world--bundled.json")]
    told = [line for line in render_tables(rows, "markdown").splitlines() if "finite-sample bias" in line]
    assert len(rows) > 2
    assert len(told) == 1


def test_published_numbers_stand_apart_with_their_sources() -> None:
    text = render_tables([result("a")], published=published_numbers())
    measured, published = text.split(PUBLISHED_TITLE)
    assert "7.27" not in measured
    assert "arXiv 2205.11487, Table 1" in published
    assert "trained on COCO" in published


@pytest.mark.parametrize("width", [60, 100, 140])
@pytest.mark.parametrize("models", [1, 2])
def test_plain_text_keeps_to_its_width(width: int, models: int) -> None:
    text = render_tables(_two_models()[:models], width=width)
    blocks = text.split("intervals")[0]  # definitions below may hold longer single words
    assert max(display_width(line) for line in blocks.splitlines()) <= width
    assert all(f"{value:.3f}" in blocks for value in (0.202, 0.204, 0.206, 0.208))


def test_digits_stand_below_digits() -> None:
    lines = render_tables(_two_models()).splitlines()
    start = next(i for i, line in enumerate(lines) if "CLIP score" in line)
    dots = {tuple(found.start() for found in re.finditer(r"\.", line)) for line in lines[start + 2 : start + 4]}
    assert len(dots) == 1


def test_wide_characters_keep_the_columns() -> None:
    lines = render_tables([result("模型", 0.3), result("model", 0.2)]).splitlines()
    start = next(i for i, line in enumerate(lines) if "CLIP score" in line)
    assert display_width(lines[start + 2].rstrip()) == display_width(lines[start + 3].rstrip())


def test_a_name_cannot_move_the_cursor_or_start_a_line() -> None:
    text = render_tables([result(EVIL)])
    assert "\x1b" not in text
    assert any("<script>" in line and "模型" in line for line in text.splitlines())


def test_html_escapes_and_loads_nothing() -> None:
    text = render_tables([result(EVIL), result("b")], "html", published=published_numbers())
    parsed = _parsed(text)
    assert "script" not in parsed.tags
    assert '<script>alert("x")</script>' in parsed.text
    assert not re.search(r"(?:src|href)=|url\(|@import", text)


def test_markdown_rows_keep_their_columns() -> None:
    text = render_tables([result(EVIL), result("b")], "markdown", published=published_numbers())
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        counts = {len(re.findall(r"(?<!\\)\|", line)) for line in block.splitlines()}
        assert len(counts) == 1
    assert "<script>" not in text


def test_latex_has_no_bracket_after_a_line_break() -> None:
    text = render_tables([result("[1] x"), result("b")], "latex", published=published_numbers())
    assert not re.search(r"\\\\\s*\[", text)
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}")
    assert r"\toprule" in text


def test_latex_shows_categories_as_rows_and_models_as_columns() -> None:
    names = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta"]
    eleven = {f"Category {number}": 5 + number for number in range(11)}
    results = [
        result(name, 0.1 * number, scores=clip_scores(0.1 * number, eleven)) for number, name in enumerate(names)
    ]
    text = render_tables(results, "latex")
    parts = [part for part in text.split(r"\begin{table*}") if "CLIP score by category" in part]
    assert len(parts) == 2  # seven models are too many for a page
    for part in parts:
        rows = [line.split(" & ") for line in part.splitlines() if line.startswith("Category")]
        assert [row[0] for row in rows] == list(eleven)
        assert len({len(row) for row in rows}) == 1
    headings = "".join(part.split(r"\midrule")[0] for part in parts)
    assert all(headings.count(f" {name} ") == 1 for name in names)
    value = results[3].score("clip_score", "Category 5")
    assert value is not None
    assert f"{value.value:.3f}" in "".join(parts)


def test_latex_explains_each_mark_below_the_table_that_has_it() -> None:
    marked = []
    for table in render_tables(_two_models(), "latex").split(r"\begin{table*}")[1:]:
        grid, below = table.split(r"\bottomrule")
        marked.append(r"\textsuperscript{$\dagger$}" in grid)
        assert (r"\textsuperscript{$\dagger$} not measurable" in below) == marked[-1]
    assert set(marked) == {True, False}


SHRUNK = (  # says of each grid whether it is wider than the text, and so set smaller
    r"\let\resized\resizebox\renewcommand{\resizebox}[3]{\sbox0{#3}"
    r"\typeout{\ifdim\wd0>\textwidth shrunk\else readable\fi}\resized{#1}{#2}{#3}}"
)


def _set(tables: str, folder: Path, options: str = "") -> str:
    """What pdfLaTeX says of an article with these tables, and of the packages that they name only."""
    packages = re.search(r"Needs (\\usepackage\{\S+\})", tables)
    assert packages
    (folder / "tables.tex").write_text(tables, encoding="utf-8")
    (folder / "paper.tex").write_text(
        f"\\documentclass{options}{{article}}\n{packages[1]}\n{SHRUNK}\n"
        "\\begin{document}\n\\input{tables}\n\\end{document}\n"
    )
    words = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (folder / "paper.pdf").stat().st_size > 10_000
    return done.stdout


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("options", ["", "[twocolumn]"])
def test_latex_of_the_committed_results_fits_the_page(options: str, tmp_path: Path) -> None:
    """The measured tables, those of names that LaTeX would misread, and the published ones; in the plainest article."""
    results = [read_result(path) for path in sorted((Path(__file__).parents[3] / "results").glob("*.json"))]
    results += [result("a_b & c"), result("50% ~ {x}")]
    said = _set(render_tables(results, "latex", published=published_numbers()), tmp_path, options)
    assert "Overfull" not in said
    assert "shrunk" not in said
    assert said.count("readable") > 8
    assert "Float too large" not in said


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=("Cs", "Cc")), max_size=20))
def test_latex_specials_are_never_bare(text: str) -> None:
    bare = re.sub(r"\\[A-Za-z]+\{\}|\\[{}$&#%_]|\$\\[A-Za-z]+\$|\{[][]\}", "", escape_latex(text))
    assert not re.search(r"[\\{}$&#%_~^\[\]]", bare)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=20))
def test_markdown_text_is_one_line_without_bare_bars(text: str) -> None:
    escaped = escape_markdown(text)
    assert "\n" not in escaped
    assert not re.search(r"(?<!\\)(?:\\\\)*[|<]", escaped)


def test_csv_holds_every_number_with_full_precision() -> None:
    results = [result("a,\n“b”", scores=[score("clip_score", 0.1 + 0.2, half=0.01), score("kid", 1 / 3, half=None)])]
    rows = list(csv.DictReader(io.StringIO(render_tables(results, "csv", published=published_numbers()))))
    mine = [row for row in rows if row["kind"] == "measured"]
    assert [float(row["value"]) for row in mine] == [0.1 + 0.2, 1 / 3]
    assert mine[0]["model"] == "a,\n“b”"
    assert mine[1]["low"] == "not available"
    assert len(rows) == 2 + len(published_numbers())


def test_json_holds_whole_results_and_published_numbers_apart() -> None:
    results = _two_models()
    document = json.loads(render_tables(results, "json", published=published_numbers()))
    rows = document["tables"][0]["rows"]
    assert [Result.model_validate(row["result"]) for row in rows] == [results[1], results[0]]
    assert [row["rank"] for row in rows] == [1, 2]
    assert len(document["published"]) == len(published_numbers())


@pytest.mark.parametrize(
    ("value", "low", "high", "decimals", "shown"),
    [
        (0.5, 0.4, 0.6, 3, "±0.100"),
        (0.5, 0.45, 0.6, 3, "[0.450, 0.600]"),
        (0.5, 0.4999, 0.5001, 3, "±<0.001"),
        (0.5, 0.5, 0.5, 3, "±0.000"),
    ],
)
def test_intervals_are_shown_as_they_are(value: float, low: float, high: float, decimals: int, shown: str) -> None:
    assert format_interval(value, Interval(low=low, high=high, method="x"), decimals) == shown


def test_zero_has_no_minus_sign() -> None:
    assert format_number(-0.00001, 3) == "0.000"
    assert format_number(-0.01, 3) == "-0.010"


def test_a_metric_nobody_knew_of_is_shown_by_its_name() -> None:
    text = render_tables([result("a", scores=[score("new_metric", 1.5)])])
    assert "new_metric" in text
    assert "1.5000 ±0.0100" in text


def test_several_remarks_on_one_number_are_all_kept() -> None:
    note = "not measurable with this scorer: one caption; 3 captions were cut at 77 tokens"
    text = render_tables([result("a", scores=[score("clip_score", 0.2, note=note)])])
    assert "† not measurable with this scorer" in text
    assert "§ 3 captions were cut at 77 tokens" in text
    assert "†§" in text


def test_the_fragment_is_styled_by_itself_and_nothing_else_is() -> None:
    page = html_fragment([leaderboard_sheet(table) for table in build_tables([result("a")])], "H <b>")
    assert "<style>" in page
    assert "prefers-color-scheme" in page
    assert "H <b>" in _parsed(page).text
    style = re.sub(
        r"/\*.*?\*/|@media[^{]*{", "", page.partition("<style>")[2].partition("</style>")[0], flags=re.DOTALL
    )
    selectors = [each.strip() for rule in re.findall(r"([^{}]+){", style) for each in rule.split(",")]
    assert all(each.startswith((".drawbench", ".db-")) for each in selectors)


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    names = ["a model with a name of some length", "a-name-without-a-single-blank-that-goes-on-and-on", "b"]
    table = render_tables([result(name) for name in names], published=published_numbers(), width=width)
    assert [line for line in table.splitlines() if display_width(line) > width] == []


def test_parts_of_a_table_say_which_row_is_which() -> None:
    lead = (Column("metric", numeric=False), Column("scope", numeric=False))
    columns = (*lead, *(Column(f"number {n}") for n in range(9)))
    rows = tuple((Cell("x"), Cell(scope), *[Cell("0.123456")] * 9) for scope in ("overall", "colors"))
    lines = sheet_text(Sheet("t", (Block("", columns, rows),), (), ()), 60).splitlines()
    overall, colors = (sum(line.startswith(f"x       {scope}") for line in lines) for scope in ("overall", "colors"))
    assert overall == colors > 1


def test_a_page_says_its_encoding_and_follows_the_readers_colours() -> None:
    page = render_tables([result("a")], "html")
    assert page.startswith("<!doctype html>\n")
    assert page.index('<meta charset="utf-8">') < 1024
    assert '<meta name="color-scheme" content="light dark">' in page


def test_what_is_true_of_every_number_is_said_once_without_marks() -> None:
    def scores(*own: str) -> list[Score]:
        notes = ["; ".join(["4 prompts repeat", *([remark] if remark else [])]) for remark in own]
        return [score(metric, 0.2, note=note) for metric, note in zip(("clip_score", "kid"), notes, strict=True)]

    both = [result("a", scores=scores("", "odd")), result("b", scores=scores("odd", ""))]
    sheet = leaderboard_sheet(build_tables(both)[0])
    assert [text for _, text in sheet.footnotes] == ["odd"]
    assert [text for name, text in sheet.provenance if name == "caution"].count("4 prompts repeat") == 1
    alone = leaderboard_sheet(
        build_tables([result("a", scores=scores("", "")), result("b", scores=[score("kid", 1.0)])])[0]
    )
    assert [text for _, text in alone.footnotes] == ["4 prompts repeat"]
