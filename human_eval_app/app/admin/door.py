"""The door of the admin page: a password, or signing in with an address of the list. Before it, nothing is shown."""

import logging
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import streamlit as st

from drawbench.errors import UserError
from human_eval_app.app.admin.desk import Desk
from human_eval_app.app.admin.passwords import TooManyTriesError
from human_eval_app.app.settings import Admin, read_settings

IDLE_SECONDS = 30 * 60.0  # without a click
SESSION_SECONDS = 12 * 3600.0  # whatever is clicked
TRUSTED_PROXIES = "FORWARDED_ALLOW_IPS"  # the server's own variable: whose X-Forwarded-For it believes
_TICKET = "admin ticket"
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Ticket:
    """That a browser's session gave the right password. Times in seconds of the process's clock.

    proof: the hash that the password matched; another password in the settings ends the session.
    """

    proof: str
    since: float
    seen: float

    def holds(self, admin: Admin, now: float) -> bool:
        """Whether the session may go on."""
        fresh = now - self.since < SESSION_SECONDS and now - self.seen < IDLE_SECONDS
        return fresh and bool(admin.password_hash) and self.proof == admin.password_hash


def signed_in(admin: Admin, claims: Mapping[str, Any], now: float) -> bool:
    """Whether an OpenID Connect identity may come in: its address is listed, not unverified, and it is of today.

    claims: of the identity token, as `st.user` has them. now: seconds since 1970. The browser keeps an identity for a
    month; here it is taken for as long as a password's session.
    """
    if not claims.get("is_logged_in") or not claims.get("email") or claims.get("email_verified", True) is not True:
        return False
    issued = claims.get("iat")
    if not isinstance(issued, int | float) or now - issued >= SESSION_SECONDS:
        return False
    return str(claims["email"]).strip().casefold() in {email.strip().casefold() for email in admin.emails}


@dataclass(frozen=True)
class Visitor:
    """What a browser's session has to show for itself: a ticket, or an identity's claims."""

    ticket: Ticket | None
    claims: Mapping[str, Any]

    def is_welcome(self, desk: Desk) -> bool:
        """Whether the settings let them in now: one who is struck off the list is out at once."""
        try:
            admin = read_settings(desk.service.folder).admin
        except UserError as error:
            _log.warning("nobody can open the admin page: %s", error)
            return False
        known = self.ticket is not None and self.ticket.holds(admin, time.monotonic())
        return known or signed_in(admin, self.claims, time.time())


def visitor() -> Visitor:
    """The visitor of this session. It may be kept for work that is done outside of the page."""
    return Visitor(st.session_state.get(_TICKET), st.user.to_dict())


def admitted(desk: Desk, *, active: bool = True) -> bool:
    """Whether this session is in. active: the visitor did something just now, so IDLE_SECONDS start anew."""
    here = visitor()
    if not here.is_welcome(desk):
        st.session_state.pop(_TICKET, None)
        return False
    if active and here.ticket is not None:
        st.session_state[_TICKET] = replace(here.ticket, seen=time.monotonic())
    return True


def show_door(desk: Desk) -> None:
    """What everybody else sees."""
    try:
        admin = read_settings(desk.service.folder).admin
    except UserError:
        admin = None
    with st.container(horizontal_alignment="center").container(width=440):
        st.title("Administration", anchor=False)
        if admin is None:
            st.error("The study's settings.toml has a mistake, so nobody can come in. The server's log names it.")
            return
        providers = _providers() if admin.emails else []
        if not admin.password_hash and not providers:
            _how_to_open(admin)
        if providers:
            _sign_in(providers)
        if admin.password_hash:
            _ask_password(desk, admin)


def leave() -> None:
    """Sign out."""
    st.session_state.pop(_TICKET, None)
    if st.user.to_dict().get("is_logged_in"):
        st.logout()


def _ask_password(desk: Desk, admin: Admin) -> None:
    with st.form("password", border=False):
        password = st.text_input("Password", type="password", autocomplete="current-password")
        given = st.form_submit_button("Sign in", type="primary")
    if not given:
        return
    try:
        with st.spinner("One moment"):  # longer after wrong ones
            right = desk.tries.attempt(_address() or "this machine", password, admin.password_hash)
    except TooManyTriesError:
        st.error("Too many passwords are being tried. Try again in a few seconds.")
        return
    if not right:
        _log.warning("a wrong admin password%s", _from_address())
        st.error("This is not the password.")
        return
    now = time.monotonic()
    st.session_state[_TICKET] = Ticket(admin.password_hash, now, now)
    st.rerun()


def _address() -> str | None:
    return st.context.ip_address


def _from_address() -> str:
    """Where the visitor comes from, for the log: known only where a proxy that is trusted tells it."""
    address = _address() if os.environ.get(TRUSTED_PROXIES) else None
    return f" from {address}" if address else ""


def _sign_in(providers: list[str | None]) -> None:
    claims = st.user.to_dict()
    if claims.get("is_logged_in"):
        st.error("The address you signed in with may not open these pages, or you signed in too long ago.")
        st.text(str(claims.get("email", "")))
        st.button("Sign out", on_click=st.logout)
        return
    for provider in providers:
        label = "Sign in with your address" if provider is None else f"Sign in with {provider}"
        if st.button(label, type="primary", key=f"provider {provider}"):
            st.login(provider)


def _providers() -> list[str | None]:
    """The identity providers of the server's secrets; None stands for the one without a name."""
    if not st.secrets.load_if_toml_exists() or "auth" not in st.secrets:
        return []
    section = st.secrets["auth"]
    named = [name for name, value in section.items() if isinstance(value, Mapping)]
    return [None] if "client_id" in section else sorted(named)


def _how_to_open(admin: Admin) -> None:
    st.markdown("Nobody can come in yet. Set a password on the server, in place of STUDY the study's folder:")
    st.code("drawbench study password STUDY", language=None)
    if admin.emails:
        st.markdown(
            "Addresses are listed in `settings.toml`, but the server's `.streamlit/secrets.toml` has no section "
            "`[auth]` that says who vouches for them."
        )
    else:
        st.markdown(
            "Or let people sign in: list their addresses as `emails` in the section `[admin]` of `settings.toml`, and "
            "name an identity provider in the section `[auth]` of the server's `.streamlit/secrets.toml`."
        )
