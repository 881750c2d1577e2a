"""The report of runs: what is in it, what never is, and how it is written. Models and numbers here are made up."""

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from drawbench.cli.main import main
from drawbench.errors import UserError
from drawbench.prompts import drawbench_set
from drawbench.prompts.prompt_set import PromptSet
from drawbench.report.build import NOT_FOR_PUBLICATION, PAGES, build_report, write_report
from drawbench.report.sources import Sources, read_runs
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, generate
from drawbench.tables.loading import load_results
from tests.drawbench.report.made_up import EVIL, MadeUp, Painter, add_scores, prompt_set, scored_run

VOID = ("img", "meta", "br", "link", "input")


class _Page(HTMLParser):
    """Links, ids, tags and text of a page whose tags are balanced."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.feed(path.read_text(encoding="utf-8"))
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.add(tag)
        if tag == "a":
            self.links.append(attributes["href"] or "")
        self.loaded += [str(attributes[name]) for name in ("src", "href") if tag != "a" and name in attributes]
        self.ids.add(attributes.get("id") or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _data(page: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The gallery's prompt sets and runs, as the browser reads them."""
    parts = []
    for script in _Page(page.parent / "gallery.html").loaded:
        if script.startswith("data/"):
            text = (page.parent / script).read_text(encoding="utf-8")
            parts.append(json.loads(re.fullmatch(r"\(window\.galleryData \|\|= \[\]\)\.push\((.*)\);\n", text)[1]))  # type: ignore[index]
    return [part for part in parts if part["kind"] == "set"], [part for part in parts if part["kind"] == "run"]


def _everything(page: Path) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in page.parent.rglob("*.*") if path.suffix != ".webp")


def test_every_sample_of_every_prompt_is_there(tmp_path: Path) -> None:
    run = RunDirectory.open(scored_run(tmp_path / "run", MadeUp(samples=3)))
    page = build_report([run.path], tmp_path / "report")
    (shown,), (drawn,) = _data(page)
    assert [prompt[0] for prompt in shown["prompts"]] == list(run.plan.prompt_ids)
    for sample in run.samples():
        place = run.plan.prompt_ids.index(sample.prompt_id)
        assert drawn["seeds"][place][sample.index] == str(sample.seed)
        thumbnail = page.parent / "thumbs" / f"{drawn['images'][place][sample.index]}.webp"
        assert np.array_equal(np.asarray(Image.open(thumbnail).convert("RGB")), run.pixels(sample))
        folder, id_ = shown["prompts"][place][2], shown["prompts"][place][0]
        original = page.parent / drawn["originals"] / folder / f"{id_}-{sample.index}.png"
        assert original.resolve() == run.image_path(sample).resolve()


def test_large_images_become_thumbnails(tmp_path: Path) -> None:
    page = build_report([scored_run(tmp_path / "run", MadeUp(size=300))], tmp_path / "report")
    assert {Image.open(path).size for path in page.parent.rglob("*.webp")} == {(256, 256)}


def test_originals_come_along_when_they_are_asked_for(tmp_path: Path) -> None:
    run = RunDirectory.open(scored_run(tmp_path / "run"))
    page = write_report(Sources(read_runs([run.path])), tmp_path / "report", originals=True)
    (_, (drawn,)) = _data(page)
    for sample in run.samples():
        copied = page.parent / drawn["originals"] / run.file_name(sample)
        assert copied.read_bytes() == run.image_path(sample).read_bytes()


def test_nothing_is_loaded_from_elsewhere_and_links_lead_somewhere(tmp_path: Path) -> None:
    run = scored_run(tmp_path / "run")
    page = build_report([run], tmp_path / "report")
    parsed = {name: _Page(page.parent / name) for name, _ in PAGES}
    for name, each in parsed.items():
        assert all((page.parent / place).is_file() for place in each.loaded if place != "data:,"), name
        for link in each.links:
            target, _, anchor = link.partition("#")
            if target == "gallery.html":  # its addresses are read by its script
                assert re.fullmatch(r"(mine(/(colors|text)-\d{3}/1/painter)?)?", anchor)
            else:
                assert anchor in ("", *parsed[target or name].ids), f"{name}: {link}"
    written = [page.parent / "style.css", *page.parent.glob("*.html")]
    assert not any(re.search(r"https?://|url\(|@import", path.read_text(encoding="utf-8")) for path in written)


def test_a_long_name_is_no_file_name(tmp_path: Path) -> None:
    page = build_report([scored_run(tmp_path / "run", MadeUp(name="模型 " * 300))], tmp_path / "report")
    assert _data(page)[1][0]["label"] == "模型 " * 300


def test_names_and_prompts_are_text(tmp_path: Path) -> None:
    page = build_report([scored_run(tmp_path / "run", MadeUp(name=EVIL))], tmp_path / "report")
    for name, _ in PAGES:
        parsed = _Page(page.parent / name)
        assert EVIL in parsed.text
        assert "x" not in parsed.loaded  # the image that the name asks for
    (shown,), (drawn,) = _data(page)
    assert shown["prompts"][3][3] == f"{EVIL} 1"
    assert drawn["label"] == EVIL


@pytest.mark.parametrize("by", ["name", "content"])
def test_the_text_of_drawbench_is_shown_on_request_only(
    tmp_path: Path, by: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts = prompt_set("drawbench" if by == "name" else "other name")
    text = prompts.prompts[0].text
    if by == "content":
        one = prompts.prompts[2]  # of a set in which the others, and the categories, may be anybody's
        rows = (drawbench_set.PublishedRow("Reddit", drawbench_set.row_sha256("Reddit", one.text)),)
        monkeypatch.setattr(drawbench_set, "published_rows", lambda: rows)
    made = MadeUp(prompts=prompts, refuses=("colors-001",), reason=f"blocked: '{text}'")  # a server that repeats it
    run = scored_run(tmp_path / "run", made)
    page = build_report([run], tmp_path / "report")
    assert "blocked: '[prompt]'" in _data(page)[1][0]["images"][0][0]
    assert "paint this" not in _everything(page)
    assert NOT_FOR_PUBLICATION not in _everything(page)
    assert "colors-001" in _everything(page)
    assert main(["report", str(run), "--out", str(tmp_path / "report"), "--with-prompt-text"]) == 0
    assert "paint this" in _everything(page)
    assert all(NOT_FOR_PUBLICATION in _Page(page.parent / name).text for name, _ in PAGES)


def test_every_number_leads_to_its_definition_hash_date_and_commands(tmp_path: Path) -> None:
    run = RunDirectory.open(scored_run(tmp_path / "run"))
    page = build_report([run.path], tmp_path / "report")
    numbers = {link.partition("#")[2] for link in _Page(page).links if link.startswith("provenance.html#")}
    assert {f"painter-bundled-clip_score-{scope}" for scope in ("overall", "colors", "text")} <= numbers
    told = (page.parent / "provenance.html").read_text(encoding="utf-8")
    (section,) = re.findall(r'<section class="made" id="painter-bundled">.*?</section>', told, re.DOTALL)
    for number in numbers:
        (row,) = re.findall(rf'<tr id="{number}">.*?</tr>', section, re.DOTALL)
        assert "t over prompts" in row
        assert 'href="#painter-bundled"' in row
    for expected in ("made up for a test", run.plan.sha256, "2020-01-01", "numpy 2", "--protocol bundled"):
        assert expected in section
    assert "drawbench generate --model python:test --prompts FILE --samples 1 --size 16 --seed 0" in section


def test_a_run_without_scores_says_so(tmp_path: Path) -> None:
    run = generate(Request(Painter(), prompt_set(), tmp_path / "run", samples=1, size=8))
    page = build_report([run.path], tmp_path / "report")
    assert "not been scored" in _Page(page).text
    assert _data(page)[1][0]["metrics"] == []


def test_refusals_are_shown_in_their_place_and_listed(tmp_path: Path) -> None:
    made = MadeUp(refuses=("text-003",), samples=2)
    page = build_report([scored_run(tmp_path / "run", made)], tmp_path / "report")
    (_, (drawn,)) = _data(page)
    assert drawn["images"][5] == [["because <b>"]] * 2
    assert drawn["metrics"][0]["values"][5] == [None, None]
    assert "Refused: 2" in _Page(page.parent / "provenance.html").text
    assert "painter has no image for 2 of 12 samples of mine" in _Page(page).text


def test_what_is_no_number_is_shown_as_none(tmp_path: Path) -> None:
    made = MadeUp(levels=(0.2, math.nan))
    page = build_report([scored_run(tmp_path / "run", made)], tmp_path / "report")
    (_, (drawn,)) = _data(page)
    assert drawn["metrics"][0]["values"] == [[0.21], [0.22], [0.23], [None], [None], [None]]
    assert not re.search(r"\bnan\b", _everything(page), re.IGNORECASE)


def test_a_run_of_one_image_is_a_report(tmp_path: Path) -> None:
    prompts = PromptSet("one", prompt_set().prompts[:1])
    page = build_report([scored_run(tmp_path / "run", MadeUp(prompts=prompts))], tmp_path / "report")
    assert len(list(page.parent.rglob("*.webp"))) == 1


def test_runs_of_one_set_stand_side_by_side_and_others_apart(tmp_path: Path) -> None:
    made = [MadeUp("one"), MadeUp("two"), MadeUp("one", prompt_set("other", 2), refuses=("text-001", "text-002"))]
    page = build_report([scored_run(tmp_path / str(n), each) for n, each in enumerate(made)], tmp_path / "report")
    shown, drawn = _data(page)
    assert [each["slug"] for each in shown] == ["mine", "other"]
    assert [(each["set"], each["label"]) for each in drawn] == [("mine", "one"), ("mine", "two"), ("other", "one")]
    assert len({each["slug"] for each in drawn}) == 3


def test_a_category_that_one_model_refused_is_drawn_of_the_other(tmp_path: Path) -> None:
    made = [MadeUp("one"), MadeUp("two", refuses=("text-001", "text-002", "text-003"))]
    page = build_report([scored_run(tmp_path / each.name, each) for each in made], tmp_path / "report")
    links = [link for link in _Page(page).links if link.endswith("-clip_score-text")]
    assert {link.partition("#")[2] for link in links} == {"one-bundled-clip_score-text"}


def test_ten_thousand_numbers_are_a_page_that_can_be_read(tmp_path: Path) -> None:
    categories = [f"Category {n}" for n in range(10_000)]
    run = RunDirectory.open(scored_run(tmp_path / "run"))
    path = run.path / "scores" / "bundled.json"
    file = json.loads(path.read_text())
    (one,) = (score for score in file["scores"] if score["scope"] == "Colors")
    file["scores"] += [one | {"scope": name} for name in categories]
    path.write_text(json.dumps(file))
    page = build_report([run.path], tmp_path / "report")
    assert (page.parent / "provenance.html").read_text(encoding="utf-8").count("<tr id=") == 10_003
    assert len([link for link in _Page(page).links if "clip_score" in link]) < 10_100


def test_values_of_other_images_are_refused(tmp_path: Path) -> None:
    mine, other = scored_run(tmp_path / "mine"), scored_run(tmp_path / "other", MadeUp(prompts=prompt_set("other", 2)))
    (mine / "scores" / "bundled.parquet").write_bytes((other / "scores" / "bundled.parquet").read_bytes())
    with pytest.raises(UserError, match="made from other images"):
        build_report([mine], tmp_path / "report")
    (mine / "scores" / "bundled.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(UserError, match="cannot be read"):
        build_report([mine], tmp_path / "report")


def test_an_older_report_is_replaced_whole_and_its_thumbnails_are_not_made_again(tmp_path: Path) -> None:
    out, run = tmp_path / "report", scored_run(tmp_path / "one", MadeUp("one"))
    build_report([run, scored_run(tmp_path / "three", MadeUp("three"))], out)
    before = {path.relative_to(out): path.stat().st_ino for path in out.rglob("*.webp")}
    page = build_report([run], out)
    after = {path.relative_to(out): path.stat().st_ino for path in out.rglob("*.webp")}
    assert after.items() < before.items()
    assert {path.name for path in out.iterdir()} >= {"index.html", "gallery.html", "provenance.html", "thumbs", "data"}
    assert [each["label"] for each in _data(page)[1]] == ["one"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "report", "three"]


def test_a_folder_that_is_no_report_is_left_alone(tmp_path: Path) -> None:
    run = scored_run(tmp_path / "run")
    out = tmp_path / "mine"
    out.mkdir()
    (out / "index.html").write_text("my page")
    with pytest.raises(UserError, match="is not a report"):
        build_report([run], out)
    assert (out / "index.html").read_text() == "my page"


def test_a_changed_image_stops_the_report_and_leaves_nothing(tmp_path: Path) -> None:
    run = RunDirectory.open(scored_run(tmp_path / "run"))
    Image.new("RGB", (16, 16), "red").save(run.image_path(run.samples()[0]))
    with pytest.raises(UserError, match="was changed after the run was sealed"):
        build_report([run.path], tmp_path / "report")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_runs_scores_become_results(tmp_path: Path) -> None:
    (made,) = load_results([scored_run(tmp_path / "run")])
    assert made.kind == "measured"
    assert made.model == Painter().card()
    assert made.run is not None
    assert made.run.plan_sha256 == RunDirectory.open(tmp_path / "run").plan.sha256
    assert load_results([tmp_path]) == [made]  # a folder of runs


def test_scores_of_other_images_are_refused(tmp_path: Path) -> None:
    mine, other = scored_run(tmp_path / "mine"), scored_run(tmp_path / "other", MadeUp(size=32))
    (mine / "scores" / "bundled.json").write_text((other / "scores" / "bundled.json").read_text())
    with pytest.raises(UserError, match="made from other images"):
        load_results([mine])


def test_the_commands_print_the_page_and_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = scored_run(tmp_path / "run")
    assert main(["report", str(run), "--out", str(tmp_path / "report")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'report' / 'index.html'}\n"
    assert main(["leaderboard", str(run)]) == 0
    assert "0.2700" in capsys.readouterr().out


def test_the_command_says_as_json_where_the_page_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [str(scored_run(tmp_path / name, MadeUp(name))) for name in ("one", "two")]
    out = tmp_path / "report"
    assert main(["report", *runs, "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"report": str(out / "index.html"), "runs": runs}
    # The made-up scores are of no definitions that could be compared under, and the report says so.
    assert "Not compared, protocol bundled" in _Page(out / "index.html").text
    assert main(["report", str(tmp_path / "none"), "--out", str(out), "--json"]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("option", ["--study", "--sweep"])
def test_a_folder_without_a_study_or_sweep_is_the_users_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    run = scored_run(tmp_path / "run")
    assert main(["report", str(run), "--out", str(tmp_path / "report"), option, str(tmp_path)]) == 2
    printed = capsys.readouterr().err
    assert str(tmp_path) in printed
    assert not (tmp_path / "report").exists()


def test_two_protocols_give_two_scores_of_each_image(tmp_path: Path) -> None:
    made = MadeUp(samples=2)
    run = RunDirectory.open(scored_run(tmp_path / "run", made))
    add_scores(run, MadeUp(levels=(0.7, 0.1)), "second")
    (_, (drawn,)) = _data(build_report([run.path], tmp_path / "report"))
    assert [each["name"] for each in drawn["metrics"]] == ["CLIP score, bundled v1", "CLIP score, second v1"]
    assert [each["values"][0] for each in drawn["metrics"]] == [[0.21, 0.21], [0.71, 0.71]]


def test_the_leaderboard_says_which_field_keeps_two_runs_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [scored_run(tmp_path / "one", MadeUp("one")), scored_run(tmp_path / "two", MadeUp("two", size=32))]
    assert main(["leaderboard", *map(str, runs), "--format", "csv"]) == 0
    printed = capsys.readouterr()
    assert "one and two" in printed.err or "two and one" in printed.err
    assert "evaluated size" in printed.err
    assert "evaluated size" not in printed.out


def test_a_filter_that_leaves_nothing_is_the_users_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = scored_run(tmp_path / "run")
    assert main(["leaderboard", str(run), "--set", "absent"]) == 2
    assert "no measured results of set absent" in capsys.readouterr().err
