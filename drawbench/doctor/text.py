"""What `drawbench doctor` shows: sections of findings, or published examples, as text for a terminal."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from drawbench import __version__
from drawbench.doctor.examine import Section
from drawbench.doctor.published_examples import Example
from drawbench.terminal import INDENT, LEAST_TEXT, wrapped

STATE_WIDTH = len("missing")
NEXT = "next: "
COMMANDS = ("drawbench ", "pip ")


def sections_text(sections: Sequence[Section], width: int) -> str:
    """All sections, at most `width` columns wide; paths and commands stay whole."""
    heading = f"drawbench {__version__} on this machine"
    lines = [heading, "═" * len(heading)]
    for section in sections:
        name_width = max(len(finding.name) for finding in section.findings)
        lines += ["", section.title]
        for finding in section.findings:
            lead = f"  {finding.state:<{STATE_WIDTH}}  {finding.name:<{name_width}}  "
            if width - len(lead) < LEAST_TEXT:
                lines.append(lead.rstrip())
                lead = INDENT
            margin = " " * len(lead)
            use = f" – for {finding.enables}" if finding.enables else ""
            lines += wrapped(lead, finding.detail + use, width)
            if finding.next.startswith(COMMANDS):
                beside = margin + NEXT + finding.next  # whole, to be copied
                lines.append(beside if len(beside) <= width else INDENT + NEXT + finding.next)
            elif finding.next:
                lines += wrapped(margin + NEXT, finding.next, width)
    return "\n".join(lines)


def examples_text(examples: Sequence[Example], width: int) -> str:
    """Every published example with what was found, and the verdict on all of them."""
    lines = []
    for example in examples:
        margin = " " * len("FAIL  ")
        published, found = (", ".join(f"{value:.7g}" for value in values) for values in (example.values, example.found))
        lines += wrapped("ok    " if example.passed else "FAIL  ", example.name, width)
        lines += wrapped(f"{margin}published  ", f"{published} (± {example.tolerance:g})", width)
        lines += wrapped(f"{margin}found      ", found, width)
        lines += wrapped(f"{margin}source     ", example.source, width)
    failed = sum(not example.passed for example in examples)
    verdict = (
        f"{failed} of {len(examples)} published examples do not come out"
        if failed
        else "all published examples come out"
    )
    whole = f"{verdict}: protocol imagen is {'not ' if failed else ''}what it says on this machine."
    return "\n".join([*lines, "", *wrapped("", whole, width)])


def examples_data(examples: Sequence[Example]) -> dict[str, Any]:
    """The same for JSON."""
    return {
        "drawbench": __version__,
        "passed": all(example.passed for example in examples),
        "examples": [{**asdict(example), "passed": example.passed} for example in examples],
    }
