"""Text in images: what a prompt asks to be written, and how much of it is in what an engine read. See docs/metrics.md.

A prompt asks for what it puts in quotation marks: "..." and '...', straight or curly, „...“, «...», ‹...›, 「...」 or
『...』. Straight and single marks open only behind no letter or digit and close only before none, so that apostrophes
and inches are no marks; single ones also touch the text inside. Of marks inside marks the outer count, except those
round the whole prompt; 'n' is an "and". Texts without a letter or digit, and texts in other letters or digits than
Latin ones, which the engines misread, are not asked for.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple
from unicodedata import east_asian_width

import numpy as np

RULE = "texts in quotation marks, version 1"  # in fingerprints: raise it with any change of this module's values

# Opening marks, each with its closing ones: straight and curly marks are mixed in many prompts.
MARKS = {
    '"': '"”',
    "“": '”"',
    "„": '“”"',
    "«": "»",
    "‹": "›",
    "「": "」",
    "『": "』",
    "'": "'’",
    "‘": "’'",
}
SINGLE = "'‘"  # opening marks whose closing ones are apostrophes too
AT_EDGES = "\"'‘’"  # marks that are something else inside a word, or behind a number
APOSTROPHES = "'’‘ʼ`´"
AND = "n"  # rock 'n' roll
FULLWIDTH = str.maketrans({"＂": '"', "＇": "'"})


class Rendering(NamedTuple):
    """How the text that was asked for is in an image.

    exact: 1 where all of it was read, else 0. error_rate: edits per character, found: share of its words, 0 to 1 both.
    """

    exact: float
    error_rate: float
    found: float


def asked_texts(prompt: str) -> tuple[str, ...]:
    """The texts that a prompt asks for, in its order; none for most prompts."""
    words = prompt.translate(FULLWIDTH).strip()
    if words and _opens(words, 0) and _closing(words, 0) == len(words) - 1:
        words = words[1:-1]
    return tuple(text for text in _quoted(words) if _is_readable(text) and text != AND)


def words_of(text: str) -> list[str]:
    """The words as they are compared: without case, accents, punctuation and apostrophes.

    Unicode's NFKD and case folding, of which runs of letters and digits are kept: `Café “O'Neil”, 50%!` has the words
    cafe, oneil and 50.
    """
    plain = "".join(letter for letter in text if letter not in APOSTROPHES)
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", plain).casefold())
    kept = (letter for letter in folded if unicodedata.category(letter) != "Mn")
    return "".join(letter if letter.isalnum() else " " for letter in kept).split()


def rendering(asked: Sequence[str], lines: Sequence[str]) -> Rendering:
    """How the texts that were asked for (one or more, from `asked_texts`) are in the lines that were read in an image.

    Each text is compared, without spaces, with the run of consecutive words read that is nearest to it, so that neither
    line breaks nor other text in the image count. error_rate: insertions, deletions and exchanges by the characters
    asked for; leaving all of it out is 1. A text that was read exactly has all of its words; of another those count
    that were read as whole words, each as often as it was asked for. Words without any Latin letter or digit, which
    engines see in patterns, are passed over.
    """
    read = [word for line in lines for word in words_of(line) if any(map(_is_latin, word))]
    edits = characters = found = words = 0
    for text in asked:
        wanted = words_of(text)
        wrong = least_edits("".join(wanted), read)
        edits, characters, words = edits + wrong, characters + len("".join(wanted)), words + len(wanted)
        found += (Counter(wanted) & Counter(read)).total() if wrong else len(wanted)
    return Rendering(float(edits == 0), edits / characters, found / words)


def nearest_rendering(asked: Sequence[str], readings: Sequence[Sequence[str]]) -> Rendering:
    """That of the reading, of one or more of the same image, which is nearest to what was asked for."""
    found = [rendering(asked, lines) for lines in readings]
    return min(found, key=lambda each: (each.error_rate, -each.found))


def least_edits(text: str, words: Sequence[str]) -> int:
    """The Levenshtein distance from a text to the nearest run of consecutive words, joined; to none at most its length.

    Row by row of the usual table, with a start at each word's first character and an end at each one's last.
    """
    letters = np.array([ord(letter) for letter in "".join(words)], dtype=np.int64)  # (n,)
    ends = np.cumsum([0, *map(len, words)])  # word k has the characters ends[k] to ends[k + 1]
    places = np.arange(len(letters) + 1)
    row = places - ends[np.searchsorted(ends, places, side="right") - 1]  # from nothing to what stands since a start
    for letter in text:
        step = np.empty_like(row)
        step[0] = row[0] + 1
        step[1:] = np.minimum(row[1:] + 1, row[:-1] + (letters != ord(letter)))
        row = np.minimum.accumulate(step - places) + places
    return int(row[ends].min())


def _quoted(prompt: str) -> Iterator[str]:
    place = 0
    while place < len(prompt):
        end = _closing(prompt, place) if _opens(prompt, place) else None
        if end is None:
            place += 1
        else:
            yield prompt[place + 1 : end].strip()
            place = end + 1


def _opens(prompt: str, place: int) -> bool:
    mark = prompt[place]
    if mark not in MARKS or (mark in AT_EDGES and _in_word(prompt, place - 1)):
        return False
    return mark not in SINGLE or not prompt[place + 1 : place + 2].isspace()


def _closing(prompt: str, start: int) -> int | None:
    """Where the mark that opens at `start` is closed, if it is."""
    mark = prompt[start]
    for place in range(start + 1, len(prompt)):
        if prompt[place] in MARKS[mark] and not (prompt[place] in AT_EDGES and _in_word(prompt, place + 1)):
            if mark not in SINGLE or not prompt[place - 1].isspace():
                return place
        elif mark in SINGLE and prompt[place] in SINGLE and _opens(prompt, place):
            return None  # the first was an apostrophe, as in 'tis
    return None


def _in_word(prompt: str, place: int) -> bool:
    """Whether a letter or digit is there, of a script that puts spaces between words."""
    return 0 <= place < len(prompt) and prompt[place].isalnum() and east_asian_width(prompt[place]) not in "WF"


def _is_readable(text: str) -> bool:
    """Whether it has letters or digits, all of the Latin script."""
    letters = "".join(words_of(text))
    return bool(letters) and all(_is_latin(letter) for letter in letters)


def _is_latin(letter: str) -> bool:
    return letter in "0123456789" or unicodedata.name(letter, "").startswith("LATIN")
