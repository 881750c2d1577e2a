"""Quality: sides, agreement, control trials and conspicuous raters. While votes come, not which model leads."""

from collections.abc import Sequence
from html import escape

import streamlit as st

from drawbench.results.scores import OVERALL
from drawbench.tables.layout import format_number
from human_eval_app.analysis.records import Agreement, LeftShare, MirrorShare, Rate, Times
from human_eval_app.app.admin import figures
from human_eval_app.app.admin.desk import Desk
from human_eval_app.app.admin.look import bar, block, facts, filled, heading, percent, table
from human_eval_app.app.admin.quality import Conduct, Quality
from human_eval_app.study.design import Design

UNKNOWN = "unknown"


def show(desk: Desk) -> None:
    """Draw the part."""
    design = desk.service.design
    with st.spinner("Reading the votes …"):
        taken = desk.quality.value()
    quality = taken.value
    told = not design.paired and any(each.commonest for each in quality.conduct)
    promise = "" if told else " Nothing on this page tells which model is ahead."
    with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
        st.button("Refresh", icon=":material/refresh:")
        taken_from = f"As of {taken.at:%H:%M:%S} UTC, from {quality.sittings} complete sittings."
        st.html(block(f'<p class="soft small">{taken_from}{promise}</p>'))
    if quality.problem:
        st.info("Sides, agreement and times need complete sittings.")
        st.text(quality.problem)
    _checks(quality)
    _gold(desk, design)
    _conduct(design, quality.conduct)


def _checks(quality: Quality) -> None:
    checks = quality.checks
    if checks is None:
        return
    parts = []
    if checks.left:
        note = (
            "Of the votes that chose a side, how many chose the left one. Every model stands on either side equally "
            "often, so 50% is expected; p is that of a two-way clustered test."
        )
        columns = [("Question", False), ("Left side", True), ("95% interval", True), ("p", True), ("Votes", True)]
        rows = [_left(share) for share in checks.left]
        parts.append(heading("Left side", note) + table([*columns, ("", False)], rows))
    note = "Krippendorff's alpha: 1 is full agreement, 0 that of chance. Taste differs, so low values are no fault."
    whole = [each for each in quality.agreement if each.scope == OVERALL]
    parts.append(heading("Agreement", note) + _agreement(whole, "Question"))
    st.html(block("".join(parts)))
    by_category = [each for each in quality.agreement if each.scope != OVERALL]
    if by_category:
        with st.expander("Agreement by category"):
            st.html(block(_agreement(by_category, "Question, category")))
    mirrored = heading("Repeats with sides exchanged", "How many got the same answer.") + _mirrored(checks.mirrored)
    times = heading("Times", "Of all screens of complete sittings.") + facts(_times(checks.times))
    st.html(block((mirrored if checks.mirrored else "") + times))


def _left(share: LeftShare) -> tuple[str, ...]:
    biased = share.p is not None and share.p < 0.05
    verdict = '<span class="mark">a side is preferred</span>' if biased else '<span class="soft">no sign of bias</span>'
    known = verdict if share.p is not None else ""
    rate = share.share
    return (escape(share.question), percent(rate.value), _span(rate), _p(share.p), str(share.votes), known)


def _agreement(rows: Sequence[Agreement], first: str) -> str:
    columns = [(first, False), ("Nominal", True), ("Ordinal", True), ("Answers", True), ("Prompts", True)]
    cells = [
        (
            escape(row.question if row.scope == OVERALL else f"{row.question}, {row.scope}"),
            *(UNKNOWN if alpha is None else format_number(alpha, 2) for alpha in (row.nominal, row.ordinal)),
            str(row.answers),
            str(row.prompts),
        )
        for row in rows
    ]
    return table(columns, cells)


def _mirrored(shares: Sequence[MirrorShare]) -> str:
    rows = [(escape(e.question), percent(e.share.value), _span(e.share), str(e.pairs)) for e in shares]
    return table([("Question", False), ("Same answer", True), ("95% interval", True), ("Pairs", True)], rows)


def _times(times: Times) -> list[tuple[str, str]]:
    answer = ", ".join(f"{each / 1000:.1f}" for each in (times.dwell_10, times.dwell_50, times.dwell_90))
    return [
        ("to the answer", f"{answer} s (10%, median, 90%), from all pictures loaded"),
        ("to load pictures", f"{times.load_50 / 1000:.2f} s median, {times.load_95 / 1000:.2f} s in the slowest 5%"),
    ]


def _gold(desk: Desk, design: Design) -> None:
    tallies = figures.gold_tallies(design, desk.states.value().value.raters)
    if not tallies:
        return
    threshold = figures.gold_threshold(design)
    asked = f"{percent(threshold)} right or more" if threshold else "the design asks for no share"
    rows = [
        (
            f'{escape(tally.category)} <span class="soft small">{escape(tally.panel)}</span>',
            bar([("complete", tally.right)], tally.answers, f"{tally.right} of {tally.answers} right"),
            percent(tally.right / tally.answers),
            str(tally.answers),
            f"{tally.passed} of {tally.raters}",
        )
        for tally in tallies
    ]
    columns = [("Panel", False), ("", False), ("Right", True), ("Answers", True), ("Raters who pass", True)]
    note = f"Trials of known answer, of all raters so far. To pass: {asked}."
    st.html(block(heading("Control trials", note) + table(columns, rows)))


def _conduct(design: Design, conduct: Sequence[Conduct]) -> None:
    import pandas as pd

    note = (
        "By the rules fixed in the design before launch. They leave votes out of the second version of every number, "
        "and nobody out of the first; sittings that go on are judged by what there is."
    )
    if not design.exclusions:
        note = (
            "The design fixed no rule before launch, so nobody will be left out of any number: "
            "these figures are for looking only."
        )
    rules = [
        (figures.rule_text(rule), str(sum(rule.rule in each.rules for each in conduct))) for rule in design.exclusions
    ]
    shown = table([("Rule", False), ("Raters it meets", True)], rules) if rules else ""
    st.html(block(heading("Conspicuous raters", note) + shown))
    if not conduct:
        return
    ordered = sorted(conduct, key=lambda each: (-each.impossible, -len(each.rules), each.dwell_ms))
    only = bool(design.exclusions) and st.toggle("Only raters that a rule meets", value=True, key="only met")
    rows = [
        {
            "Rater": each.rater,
            "Rules met": ", ".join(rule.replace("_", " ") for rule in each.rules),
            "Speed": "impossible" if each.impossible else "",
            "Sitting": each.state,
            "Screens": each.screens,
            **_commonest(each),
            "Median seconds": each.dwell_ms / 1000,
            "Gold right": None if each.gold is None else 100 * each.gold,
        }
        for each in ordered
        if each.rules or each.impossible or not only
    ]
    if not rows:
        st.html(block('<p class="soft">Nobody.</p>'))
        return
    formats = {
        "Its share": st.column_config.NumberColumn(format="%.0f %%"),
        "Gold right": st.column_config.NumberColumn(format="%.0f %%"),
        "Median seconds": st.column_config.NumberColumn(format="%.1f"),
    }
    st.dataframe(filled(pd.DataFrame(rows)), hide_index=True, column_config=formats, key="conduct")


def _commonest(each: Conduct) -> dict[str, str | float]:
    """The columns of the commonest answer; none where it is not told."""
    if each.commonest is None or each.commonest_share is None:
        return {}
    return {"Commonest answer": each.commonest, "Its share": 100 * each.commonest_share}


def _span(rate: Rate) -> str:
    interval = rate.interval
    return UNKNOWN if interval == "not available" else f"{percent(interval.low)} to {percent(interval.high)}"


def _p(p: float | None) -> str:
    if p is None:
        return UNKNOWN
    return "&lt; 0.001" if p < 0.001 else f"{p:.3f}"
