"""Design: what was fixed before launch."""

from collections.abc import Iterator
from html import escape

import streamlit as st

from human_eval_app.app.admin.desk import Desk
from human_eval_app.app.admin.figures import rule_text
from human_eval_app.app.admin.look import block, counted, facts, heading, percent, table
from human_eval_app.study.design import Design, StudyModel
from human_eval_app.study.stopping import comparisons, stopping_text


def show(desk: Desk) -> None:
    """Draw the part."""
    design = desk.service.design
    note = "Fixed before launch, and the same for every rater."
    departures = "".join(f"<li>{escape(sentence)}</li>" for sentence in design.departures)
    st.html(
        block(
            heading("Design", note)
            + facts(list(_facts(design)))
            + heading("Departures from the paper's protocol")
            + (f"<ul>{departures}</ul>" if departures else "<p>None.</p>")
            + heading("Models")
            + table([("Label", False), ("Made by", False), ("Plan", False), ("Pixels", False)], _models(design))
            + heading("Panels")
            + table(*_panels(design))
        )
    )


def _facts(design: Design) -> Iterator[tuple[str, str]]:
    """(name, text) of everything that is not a list."""
    images = f"{design.samples} of {design.image_size} px on a side, {design.encoder}"
    yield "study", design.name
    yield "design SHA-256", design.sha256
    yield "type", design.type
    yield "raters", "people" if design.raters == "human" else "SIMULATED: no person takes part"
    yield "prompts", f"{design.prompt_set.n} of {design.prompt_set.name}, SHA-256 {design.prompt_set.sha256[:12]}…"
    yield "pictures", images
    for question in design.questions:
        yield f"question: {question.id}", f"{question.text} ({', '.join(question.answers)})"
    yield "practice", counted(len(design.training), "screen") if design.training else "none"
    yield "control trials", _controls(design)
    for rule in design.exclusions:
        yield "exclusion", rule_text(rule)
    if not design.exclusions:
        yield "exclusions", "none: all complete sittings count"
    if design.stopping is not None:
        yield "stopping rule", stopping_text(design.stopping, comparisons(design))
    yield "instructions", f"version {design.instructions_version}"
    yield "seed", str(design.seed)


def _controls(design: Design) -> str:
    controls = design.controls
    if not controls.gold_per_seat and not controls.mirrored_per_seat:
        return "none"
    repeats = counted(controls.mirrored_per_seat, "repeat")
    text = f"{controls.gold_per_seat} of known answer and {repeats} for each rater"
    if controls.minimum_gold_correct is not None:
        text += f"; fewer than {percent(controls.minimum_gold_correct)} right: screened out"
    return text


def _models(design: Design) -> list[tuple[str, ...]]:
    return [
        (
            escape(model.label),
            escape(_made_by(model)),
            f"<code>{escape((model.plan_sha256 or '–')[:12])}</code>",
            f"<code>{escape((model.pixels_sha256 or '–')[:12])}</code>",
        )
        for model in design.models
    ]


def _made_by(model: StudyModel) -> str:
    return "photographs" if model.card is None else f"{model.card.adapter}: {model.card.spec}"


def _panels(design: Design) -> tuple[list[tuple[str, bool]], list[tuple[str, ...]]]:
    """Columns and rows. Which models a panel compares stands there where panels differ in it."""
    several = len({panel.models for panel in design.panels}) > 1
    columns = [("Panel", False), ("Category", False), *([("Models", False)] if several else [])]
    columns += [("Seats", True), ("Prompts", True), ("Screens each", True)]
    rows = []
    for panel in design.panels:
        screens = {len(seat.order) + len(design.training) for seat in panel.seats}
        span = str(min(screens)) if len(screens) == 1 else f"{min(screens)} to {max(screens)}"
        prompts = {trial.prompt_id for trial in panel.trials if trial.kind == "main"}
        models = [" and ".join(panel.models)] if several else []
        cells = (panel.id, panel.category, *models, str(len(panel.seats)), str(len(prompts)), span)
        rows.append(tuple(escape(cell) for cell in cells))
    return columns, rows
