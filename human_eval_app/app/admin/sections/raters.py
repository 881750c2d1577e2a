"""Raters: where those who left stopped, and everyone in one table."""

from datetime import timedelta
from html import escape

import streamlit as st

from human_eval_app.app.admin import figures
from human_eval_app.app.admin.desk import Desk, States
from human_eval_app.app.admin.look import bar, block, filled, heading, legend, table
from human_eval_app.store.export import quoted

ALL = "all"
STOP_PARTS = (("complete", "left for good"), ("away", "away, may come back"))


def show(desk: Desk) -> None:
    """Draw the part."""
    taken = desk.states.value()
    design, states = desk.service.design, taken.value
    patience = timedelta(minutes=desk.service.settings.lease_minutes)
    stops = figures.stops(design, states.seats, states.raters, taken.at, patience)
    st.html(
        block(
            heading("Where raters stopped", "Those whose sitting ended early, by how far they had come.")
            + legend(STOP_PARTS)
            + _stops(stops)
        )
    )
    st.html(block(heading("Everyone", "What each rater's link leads to now. Times in your own time zone.")))
    _everyone(desk, states)


def _stops(stops: list[figures.Stop]) -> str:
    most = max(stop.gone + stop.away for stop in stops) or 1
    rows = [
        (
            escape(stop.where.capitalize()),
            bar([("complete", stop.gone), ("away", stop.away)], most, f"{stop.gone} left, {stop.away} away"),
            str(stop.gone),
            str(stop.away),
        )
        for stop in stops
    ]
    return table([("Stage", False), ("", False), ("Left", True), ("Away", True)], rows)


def _everyone(desk: Desk, states: States) -> None:
    import pandas as pd

    standing = figures.situations(states.seats, states.raters)
    panels = [panel.id for panel in desk.service.design.panels]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.selectbox("How things stand", [ALL, *sorted(set(standing.values()))], key="standing", width=220)
        panel = st.selectbox("Panel", [ALL, *panels], key="rater panel", width=260)
        sought = st.text_input("Id contains", key="sought", width=260)
    until = {seat.rater: seat.lease_until for seat in states.seats}
    rows = [
        {
            "Rater": rater.rater,
            "Source": rater.source,
            "Id": quoted(rater.external_id),
            "Stands": standing[rater.rater],
            "Link shows": rater.stage.replace("_", " "),
            "Panel": rater.panel or "",
            "Seat": rater.seat or "",
            "Screens": f"{rater.votes} of {rater.total}" if rater.total else "",
            "Done": 100 * rater.votes / rater.total if rater.total else None,
            "Gold": f"{rater.gold_right} of {rater.gold_answers}" if rater.gold_answers else "",
            "Undone": rater.undone,
            "Practice": rater.training_tries,
            "Entered": figures.moment(rater.entered_at),
            "Last vote": None if rater.last_vote_at is None else figures.moment(rater.last_vote_at),
            "Ended": None if rater.ended_at is None else figures.moment(rater.ended_at),
            "Lease until": None if until.get(rater.rater) is None else figures.moment(until[rater.rater]),
            "Language": rater.language or "",
            "Sessions": quoted(", ".join(rater.sessions)),
        }
        for rater in states.raters
        if wanted in (ALL, standing[rater.rater])
        and panel in (ALL, rater.panel)
        and sought.casefold() in rater.external_id.casefold()
    ]
    if not rows:
        st.html(block('<p class="soft">Nobody.</p>'))
        return
    times = {
        name: st.column_config.DatetimeColumn(format="DD MMM HH:mm", timezone=st.context.timezone)
        for name in ("Entered", "Last vote", "Ended", "Lease until")
    }
    done = st.column_config.ProgressColumn(format="%.0f %%", min_value=0, max_value=100, width=110)
    frame = filled(pd.DataFrame(rows))
    st.dataframe(frame, hide_index=True, height=520, column_config={**times, "Done": done}, key="everyone")
    st.html(block(f'<p class="soft small">{len(rows)} of {len(states.raters)} raters</p>'))
