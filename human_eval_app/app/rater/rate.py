"""The raters' pages: from the invitation to the completion code. Where a rater is, the store alone knows."""

from typing import Any
from urllib.parse import quote

import streamlit as st

from human_eval_app.app.rater.examples import alignment_example, fidelity_example
from human_eval_app.app.rater.texts import Texts, best_language, languages, texts
from human_eval_app.app.rater.trial_component import read_answer, read_report, read_screen, show_trial
from human_eval_app.app.rater.trial_view import answers_text, hints, trial_view, trials_of, wrong_answers
from human_eval_app.app.recruitment import is_verified
from human_eval_app.app.service import APP_VERSION, Service, current_service
from human_eval_app.app.tokens import TOKEN, InvalidTokenError
from human_eval_app.store.records import ENDING_OF_STAGE, Ending, Place, StoreRefusal
from human_eval_app.study.design import INSTRUCTIONS_VERSION

_TRANSIENT = ("no_room", "busy", "unavailable")
_WAKE_SECONDS = 5  # how often a page that waits for a paused study asks whether it goes on


def rate_page() -> None:
    """The page at the root: whatever this rater has to see now."""
    st.html(_STYLE)
    service = current_service()
    language = _language(None)
    try:
        rater = _rater(service)
        if rater is None:
            _alone("preview", language)
            return
        place = st.session_state.pop("place", None) or service.store.place(rater)
    except _NoInvitationError:
        _alone("no_link", language)
        return
    except InvalidTokenError:
        _alone("bad_link", language)
        return
    except StoreRefusal as refusal:
        _refused_at_the_door(refusal, language)
        return
    language = _language(place.language)
    words = texts(language)
    begin_page(place.stage, language, words["common"]["title"])
    if place.stage == "consent":
        _consent(service, place, words)
    elif place.stage == "instructions":
        _instructions(service, place, words)
    elif place.stage in ("training", "trial"):
        _trial(service, place, words)
    else:
        _end(service, place, words)


def begin_page(name: str, language: str, title: str) -> None:
    """Tell the browser which page comes, and in which language; see shell.js. Before all else of the page."""
    st.set_page_config(page_title=title)
    st.html(f'<div data-page="{name}" data-lang="{language}"></div>')


class _NoInvitationError(Exception):
    """The address holds no invitation at all."""


def _rater(service: Service) -> int | None:
    """The rater who holds this page's invitation; None in a recruitment service's preview."""
    token = st.query_params.get(TOKEN)
    if not token:
        raise _NoInvitationError
    parameters = st.query_params.to_dict()
    known = st.session_state.get("door")
    if known is None or known[0] != parameters:
        identity = service.signer.identity(token, parameters, service.settings.invitation_days)
        if identity is None:
            return None
        if not is_verified(identity, parameters, service.settings.recruitment, service.folder):
            raise InvalidTokenError("its id is not one that the study knows")
        known = (parameters, service.store.enter(identity).rater)
        st.session_state["door"] = known
    return int(known[1])


def _language(chosen: str | None) -> str:
    """What the rater chose, or what the address or the browser asks for."""
    if chosen in languages():
        return str(chosen)
    picked = st.session_state.get("language")
    return picked or best_language(st.query_params.get("lang") or st.context.locale)


def _consent(service: Service, place: Place, words: Texts) -> None:
    design, settings, text = service.design, service.settings, words["consent"]
    panels = [panel for panel in design.panels if place.panel in (None, panel.id)]
    total = max(len(seat.order) for panel in panels for seat in panel.seats) + len(design.training)
    minutes = max(1, round(total * settings.seconds_per_trial / 60))
    with _column():
        codes = list(languages())
        st.selectbox(
            text["language"],
            codes,
            index=codes.index(_language(None)),
            format_func=lambda code: languages()[code],
            key="language",
            width=240,
        )
        st.title(settings.title or text["heading"], anchor=False)
        st.markdown(text["what"].format(total=total, minutes=minutes))
        for name in ("data", "rights", "content"):
            st.markdown(text[name])
        _contact(service, words)
        agreed = st.checkbox(text["age"], key="agreed")
        if st.button(text["start"], type="primary", disabled=not agreed):
            pace = settings.recruitment.new_per_minute
            _go(lambda: service.store.consent(place.rater, _language(None), INSTRUCTIONS_VERSION, pace))


def _instructions(service: Service, place: Place, words: Texts) -> None:
    design, text = service.design, words["instructions"]
    asked = [question.id for question in design.questions]
    with _column():
        st.title(text["heading"], anchor=False)
        kind = {"drawbench": "paired_sets", "coco-photorealism": "paired_images", "coco-alignment": "single"}
        st.markdown(text[kind[design.type]])
        for question in asked:
            st.markdown(text[question])
        if design.type == "drawbench":
            st.markdown(text["whole"])
            for question, picture in (("fidelity", fidelity_example()), ("alignment", alignment_example())):
                st.markdown(text[f"example_{question}"])
                st.html(picture)
        if any("indifferent" in question.answers for question in design.questions):
            st.markdown(text["indifferent"])
        known = design.controls.gold_per_seat > 0
        st.markdown(f"{text['careful']} {text['known']}" if known else text["careful"])
        with st.container(key="keyboard"):
            st.markdown(text["keyboard"])
        if design.training:
            st.markdown(text["training"].format(n=len(design.training)))
        if st.button(text["ready"], type="primary"):
            _go(lambda: service.store.finish_instructions(place.rater))


def _trial(service: Service, place: Place, words: Texts) -> None:
    data = trial_view(service.design, place, service.signer, words, service.settings.base_path)
    failed = st.session_state.get("failed")
    data["attempt"] = failed[1] if failed and failed[0] == data["key"] else 0
    data["notice"] = words["trial"]["not_saved"] if data["attempt"] else st.session_state.pop("notice", "")
    data["feedback"] = _feedback(service, place, words)
    st.session_state["shown"] = place
    reported = st.session_state.get("reported", ("", 0))
    data["reported"] = reported[1] if reported[0] == data["key"] else 0
    show_trial(
        data,
        on_answer_change=_answered,
        on_undo_change=_undone,
        on_stop_change=_stopped,
        on_report_change=_reported,
    )
    if _came_without_callback(data):
        _answered()
        st.rerun()


def _came_without_callback(data: dict[str, Any]) -> bool:
    """Whether an answer to this very screen is here, unheard: a new session's first run calls no callback.

    So it is when the server was replaced while the rater answered, and the browser came back with the answer.
    """
    message = read_answer(_event("answer"))
    return message is not None and message.key == data["key"] and not data["attempt"]


def _feedback(service: Service, place: Place, words: Texts) -> str:
    """After a wrong answer in training: which question to look at again. All of them, when a refresh forgot which."""
    if place.stage != "training" or place.sequence == 0:
        return ""
    trial = trials_of(service.design, place)[place.position]
    return hints(words, st.session_state.get("wrong") or sorted(trial.expected))


def _answered() -> None:
    """Callback: the vote is committed here, before the page moves on."""
    service, message = current_service(), read_answer(_event("answer"))
    if message is None:
        return
    sitting, part, position, sequence = message.parts()
    rater = st.session_state["door"][1]
    answers: dict[str, Any] = dict(message.answers)
    if part == "training" and position < len(service.design.training):
        st.session_state["wrong"] = wrong_answers(service.design.training[position], answers)
    timing, submission = message.timing.timing(), message.submission
    _kept(
        message.key,
        lambda: service.store.vote(rater, sitting, part, position, sequence, answers, timing, APP_VERSION, submission),
    )


def _event(name: str) -> Any:
    """What the trial's component sent under this name; None when a visitor's own program left the component out."""
    return (st.session_state.get("trial") or {}).get(name)


def _undone() -> None:
    message = read_screen(_event("undo"))
    if message is None:
        return
    sitting, part, position, _ = message.parts()
    if part == "main" and position > 0:
        rater, store = st.session_state["door"][1], current_service().store
        _kept(message.key, lambda: store.undo(rater, sitting, position - 1))


def _stopped() -> None:
    message = read_screen(_event("stop"))
    if message is not None:
        rater, store = st.session_state["door"][1], current_service().store
        _kept(message.key, lambda: store.withdraw(rater))


def _reported() -> None:
    """Callback: keep what the rater writes about the screen; the page says whether it was."""
    message = read_report(_event("report"))
    if message is None:
        return
    sitting, part, position, _ = message.parts()
    rater, store = st.session_state["door"][1], current_service().store
    text = "".join(letter for letter in message.text if letter.isprintable() or letter == "\n")
    try:
        store.report_problem(rater, sitting, part, position, text)
    except StoreRefusal:
        return
    st.session_state["reported"] = (message.key, message.number)


def _kept(key: str, change: Any) -> None:
    """Make the change; when the database cannot keep it now, the same screen stays and says so.

    A change that meets a pause of the study is held until the study goes on.
    """
    try:
        st.session_state["place"] = change()
        st.session_state.pop("failed", None)
    except StoreRefusal as refusal:
        if refusal.reason in _TRANSIENT:
            before = st.session_state.get("failed")
            st.session_state["failed"] = (key, before[1] + 1 if before and before[0] == key else 1)
            st.session_state["place"] = st.session_state.get("shown")  # the database may not be there to ask
        elif refusal.reason == "paused":
            st.session_state["held"] = (key, change)
        elif refusal.reason == "answered":
            words = texts(_language(None))
            stands = answers_text(current_service().design, refusal.standing, words)
            st.session_state["notice"] = words["trial"]["stands"].format(answers=stands)
        elif refusal.reason in ("out_of_order", "not_yours"):  # of an ended sitting, the end's own page says all
            st.session_state["notice"] = texts(_language(None))["trial"]["lost"]


def _go(change: Any) -> None:
    """Make a change from a button, then show the page that follows."""
    try:
        st.session_state["place"] = change()
    except StoreRefusal as refusal:
        if refusal.reason in (*_TRANSIENT, "crowded"):
            st.error(texts(_language(None))["door"]["crowded" if refusal.reason == "crowded" else "error"])
            return
    st.rerun()


def _end(service: Service, place: Place, words: Texts) -> None:
    """The page of a rater for whom there is nothing to do, now or ever again."""
    _message(words, "end", place.stage)
    with _column():
        if notice := st.session_state.pop("notice", ""):
            st.info(notice)
        if place.stage == "paused":
            _wait(service, place)
        else:
            _code(service, ENDING_OF_STAGE[place.stage], words)
        _contact(service, words)
        if place.stage != "paused" and not service.settings.return_url:
            st.markdown(words["end"]["close_page"])


def _code(service: Service, ending: Ending, words: Texts) -> None:
    """The completion code of an ending, and the way back to the recruitment service."""
    try:
        code = service.store.codes()[ending]
    except StoreRefusal:
        st.error(words["door"]["error"])
        return
    st.markdown(f"**{words['end']['code']}**")
    st.code(code, language=None, width=320)
    if service.settings.return_url:
        url = service.settings.return_url.replace("{code}", quote(code, safe=""))
        st.link_button(words["end"]["return"], url, type="primary")


@st.fragment(run_every=_WAKE_SECONDS)
def _wait(service: Service, place: Place) -> None:
    """Show the page anew once the study goes on, or is closed; an answer that met the pause is handed in first."""
    try:
        if service.store.status() == "paused":
            return
    except StoreRefusal:
        return
    held = st.session_state.pop("held", None)
    if held is not None:
        _kept(*held)
    st.rerun()


def _refused_at_the_door(refusal: StoreRefusal, language: str) -> None:
    if refusal.reason in ("paused", "closed"):
        _alone(refusal.reason, language, "end")
    elif refusal.reason in _TRANSIENT:
        _alone("error", language)
    else:
        st.session_state.pop("door", None)
        _alone("bad_link", language)


def _alone(name: str, language: str, section: str = "door") -> None:
    """A page that is one message, for somebody of whom nothing else is known."""
    words = texts(language)
    begin_page(name, language, words["common"]["title"])
    _message(words, section, name)
    with _column():
        _contact(current_service(), words)


def _contact(service: Service, words: Texts) -> None:
    """Whom the rater may ask."""
    if service.settings.contact:
        st.markdown(words["common"]["contact"].format(contact=service.settings.contact))


def _message(words: Texts, section: str, name: str) -> None:
    with _column():
        st.title(words[section][f"{name}_heading"], anchor=False)
        st.markdown(words[section][name])


def _column() -> Any:
    """A column in the middle of the page, as wide as is easy to read."""
    return st.container(horizontal_alignment="center").container(width=720)


_STYLE = """<style>
[data-testid="stMainBlockContainer"] { padding: 1.2rem 2rem 1rem; max-width: 90rem; }
[data-testid="stHeader"], [data-testid="stElementContainer"]:has([data-page]) { display: none; }
[data-testid="stCheckbox"] p { font-size: 1rem; }
[data-testid="stCode"] code { font-size: 1.5rem; letter-spacing: 0.06em; }
@media (hover: none) and (pointer: coarse) { :has(> .st-key-keyboard) { display: none; } }
@media (max-width: 40rem) {
  [data-testid="stMainBlockContainer"] { padding: 1rem 1rem 2rem; }
  [data-testid="stMainBlockContainer"] h1 { font-size: 1.9rem; }
}
</style>"""
