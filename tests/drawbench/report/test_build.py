"""The report of runs: what is in it, what never is, and how it is written. Models and numbers here are made up."""

import json
import re
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawbench.cli.main import main
from drawbench.errors import UserError
from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.prompts.drawbench_set import SHA256 as DRAWBENCH_SHA256
from drawbench.prompts.prompt_set import Prompt, PromptSet
from drawbench.report.build import build_report
from drawbench.report.gallery import PER_CATEGORY
from drawbench.results.scores import PromptSetRef, ProtocolRef, Score, ScoreFile
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, generate
from drawbench.tables.loading import load_results
from tests.drawbench.synthetic import clip_scores

EVIL = "<img src=x onerror=alert(1)> & “模型”"


class _Painter(TextToImage):
    """Paints each sample in a colour of its seed; refuses the prompts whose text asks for it."""

    def __init__(self, name: str = "painter") -> None:
        self.name = name

    def card(self) -> ModelCard:
        return ModelCard(adapter="python", spec="test", name=self.name, settings={"guidance": 1.5})

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        return [self._paint(sample, size) for sample in samples]

    def _paint(self, sample: Sample, size: int) -> np.ndarray | Refused:
        if "refuse" in sample.text:
            return Refused("because <b>")
        return np.full((size, size, 3), sample.seed % 251, np.uint8)


def _prompt_set(name: str = "mine", per_category: int = 3) -> PromptSet:
    texts = {"Colors": "paint this", "Text": EVIL}
    prompts = [
        Prompt(f"{category.lower()}-{number:03d}", category, f"{text} {number}")
        for category, text in texts.items()
        for number in range(1, per_category + 1)
    ]
    return PromptSet(name, tuple(prompts))


def _scored_run(
    path: Path, prompts: PromptSet | None = None, name: str = "painter", size: int = 16, samples: int = 1
) -> Path:
    run = generate(Request(_Painter(name), prompts or _prompt_set(), path, samples=samples, size=size))
    _write_scores(run, clip_scores(0.2, {"Colors": 3, "Text": 3}))
    return path


def _write_scores(run: RunDirectory, scores: list[Score]) -> None:
    score_file = ScoreFile(
        protocol=ProtocolRef(name="bundled", version=1, fingerprint="f" * 64),
        prompt_set=PromptSetRef(name=run.plan.prompt_set_name, sha256=run.plan.prompt_set_sha256, n=run.plan.n_prompts),
        reference=None,
        size=run.plan.size,
        samples=run.plan.samples,
        complete=True,
        refusals=run.require_seal().refused,
        scores=scores,
        plan_sha256=run.plan.sha256,
        pixels_sha256=run.require_seal().pixels_sha256,
        environment={},
        date="2020-01-01",
    )
    (run.path / "scores").mkdir()
    (run.path / "scores" / "bundled.json").write_text(score_file.model_dump_json())


class _Page(HTMLParser):
    """Images, links and balanced tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.images: list[dict[str, str | None]] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.add(tag)
        if tag == "img":
            self.images.append(attributes)
        if tag == "a":
            self.links.append(attributes["href"] or "")
        self.ids.add(attributes.get("id") or "")
        if tag not in ("img", "meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(page: Path) -> _Page:
    parsed = _Page()
    parsed.feed(page.read_text(encoding="utf-8"))
    assert parsed.open == []
    return parsed


def test_every_image_is_there_and_described(tmp_path: Path) -> None:
    page = build_report([_scored_run(tmp_path / "run")], tmp_path / "report")
    parsed = _read(page)
    assert len(parsed.images) == 6
    for image in parsed.images:
        source = str(image["src"])
        assert Image.open(page.parent / source).size == (16, 16)
        assert re.fullmatch(r"(colors|text)-\d{3}, painter", str(image["alt"]))


def test_small_images_are_shown_as_they_are(tmp_path: Path) -> None:
    run = RunDirectory.open(_scored_run(tmp_path / "run"))
    page = build_report([run.path], tmp_path / "report")
    sample = run.samples()[0]
    shown = np.asarray(Image.open(page.parent / str(_read(page).images[0]["src"])).convert("RGB"))
    assert np.array_equal(shown, np.asarray(Image.open(run.image_path(sample))))


def test_large_images_become_thumbnails(tmp_path: Path) -> None:
    page = build_report([_scored_run(tmp_path / "run", size=300)], tmp_path / "report")
    assert Image.open(page.parent / str(_read(page).images[0]["src"])).size == (256, 256)


def test_nothing_is_loaded_from_elsewhere_and_links_stay_on_the_page(tmp_path: Path) -> None:
    page = build_report([_scored_run(tmp_path / "run")], tmp_path / "report")
    text, parsed = page.read_text(encoding="utf-8"), _read(page)
    assert not {"script", "link", "iframe"} & parsed.tags
    assert not re.search(r"https?://|url\(|@import", text)
    assert {link.removeprefix("#") for link in parsed.links} <= parsed.ids
    assert all(not str(image["src"]).startswith(("/", "..")) for image in parsed.images)


def test_prompts_are_captions_and_are_escaped(tmp_path: Path) -> None:
    parsed = _read(build_report([_scored_run(tmp_path / "run")], tmp_path / "report"))
    assert f"{EVIL} 1" in parsed.text
    assert all("onerror" not in image for image in parsed.images)


@pytest.mark.parametrize("by", ["name", "content"])
def test_the_text_of_drawbench_is_never_shown(tmp_path: Path, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts = _prompt_set("drawbench" if by == "name" else "other name")
    if by == "content":
        monkeypatch.setattr("drawbench.report.gallery.DRAWBENCH_SHA256", prompts.sha256)
        assert prompts.sha256 != DRAWBENCH_SHA256
    page = build_report([_scored_run(tmp_path / "run", prompts)], tmp_path / "report")
    parsed = _read(page)
    assert "paint this" not in page.read_text(encoding="utf-8")
    assert "colors-001" in parsed.text


def test_it_shows_scores_and_what_made_the_images(tmp_path: Path) -> None:
    run = RunDirectory.open(_scored_run(tmp_path / "run"))
    parsed = _read(build_report([run.path], tmp_path / "report"))
    for expected in (
        "CLIP score",
        "0.2000",
        "guidance=1.5",
        run.plan.sha256,
        run.require_seal().pixels_sha256,
        "numpy",
    ):
        assert expected in parsed.text


def test_a_run_without_scores_says_so(tmp_path: Path) -> None:
    run = generate(Request(_Painter(), _prompt_set(), tmp_path / "run", samples=1, size=8))
    assert "not been scored" in _read(build_report([run.path], tmp_path / "report")).text


def test_refusals_are_shown_in_their_place_and_listed(tmp_path: Path) -> None:
    prompts = _prompt_set()
    refused = PromptSet("mine", (*prompts.prompts[:5], Prompt("text-003", "Text", "refuse this")))
    parsed = _read(build_report([_scored_run(tmp_path / "run", refused)], tmp_path / "report"))
    assert len(parsed.images) == 5
    assert "Refused: 1" in parsed.text
    assert parsed.text.count("because <b>") == 2


def test_a_category_shows_its_first_prompts_and_says_how_many_there_are(tmp_path: Path) -> None:
    run = _scored_run(tmp_path / "run", _prompt_set(per_category=PER_CATEGORY + 2), samples=2)
    parsed = _read(build_report([run], tmp_path / "report"))
    assert len(parsed.images) == 2 * PER_CATEGORY
    assert f"{PER_CATEGORY} of {PER_CATEGORY + 2}" in parsed.text
    assert "the first of 2 images per prompt" in parsed.text
    assert f"colors-{PER_CATEGORY + 1:03d}" not in parsed.text


def test_runs_of_one_set_stand_side_by_side(tmp_path: Path) -> None:
    runs = [_scored_run(tmp_path / name, name=name) for name in ("one", "two")]
    parsed = _read(build_report(runs, tmp_path / "report"))
    assert [image["alt"] for image in parsed.images[:2]] == ["colors-001, one", "colors-001, two"]
    assert len({image["src"] for image in parsed.images}) == 12


def test_an_older_report_is_replaced_whole(tmp_path: Path) -> None:
    out = tmp_path / "report"
    build_report([_scored_run(tmp_path / "one", name="one")], out)
    page = build_report([_scored_run(tmp_path / "two", _prompt_set(per_category=1), name="two")], out)
    files = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
    assert files == {"index.html", *(str(image["src"]) for image in _read(page).images)}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "report", "two"]


def test_a_folder_that_is_no_report_is_left_alone(tmp_path: Path) -> None:
    run = _scored_run(tmp_path / "run")
    out = tmp_path / "mine"
    out.mkdir()
    (out / "index.html").write_text("my page")
    with pytest.raises(UserError, match="is not a report"):
        build_report([run], out)
    assert (out / "index.html").read_text() == "my page"


def test_a_changed_image_stops_the_report_and_leaves_nothing(tmp_path: Path) -> None:
    run = RunDirectory.open(_scored_run(tmp_path / "run"))
    Image.new("RGB", (16, 16), "red").save(run.image_path(run.samples()[0]))
    with pytest.raises(UserError, match="was changed after the run was sealed"):
        build_report([run.path], tmp_path / "report")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_runs_scores_become_results(tmp_path: Path) -> None:
    (made,) = load_results([_scored_run(tmp_path / "run")])
    assert made.kind == "measured"
    assert made.model == _Painter().card()
    assert made.run is not None
    assert made.run.plan_sha256 == RunDirectory.open(tmp_path / "run").plan.sha256
    assert load_results([tmp_path]) == [made]  # a folder of runs


def test_scores_of_other_images_are_refused(tmp_path: Path) -> None:
    mine, other = _scored_run(tmp_path / "mine"), _scored_run(tmp_path / "other", size=32)
    (mine / "scores" / "bundled.json").write_text((other / "scores" / "bundled.json").read_text())
    with pytest.raises(UserError, match="made from other images"):
        load_results([mine])


def test_the_commands_print_the_page_and_the_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = _scored_run(tmp_path / "run")
    assert main(["report", str(run), "--out", str(tmp_path / "report")]) == 0
    assert capsys.readouterr().out == f"{tmp_path / 'report' / 'index.html'}\n"
    assert main(["leaderboard", str(run)]) == 0
    assert "0.2000" in capsys.readouterr().out


def test_the_command_says_as_json_where_the_page_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs = [str(_scored_run(tmp_path / name, name=name)) for name in ("one", "two")]
    out = tmp_path / "report"
    assert main(["report", *runs, "--out", str(out), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found == {"report": str(out / "index.html"), "runs": runs}
    assert (out / "index.html").is_file()
    assert main(["report", str(tmp_path / "none"), "--out", str(out), "--json"]) == 2
    assert capsys.readouterr().out == ""


def test_the_leaderboard_says_which_field_keeps_two_runs_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [_scored_run(tmp_path / "one", name="one"), _scored_run(tmp_path / "two", name="two", size=32)]
    assert main(["leaderboard", *map(str, runs), "--format", "csv"]) == 0
    printed = capsys.readouterr()
    assert "one and two" in printed.err or "two and one" in printed.err
    assert "evaluated size" in printed.err
    assert "evaluated size" not in printed.out


def test_a_filter_that_leaves_nothing_is_the_users_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = _scored_run(tmp_path / "run")
    assert main(["leaderboard", str(run), "--set", "absent"]) == 2
    assert "no measured results of set absent" in capsys.readouterr().err
