"""A stopping rule in numbers and words; `analysis.sequences` has what it makes of votes."""

from human_eval_app.study.design import Design, Panel, Stopping

ERROR = 0.05  # that any decision of the study is wrong, however often one looks
PAUSE_MINUTES = 15  # between two answers, unless the design says otherwise


def panels_of_pairs(design: Design) -> dict[tuple[str, ...], list[Panel]]:
    """Pair of models -> the panels that compare it, in the design's order."""
    pairs: dict[tuple[str, ...], list[Panel]] = {}
    for panel in design.panels:
        pairs.setdefault(panel.models, []).append(panel)
    return pairs


def comparisons(design: Design) -> int:
    """Questions times pairs of models: what ERROR is shared among, in equal parts (Bonferroni)."""
    return len(design.questions) * len(panels_of_pairs(design))


def stopping_text(stopping: Stopping | None, many: int) -> str:
    """The rule in one sentence; empty where there is none. many: comparisons of the design."""
    if stopping is None:
        return ""
    what = "closes itself" if stopping.at_decision == "close" else "may be closed"
    shared = f", shared evenly by {many} comparisons of a question and a pair of models" if many > 1 else ""
    minutes = stopping.pause_minutes
    pause = f"{minutes} minute{'' if minutes == 1 else 's'}"
    return (
        f"The study {what} once all is decided, by confidence sequences over raters that are wrong in at most "
        f"{ERROR:.0%} of studies{shared}; sittings with a pause of more than {pause} are left out of them."
    )
