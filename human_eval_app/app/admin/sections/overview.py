"""Overview: quotas and completion, as they are now."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from html import escape

import streamlit as st

from human_eval_app.app.admin import figures
from human_eval_app.app.admin.desk import Desk
from human_eval_app.app.admin.door import admitted
from human_eval_app.app.admin.look import bar, block, heading, legend, table, tiles
from human_eval_app.store.records import StoreRefusal
from human_eval_app.store.standing import PanelStanding, standing_of

EVERY_SECONDS = 20
QUOTA_PARTS = (("complete", "complete"), ("active", "in progress"), ("away", "lease lapsed"), ("free", "free"))


def show(desk: Desk) -> None:
    """Draw the part; its figures are drawn anew every so often, without the rest of the page."""
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.button("Refresh", icon=":material/refresh:")
        automatic = st.toggle(f"Refresh every {EVERY_SECONDS} seconds", value=True, key="automatic")
    st.fragment(_now, run_every=EVERY_SECONDS if automatic else None)(desk)


def _now(desk: Desk) -> None:
    if not admitted(desk, active=False):
        st.rerun(scope="app")
    try:
        taken = desk.states.value()
    except StoreRefusal as refusal:
        st.error(refusal.sentence)
        return
    states = taken.value
    problems, status = len(states.problems), desk.service.store.status()
    panels = standing_of(desk.service.design, status, states.seats, states.raters, problems).panels
    totals = figures.totals(states.seats, states.raters)
    st.html(block(tiles(_tiles(totals, problems)) + f'<p class="soft small">As of {taken.at:%H:%M:%S} UTC</p>'))
    st.html(block(heading("Quotas", "One complete sitting per seat.") + legend(QUOTA_PARTS) + _quotas(panels)))
    st.html(block(heading("Complete sittings over time")))
    _over_time(figures.completions(states.raters), totals.seats, taken.at)


def _tiles(totals: figures.Totals, problems: int) -> list[tuple[str, str, str]]:
    return [
        (str(totals.complete), f"of {totals.seats}", "complete"),
        (str(totals.in_progress), "", "in progress"),
        (str(totals.away), "", "lease lapsed"),
        (str(totals.free), "", "free seats"),
        (str(totals.gone), "", "left for good"),
        (str(totals.screened_out), "", "screened out"),
        (("–", "") if totals.minutes is None else (minutes_text(totals.minutes), "min")) + ("median sitting",),
        *([(str(problems), "", "problems reported")] if problems else []),
    ]


def minutes_text(minutes: float) -> str:
    """Minutes and seconds: what raters are paid may hang on it."""
    whole, seconds = divmod(round(60 * minutes), 60)
    return f"{whole}:{seconds:02d}"


def _quotas(panels: Sequence[PanelStanding]) -> str:
    rows = []
    parts_of = Counter(panel.category for panel in panels)
    for panel in panels:
        counts = (panel.complete, panel.leased, panel.lapsed, panel.free)
        said = ", ".join(f"{count} {name}" for count, (_, name) in zip(counts, QUOTA_PARTS, strict=True))
        parts = [(style, count) for count, (style, _) in zip(counts, QUOTA_PARTS, strict=True)]
        name = escape(panel.category or panel.panel)
        if parts_of[panel.category] > 1:  # otherwise the panel's name is the category's over again
            name += f' <span class="soft small">{escape(panel.panel)}</span>'
        rows.append((name, bar(parts, panel.seats, said), *(str(count) for count in counts)))
    columns = [("Panel", False), ("", False), *((name.capitalize(), True) for _, name in QUOTA_PARTS)]
    return table(columns, rows)


def _over_time(complete: list[tuple[datetime, int]], seats: int, now: datetime) -> None:
    if not complete:
        st.html(block('<p class="soft">No sitting is complete yet.</p>'))
        return
    import altair as alt
    import pandas as pd

    points = [(complete[0][0], 0), *complete, (now, complete[-1][1])]
    frame = pd.DataFrame(points, columns=["time", "complete"])
    line = (
        alt.Chart(frame)
        .mark_area(interpolate="step-after", line=True, opacity=0.25)
        .encode(
            x=alt.X("time:T", title=None, axis=alt.Axis(format="%d %b %H:%M", tickCount=7, labelOverlap=True)),
            y=alt.Y("complete:Q", title="complete sittings", scale=alt.Scale(domain=[0, seats])),
            tooltip=[alt.Tooltip("time:T", format="%d %b %H:%M"), "complete:Q"],
        )
    )
    st.altair_chart(line.properties(height=240), width="stretch")
