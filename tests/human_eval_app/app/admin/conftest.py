"""A study with an admin password, and its pages without a browser."""

from functools import partial

import pytest
from streamlit.testing.v1 import AppTest

from human_eval_app.app.admin.passwords import hash_password
from tests.human_eval_app.app.conftest import OpenStudy

PASSWORD = "correct horse battery"
WITH_PASSWORD = f'[admin]\npassword_hash = "{hash_password(PASSWORD, cost=16)}"\n'


@pytest.fixture
def open_study(open_study: OpenStudy) -> OpenStudy:
    """The same with an admin password."""
    return partial(open_study, settings=WITH_PASSWORD)


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
