"""The page at /admin: who may come in, what stands above every part, and the parts."""

from collections.abc import Callable
from html import escape

import streamlit as st

from drawbench.errors import UserError
from human_eval_app.app.admin.aside import AsideError
from human_eval_app.app.admin.desk import Desk, desk_of
from human_eval_app.app.admin.door import admitted, leave, show_door
from human_eval_app.app.admin.look import STYLE, WITHOUT_LAST_PART, block, counted
from human_eval_app.app.admin.sections import (
    decision,
    design,
    export,
    invitations,
    overview,
    problems,
    quality,
    raters,
    results,
)
from human_eval_app.app.admin.status import change_status
from human_eval_app.app.rater.rate import begin_page
from human_eval_app.app.service import current_service
from human_eval_app.store.records import StoreRefusal, StudyStatus

DECISION = "Decision"  # of studies that may stop at one
SECTIONS: dict[str, Callable[[Desk], None]] = {
    "Overview": overview.show,
    DECISION: decision.show,
    "Raters": raters.show,
    "Problems": problems.show,
    "Quality": quality.show,
    "Invitations": invitations.show,
    "Export": export.show,
    "Design": design.show,
    "Results": results.show,
}

FIRST = "Overview"


def admin_page() -> None:
    """Whatever this visitor may see."""
    begin_page("admin", "en", "Administration")
    part = str(st.session_state.get("part", FIRST))
    other = part != st.session_state.get("part before", part)
    st.session_state["part before"] = part
    st.html(STYLE + (WITHOUT_LAST_PART if other else ""))
    desk = desk_of(current_service())
    if not admitted(desk):
        show_door(desk)
        return
    try:
        _head(desk)
        parts = [name for name in SECTIONS if name != DECISION or desk.service.design.stopping is not None]
        st.segmented_control("Part", parts, default=FIRST, required=True, label_visibility="collapsed", key="part")
        SECTIONS[part](desk)
    except StoreRefusal as refusal:
        st.error(refusal.sentence)
    except AsideError as error:
        st.error("The votes could not be read.")
        st.text(str(error))


def _head(desk: Desk) -> None:
    design, status = desk.service.design, desk.service.store.status()
    seats = sum(len(panel.seats) for panel in design.panels)
    simulated = ' · <span class="mark">simulated raters</span>' if design.raters == "simulated" else ""
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="head"):
        st.html(
            block(
                f"<h1>{escape(design.name)}</h1>"
                f'<p class="soft small"><span class="state {status}">{status.capitalize()}</span> · '
                f"{escape(design.type)} · "
                f"{counted(len(design.models), 'model')} · {counted(len(design.panels), 'panel')} · "
                f"{counted(seats, 'seat')} · "
                f"design <code>{design.sha256[:12]}</code>{simulated}</p>"
            )
        )
        if status == "open":
            _pause(desk)
        elif status == "paused":
            st.button("Resume", on_click=_change, args=(desk, "open"), type="primary")
        if status != "closed":
            _close(desk)
        st.button("Sign out", on_click=leave, type="tertiary")


def _pause(desk: Desk) -> None:
    with st.popover("Pause"):
        st.markdown(
            "Raters keep what they answered, and read that the study is paused; their next answer is not taken. "
            "Nobody new can start. When the study goes on, every lease begins anew."
        )
        st.button("Pause now", on_click=_change, args=(desk, "paused"), type="primary")


def _close(desk: Desk) -> None:
    with st.popover("Close"):
        st.markdown(
            "**For good.** Sittings that are not complete never will be. Close when the quotas are full, or at an end "
            "that you fixed before: an end chosen for what the votes say makes every number wrong."
        )
        sure = st.checkbox("I want to close the study for good", key="sure")
        st.button("Close the study", on_click=_change, args=(desk, "closed"), type="primary", disabled=not sure)


def _change(desk: Desk, status: StudyStatus) -> None:
    """Callback. The session may have ended since the button was drawn."""
    if not admitted(desk):
        return
    try:
        change_status(desk.service.store, status)
    except (StoreRefusal, UserError) as error:
        st.toast(str(error), icon=":material/error:")
