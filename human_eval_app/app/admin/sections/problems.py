"""Problems: what raters wrote about screens with which something was wrong."""

from html import escape

import streamlit as st

from human_eval_app.app.admin import figures
from human_eval_app.app.admin.desk import Desk
from human_eval_app.app.admin.look import block, heading, table
from human_eval_app.store.records import Problem, RaterState
from human_eval_app.study.design import Design

SHOWN = 200
NOTE = (
    "What raters wrote, newest first, with the screen it is about. It is in no export, since people may write "
    "anything: answer through your recruitment service, where the rater's id is known."
)


def show(desk: Desk) -> None:
    """Draw the part."""
    states = desk.states.value().value
    raters = {rater.rater: rater for rater in states.raters}
    newest = states.problems[::-1][:SHOWN]
    rows = [_row(desk.service.design, problem, raters[problem.rater]) for problem in newest]
    columns = [("When", False), ("Rater", True), ("Screen", False), ("What is wrong", False)]
    shown = table(columns, rows) if rows else '<p class="soft">Nobody has reported anything.</p>'
    rest = len(states.problems) - len(newest)
    more = f'<p class="soft small">And {rest} older ones.</p>' if rest else ""
    st.html(block(heading("Problems with screens", NOTE) + shown + more))


def _row(design: Design, problem: Problem, rater: RaterState) -> tuple[str, ...]:
    trials = design.training if problem.part == "training" else design.trials_of_seat.get(rater.seat or "", ())
    prompt = trials[problem.position].prompt_id if problem.position < len(trials) else "–"
    name = "Practice" if problem.part == "training" else "Screen"
    screen = f'{name} {problem.position + 1} <span class="soft small">prompt {escape(prompt)}</span>'
    words = f'<span class="said" dir="auto">{escape(problem.text)}</span>'
    return f"{figures.moment(problem.at):%d %b %H:%M} UTC", str(problem.rater), screen, words
