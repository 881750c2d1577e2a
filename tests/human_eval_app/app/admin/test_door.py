"""The door: who may come in, for how long, and what everybody else sees."""

from typing import Any

import pytest

from human_eval_app.app.admin import desk, door, passwords
from human_eval_app.app.admin.door import IDLE_SECONDS, SESSION_SECONDS, Ticket, signed_in
from human_eval_app.app.admin.passwords import Tries
from human_eval_app.app.settings import Admin, set_password_hash
from tests.human_eval_app.app.admin import conftest as admin
from tests.human_eval_app.app.admin.conftest import PASSWORD, WITH_PASSWORD, OpenStudy, admin_page, shown
from tests.human_eval_app.designs import make_design

SECRETS = ("SECRETONE", "SECRETTWO")
HASH = WITH_PASSWORD.split('"')[1]
LISTED = Admin(emails=("Ada@Example.org", "bob@example.org"))
NOW = 1_800_000_000.0
CLAIMS = {"is_logged_in": True, "email": "ada@example.org", "email_verified": True, "iat": NOW - 60}


@pytest.mark.parametrize(
    ("since", "seen", "holds"),
    [
        (0.0, 0.0, True),
        (0.0, -IDLE_SECONDS + 1, True),
        (0.0, -IDLE_SECONDS, False),
        (-SESSION_SECONDS + 1, 0.0, True),
        (-SESSION_SECONDS, 0.0, False),
    ],
)
def test_a_session_ends_when_it_is_idle_or_old(since: float, seen: float, holds: bool) -> None:
    assert Ticket(HASH, NOW + since, NOW + seen).holds(Admin(password_hash=HASH), NOW) is holds


def test_another_password_ends_the_sessions_of_the_last_one() -> None:
    ticket = Ticket(HASH, NOW, NOW)
    assert not ticket.holds(Admin(password_hash=HASH.replace("scrypt:16", "scrypt:32")), NOW)
    assert not ticket.holds(Admin(), NOW)
    assert not Ticket("", NOW, NOW).holds(Admin(), NOW)


def test_a_listed_address_may_come_in() -> None:
    assert signed_in(LISTED, CLAIMS, NOW)
    assert signed_in(LISTED, {**CLAIMS, "email": " ADA@example.org"}, NOW)
    without = {name: value for name, value in CLAIMS.items() if name != "email_verified"}
    assert signed_in(LISTED, without, NOW)  # some providers do not say


@pytest.mark.parametrize(
    "change",
    [
        {"is_logged_in": False},
        {"email": "eve@example.org"},
        {"email": ""},
        {"email": None},
        {"email_verified": False},
        {"email_verified": "false"},
        {"iat": NOW - SESSION_SECONDS},
        {"iat": None},
        {"iat": "today"},
    ],
    ids=str,
)
def test_nobody_else_may(change: dict[str, Any]) -> None:
    assert not signed_in(LISTED, {**CLAIMS, **change}, NOW)


def test_without_a_list_no_address_may() -> None:
    assert not signed_in(Admin(), CLAIMS, NOW)
    assert not signed_in(Admin(emails=("",)), {**CLAIMS, "email": ""}, NOW)
    assert not signed_in(LISTED, {}, NOW)


def test_without_any_way_in_the_page_says_how_to_make_one(open_study: OpenStudy) -> None:
    open_study(make_design(models=SECRETS, name="secret name"), settings="")
    page = admin_page()
    text = shown(page)
    assert not page.text_input
    assert "drawbench study password STUDY" in text
    assert not any(word in text for word in (*SECRETS, "secret name"))


def test_listed_addresses_need_an_identity_provider(open_study: OpenStudy) -> None:
    open_study(make_design(), settings='[admin]\nemails = ["ada@example.org"]\n')
    text = shown(admin_page())
    assert "has no section `[auth]`" in text
    assert "ada@example.org" not in text


def test_before_the_password_nothing_is_shown(open_study: OpenStudy) -> None:
    service = open_study(make_design(models=SECRETS, name="secret name"))
    page = admin_page()
    assert [each.label for each in page.text_input] == ["Password"]
    text = shown(page)
    assert not any(word in text for word in (*SECRETS, "secret name", service.design.sha256[:12], HASH))


def test_a_wrong_password_is_refused_and_the_next_ones_wait(
    open_study: OpenStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    tries = Tries(lambda: 0.0, waits.append)  # no second passes
    monkeypatch.setattr(desk, "Tries", lambda: tries)
    monkeypatch.setattr(door, "_address", lambda: "192.0.2.1")
    open_study(make_design())
    page = admin_page()
    for _ in range(3):
        page.text_input[0].input("wrong password")
        page.button[0].click().run()
        assert [error.value for error in page.error] == ["This is not the password."]
    page.text_input[0].input(PASSWORD)
    monkeypatch.setattr(passwords, "WAITING", 0)
    page.button[0].click().run()
    assert page.error[0].value == "Too many passwords are being tried. Try again in a few seconds."
    assert "Quotas" not in shown(page)
    monkeypatch.setattr(passwords, "WAITING", 10)
    page.button[0].click().run()
    assert "Quotas" in shown(page)
    assert waits == [0.0, 0.0, 0.0, 2.0]


def test_addresses_are_logged_behind_a_trusted_proxy_only(
    open_study: OpenStudy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(door, "_address", lambda: "192.0.2.1")
    open_study(make_design())
    page = admin_page()
    for trusted in ("", "10.0.0.1"):
        monkeypatch.setenv(door.TRUSTED_PROXIES, trusted)
        page.text_input[0].input("wrong password")
        page.button[0].click().run()
    told = [record.getMessage() for record in caplog.records if "wrong admin password" in record.getMessage()]
    assert told == ["a wrong admin password", "a wrong admin password from 192.0.2.1"]


def test_the_right_password_lets_in_until_it_is_changed(open_study: OpenStudy) -> None:
    service = open_study(make_design(name="secret name"))
    page = admin.signed_in()
    assert "secret name" in shown(page)
    set_password_hash(service.folder, HASH.replace("scrypt:16", "scrypt:32"))
    page.run()
    assert "secret name" not in shown(page)
    assert [each.label for each in page.text_input] == ["Password"]


def test_sign_out_leads_back_to_the_door(open_study: OpenStudy) -> None:
    open_study(make_design())
    page = admin.signed_in()
    next(button for button in page.button if button.label == "Sign out").click().run()
    assert [each.label for each in page.text_input] == ["Password"]
    page.run()
    assert "Quotas" not in shown(page)


def test_settings_with_a_mistake_let_nobody_in(open_study: OpenStudy) -> None:
    service = open_study(make_design())
    page = admin.signed_in()
    (service.folder / "settings.toml").write_text("[admin]\nemials = []\n")
    page.run()
    assert "has a mistake" in page.error[0].value
    assert "Quotas" not in shown(page)
