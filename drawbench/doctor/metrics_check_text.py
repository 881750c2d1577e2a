"""What `drawbench doctor --metrics` found, as text for a terminal, as Markdown and as JSON."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from drawbench.doctor.metrics_check import MetricsCheck, SuiteResult
from drawbench.doctor.peers import PeerComparison
from drawbench.terminal import aligned
from metrics.sanity.suite import UNITS, Check

GAP = "  "
LEGEND = """\
ok    moved as it must, further at each level       FAIL  did not
worse, better, still, mixed: how it moved where nothing is required (still: by chance only)"""


def check_text(found: MetricsCheck, width: int) -> str:
    """Everything, at most `width` columns wide but for the tables, which are up to 100."""
    images = found.images
    parts = [
        *_title("Sanity suite"),
        f"{images.n} images a set: {images.source}",
        f"{images.n_captioned} images a set for captions: {images.captioned_source}",
    ]
    for suite in found.suites:
        parts += ["", *textwrap.wrap(suite.description, width), "", suite_text(suite, width)]
    parts += ["", LEGEND]
    parts += ["", *_title("Peers, from the same features"), peers_text(found.numbers, width)]
    parts += ["", *_title("Peers, from the same images and weights"), peers_text(found.networks, width)]
    if found.missing:
        parts += ["", *_title("Not checked here: verified on random weights only"), *_missing(found.missing)]
    if found.refused:
        parts += ["", *_title("Refused")]
        for name, reason in found.refused.items():
            parts += textwrap.wrap(f"{name}: {reason}", width, subsequent_indent=GAP, break_long_words=False)
    return "\n".join([*parts, "", verdict(found)])


def _missing(missing: Mapping[str, str]) -> list[str]:
    """The extractors by the weights they lack, and how to get these."""
    files = dict.fromkeys(missing.values())
    rows = [[", ".join(name for name, lacks in missing.items() if lacks == file), file] for file in files]
    return [*_table([["extractors", "missing weights"]], rows), "", f"next: drawbench weights fetch {' '.join(files)}"]


def suite_text(suite: SuiteResult, width: int) -> str:
    """Metrics by degradations, one word a cell; then every value of what failed."""
    rows = [[metric, *map(_word, checks)] for metric, checks in _by_metric(suite)]
    heads = [[name.partition(" ")[part] for name in ("metric", *UNITS)] for part in (0, 2)]
    failed = [_trace(check) for check in suite.failures]
    return "\n".join([*_table(heads, rows, width), *(["", *failed] if failed else [])])


def peers_text(comparisons: Sequence[PeerComparison], width: int) -> str:
    """A table of what was compared; then what was not, by reason."""
    compared = [
        [
            f"{each.peer} {each.version}",
            each.what,
            f"{each.difference:.1g}",
            f"{each.tolerance:.0e}",
            "ok" if each.passed else "FAIL",
        ]
        for each in comparisons
        if each.difference is not None
    ]
    lines = _table([["peer", "compared", "difference", "at most", "verdict"]], compared) if compared else []
    for note in dict.fromkeys(each.note for each in comparisons if each.difference is None):
        left = ", ".join(f"{each.peer} ({each.what})" for each in comparisons if each.note == note)
        lines += textwrap.wrap(f"not compared, {note}: {left}", width, subsequent_indent=GAP, break_long_words=False)
    return "\n".join(lines)


def verdict(found: MetricsCheck) -> str:
    """The last line."""
    comparisons = (*found.numbers, *found.networks)
    failures = sum(len(suite.failures) for suite in found.suites) + len(found.refused)
    failures += sum(not each.passed for each in comparisons)
    judged = sum(check.required is not None for suite in found.suites for check in suite.checks)
    compared = sum(each.difference is not None for each in comparisons)
    extractors = "1 extractor" if len(found.suites) == 1 else f"{len(found.suites)} extractors"
    checked = f"{judged} checks of {extractors}, {compared} comparisons with peers"
    return f"{failures} FAILED of {checked}" if failures else f"all passed: {checked}"


def check_markdown(found: MetricsCheck) -> str:
    """The tables of docs/metrics_in_depth.md."""
    parts = [f"{found.images.n} images a set: {found.images.source}. Captions: {found.images.captioned_source}."]
    for suite in found.suites:
        parts += [f"**{suite.description}**", suite_markdown(suite)]
    lines = ["| peer | compared | largest relative difference |", "|---|---|---:|"]
    for each in (*found.numbers, *found.networks):
        difference = each.note if each.difference is None else f"{each.difference:.0g}"
        lines.append(f"| {each.peer} {each.version} | {each.what} | {difference} |")
    return "\n\n".join([*parts, "\n".join(lines)])


def suite_markdown(suite: SuiteResult) -> str:
    """Metrics by degradations: the value of the undegraded set, and that at the strongest level of each degradation."""
    strongest = {check.degradation: f"{UNITS[check.degradation]} = {check.levels[-1]:g}" for check in suite.checks}
    lines = [
        f"| metric | undegraded | {' | '.join(UNITS)} |",
        "|---" * (len(UNITS) + 2) + "|",
        f"| at | | {' | '.join(strongest.get(name, '') for name in UNITS)} |",
    ]
    for metric, checks in _by_metric(suite):
        cells = [f"{_number(check.values[-1])} {_word(check)}" if check else "" for check in checks]
        (undegraded,) = {_number(check.values[0]) for check in checks if check}
        lines.append(f"| {metric} | {undegraded} | {' | '.join(cells)} |")
    return "\n".join(lines)


def check_data(found: MetricsCheck) -> dict[str, Any]:
    """Every number, for JSON."""
    return {
        "passed": found.passed,
        "images": {"source": found.images.source, "n": found.images.n},
        "captioned_images": {"source": found.images.captioned_source, "n": found.images.n_captioned},
        "suites": [_suite_data(suite) for suite in found.suites],
        "peers": [{**asdict(each), "passed": each.passed} for each in (*found.numbers, *found.networks)],
        "missing": found.missing,
        "refused": found.refused,
    }


def _suite_data(suite: SuiteResult) -> dict[str, Any]:
    return {
        "extractor": suite.extractor,
        "description": suite.description,
        "fingerprint": suite.fingerprint,
        "passed": not suite.failures,
        "checks": [_check_data(check) for check in suite.checks],
    }


def _check_data(check: Check) -> dict[str, Any]:
    told = {name: value for name, value in asdict(check).items() if name != "higher_is_better"}
    return {**told, "unit": UNITS[check.degradation], "movement": check.movement, "passed": check.passed}


def _by_metric(suite: SuiteResult) -> list[tuple[str, list[Check | None]]]:
    """Each metric with its checks in the order of `UNITS`, None where a degradation says nothing of it."""
    found = {(check.metric, check.degradation): check for check in suite.checks}
    return [(metric, [found.get((metric, name)) for name in UNITS]) for metric in dict.fromkeys(m for m, _ in found)]


def _title(text: str) -> list[str]:
    return [text, "═" * len(text)]


def _table(heads: list[list[str]], rows: list[list[str]], most: int | None = None) -> list[str]:
    """Left-aligned columns with a rule under their headings, closer together where they would be wider than `most`."""
    widths = [max(len(row[i]) for row in [*heads, *rows]) for i in range(len(heads[0]))]
    lines = [*heads, ["─" * width for width in widths], *rows]
    gap = " " if most and sum(widths) + len(GAP) * (len(widths) - 1) > most else GAP
    return aligned(lines, gap)


def _word(check: Check | None) -> str:
    if check is None:
        return ""
    if check.required is None:
        return check.movement
    return "ok" if check.passed else "FAIL"


def _trace(check: Check) -> str:
    """What a failed check was asked, and what was seen."""
    levels = ", ".join(
        f"{_number(value)} at {level:g}" for value, level in zip(check.values[1:], check.levels, strict=True)
    )
    return (
        f"FAIL {check.metric} under {check.degradation} ({UNITS[check.degradation]}) must be {check.required}: "
        f"{_number(check.values[0])} undegraded, {levels}; undegraded sets differ by {_number(check.spread)}"
    )


def _number(value: float) -> str:
    return f"{value:.3g}"
