"""Which addresses are asked."""

import socket
from typing import Any

import pytest

from drawbench.errors import UserError
from drawbench.remote.address import AddressError, checked_base_url, is_loopback, resolved, split_url


@pytest.mark.parametrize(
    "url", ["https://api.openai.com/v1", "http://localhost:8000", "http://[::1]:8000/v1/", "https://a.b/c/d"]
)
def test_addresses_of_servers_are_taken(url: str) -> None:
    assert checked_base_url(url) == url.rstrip("/")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("https://user:secret@host/v1", "user or password"),
        ("https://secret@host/v1", "user or password"),
        ("https://@host/v1", "user or password"),
        ("https://host/v1?key=secret", "query"),
        ("https://host/v1?", "query"),
        ("https://host/v1#secret", "fragment"),
        ("https://host/v1/images/generations", "leave it out"),
        ("ftp://host/v1", "does not begin with http"),
        ("localhost:8000", "does not begin with http"),
        ("https:///v1", "does not begin with http"),
        ("https://host:99999/v1", "is none"),
        ("https://ho st/v1", "signs that no address has"),
        ("https://good.com\\@evil.com/", "signs that no address has"),
        ("", "does not begin with http"),
    ],
)
def test_others_are_refused_and_their_secrets_not_repeated(url: str, why: str) -> None:
    with pytest.raises(UserError, match=why) as caught:
        checked_base_url(url)
    assert "secret" not in str(caught.value)


def test_this_machine_is_known_by_its_name() -> None:
    assert [is_loopback(host) for host in ("localhost", "127.0.0.9", "::1", "a.localhost", "10.0.0.1", "host")] == [
        True,
        True,
        True,
        True,
        False,
        False,
    ]


PRIVATE = [
    "127.0.0.1",
    "10.1.2.3",
    "192.168.0.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "::1",
    "fd00::1",
    "fe80::1%eth0",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
]


@pytest.mark.parametrize("ip", PRIVATE)
def test_a_name_that_leads_to_a_private_address_is_asked_only_where_the_user_named_it(
    monkeypatch: pytest.MonkeyPatch, ip: str
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _answers("93.184.215.14", ip))
    with pytest.raises(AddressError, match="private address"):
        resolved(split_url("https://images.example/x.png"), "api.example")
    assert resolved(split_url("https://api.example/x.png"), "api.example") == "93.184.215.14"


@pytest.mark.parametrize("ip", ["93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14"])
def test_public_addresses_are_asked(monkeypatch: pytest.MonkeyPatch, ip: str) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _answers(ip))
    assert resolved(split_url("https://images.example/x.png"), "api.example") == ip


def test_odd_ways_to_write_this_machine_are_seen_through() -> None:
    for host in ("2130706433", "0x7f.1", "127.1", "localhost"):
        with pytest.raises(AddressError):
            resolved(split_url(f"http://{host}/x.png"), "api.example")


def _answers(*ips: str) -> Any:
    return lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 443)) for ip in ips]
