"""Work in a process of its own: the same result, and a sentence when there is none."""

import pytest

from human_eval_app.app.admin.aside import AsideError, aside, export_work
from human_eval_app.app.admin.exports import export
from human_eval_app.app.service import DATABASE_VARIABLE
from tests.human_eval_app.app.admin.conftest import OpenStudy
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.sitting import cast, ready


def test_a_file_is_the_one_that_this_process_would_make(open_study: OpenStudy) -> None:
    design = make_design()
    service = open_study(design)
    cast(service.store, design, ready(service.store, "one"))
    made = aside(service, export_work("all", "csv"))
    assert made == export(design, service.store.vote_rows(), "all", "csv")
    assert made.count(b"\n") == 3  # the header, and two questions


def test_what_goes_wrong_is_said_in_one_sentence(open_study: OpenStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    service = open_study(make_design())
    monkeypatch.setenv(DATABASE_VARIABLE, "mysql://elsewhere")
    with pytest.raises(AsideError, match="neither SQLite nor PostgreSQL"):
        aside(service, "quality")
