"""Two replicas behind the shipped nginx site and before one PostgreSQL: raters of a dead one go on at the other."""

import asyncio
import re
import ssl
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from benchmarks.websocket_rater import WebsocketRater, images_of
from human_eval_app.app.invitations import invitations
from human_eval_app.app.service import open_service
from tests.human_eval_app import postgresql
from tests.human_eval_app.app.browser_rater import begin, consent, open_page, press, wait_for_screen
from tests.human_eval_app.deploy import proxy as nginx
from tests.human_eval_app.deploy.proxy import Proxy, proxy
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.serving import Server, run_async, write_study

TRIALS = 30
KILLS = 4
FAIL_SECONDS = 10  # deploy/replicas.conf: for so long a replica that failed is not tried again
ABSENT = nginx.missing() or postgresql.missing()
pytestmark = pytest.mark.skipif(ABSENT is not None, reason=str(ABSENT))


@dataclass
class Deployment:
    """What the shipped files set up, on one machine."""

    study: Path
    database: str
    replicas: list[Server]
    proxy: Proxy

    def links(self) -> Iterator[str]:
        """An invitation for every seat."""
        return iter([row["link"] for row in invitations(self.study, self.proxy.url)])

    def cookie_of(self, replica: Server) -> str:
        """A browser's cookie with which the site sends it to this replica."""
        while True:
            cookie = f"study_route={token_hex(16)}"
            if replica.port in self._replicas_of(cookie):
                return cookie

    def _replicas_of(self, cookie: str) -> list[int]:
        request = urllib.request.Request(f"{self.proxy.url}/_stcore/health", headers={"Cookie": cookie})
        with urllib.request.urlopen(request, timeout=30, context=self.proxy.tls):
            pass
        return [int(port) for port in re.findall(r":(\d+)", self.proxy.log().splitlines()[-1].split("replica")[1])]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("deployment")
    design = make_design(categories={"Colors": TRIALS}, samples=1, raters=20)
    study = write_study(design, folder / "study")
    (folder / "nginx").mkdir()
    with postgresql.server() as server:
        database = server.new_database()
        replicas = [Server(study, database) for _ in range(2)]
        try:
            for replica in replicas:
                replica.start()
            with proxy(folder / "nginx", [replica.port for replica in replicas]) as running:
                yield Deployment(study, database, replicas, running)
        finally:
            for replica in replicas:
                replica.stop()


@dataclass
class Browser:
    """A rater who keeps their cookie and comes back after every loss of the connection.

    told: the screens that moved on after an answer. losses: connections that ended before the study did.
    """

    link: str
    tls: ssl.SSLContext
    cookies: str = ""
    pause: float = 0.05
    told: list[str] = field(default_factory=list)
    losses: int = 0

    async def take_part(self) -> None:
        """To the end of the study."""
        while not await self._visit():
            self.losses += 1
            await asyncio.sleep(0.2)

    async def _visit(self) -> bool:
        """One visit; whether it reached the end."""
        rater = WebsocketRater(self.link, self.cookies, self.tls)
        try:
            async with rater:
                self.cookies = rater.cookies
                while rater.screen() is None:
                    if not await rater.leave_page():
                        return True
                while (screen := rater.screen()) is not None:
                    await asyncio.sleep(self.pause)
                    await rater.answer(screen)
                    following = rater.screen()
                    if following is None or following["key"] != screen["key"]:
                        self.told.append(screen["key"])
                return True
        except (ConnectionClosed, InvalidStatus, OSError, TimeoutError):
            return False


async def _kill_amid(browsers: Sequence[Browser], replica: Server, votes: int = 3) -> None:
    """Kill -9 when every rater who is still there has given some more votes; in the middle of others."""
    before = [len(browser.told) for browser in browsers]
    going = [(b, n) for b, n in zip(browsers, before, strict=True) if n < TRIALS]
    while any(len(browser.told) < min(n + votes, TRIALS) for browser, n in going):
        await asyncio.sleep(0.01)
    replica.kill()


def _assert_every_vote_is_kept(deployment: Deployment, browsers: Sequence[Browser], raters: int) -> None:
    service = open_service(deployment.study, deployment.database)
    rows = list(service.store.vote_rows())
    stages = Counter(rater.stage for rater in service.store.raters())
    service.store.close()
    keys = {f"{row.sitting}-{row.part}-{row.position}-{row.sequence}" for row in rows}
    counted = Counter((row.sitting, row.position, row.question) for row in rows if not row.superseded)
    assert {key for browser in browsers for key in browser.told} <= keys
    assert set(counted.values()) == {1}
    assert stages["complete"] == raters
    assert len(counted) == raters * TRIALS * len(service.design.questions)


def test_a_public_name_reaches_the_app(deployment: Deployment) -> None:
    """The app takes a websocket from pages of its own address only, so the site must hand on the name asked for."""
    port = deployment.proxy.port

    async def handshake() -> None:
        uri = f"wss://study.localhost:{port}/_stcore/stream"
        async with connect(
            uri,
            host="127.0.0.1",
            port=port,
            ssl=deployment.proxy.tls,
            origin=f"https://study.localhost:{port}",  # type: ignore[arg-type]
            subprotocols=["streamlit"],  # type: ignore[list-item]
        ):
            pass

    run_async(handshake())


async def _first_images(deployment: Deployment) -> list[str]:
    async with WebsocketRater(next(deployment.links()), tls=deployment.proxy.tls) as rater:
        while (screen := rater.screen()) is None:
            await rater.leave_page()
        for url in images_of(screen):
            rater.fetch(url)
        return images_of(screen)


def test_images_come_through_for_browsers_to_keep(deployment: Deployment) -> None:
    for url in run_async(_first_images(deployment)):
        request = urllib.request.Request(deployment.proxy.url + url, headers={"Accept-Encoding": "gzip"})
        with urllib.request.urlopen(request, timeout=30, context=deployment.proxy.tls) as reply:
            assert reply.headers["Content-Type"] == "image/webp"
            assert reply.headers["Content-Encoding"] is None
            assert {"private", "immutable"} <= set(reply.headers["Cache-Control"].split(", "))


def test_raters_of_a_killed_replica_go_on_at_the_other(deployment: Deployment) -> None:
    lost, kept = deployment.replicas
    links = [row["link"] for row in invitations(deployment.study, deployment.proxy.url)][:4]
    browsers = [
        Browser(link, deployment.proxy.tls, deployment.cookie_of(replica), pause=0.2)  # nobody is done before the kill
        for link, replica in zip(links, (lost, kept, lost, kept), strict=True)
    ]

    async def study() -> None:
        raters = [asyncio.create_task(browser.take_part()) for browser in browsers]
        await _kill_amid(browsers[::2], lost, votes=1)
        await asyncio.wait_for(asyncio.gather(*raters), 120)

    run_async(study())
    # Not all: on a busy machine one may be done, or at the other already: the proxy waits three seconds for a replica.
    assert any(browser.losses > 0 for browser in browsers[::2])
    _assert_every_vote_is_kept(deployment, browsers, raters=4)
    assert f"127.0.0.1:{lost.port}, 127.0.0.1:{kept.port} 502, 200" in deployment.proxy.log()  # refused, then taken
    lost.start()


@pytest.mark.proof
def test_replicas_are_killed_in_turn(deployment: Deployment) -> None:
    done = sum(rater.stage == "complete" for rater in _raters(deployment))
    links = [row["link"] for row in invitations(deployment.study, deployment.proxy.url)][:12]
    browsers = [Browser(link, deployment.proxy.tls, pause=4.0) for link in links]

    async def study() -> None:
        raters = [asyncio.create_task(browser.take_part()) for browser in browsers]
        for kill in range(KILLS):
            replica = deployment.replicas[kill % 2]
            await asyncio.sleep(FAIL_SECONDS)
            await _kill_amid(browsers, replica, votes=1)
            await asyncio.to_thread(replica.start)
        await asyncio.wait_for(asyncio.gather(*raters), 300)

    run_async(study())
    assert sum(browser.losses for browser in browsers) >= KILLS  # each kill met somebody
    _assert_every_vote_is_kept(deployment, browsers, raters=done + len(browsers))


@pytest.mark.proof
def test_a_browser_finds_the_other_replica_by_itself(deployment: Deployment, browser: Any) -> None:
    lost = deployment.replicas[0]
    name, value = deployment.cookie_of(lost).split("=")
    page = open_page(browser, f"{deployment.proxy.url}/_stcore/health", ignore_https_errors=True)
    page.context.add_cookies([{"name": name, "value": value, "url": deployment.proxy.url}])
    page.goto(next(deployment.links()))
    consent(page)
    begin(page)
    wait_for_screen(page, f"Screen 1 of {TRIALS}")
    press(page, "1 4 Enter")
    wait_for_screen(page, f"Screen 2 of {TRIALS}")
    lost.kill()
    press(page, "1 4 Enter")
    wait_for_screen(page, f"Screen 3 of {TRIALS}")  # the page sends the answer until it is saved
    lost.start()


def _raters(deployment: Deployment) -> list:
    service = open_service(deployment.study, deployment.database)
    try:
        return service.store.raters()
    finally:
        service.store.close()


def test_nothing_that_identifies_a_rater_is_written_down(deployment: Deployment) -> None:
    run_async(_first_images(deployment))
    logs = [*deployment.proxy.folder.glob("*.log"), deployment.study / "server.log"]
    written = "".join(log.read_text() for log in logs)
    assert "GET /study/image/... 200" in written
    token = next(deployment.links()).split("t=")[1]
    assert token[:12] not in written  # where all invitations of a study begin alike
    assert "?" not in written
    assert re.search(r"/study/image/\d", written) is None
    assert re.search(r"(?<!replica )127\.0\.0\.1(?!:\d)", written) is None  # addresses of replicas only
