"""Images by their address: without the key, from where they may be, up to a size."""

import socket
from typing import Any

import pytest

from drawbench.remote import download as download_module
from drawbench.remote.answers import AnswerError
from drawbench.remote.download import download
from tests.drawbench.remote.images_server import Answer, ImagesServer, png

HERE = "127.0.0.1"
PICTURE = Answer(200, png(8), kind="image/png")


def to(address: str) -> Answer:
    return Answer(302, b"", {"Location": address})


def test_an_image_of_the_named_host_is_fetched_also_past_redirects(server: ImagesServer) -> None:
    server.files = {"/a.png?x=1": to("/b.png"), "/b.png": to(f"{server.address}/c.png"), "/c.png": PICTURE}
    assert download(f"{server.address}/a.png?x=1", HERE, 5) == PICTURE.content
    assert server.fetched == [("/a.png?x=1", None), ("/b.png", None), ("/c.png", None)]


def test_another_host_is_asked_under_its_name_at_the_address_that_was_looked_at(
    server: ImagesServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def found(host: str, port: int, *_: Any, **__: Any) -> Any:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (HERE, port))]

    monkeypatch.setattr(socket, "getaddrinfo", found)
    server.files = {"/c.png": PICTURE}
    address = server.address.replace(HERE, "images.example") + "/c.png"
    assert download(address, "images.example", 5) == PICTURE.content
    assert set(asked) == {"images.example", HERE}
    with pytest.raises(AnswerError, match=r"private address, which nobody named: if .*response_format=b64_json"):
        download(address, "api.example", 5)
    assert len(server.fetched) == 1


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://localhost:1/x.png", "private address"),
        ("http://169.254.169.254/latest/meta-data", "private address"),
        ("http://[::1]/x.png", "private address"),
        ("file:///etc/passwd", "does not begin with http"),
        ("http://user:secret@127.0.0.1/x.png", "user or password"),
        ("gopher://127.0.0.1/", "does not begin with http"),
        ("/x.png", "does not begin with http"),
        ("http://[127.0.0.1/x.png", "is none: if"),
        ("http://127.0.0.1:secret/x.png", "is none: if"),
        ("http://127.0.0.1:1/" + "x" * 70_000, "is none: if"),
        ("http://nowhere.invalid/x.png?sig=secret", "not found"),
    ],
)
def test_other_places_are_not_asked_not_even_by_a_redirect(server: ImagesServer, address: str, why: str) -> None:
    server.files = {"/a.png": to(address)}
    places = [address] if address.startswith("/") else [address, f"{server.address}/a.png"]
    for place in places:
        with pytest.raises(AnswerError, match=why) as caught:
            download(place, HERE, 5)
        assert "secret" not in str(caught.value)


def test_circles_lengths_packings_and_absences_end(server: ImagesServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download_module, "MOST_BYTES", 1000)
    server.files = {
        "/circle": to("/circle"),
        "/long": Answer(200, b"x" * 1001),
        "/packed": Answer(200, b"x", {"Content-Encoding": "gzip"}),
        "/cut": Answer(200, b"x" * 500, cut=100),
        "/drip": Answer(200, b"x" * 900, drip=0.02),
    }
    monkeypatch.setattr(download_module, "LONGEST", 0.3)
    for path, why in {
        "circle": "leads on more than 3",
        "long": "longer than",
        "packed": "came packed",
        "drip": "began but did not end",
        "cut": "cannot be fetched",
        "absent": r"cannot be fetched from its address \(HTTPStatusError\)",
    }.items():
        with pytest.raises(AnswerError, match=why):
            download(f"{server.address}/{path}", HERE, 1.0)
    assert sum(path == "/cut" for path, _ in server.fetched) == 3
