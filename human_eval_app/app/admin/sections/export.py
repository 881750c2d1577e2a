"""Export: votes as files."""

from collections.abc import Callable

import streamlit as st

from human_eval_app.app.admin.aside import AsideError, aside, export_work
from human_eval_app.app.admin.desk import Desk
from human_eval_app.app.admin.door import visitor
from human_eval_app.app.admin.exports import FORMATS, Which, file_name
from human_eval_app.app.admin.look import block, heading
from human_eval_app.store.export import Format

PARTS: dict[Which, tuple[str, str]] = {
    "counted": (
        "Answers that count",
        "Those of complete sittings that were not taken back, control trials and repeats among them.",
    ),
    "all": (
        "Every answer ever given",
        "Also practice, answers taken back, and sittings that are not complete; columns tell which is which.",
    ),
}


def show(desk: Desk) -> None:
    """Draw the part."""
    design = desk.service.design
    note = (
        "One row per question of every screen, each with the design's hash "
        f"({design.sha256[:12]}…). Raters are numbers; their ids at the recruitment service are not in the files."
    )
    st.html(block(heading("Votes", note)))
    if desk.service.store.status() != "closed":
        st.html(
            block(
                '<p><span class="mark">The study is not closed.</span> The files tell which model is ahead. Keep '
                "copies if you need them, and do not decide by them when to stop.</p>"
            )
        )
    for which, (name, what) in PARTS.items():
        if design.stopping is not None and which == "counted":
            what += " The stopping rule asks for every answer: for study analyse, take the other file."
        st.html(block(heading(name, what)))
        with st.container(horizontal=True):
            for form, (label, mime) in FORMATS.items():
                st.download_button(
                    label,
                    _maker(desk, which, form),
                    file_name=file_name(design, which, form),
                    mime=mime,
                    on_click="ignore",
                    key=export_work(which, form),
                    icon=":material/download:",
                )
    st.html(block('<p class="soft small">A file is made when you ask for it, which may take some seconds.</p>'))


def _maker(desk: Desk, which: Which, form: Format) -> Callable[[], bytes]:
    """What makes the file when the button is pressed, outside of the page."""
    here = visitor()

    def made() -> bytes:
        if not here.is_welcome(desk):  # the page may have been left open
            raise AsideError("The session has ended; sign in again.")
        return aside(desk.service, export_work(which, form))

    return made
