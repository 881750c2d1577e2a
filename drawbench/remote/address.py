"""Addresses of servers and of images: what may be asked, and where a name leads."""

import ipaddress
import re
import socket
from urllib.parse import SplitResult, urlsplit

from drawbench.errors import UserError, first_line

ENDPOINTS = re.compile(r"/(images/generations|images|chat/completions)/?$")


class AddressError(Exception):
    """An address that is not asked, and why."""


def checked_base_url(text: str) -> str:
    """The address of an API, without a slash at its end. Raises UserError for one that holds more than that."""
    try:
        url = split_url(text)
    except AddressError as error:
        raise UserError(
            f"the address of the server {error}: write one such as http:http://localhost:8000/v1."
        ) from None
    if url.username is not None or url.password is not None:
        raise UserError("the address of the server holds a user or password: keys come from the environment only.")
    if url.query or url.fragment or "?" in text or "#" in text:
        raise UserError(
            "the address of the server has a query (?) or a fragment (#), which may hold a key and would stand in the "
            "plan: leave it out; keys come from the environment, other fields from --set extra.NAME=VALUE."
        )
    if found := ENDPOINTS.search(url.path):
        raise UserError(f"the address of the server ends in {found[0]}, which is added here: leave it out.")
    return text.rstrip("/")


def split_url(text: str) -> SplitResult:
    """The parts of an http or https address. Raises AddressError for anything else."""
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        raise AddressError("holds blanks or signs that no address has")
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:  # whose words would repeat parts of it
        raise AddressError("is none") from None
    if url.scheme not in ("http", "https") or not url.hostname or port == 0:
        raise AddressError("does not begin with http:// or https:// and a host")
    return url


def is_loopback(host: str) -> bool:
    """Whether a host's name alone says that it is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def resolved(url: SplitResult, named_host: str) -> str:
    """The IP address to connect to for an image. Only of `named_host`, which the user named, may it be a private one.

    Raises AddressError.
    """
    host = str(url.hostname)
    try:
        found = socket.getaddrinfo(host, url.port or (443 if url.scheme == "https" else 80), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AddressError(f"has a host that is not found ({first_line(error)})") from None
    addresses = [str(entry[4][0]) for entry in found]
    if host != named_host and not all(map(_is_public, addresses)):
        raise AddressError("leads to a private address, which nobody named")
    return addresses[0]


def _is_public(text: str) -> bool:
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if inside is not None or address in ipaddress.ip_network("64:ff9b::/96"):
            return _is_public(str(inside or ipaddress.IPv4Address(address.packed[-4:])))
    return address.is_global and not address.is_multicast
