"""Invitations: links for raters, made here and kept nowhere."""

from typing import Any
from urllib.parse import urlsplit

import streamlit as st

from drawbench.errors import UserError
from human_eval_app.app.admin.desk import Desk
from human_eval_app.app.admin.look import block, counted, heading

ALL_PANELS = "all panels"
KINDS = {
    "personal": "Personal links",
    "prolific": "Prolific",
    "mturk": "Mechanical Turk",
}
_MADE = "invitations made"


def show(desk: Desk) -> None:
    """Draw the part."""
    st.html(
        block(
            heading(
                "Invitations",
                "A personal link is one rater, and brings them back to where they were on any device: send each to one "
                "person. A recruitment service gets one link for everybody.",
            )
        )
    )
    design = desk.service.design
    with st.form("invitations", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            kind = st.selectbox("For", list(KINDS), format_func=KINDS.__getitem__, width=200)
            panel = st.selectbox("Panel", [ALL_PANELS, *(panel.id for panel in design.panels)], width=260)
            number = st.number_input("Links per panel", 1, 1000, max(len(p.seats) for p in design.panels), width=150)
        base = st.text_input(
            "Address of the app, as raters reach it", base_address(st.context.url), max_chars=300, width=626
        )
        asked = st.form_submit_button("Make links", type="primary")
    if asked:
        st.session_state.pop(_MADE, None)
        _make(desk, kind, None if panel == ALL_PANELS else panel, int(number), base.strip())
    if _MADE in st.session_state:
        _show_links(desk, st.session_state[_MADE])


def base_address(url: str | None) -> str:
    """The app's own address, from that of the admin page: `https://host/admin` -> `https://host`."""
    if not url:
        return ""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/').removesuffix('/admin')}"


def _make(desk: Desk, kind: str, panel: str | None, number: int, base: str) -> None:
    from human_eval_app.app.invitations import invitations

    service = None if kind == "personal" else kind
    try:
        st.session_state[_MADE] = invitations(desk.service.folder, base, panel, number, service)
    except UserError as error:
        st.error("No link was made.")
        st.text(str(error))


def _show_links(desk: Desk, rows: list[dict[str, Any]]) -> None:
    import pandas as pd

    frame, days = pd.DataFrame(rows), desk.service.settings.invitation_days
    st.html(
        block(
            f'<p class="soft small">{counted(len(rows), "link")}, good for {days:g} days. They are '
            "not kept: after you leave this page, they cannot be shown again.</p>"
        )
    )
    if len(rows) == 1:
        st.code(rows[0]["link"], language=None, wrap_lines=True)
    else:
        st.dataframe(frame, hide_index=True, height=420, key="links")
    with st.container(horizontal=True):
        st.download_button(
            "Download as CSV",
            frame.to_csv(index=False, lineterminator="\n"),
            file_name=f"invitations-{desk.service.design.sha256[:12]}.csv",
            mime="text/csv",
            on_click="ignore",
        )
        with st.popover("Copy"):
            st.code("\n".join(row["link"] for row in rows), language=None, height=300)
