"""A server for each test, and pauses that take no time."""

from collections.abc import Iterator

import pytest

from drawbench.remote import client as client_module
from drawbench.remote import download as download_module
from tests.drawbench.remote.images_server import ImagesServer, images_server


@pytest.fixture
def server() -> Iterator[ImagesServer]:
    with images_server() as state:
        yield state


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "PAUSE", 0.01)
    monkeypatch.setattr(download_module, "PAUSE", 0.01)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
