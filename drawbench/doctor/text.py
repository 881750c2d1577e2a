"""What `drawbench doctor` shows: sections of findings as text for a terminal."""

from collections.abc import Sequence

from drawbench import __version__
from drawbench.doctor.examine import Section
from drawbench.terminal import wrapped

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
            margin = " " * len(lead)
            use = f" – for {finding.enables}" if finding.enables else ""
            lines += wrapped(lead, finding.detail + use, width)
            if finding.next.startswith(COMMANDS):
                lines.append(margin + NEXT + finding.next)  # whole, to be copied
            elif finding.next:
                lines += wrapped(margin + NEXT, finding.next, width)
    return "\n".join(lines)
