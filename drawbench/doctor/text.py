"""What `drawbench doctor` shows: sections of findings as text for a terminal."""

import textwrap
from collections.abc import Sequence

from drawbench import __version__
from drawbench.doctor.examine import Section

STATE_WIDTH = len("missing")
NEXT = "next: "
COMMANDS = ("drawbench ", "pip ")


def sections_text(sections: Sequence[Section], width: int) -> str:
    """All sections, at most `width` columns wide; paths and commands stay whole."""
    heading = f"drawbench {__version__} on this machine"
    lines = [heading, "═" * len(heading)]
    for section in sections:
        name_width = max(len(finding.name) for finding in section.findings)
        margin = " " * (2 + STATE_WIDTH + 2 + name_width + 2)
        lines += ["", section.title]
        for finding in section.findings:
            lead = f"  {finding.state:<{STATE_WIDTH}}  {finding.name:<{name_width}}  "
            use = f" – for {finding.enables}" if finding.enables else ""
            lines += _wrapped(lead, margin, finding.detail + use, width)
            if finding.next.startswith(COMMANDS):
                lines.append(margin + NEXT + finding.next)  # whole, to be copied
            elif finding.next:
                lines += _wrapped(margin + NEXT, margin + " " * len(NEXT), finding.next, width)
    return "\n".join(lines)


def _wrapped(lead: str, margin: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(
        text, width, initial_indent=lead, subsequent_indent=margin, break_long_words=False, break_on_hyphens=False
    )
