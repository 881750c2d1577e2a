"""An analysis as result files, which is how human studies reach the leaderboard."""

import hashlib
import json

from drawbench.interface import ModelCard
from drawbench.prompts.people import NO_PEOPLE
from drawbench.results.files import HumanPreference, Kind, Result, RunRef, StudyRef
from drawbench.results.scores import OVERALL, ProtocolRef, Score
from human_eval_app.analysis.records import Analysis, CaptionScore, PairwiseComparison
from human_eval_app.analysis.report.sheets import decision_text
from human_eval_app.study.design import ORIGINAL, Design, StudyModel

PROTOCOL_VERSION = 1  # another one when the same votes would give other numbers
CAPTION_METRICS = {OVERALL: "caption_alignment", NO_PEOPLE: "caption_alignment_no_people"}
CAPTION_DEFINITION = (
    "mean over votes of 100 for yes, 50 for somewhat, 0 for no, to the question whether the caption describes the image"
)
PHOTOGRAPHS = ModelCard(adapter="photographs", spec="", name="original photographs")


def study_results(design: Design, analysis: Analysis) -> list[Result]:
    """One result per pair of models, or per model of a caption study: all raters, nobody excluded."""
    first = analysis.versions[0]
    models = {model.label: model for model in design.models}
    found = [
        _result(design, analysis, models[pair.model_a], human=_preferences(pair), stopping=_stopping(analysis, pair))
        for pair in first.comparisons
    ]
    for label in dict.fromkeys(row.model for row in first.captions):
        rows = [row for row in first.captions if row.model == label and row.scope in CAPTION_METRICS]
        found.append(_result(design, analysis, models[label], scores=[_caption_score(row) for row in rows]))
    return found


def human_protocol(design: Design) -> ProtocolRef:
    """What raters were asked, how, and of which prompts: studies compare only when all of it is the same.

    Not in it are the models, the whole prompt set and the number of raters, which tables show or compare themselves.
    """
    prompts = {trial.prompt_id for panel in design.panels for trial in panel.trials if trial.kind == "main"}
    facts = [
        PROTOCOL_VERSION,
        design.type,
        [question.model_dump(mode="json") for question in design.questions],
        design.encoder,
        design.instructions_version,
        design.controls.model_dump(mode="json"),
        len(design.training),
        sorted(design.departures),
        sorted(prompts),
    ]
    fingerprint = hashlib.sha256(json.dumps(facts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
    return ProtocolRef(name=f"human-{design.type}", version=PROTOCOL_VERSION, fingerprint=fingerprint)


def _result(
    design: Design,
    analysis: Analysis,
    model: StudyModel,
    *,
    human: tuple[HumanPreference, ...] = (),
    scores: list[Score] | None = None,
    stopping: str = "",
) -> Result:
    kind: Kind = "simulated" if analysis.simulated else "measured"
    run = None
    if model.plan_sha256 is not None and model.pixels_sha256 is not None:
        run = RunRef(plan_sha256=model.plan_sha256, pixels_sha256=model.pixels_sha256)
    progress = analysis.progress
    return Result(
        kind=kind,
        model=PHOTOGRAPHS if model.card is None else model.card,
        prompt_set=design.prompt_set,
        protocol=human_protocol(design),
        reference=None,
        size=design.image_size,
        samples=design.samples,
        complete=analysis.complete,
        refusals=0,
        scores=scores or [],
        human=human,
        study=StudyRef(
            name=design.name,
            design_sha256=design.sha256,
            seats=progress.seats,
            seats_complete=progress.complete,
            stopping=stopping,
            status_unknown=analysis.status_unknown,
        ),
        run=run,
        environment=analysis.environment,
        date=analysis.date,
    )


def _stopping(analysis: Analysis, pair: PairwiseComparison) -> str:
    """The rule, and what it decided about one pair of models; empty where there is none."""
    if analysis.stopping is None:
        return ""
    decided = [
        f"{each.question}: {decision_text(each)} after {(each.rounds or len(each.mean)) * each.panels} raters"
        for each in analysis.stopping.sequences
        if (each.model_a, each.model_b) == (pair.model_a, pair.model_b)
    ]
    return " ".join([analysis.stopping.rule, "; ".join(decided)])


def _preferences(pair: PairwiseComparison) -> tuple[HumanPreference, ...]:
    against = PHOTOGRAPHS.name if pair.model_b == ORIGINAL else pair.model_b
    return tuple(
        HumanPreference(
            question=row.question,
            scope=row.scope,
            average=row.average,
            against=against,
            a=row.a.value,
            indifferent=row.indifferent.value,
            b=row.b.value,
            interval=row.a.interval,
            net=row.net.value,
            net_interval=row.net.interval,
            votes=row.votes,
            raters=row.raters,
            prompts=row.prompts,
        )
        for row in pair.rows
    )


def _caption_score(row: CaptionScore) -> Score:
    return Score(
        metric=CAPTION_METRICS[row.scope],
        scope=OVERALL,
        value=row.score.value,
        interval=row.score.interval,
        n=row.votes,
        definition=CAPTION_DEFINITION + ("; captions without the paper's words for people" * (row.scope == NO_PEOPLE)),
        note=f"{row.votes} votes by {row.raters} raters on {row.prompts} captions",
    )
