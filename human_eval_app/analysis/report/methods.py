"""How every number of an analysis was made, in words: what stands under its tables."""

from collections.abc import Iterator

from drawbench.prompts.people import NO_PEOPLE
from human_eval_app.analysis.records import Analysis

INTERVALS = (
    "95%, two-way clustered: votes on one prompt are alike, and so are votes of one rater. Variance between "
    "prompts plus variance between raters minus the single vote's (Cameron, Gelbach and Miller 2011, with the "
    "mean square of an additive fit as the single vote's), within categories and panels, which are fixed; "
    "Student's t with Satterthwaite's degrees of freedom; on the logit scale for shares, atanh for net "
    "preferences. [unknown] where a category has votes on one prompt only, or a panel of one rater only. Where no "
    "two votes of a panel differ: Wilson's interval of as many votes as there are prompts or raters, whichever "
    "are fewer"
)


def facts(analysis: Analysis) -> Iterator[tuple[str, str]]:
    """(name, text) of what was asked of whom, and of every method used."""
    yield "study", f"{analysis.study}, {analysis.type}, design SHA-256 {analysis.design_sha256}"
    yield "prompts", f"of the set {analysis.prompt_set}"
    yield "raters", _raters(analysis)
    yield "seats", _seats(analysis)
    if not analysis.departures:
        yield "departures", "none from the paper's protocol"
    for sentence in analysis.departures:
        yield "departure", sentence
    yield "exclusions", _exclusions(analysis)
    if analysis.status_unknown:
        yield (
            "status",
            "unknown, from an export alone: whether the study is closed, and how often preferences were seen",
        )
    if analysis.looks and analysis.stopping is None:
        times = "once" if analysis.looks == 1 else f"{analysis.looks} times"
        yield "looks", f"somebody saw preferences {times} before the study was closed; no interval here allows for that"
    if analysis.type == "coco-alignment":
        yield from _of_captions()
    else:
        yield from _of_pairs(analysis)
    first = analysis.versions[0]
    scopes = {row.scope for row in first.captions} | {row.scope for pair in first.comparisons for row in pair.rows}
    if NO_PEOPLE in scopes:
        yield NO_PEOPLE, "captions without the paper's words for people"
    yield "intervals", INTERVALS
    yield (
        "agreement",
        "Krippendorff's alpha over prompts: 1 is full agreement, 0 that of chance; ordinal with the order A, "
        "indifferent, B (or yes, somewhat, no)",
    )
    versions = ", ".join(f"{name} {version}" for name, version in sorted(analysis.environment.items()))
    yield "software", f"{versions}; analysed on {analysis.date}"


def _of_pairs(analysis: Analysis) -> Iterator[tuple[str, str]]:
    first = analysis.versions[0]
    rows = [row for pair in first.comparisons for row in pair.rows]
    yield "rates", "shares of the answers to main trials; control trials and mirrored repeats are left out"
    if any(row.average == "macro" for row in rows):
        yield (
            "averages",
            "macro: the mean of the categories' rates; micro: over all votes, so large categories weigh more",
        )
    yield "net", "the first model's share minus the second's, in points of 100"
    yield "p", "of no net preference, two-sided: below 0.05 exactly where its interval leaves out zero"
    if any(row.p_holm is not None for row in rows):
        yield (
            "p by category",
            "Holm's correction over all categories, questions and pairs; overall rows are uncorrected",
        )
    yield (
        "sign test",
        "exact, over the prompts that more raters decided one way than the other; it takes these raters as given, so "
        "it claims too much about other raters",
    )
    yield (
        "80% power",
        "the net preference that a study with intervals as wide as these finds 4 times of 5; "
        "also unknown where that would be 100 points or more",
    )
    yield (
        "pooled interval",
        "Wilson's, as if all votes were independent. They are not, and it is too narrow: it left out the truth in a "
        "quarter to a half of simulated studies of the paper's size, where it claims one in twenty",
    )
    yield "left side", "share of the votes that chose a side; every model is on either side equally often"
    if first.strengths:
        yield (
            "log strength",
            "Bradley and Terry's model with Davidson's (1970) ties, maximum likelihood over all votes; the mean over "
            "the models is 0, and a difference of d means odds of exp(d) among decided votes; linearised intervals",
        )
        yield (
            "Elo-like",
            "the same strengths, times 400 / ln 10 = 173.7, on 1000 as the mean over the models of this study and "
            "question: 400 points more are odds of 10 to 1 among decided votes. Points of two studies do not compare",
        )


def _of_captions() -> Iterator[tuple[str, str]]:
    yield "score", "the mean over votes of 100 for yes, 50 for somewhat, 0 for no; control trials are left out"
    yield "minus photographs", "the model's score minus that of the photographs on the same captions, by other raters"


def _raters(analysis: Analysis) -> str:
    kind = "SIMULATED by a program, not people" if analysis.simulated else "people"
    return f"{analysis.versions[0].raters} with a complete sitting, {kind}"


def _seats(analysis: Analysis) -> str:
    progress = analysis.progress
    text = f"{progress.complete} of {progress.seats} complete"
    if progress.complete < progress.seats:
        short = [f"{panel} {done} of {seats}" for panel, (done, seats) in progress.panels.items() if done < seats]
        word = "decided before its last seat" if analysis.complete else "INCOMPLETE"
        text += f"; the study is {word}: {', '.join(short)}"
    others = [f"{count} {state.replace('_', ' ')}" for state, count in progress.sittings.items() if state != "complete"]
    return text + (f"; sittings that do not count: {', '.join(others)}" if others else "")


def _exclusions(analysis: Analysis) -> str:
    after = next((version for version in analysis.versions if version.excluded), None)
    if after is None:
        return "the design has no rule for exclusions: all complete sittings count"
    rules = ", ".join(f"{each.rule} {each.threshold:g} ({each.raters} raters)" for each in after.excluded)
    return f"fixed before launch: {rules}; every number is given with all raters and without these"
