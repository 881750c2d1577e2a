"""Decision: what a study that may stop at one knows so far, and how it came to know it."""

from html import escape
from typing import TYPE_CHECKING

import streamlit as st

from human_eval_app.analysis.records import PairSequence, Sequences
from human_eval_app.analysis.report.sheets import ASKED, decision_text, sittings_text
from human_eval_app.app.admin.aside import AsideError
from human_eval_app.app.admin.desk import Desk
from human_eval_app.app.admin.door import admitted
from human_eval_app.app.admin.look import block, heading
from human_eval_app.store.records import StoreRefusal, StudyStatus
from human_eval_app.study.design import Stopping
from human_eval_app.study.stopping import panels_of_pairs

if TYPE_CHECKING:
    import altair as alt

EVERY_SECONDS = 20
NOTE = (
    "Look as often as you like: these intervals take it into account. All other numbers about models stay hidden until "
    "the study is closed."
)
CHARTS = (
    "In the charts, the line is the preference so far, the band its interval, and dashed is no preference. An upright "
    "line stands where the question was decided."
)


def show(desk: Desk) -> None:
    """Draw the part; its figures are drawn anew every so often, without the rest of the page."""
    st.html(block(heading("Decision", NOTE)))
    st.fragment(_now, run_every=EVERY_SECONDS)(desk)


def _now(desk: Desk) -> None:
    if not admitted(desk, active=False):
        st.rerun(scope="app")
    try:
        taken, status = desk.known.value(), desk.service.store.status()
    except (StoreRefusal, AsideError) as error:
        st.error(str(error))
        return
    found, stopping = taken.value.sequences, desk.service.design.stopping
    if found is None or stopping is None:
        st.text(taken.value.problem)
        return
    st.html(block(f'<p>{_verdict(found, stopping, status)}</p><p class="soft small">{CHARTS}</p>'))
    panels = panels_of_pairs(desk.service.design)
    for each in found.sequences:
        title = f"{each.question.capitalize()}: {decision_text(each)}"
        st.html(block(heading(title, _standing(each))))
        seats = sum(len(panel.seats) for panel in panels[each.model_a, each.model_b])
        st.altair_chart(_chart(each, seats), width="stretch")
    st.html(
        block(
            heading("What this is", found.rule)
            + f'<p class="soft small">{escape(ASKED[:1].upper() + ASKED[1:])}.</p>'
            + f'<p class="soft small">As of {taken.at:%H:%M:%S} UTC: {escape(sittings_text(found))}.</p>'
        )
    )


def _verdict(found: Sequences, stopping: Stopping, status: StudyStatus) -> str:
    """What to do, as HTML."""
    itself = stopping.at_decision == "close"
    if status == "closed":
        return f"{'All is decided, and the' if found.decided else 'Not all is decided, but the'} study is closed."
    if not found.decided:
        return (
            f"Not all is decided yet. Once it is, {'the study closes itself' if itself else 'you may close the study'}."
        )
    if itself:
        return '<span class="mark">All is decided.</span> The study will be closed within a minute.'
    return '<span class="mark">All is decided.</span> No more raters are needed: you may close the study now.'


def _standing(sequence: PairSequence) -> str:
    """What is known of one question of one pair, in words."""
    asked = f"For {sequence.model_a} against {sequence.model_b}, indifferent answers counted half"
    if not sequence.mean:
        return f"{asked}: nothing yet, for want of a rater of each category."
    low, mean, high = (f"{100 * values[-1]:.1f}" for values in (sequence.low, sequence.mean, sequence.high))
    known = f"{mean}% after {len(sequence.mean) * sequence.panels} raters, between {low} and {high}%"
    return f"{asked}: {known}" + (f"; decided after {sequence.rounds * sequence.panels}." if sequence.rounds else ".")


def _chart(sequence: PairSequence, seats: int) -> "alt.LayerChart | alt.FacetChart":
    """The interval after each round, and when it left out one half."""
    import altair as alt
    import pandas as pd

    rows = [(0, 0.0, 0.5, 1.0)]  # before the first rater
    for number, values in enumerate(zip(sequence.low, sequence.mean, sequence.high, strict=True), start=1):
        rows.append((number * sequence.panels, *values))
    frame = pd.DataFrame(rows, columns=["raters", "low", "so far", "high"])
    frame[["low", "so far", "high"]] *= 100
    scale = alt.Scale(domain=[0, seats], nice=False)
    x = alt.X("raters:Q", title="raters", scale=scale, axis=alt.Axis(tickCount=6))
    y = alt.Y("low:Q", title="% preferred", scale=alt.Scale(domain=[0, 100]), axis=alt.Axis(tickCount=5))
    numbers = [alt.Tooltip("raters:Q"), *(alt.Tooltip(f"{name}:Q", format=".1f") for name in ("low", "so far", "high"))]
    band = alt.Chart(frame).mark_area(opacity=0.25)
    line = alt.Chart(frame.iloc[1:]).mark_line(point=True)
    even = alt.Chart(pd.DataFrame({"y": [50]})).mark_rule(strokeDash=[4, 4], color="gray").encode(y="y:Q")
    layers = [
        band.encode(x=x, y=y, y2="high:Q", tooltip=numbers),
        line.encode(x=x, y="so far:Q", tooltip=numbers),
        even,
    ]
    if sequence.rounds is not None:
        at = pd.DataFrame({"x": [sequence.rounds * sequence.panels]})
        layers.append(alt.Chart(at).mark_rule(color="#e69f00", strokeWidth=2).encode(x="x:Q"))
    return alt.layer(*layers).properties(height=200)
