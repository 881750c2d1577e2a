"""What an agreement says, in one sentence that the numbers carry."""

from collections.abc import Sequence

from drawbench.agreement.records import ONE_WITH_ANOTHER, Agreement, Measured
from drawbench.tables.leaderboard import in_sentence

MOST_NAMES = 5  # of metrics, in one list


def sentence(made: Agreement) -> str:
    """Which metric sides with people most often, beside chance and raters, and which others it is told apart from."""
    best = made.metrics[0]
    found, raters = made.number(best), made.number(ONE_WITH_ANOTHER)
    assert found is not None, "a metric in the list has an agreement"
    share = f"on {_percent(found)} of the pairs that people decide{_reach(found)}"
    beside = f"one rater is on another's side on {_percent(raters)}" if raters else "how far raters agree is not known"
    on = f"{on_question(made)[1:].capitalize()}, " if made.question else ""
    verdict = next(each.verdict for each in made.chance if each.metric == best)
    if verdict != "above":
        chance = "less often than chance does" if verdict == "below" else "not shown to be more than chance (50%)"
        if len(made.metrics) == 1:
            return f"{on}{in_sentence(best)} sides with people {share}, {chance}; {beside}."
        return (
            f"{on}{'no' if on else 'No'} metric here is shown to side with people more often than chance (50%): "
            f"the most agreeing, {in_sentence(best)}, does {share}; {beside}."
        )
    most = " most often," if len(made.metrics) > 1 else ""
    others = _told_apart(made, best)
    return f"{on}{in_sentence(best)} sides with people{most} {share}; chance is 50%, and {beside}{others}."


def on_question(made: Agreement) -> str:
    """` on alignment`, say; empty where people were asked one thing only."""
    return f" on {made.question}" if made.question else ""


def _told_apart(made: Agreement, best: str) -> str:
    others = made.metrics[1:]
    told = [name for name in others if (found := made.contrast(best, name)) and found.apart]
    alike = [name for name in others if name not in told]
    if not others:
        return ""
    if not told:
        whom = _names(alike) if len(alike) <= MOST_NAMES else f"any of the other {len(alike)}"
        return f"; it is not told apart from {whom}"
    if not alike:
        return f"; it is told apart from {_names(told) if len(told) <= MOST_NAMES else f'all other {len(told)}'}"
    return f"; it is told apart from {_names(told)}, not from {_names(alike)}"


def _names(metrics: Sequence[str]) -> str:
    """The metrics as a list, or how many there are."""
    if len(metrics) > MOST_NAMES:
        return f"{len(metrics)} others"
    quoted = [in_sentence(name) for name in metrics]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _percent(number: Measured) -> str:
    return f"{100 * number.value:.1f}%"


def _reach(number: Measured) -> str:
    if number.interval == "not available":
        return " (interval: not available)"
    return f" (95% interval {100 * number.interval.low:.1f} to {100 * number.interval.high:.1f})"
