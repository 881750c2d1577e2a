"""What a terminal needs to know: its width, columns, text wrapped beside what leads it, signs that it cannot show."""

import codecs
import os
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout, suppress

WIDTH = 140  # columns, where stdout is no terminal
LEAST_WIDTH = 40  # what a narrower one is taken to have
LEAST_TEXT = 30  # columns, that words beside others are folded to
INDENT = "    "
UNFOLDED = 10_000  # columns, for lists that other programs may read line by line

READABLE = "drawbench.readable"  # names of error handlers, for codecs and streams
ESCAPED = "drawbench.json"
_UTF8 = ("utf-8", "utf8")
_SIGNS = {
    "↓": "v",
    "↑": "^",
    "→": "->",
    "▶": ">",
    "±": "+-",
    "∞": "-inf",
    "×": "x",
    "·": "|",
    "§": "#",
    "¶": "##",
    "†": "+",
    "‡": "++",
    "–": "-",
    "—": "--",
    "‘": "'",
    "’": "'",
    "“": '"',
    "”": '"',
    "═": "=",
    "─": "-",
    "≤": "<=",
    "≥": ">=",
    "≈": "~",
    "√": "sqrt ",
    "µ": "u",
}


def terminal_width(elsewhere: int = WIDTH, least: int = LEAST_WIDTH) -> int:
    """Columns of the terminal that stdout is, taken to be at least `least`; `elsewhere` where it is none."""
    return max(least, shutil.get_terminal_size((elsewhere, 24)).columns) if sys.stdout.isatty() else elsewhere


def aligned(rows: Sequence[Sequence[str]], gap: str = "  ") -> list[str]:
    """A line for each row, its cells in columns whose left edges are below each other; no blanks at the lines' ends."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [gap.join(map(str.ljust, row, widths)).rstrip() for row in rows]


def wrapped(lead: str, text: str, width: int) -> list[str]:
    """`lead` and the text, whose further lines start below its first one; words longer than `width` stay whole."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=lead,
        subsequent_indent=" " * len(lead),
        break_long_words=False,
        break_on_hyphens=False,
    ) or [lead.rstrip()]


def listed(rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """Lines of a list: cells in columns, the last of words that are folded beside the others.

    Where these leave too little room, each row is its first cell, and all else folded below it.
    """
    leads = aligned([row[:-1] for row in rows])
    margin = max(map(len, leads), default=0) + 2
    longest = max((len(word) for row in rows for word in row[-1].split()), default=0)
    if width - margin >= max(LEAST_TEXT, min(longest, width - len(INDENT))):
        folded = [wrapped(lead.ljust(margin), row[-1], width) for lead, row in zip(leads, rows, strict=True)]
    else:
        rest = [", ".join(cell.strip() for cell in row[1:] if cell.strip()) for row in rows]
        folded = [[row[0], *wrapped(INDENT, text, width)] for row, text in zip(rows, rest, strict=True)]
    return [line for lines in folded for line in lines]


def shown(text: str) -> str:
    """The text as stdout will show it. For what is laid out in columns: a replacement may be longer."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    return text if text.isascii() or encoding.lower() in _UTF8 else text.encode(encoding, READABLE).decode(encoding)


def degrade_streams() -> None:
    """From now on stdout and stderr write signs in ASCII where their encoding has none, and `?` for what has no like.

    May be called again. Streams that are none of the interpreter's own are left as they are.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors=READABLE)


def write_data(form: str) -> None:
    """From now on stdout carries data for programs, where its encoding is not UTF-8 by itself.

    form: `json` and `html` are written in ASCII, with escapes, which every encoding reads alike; others (`csv`, `tsv`,
    ...) in UTF-8, except on a terminal.
    """
    stream = sys.stdout
    if not hasattr(stream, "reconfigure") or stream.encoding.lower() in _UTF8:
        return
    if form in ("json", "html"):
        stream.reconfigure(encoding="ascii", errors=ESCAPED if form == "json" else "xmlcharrefreplace")
    elif not stream.isatty():
        stream.reconfigure(encoding="utf-8", errors=READABLE)


@contextmanager
def printed_to_stderr() -> Iterator[None]:
    """Inside, what is printed goes to stderr, that of libraries and child processes too: stdout carries results."""
    stdout, kept = sys.stdout, None
    stdout.flush()
    with suppress(OSError):  # a program may be started without either of them
        kept = os.dup(1)
        os.dup2(2, 1)
    try:
        with redirect_stdout(sys.stderr):
            yield
    finally:
        stdout.flush()
        if kept is not None:
            os.dup2(kept, 1)
            os.close(kept)


def _readable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_sign, error.object[error.start : error.end])), error.end


def _sign(char: str) -> str:
    plain = unicodedata.normalize("NFKD", char).encode("ascii", "ignore").decode()
    return _SIGNS.get(char) or plain or ("" if unicodedata.combining(char) else "?")


def _escaped(error: UnicodeError) -> tuple[str, int]:
    """As JSON writes them: beyond the basic plane as two surrogates."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4)), error.end


codecs.register_error(READABLE, _readable)
codecs.register_error(ESCAPED, _escaped)
