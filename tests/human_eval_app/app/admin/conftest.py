"""A study with an admin password, and its pages without a browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from human_eval_app.app import service as service_module
from human_eval_app.app.admin.passwords import hash_password
from human_eval_app.app.service import Service, open_service
from human_eval_app.study.design import Design
from tests.human_eval_app.serving import write_study

PASSWORD = "correct horse battery"
WITH_PASSWORD = f'[admin]\npassword_hash = "{hash_password(PASSWORD, cost=16)}"\n'

OpenStudy = Callable[..., Service]


@pytest.fixture
def open_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenStudy]:
    """Writes a study, and makes it the one of this process."""
    opened: list[Service] = []

    def open_one(design: Design, settings: str = WITH_PASSWORD) -> Service:
        opened.append(open_service(write_study(design, tmp_path / f"study {len(opened)}", settings)))
        monkeypatch.setattr(service_module, "_current", [opened[-1]])
        return opened[-1]

    yield open_one
    for service in opened:
        service.store.close()


def admin_page() -> AppTest:
    """The page, as a visitor first sees it."""

    def script() -> None:
        from human_eval_app.app.admin.page import admin_page

        admin_page()

    return AppTest.from_function(script, default_timeout=60).run()


def signed_in(part: str = "Overview") -> AppTest:
    """One part of the page, for who knows the password."""
    page = admin_page()
    page.text_input[0].input(PASSWORD)
    page.button[0].click()
    page.session_state["part"] = part
    return page.run()


def shown(page: AppTest) -> str:
    """All text and HTML of a page."""
    return "\n".join(str(getattr(element, "value", "")) for element in page.main)
