"""What a dishonest visitor may try, against the real server: every try is refused and nothing is written."""

import asyncio
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from benchmarks.websocket_rater import WebsocketRater, images_of
from human_eval_app.app.service import Service, open_service
from human_eval_app.app.tokens import TOKEN
from human_eval_app.store.records import Identity
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.serving import CODES, Server, run_async, serving, status_of, write_study

NASTY = [
    "'; DROP TABLE vote; --",
    "<img src=x onerror=alert(1)>",
    "**bold** $x$ :red[no]",
    "../../etc/passwd",
    "\u202e" * 3,
]
NEW_PER_MINUTE = 4
TIMING = {"load_ms": 1, "dwell_ms": 1, "zooms": 0, "shown_at": "2026-01-01T00:00:00.000Z"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    design = make_design(categories={"Colors": 3}, samples=2, raters=30)
    study = write_study(design, tmp_path_factory.mktemp("attacked") / "study")
    with (study / "settings.toml").open("a") as file:
        file.write(f"[recruitment]\nnew_per_minute = {NEW_PER_MINUTE}\n")
    with serving(study) as running:
        yield running


@pytest.fixture(scope="module")
def service(server: Server) -> Iterator[Service]:
    opened = open_service(server.study)
    yield opened
    opened.store.close()


def _rater(server: Server, service: Service, name: str) -> WebsocketRater:
    return WebsocketRater(f"{server.url}/?{TOKEN}={service.signer.invitation(name)}")


async def _page_of(link: str) -> str:
    async with WebsocketRater(link) as visitor:
        assert visitor.screen() is None
        return visitor.text()


async def _to_first_screen(rater: WebsocketRater) -> dict[str, Any]:
    while rater.screen() is None:
        assert await rater.leave_page()
    screen = rater.screen()
    assert screen is not None
    return screen


@pytest.mark.parametrize("token", ["", "guess", *NASTY])
def test_a_guessed_invitation_opens_nothing(server: Server, service: Service, token: str) -> None:
    before = len(service.store.raters())
    text = run_async(_page_of(f"{server.url}/?{TOKEN}={quote(token)}"))
    assert "not valid" in text or "needs an invitation" in text
    assert len(service.store.raters()) == before


def test_an_invitation_of_another_study_opens_nothing(server: Server, service: Service) -> None:
    other = replace(service, signer=type(service.signer)(b"another" * 8, service.design.sha256))
    assert "not valid" in run_async(_page_of(f"{server.url}/?{TOKEN}={other.signer.invitation('x')}"))


def test_images_are_served_to_the_rater_they_were_signed_for_and_to_nobody_else(
    server: Server, service: Service, tmp_path: Path
) -> None:
    async def visit() -> tuple[list[str], list[str]]:
        async with _rater(server, service, "images one") as one, _rater(server, service, "images two") as two:
            screens = [await _to_first_screen(rater) for rater in (one, two)]
            mine, others = images_of(screens[0]), images_of(screens[1])
            assert {status_of(server, url) for url in mine + others} == {200}
            prefix, rater, signature, image = mine[0].rsplit("/", 3)
            _, other_rater, other_signature, other_image = others[0].rsplit("/", 3)
            forged = [
                f"{prefix}/{rater}/{signature}/{other_image}"
                if other_image != image
                else f"{prefix}/0/{signature}/{image}",
                f"{prefix}/{other_rater}/{signature}/{image}",
                f"{prefix}/{rater}/{other_signature}/{image}",
                f"{prefix}/{rater}/{'A' * 22}/{image}",
                f"{prefix}/{rater}/{signature}/{'0' * 32}",
                f"{prefix}/{rater}/{signature}/../../../design.json",
                f"{prefix}/{rater}/{signature}/..%2f..%2fsecret.key",
                f"{prefix}/{rater}/{signature}/{image}%00.webp",
                f"{prefix}/-1/{signature}/{image}",
                f"{prefix}/{rater}%20OR%201=1/{signature}/{image}",
            ]
            page = _content(server, "/")  # of an address that is none of ours
            assert {_content(server, url) for url in forged} <= {page, b""}
            await one.take_part()
            assert "Thank you" in one.text()
            return mine, others

    mine, others = run_async(visit())
    seconds = 2.5  # for so long the server may remember that the rater was in the middle of the study
    run_async(asyncio.sleep(seconds))
    assert {status_of(server, url) for url in mine} == {404}  # replayed after the end
    assert {status_of(server, url) for url in others} == {200}


def test_the_studys_own_files_are_not_served(server: Server) -> None:
    page = _content(server, "/")  # Streamlit's own page, which every unknown address gets
    assert page
    for name in ("design.json", "secret.key", "settings.toml", "votes.sqlite"):
        for path in (f"/{name}", f"/app/static/{name}", f"/study/{name}", f"/media/{name}", f"/..%2f{name}"):
            assert _content(server, path) in (page, b"")


def _content(server: Server, path: str) -> bytes:
    try:
        with urllib.request.urlopen(server.url + path, timeout=30) as reply:
            return bytes(reply.read())
    except urllib.error.HTTPError as error:
        return b"" if error.code in (400, 404) else repr(error).encode()


def test_a_vote_for_anothers_sitting_is_refused(server: Server, service: Service) -> None:
    async def attack() -> None:
        async with _rater(server, service, "victim") as victim, _rater(server, service, "attacker") as attacker:
            target, own = await _to_first_screen(victim), await _to_first_screen(attacker)
            votes = len(list(service.store.vote_rows()))
            answers = {question["id"]: "left" for question in target["questions"]}
            await attacker.send_event("answer", {"key": target["key"], "answers": answers, "timing": TIMING})
            await attacker.send_event("undo", {"key": target["key"]})
            assert len(list(service.store.vote_rows())) == votes
            assert attacker.screen() is not None
            assert attacker.screen()["key"] == own["key"]  # type: ignore[index]

    run_async(attack())


def test_votes_out_of_turn_or_of_no_meaning_are_refused(server: Server, service: Service) -> None:
    async def attack() -> None:
        async with _rater(server, service, "impatient") as rater:
            screen = await _to_first_screen(rater)
            sitting, part, position, sequence = screen["key"].split("-")
            ids = [question["id"] for question in screen["questions"]]
            good = dict.fromkeys(ids, "left")
            votes = len(list(service.store.vote_rows()))
            bad: list[Any] = [
                {"key": f"{sitting}-{part}-{int(position) + 1}-{sequence}", "answers": good, "timing": TIMING},
                {"key": f"{sitting}-{part}-{position}-{int(sequence) + 1}", "answers": good, "timing": TIMING},
                {"key": f"{sitting}-training-0-0", "answers": good, "timing": TIMING},
                {"key": screen["key"], "answers": {ids[0]: "left"}, "timing": TIMING},
                {"key": screen["key"], "answers": {**good, "extra": "left"}, "timing": TIMING},
                *({"key": screen["key"], "answers": dict.fromkeys(ids, text), "timing": TIMING} for text in NASTY),
                *({"key": text, "answers": good, "timing": TIMING} for text in NASTY),
                None,
                "left",
            ]
            for message in bad:
                await rater.send_event("answer", message)
            assert len(list(service.store.vote_rows())) == votes
            await rater.take_part()  # and an honest rater is still where they were
            assert "Thank you" in rater.text()

    run_async(attack())


def test_a_problem_is_kept_as_it_was_written_and_only_of_ones_own_screens(server: Server, service: Service) -> None:
    async def report() -> list[int]:
        async with _rater(server, service, "reports") as rater, _rater(server, service, "other") as other:
            own, others = await _to_first_screen(rater), await _to_first_screen(other)
            known = []
            for key, text in ((own["key"], NASTY[0]), (own["key"], NASTY[1]), (others["key"], NASTY[2]), ("x", "y")):
                await rater.send_event("report", {"key": key, "number": len(known) + 1, "text": text})
                screen = rater.screen()
                assert screen is not None
                known.append(screen["reported"])
            return known

    assert run_async(report()) == [1, 2, 2, 2]  # which the page is told to be there
    assert [problem.text for problem in service.store.problems()] == NASTY[:2]


def test_nasty_texts_in_a_links_parameters_are_nobody(server: Server, service: Service) -> None:
    token = service.signer.recruitment("prolific")
    before = len(service.store.raters())

    async def come(text: str) -> str:
        query = f"{TOKEN}={token}&PROLIFIC_PID={quote(text)}&SESSION_ID={quote(text)}&lang={quote(text)}"
        async with WebsocketRater(f"{server.url}/?{query}") as rater:
            return rater.text()

    for text in NASTY:
        page = run_async(come(text))
        assert "This is a preview" in page
        assert text not in page
    assert len(service.store.raters()) == before


def test_ids_made_up_by_the_thousand_fill_no_seats(server: Server, service: Service) -> None:
    """By one recruitment link so many may begin within a minute; who has an invitation is not kept waiting."""
    token = service.signer.recruitment("prolific")

    async def crowd() -> list[str]:
        pages = []
        for number in range(NEW_PER_MINUTE + 3):
            link = f"{server.url}/?{TOKEN}={token}&PROLIFIC_PID=made-up-{number}"
            async with WebsocketRater(link) as rater:
                assert await rater.leave_page()  # the box is ticked
                assert await rater.leave_page()
                pages.append(" ".join(str(element) for element in rater.elements.values()))
        async with _rater(server, service, "invited") as rater:
            await _to_first_screen(rater)
        return pages

    pages = run_async(crowd())
    assert ["How it works" in page for page in pages] == [True] * NEW_PER_MINUTE + [False] * 3
    assert all("Please try again in a minute" in page for page in pages[NEW_PER_MINUTE:])


def test_one_invitation_is_one_rater_however_often_it_is_used(server: Server, service: Service) -> None:
    async def twice() -> None:
        link = _rater(server, service, "twice").link
        async with WebsocketRater(link) as one, WebsocketRater(link) as two:
            await _to_first_screen(one)
            await _to_first_screen(two)
            await asyncio.gather(one.take_part(), two.take_part())
            assert CODES["complete"] in await _code(one)
            assert CODES["complete"] in await _code(two)

    run_async(twice())
    (rater,) = [rater for rater in service.store.raters() if rater.external_id == "twice"]
    standing = [row for row in service.store.vote_rows() if row.rater == rater.rater and not row.superseded]
    assert len(standing) == rater.total * len(service.design.questions)
    assert service.store.enter(Identity("invite", "twice")).stage == "complete"


async def _code(rater: WebsocketRater) -> str:
    return " ".join(str(element) for element in rater.elements.values())
