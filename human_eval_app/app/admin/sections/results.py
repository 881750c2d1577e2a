"""Results: hidden while votes can still come, because whoever sees them may stop when they please."""

from base64 import b64encode

import streamlit as st

from human_eval_app.app.admin.desk import Desk
from human_eval_app.app.admin.look import SCROLL_BY_KEYS, block, heading, plain

WHY = (
    "Results per model are hidden until the study is closed. Whoever watches them is tempted to stop at a convenient "
    "moment, and then no interval and no p-value keeps its word. Quotas, agreement, sides and control trials are on "
    "the other pages; none of them tells which model is ahead."
)

CHART = "Preferences with their intervals, as a chart; the tables hold its numbers"


def show(desk: Desk) -> None:
    """Draw the part."""
    if desk.service.store.status() != "closed":
        st.html(block(heading("Results per model", WHY)))
        return
    st.html(block(heading("Results per model", "The study is closed: no vote can come any more.")))
    if not st.toggle("Show which model raters preferred", key="show results"):
        return
    with st.spinner("Analysing the votes …"):
        results = desk.results.value().value
    if results.problem:
        st.error("There are no results.")
        st.text(results.problem)
        return
    for chart in results.charts:
        source = b64encode(chart.encode()).decode()
        image = f'<img class="chart" alt="{CHART}" src="data:image/svg+xml;base64,{source}">'
        st.html(block(f"{SCROLL_BY_KEYS}{image}</div>"))
    for number, (title, table) in enumerate(results.tables):
        with st.expander(plain(title), expanded=number == 0):
            st.html(block(table))
    st.html(block('<p class="soft small">As files: <code>drawbench study analyse STUDY</code> on the server.</p>'))
