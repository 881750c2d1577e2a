"""The trial's screen in the browser: one component, so that a whole trial is one message there and one back."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

from pydantic import Field, ValidationError

from drawbench.records import Record
from human_eval_app.store.records import Part, ResponseTimes


class TimingMessage(Record):
    """What the browser measured; see `ResponseTimes`."""

    load_ms: int = Field(ge=0)
    dwell_ms: int = Field(ge=0)
    zooms: int = Field(ge=0)
    shown_at: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$")

    def timing(self) -> ResponseTimes:
        """As the store takes it."""
        return ResponseTimes(self.load_ms, self.dwell_ms, self.zooms, self.shown_at)


class ScreenKey(Record):
    """Which screen a message is about."""

    key: str = Field(pattern=r"^\d{1,12}-(training|main)-\d{1,6}-\d{1,6}$")

    def parts(self) -> tuple[int, Part, int, int]:
        """Sitting, part, position, sequence."""
        sitting, part, position, sequence = self.key.split("-")
        return int(sitting), "training" if part == "training" else "main", int(position), int(sequence)


class AnswerMessage(ScreenKey):
    """A rater's answers to one screen. submission: names the press of the button; a page of older code sends none."""

    answers: dict[str, str] = Field(max_length=4)
    timing: TimingMessage
    submission: str = Field(default="", pattern=r"^[0-9a-f-]{0,40}$")


class ReportMessage(ScreenKey):
    """A problem with one screen, in a rater's words. number: which report from this screen it is."""

    number: int = Field(ge=1)
    text: str = Field(min_length=1, max_length=1000)


def read_answer(message: Any) -> AnswerMessage | None:
    """The browser's message, or None when it is not one that our own page sends."""
    try:
        return AnswerMessage.model_validate(message)
    except ValidationError:
        return None


def read_screen(message: Any) -> ScreenKey | None:
    """The screen from which the rater goes back, or stops; None for a message that our page does not send."""
    try:
        return ScreenKey.model_validate(message)
    except ValidationError:
        return None


def read_report(message: Any) -> ReportMessage | None:
    """The rater's report of a problem; None for a message that our page does not send."""
    try:
        return ReportMessage.model_validate(message)
    except ValidationError:
        return None


@cache
def component_files() -> dict[str, str]:
    """The component's markup, style and script."""
    folder = files("human_eval_app.app.rater").joinpath("component")
    parts = {"html": ["trial.html"], "css": ["trial.css", "dialogs.css"], "js": ["trial.js", "dialogs.js"]}
    return {
        kind: "\n".join(folder.joinpath(name).read_text(encoding="utf-8") for name in names)
        for kind, names in parts.items()
    }


def show_trial(data: dict[str, Any], **callbacks: Callable[[], None]) -> None:
    """Mount the component. callbacks: on_answer_change, on_undo_change, on_stop_change, on_report_change.

    Each finds its message under the same name in `st.session_state["trial"]`.
    """
    _component()(key="trial", data=data, **callbacks)


@cache
def _component() -> Callable[..., Any]:
    import streamlit as st

    parts = component_files()
    return st.components.v2.component("drawbench_trial", html=parts["html"], css=parts["css"], js=parts["js"])
