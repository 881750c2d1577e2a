"""Studies that close themselves: a thread of the server looks whether all is decided, each time a sitting has ended."""

import logging
import time
from threading import Thread

from human_eval_app.app.admin.aside import AsideError, aside
from human_eval_app.app.admin.known import Known
from human_eval_app.app.service import Service
from human_eval_app.store.records import SeatStatus, StoreRefusal

EVERY_SECONDS = 5.0
SHARE = 0.05  # of the time, that may go into reading the votes, in a process of its own
_log = logging.getLogger(__name__)


def start(service: Service) -> None:
    """Watch over a study that closes itself, for as long as this process lives or until it is closed."""
    stopping = service.design.stopping
    if stopping is not None and stopping.at_decision == "close":
        Thread(target=_watch, args=(service,), name="closing", daemon=True).start()


def close_if_decided(service: Service) -> bool:
    """Close the study, and write down what was decided, if all is; whether it is. Raises AsideError."""
    found = Known.model_validate_json(aside(service, "known")).sequences
    if found is None or not found.decided:
        return False
    decisions = [
        {**each.model_dump(include={"model_a", "model_b", "question", "decision"}), "raters": each.rounds * each.panels}
        for each in found.sequences
        if each.rounds is not None
    ]
    service.store.decide(found.complete, {"rule": found.rule, "decisions": decisions})
    _log.warning("all is decided: the study is closed")
    return True


def _watch(service: Service) -> None:
    before: list[tuple[int | None, SeatStatus]] = []
    while True:
        began = time.monotonic()
        try:
            if service.store.status() == "closed":
                return
            sittings = [(seat.sitting, seat.status) for seat in service.store.seats()]
            if sittings != before and close_if_decided(service):
                return
            before = sittings
        except (AsideError, StoreRefusal) as error:
            _log.warning("could not look whether all is decided, and will again: %s", error)
        time.sleep(max(EVERY_SECONDS, (time.monotonic() - began) / SHARE))
