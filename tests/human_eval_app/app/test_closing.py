"""Studies that close themselves: when all is decided and not before, written down, and by the server itself."""

import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from human_eval_app.app import closing
from human_eval_app.app.admin.aside import WORK, AsideError
from human_eval_app.app.service import Service, open_service
from human_eval_app.store.records import Place
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Answer, Design, Stopping
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.serving import START_SECONDS, serving, write_study
from tests.human_eval_app.store.sitting import TIMING, VERSION, ready, trial_at


def _design(raters: int = 14, at_decision: str = "close") -> Design:
    stopping = Stopping.model_validate({"at_decision": at_decision, "pause_minutes": 60})
    return make_design(categories={"Only": 2}, raters=raters).model_copy(update={"stopping": stopping})


def _sit(store: VoteStore, design: Design, name: str, *questions: str) -> None:
    """One whole sitting of a rater who prefers the first model on some questions, and is indifferent on others."""
    place: Place = ready(store, name)
    while place.stage == "trial":
        assert place.sitting is not None
        trial = trial_at(design, place)
        side: Answer = "left" if design.sets[trial.left].model == design.models[0].label else "right"
        answers = {each.id: side if each.id in questions else "indifferent" for each in design.questions}
        key = (place.rater, place.sitting, "main", place.position, place.sequence)
        place = store.vote(*key, answers, TIMING, VERSION)  # type: ignore[arg-type]


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    """A study whose votes are read in this process."""
    monkeypatch.setattr(closing, "aside", lambda one, work: WORK[work](one.design, one.store))
    return open_service(write_study(_design(), tmp_path / "study"))


def test_it_closes_when_every_question_is_decided_and_says_what_was(service: Service) -> None:
    store, design = service.store, service.design
    assert not closing.close_if_decided(service)
    for number in range(11):
        _sit(store, design, f"rater {number}", "fidelity")
    assert not closing.close_if_decided(service)  # alignment is even
    assert (store.status(), store.decision()) == ("open", None)
    store.close()


def test_what_was_decided_is_written_down(service: Service) -> None:
    store, design = service.store, service.design
    for number in range(11):
        _sit(store, design, f"rater {number}", "fidelity", "alignment")
    assert closing.close_if_decided(service)
    assert store.status() == "closed"
    decision = store.decision()
    assert decision is not None
    assert decision.sittings == 11
    (fidelity, alignment) = decision.outcome["decisions"]
    assert fidelity == {"model_a": "model one", "model_b": "model two", "question": "fidelity", "decision": "a"} | {
        "raters": fidelity["raters"]
    }
    assert 7 < fidelity["raters"] == alignment["raters"] < 11
    assert "wrong in at most 5%" in decision.outcome["rule"]
    store.close()


def test_votes_that_cannot_be_read_now_are_read_again(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(11):
        _sit(service.store, service.design, f"rater {number}", "fidelity", "alignment")
    tries: list[str] = []

    def aside(one: Service, work: str) -> bytes:
        tries.append(work)
        if len(tries) == 1:
            raise AsideError("The disk is full.")
        return WORK[work](one.design, one.store)

    monkeypatch.setattr(closing, "aside", aside)
    monkeypatch.setattr(closing, "EVERY_SECONDS", 0.01)
    monkeypatch.setattr(closing, "SHARE", 1.0)
    closing._watch(service)
    assert service.store.status() == "closed"
    assert tries == ["known", "known"]
    assert "The disk is full" in caplog.text
    service.store.close()


def test_nobody_watches_over_a_study_that_only_advises(service: Service) -> None:
    advised = replace(service, design=_design(at_decision="advise"))
    closing.start(advised)
    assert "closing" not in {thread.name for thread in threading.enumerate()}
    service.store.close()


def test_the_server_closes_the_study(tmp_path: Path) -> None:
    design = _design()
    study = write_study(design, tmp_path / "study")
    store = VoteStore.open(f"sqlite:///{study / 'votes.sqlite'}", design)
    for number in range(11):
        _sit(store, design, f"rater {number}", "fidelity", "alignment")
    with serving(study):
        deadline = time.monotonic() + START_SECONDS
        while store.status() == "open" and time.monotonic() < deadline:
            time.sleep(0.2)
        assert store.status() == "closed"
    store.close()
