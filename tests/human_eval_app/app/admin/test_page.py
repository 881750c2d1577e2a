"""The parts of the admin page, for who came in."""

import pytest
from streamlit.testing.v1 import AppTest

from human_eval_app.app.admin import desk
from human_eval_app.app.admin.aside import WORK
from human_eval_app.app.admin.sections.invitations import base_address
from human_eval_app.app.service import Service
from human_eval_app.app.tokens import TOKEN
from human_eval_app.store.records import Identity, StoreRefusal, StudyStatus
from human_eval_app.study.design import Exclusion, Stopping
from tests.human_eval_app.app.admin.conftest import OpenStudy, shown, signed_in
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.sitting import cast, finish, ready

SECRETS = ("SECRETONE", "SECRETTWO")
DESIGN = make_design(
    categories={"Colors": 3},
    models=SECRETS,
    raters=4,
    gold=1,
    exclusions=(Exclusion(rule="too_fast", threshold=5000),),
)


@pytest.fixture(autouse=True)
def _in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of its own would take seconds; another test has one."""

    def aside(service: Service, work: str) -> bytes:
        return WORK[work](service.design, service.store)

    monkeypatch.setattr(desk, "aside", aside)


@pytest.fixture
def service(open_study: OpenStudy) -> Service:
    """Two complete sittings, one that goes on, and one rater who has not started."""
    opened = open_study(DESIGN)
    for name in ("one", "two"):
        finish(opened.store, DESIGN, ready(opened.store, name))
    cast(opened.store, DESIGN, ready(opened.store, "three"))
    opened.store.enter(Identity("prolific", "=HYPERLINK(1)"))
    return opened


def _button(page: AppTest, label: str) -> "AppTest":
    return next(button for button in page.button if button.label == label).click().run()


def test_overview_counts_seats(service: Service) -> None:
    text = shown(signed_in("Overview"))
    assert "2 complete, 1 in progress, 0 lease lapsed, 1 free" in text
    assert "<b>2 <small>of 4</small></b><span>complete</span>" in text


def test_raters_are_in_one_table(service: Service) -> None:
    page = signed_in("Raters")
    everyone = page.dataframe[0].value
    assert list(everyone["Id"]) == ["one", "two", "three", "'=HYPERLINK(1)"]  # no spreadsheet runs it
    assert list(everyone["Stands"]) == ["complete", "complete", "in progress", "not started"]
    assert list(everyone["Screens"]) == ["4 of 4", "4 of 4", "1 of 4", ""]
    page.selectbox(key="standing").select("in progress").run()
    assert list(page.dataframe[0].value["Id"]) == ["three"]


def test_quality_shows_rules_and_whom_they_meet(service: Service) -> None:
    page = signed_in("Quality")
    text = shown(page)
    assert 'Too fast: median under 5 s</td><td class="num">3<' in text
    assert "Krippendorff" in text
    assert set(page.dataframe[0].value["Rules met"]) == {"too fast"}
    assert not any(word in text for word in SECRETS)


@pytest.mark.parametrize(("status", "told"), [("open", False), ("paused", False), ("closed", True)])
def test_a_study_of_single_images_tells_commonest_answers_after_the_end(
    open_study: OpenStudy, status: StudyStatus, told: bool
) -> None:
    design = make_design("coco-alignment")
    store = open_study(design).store
    finish(store, design, ready(store, "one"))
    store.set_status(status)
    page = signed_in("Quality")
    assert ("Nothing on this page tells which model is ahead" in shown(page)) != told
    columns = set(page.dataframe[0].value.columns)
    assert "Median seconds" in columns
    assert columns & {"Commonest answer", "Its share"} == ({"Commonest answer", "Its share"} if told else set())


def test_links_are_for_this_study(service: Service) -> None:
    page = signed_in("Invitations")
    page.text_input[0].input("https://study.example.org")
    page.number_input[0].set_value(2)
    _button(page, "Make links")
    links = list(page.dataframe[0].value["link"])
    assert len(set(links)) == 2
    for link in links:
        address, token = link.split(f"?{TOKEN}=")
        assert address == "https://study.example.org/"
        assert service.signer.identity(token, {}, 1) == Identity(
            "invite",
            service.signer.identity(token, {}, 1).external_id,
            "colors",  # type: ignore[union-attr]
        )


def test_an_address_that_is_none_makes_no_link(service: Service) -> None:
    page = signed_in("Invitations")
    page.text_input[0].input("study.example.org")
    _button(page, "Make links")
    assert [error.value for error in page.error] == ["No link was made."]
    assert not page.dataframe


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("https://study.example.org/admin", "https://study.example.org"),
        ("https://lab.example.org/one/admin/", "https://lab.example.org/one"),
        ("http://127.0.0.1:8501/admin", "http://127.0.0.1:8501"),
        (None, ""),
    ],
)
def test_the_apps_address_is_that_of_the_page_above(url: str | None, base: str) -> None:
    assert base_address(url) == base


def test_design_shows_what_was_fixed(service: Service) -> None:
    text = shown(signed_in("Design"))
    assert DESIGN.sha256 in text
    assert "It is made up." in text
    assert all(word in text for word in SECRETS)


def test_pause_resume_and_close(service: Service) -> None:
    page = signed_in()
    _button(page, "Pause now")
    assert service.store.status() == "paused"
    _button(page, "Resume")
    assert service.store.status() == "open"
    assert next(button for button in page.button if button.label == "Close the study").disabled
    page.checkbox(key="sure").check().run()
    _button(page, "Close the study")
    assert service.store.status() == "closed"
    assert not {"Pause now", "Resume", "Close the study"} & {button.label for button in page.button}


def test_a_page_left_open_cannot_open_a_closed_study_again(service: Service) -> None:
    service.store.set_status("paused")
    page = signed_in()
    service.store.set_status("closed")
    _button(page, "Resume")
    assert service.store.status() == "closed"


@pytest.mark.parametrize("status", ["open", "paused"])
def test_results_are_hidden_while_votes_may_come(service: Service, status: str) -> None:
    service.store.set_status(status)  # type: ignore[arg-type]
    page = signed_in("Results")
    assert "hidden until the study is closed" in shown(page)
    assert not page.toggle
    assert not any(word in shown(page) for word in SECRETS)


def test_results_are_shown_after_the_end_to_who_asks(service: Service) -> None:
    service.store.set_status("closed")
    page = signed_in("Results")
    assert not any(word in shown(page) for word in SECRETS)
    page.toggle(key="show results").set_value(True).run()
    assert all(word in shown(page) for word in SECRETS)
    assert "INCOMPLETE" in "".join(expander.label for expander in page.expander)


def test_simulated_raters_are_marked(open_study: OpenStudy) -> None:
    open_study(make_design(simulated=True))
    assert "simulated raters" in shown(signed_in())


@pytest.mark.parametrize("part", ["Overview", "Raters"])
def test_a_database_that_is_away_is_said(service: Service, part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise StoreRefusal("unavailable", "The vote database cannot be reached.")

    monkeypatch.setattr(service.store, "seats", away)
    page = signed_in(part)
    assert [error.value for error in page.error] == ["The vote database cannot be reached."]
    assert not page.exception


def test_a_study_that_may_stop_shows_how_its_decision_comes_about(open_study: OpenStudy) -> None:
    stopping = Stopping(at_decision="advise", pause_minutes=60)
    design = make_design(categories={"Colors": 2}, models=SECRETS, raters=12).model_copy(update={"stopping": stopping})
    open_study(design)
    assert "no complete sitting yet" in shown(signed_in("Decision"))
    opened = open_study(design)
    for number in range(11):
        finish(opened.store, design, ready(opened.store, f"rater {number}"))
    page = signed_in("Decision")
    text = shown(page)
    assert "Look as often as you like" in text
    assert "Fidelity: undecided" in text  # each rater had both models on the left
    assert "Not all is decided yet. Once it is, you may close the study." in text
    assert "For SECRETONE against SECRETTWO, indifferent answers counted half: " in text
    assert "% after 11 raters, between " in text
    assert len(page.get("vega_lite_chart")) == 2
    assert "11 sittings complete" in text
    assert "stopping rule" in shown(signed_in("Design"))
    assert "hidden until the study is closed" in shown(signed_in("Results"))


def test_other_studies_have_no_such_page(service: Service) -> None:
    page = signed_in()
    assert "Decision" not in page.segmented_control(key="part").options
