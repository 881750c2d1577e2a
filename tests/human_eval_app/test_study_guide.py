"""The study guide and the hosting page: their commands are run in their order, and their numbers are true."""

import io
import json
import re
import shlex
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from benchmarks.websocket_rater import WebsocketRater
from drawbench.cli.main import main
from drawbench.prompts.registry import load_prompt_set
from human_eval_app.app.invitations import invitations
from human_eval_app.app.service import default_database
from human_eval_app.app.settings import read_settings
from human_eval_app.app.tokens import TOKEN, Signer
from human_eval_app.store.records import Identity
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import read_design
from human_eval_app.study.power import PanelSize, power_row
from tests.chromium import chromium_path
from tests.human_eval_app import postgresql
from tests.human_eval_app.runs import make_run
from tests.human_eval_app.serving import START_SECONDS, free_port, run_async
from tests.human_eval_app.store.sitting import finish, ready

ROOT = Path(__file__).parents[2]
GUIDE, HOSTING = (ROOT / "docs" / name for name in ("study_guide.md", "study_hosting.md"))
STUDY = Path("studies/ours-theirs")
MODELS = {"ours": "Our Model 2", "theirs": "Their Model XL"}  # folder -> what the model is called: seldom the same


def commands(page: Path, beginning: str = "drawbench ") -> list[list[str]]:
    """The words of every command in the page's indented blocks, in order."""
    lines = [line.strip() for line in page.read_text().splitlines() if line.startswith(f"    {beginning}")]
    return [shlex.split(line) for line in lines]


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a lab that has made two runs, and is there."""
    for folder, name in MODELS.items():
        make_run(tmp_path / "runs" / folder, name, samples=8)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def serving(words: list[str]) -> Iterator[str]:
    """The command that serves, at a port that is free; its address."""
    port = free_port()
    program = [sys.executable, "-m", "drawbench.cli.main", *words[1:], "--port", str(port)]
    process = subprocess.Popen(program, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        url = f"http://127.0.0.1:{port}"
        while not answers(url):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(20)


def answers(url: str) -> bool:
    """Whether a server is there."""
    try:
        urllib.request.urlopen(f"{url}/_stcore/health", timeout=2).close()
    except OSError:
        return False
    return True


def rate(url: str) -> str:
    """One rater takes part to the end; everything on their last page."""

    async def take_part() -> str:
        async with WebsocketRater(invitations(STUDY, url)[0]["link"]) as rater:
            await rater.take_part()
            return " ".join(str(element) for element in rater.elements.values())

    return run_async(take_part())


def fill_seats() -> None:
    """Raters take all seats that are left."""
    design = read_design(STUDY)
    store = VoteStore.open(default_database(STUDY), design)
    free = sum(seat.status == "free" for seat in store.seats())
    for number in range(free):
        finish(store, design, ready(store, f"rater {number}"))
    store.close()


def run_guide(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One command, and what people do while it runs or before they give it."""
    if "serve" in words:
        with serving(words) as url:
            assert read_settings(STUDY).codes.complete in rate(url)
        return
    if "password" in words:
        monkeypatch.setattr(sys, "stdin", io.StringIO("a password of the lab\n"))
        words = [*words, "--stdin"]
    if "close" in words:
        fill_seats()
    assert main(words[1:]) == 0, words


def test_the_guide_leads_from_two_runs_to_a_figure(
    lab: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said: dict[str, str] = {}
    for words in commands(GUIDE):
        run_guide(words, monkeypatch)
        said[" ".join(words[1:])] = capsys.readouterr().out
    assert (lab / "try.sqlite").exists()
    statuses = [text for line, text in said.items() if line.startswith("study status")]
    assert any("1 complete" in text for text in statuses)  # who took part through the second server, not the first
    (table,) = [text for line, text in said.items() if line.startswith("leaderboard")]
    assert all(name in table for name in MODELS.values())
    assert "SIMULATED" in (lab / "tried" / "README.md").read_text()
    analysis = lab / STUDY / "analysis"
    assert "SIMULATED" not in (analysis / "README.md").read_text()
    assert {file.suffix for file in (analysis / "charts").iterdir()} == {".png", ".svg"}
    assert (analysis / "index.html").is_file()
    numbers = [json.loads((folder / "analysis.json").read_text()) for folder in (analysis, lab / "again")]
    assert numbers[0] == numbers[1]  # what is published is enough
    published = [lab / "votes.csv", *(file for file in analysis.rglob("*") if file.suffix in (".json", ".md", ".html"))]
    texts = [file.read_text() for file in published]
    assert "rater 0" not in texts[0]
    assert not [caption for caption in read_design(STUDY).captions.values() for text in texts if caption in text]
    assert all(read_design(STUDY).sha256 in (lab / name).read_text() for name in ("votes.csv", analysis / "README.md"))


def test_prolific_gets_what_the_guide_says(lab: Path) -> None:
    text = GUIDE.read_text()
    create = commands(GUIDE)[0]
    assert main(create[1:]) == 0
    (row,) = invitations(STUDY, "https://study.example.org", service="prolific")
    ending = re.search(r"It ends in `([^`]+)`", text)
    assert ending is not None
    assert row["link"].endswith(f"&{ending[1]}")
    link = row["link"].replace("{{%PROLIFIC_PID%}}", "P1").replace("{{%SESSION_ID%}}", "S1")
    assert identity_of(link) == Identity("prolific", "P1", None, "S1")
    ((line, url),) = re.findall(r'^    (return_url = "(.+)")$', text, re.MULTILINE)
    settings = STUDY / "settings.toml"
    settings.write_text(re.sub(r"^return_url = .*$", line, settings.read_text(), flags=re.MULTILINE))
    with serving(["drawbench", "study", "serve", str(STUDY)]) as address:
        page = rate(address)
    assert url.replace("{code}", read_settings(STUDY).codes.complete) in page
    assert all(f"`{code}`" in text for code in dict(read_settings(STUDY).codes))


def identity_of(link: str) -> Identity | None:
    """Who the app takes the holder of a link for."""
    parameters = dict(parse_qsl(urlsplit(link).query))
    return Signer.of_study(STUDY, read_design(STUDY).sha256).identity(parameters[TOKEN], parameters, 1)


@pytest.mark.skipif(chromium_path() is None, reason="Chromium is not installed (Debian: apt-get install chromium)")
def test_mechanical_turk_gets_what_the_guide_says(lab: Path, browser: Any) -> None:
    assert main(commands(GUIDE)[0][1:]) == 0
    (row,) = invitations(STUDY, "https://study.example.org", service="mturk")
    ((page,)) = re.findall(r"```html\n(.+?)```", GUIDE.read_text(), re.DOTALL)
    task = lab / "task.html"
    task.write_text(page.replace("LINK", row["link"]))

    def link(parameters: str) -> str:
        tab = browser.new_page()
        tab.route("https://**", lambda route: route.abort())
        tab.goto(f"{task.as_uri()}?{parameters}")
        return str(tab.locator("#study").get_attribute("href"))

    accepted = link("workerId=W1&assignmentId=A1&hitId=H1")
    preview = link("assignmentId=ASSIGNMENT_ID_NOT_AVAILABLE&hitId=H1")
    assert identity_of(accepted) == Identity("mturk", "W1", None, "A1")
    assert identity_of(preview) is None


def test_the_power_that_the_guide_tells() -> None:
    counts = Counter(prompt.category for prompt in load_prompt_set("open").prompts)  # equal to DrawBench's

    def found(raters: int, *categories: str) -> float:
        blocks = [PanelSize(counts[category], raters) for category in categories or counts]
        return power_row("", blocks, "drawbench").powers[0]  # of a true 55 to 45

    text = " ".join(GUIDE.read_text().split())
    overall, rare, reddit = found(25), found(25, "Rare Words"), found(25, "Reddit")
    assert f"is found {100 * overall:.0f} times in 100 over all categories" in text
    assert f"only {100 * rare:.0f} (Rare Words) to {100 * reddit:.0f} times (Reddit)" in text
    assert f"with 50 raters a category, {100 * overall:.0f} becomes {100 * found(50):.0f}" in text


@pytest.mark.skipif(postgresql.missing() is not None, reason=str(postgresql.missing()))
def test_the_hosting_pages_commands_do_what_it_says(lab: Path) -> None:
    assert main(commands(GUIDE)[0][1:]) == 0
    with postgresql.server() as server:
        places = {
            "/srv/drawbench/study": str(STUDY),
            "/srv/drawbench/again": "again",
            "postgresql:///votes?host=/run/postgresql": server.new_database(),
            "postgresql:///again?host=/run/postgresql": server.new_database(),
        }
        store = VoteStore.open(places["postgresql:///votes?host=/run/postgresql"], read_design(STUDY))
        finish(store, read_design(STUDY), ready(store, "one"))
        rows = list(store.vote_rows())
        store.close()
        done = commands(HOSTING, "drawbench study ")
        for words in done:
            assert main([places.get(word, word) for word in words[1:]]) == 0, words
        assert [words[2] for words in done] == ["status", "backup", "restore", "restore", "restore"]
        for url in (places["postgresql:///again?host=/run/postgresql"], default_database(Path("studies/again"))):
            restored = VoteStore.open(url, read_design(STUDY))
            assert list(restored.vote_rows()) == rows
            restored.close()


def test_the_hosting_page_names_files_that_are_there() -> None:
    copied = [source for words in commands(HOSTING, "cp deploy/") for source in words[1:-1]]
    assert len(copied) == 3
    for source in [*copied, "deploy/Containerfile", "deploy/compose.yaml"]:
        assert (ROOT / source).is_file()
