"""Typing errors: letters that are missing, doubled, swapped or hit beside."""

import re
from random import Random

_WORD = re.compile(r"[A-Za-z]{4,}")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")  # what a sign says stays as it is
_BESIDE = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl",
    "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry", "u": "yi",
    "v": "cb",
    "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip


def misspelt(text: str, random: Random) -> str:
    """The text with one to three of its words misspelt; words of fewer than four letters and quoted ones are not."""
    quoted = [match.span() for match in _QUOTED.finditer(text)]
    words = [m.span() for m in _WORD.finditer(text) if not any(a <= m.start() < b for a, b in quoted)]
    if not words:
        return text
    chosen = sorted(random.sample(words, min(len(words), random.choice((1, 1, 2, 3)))), reverse=True)
    for start, end in chosen:
        text = text[:start] + _mistyped(text[start:end], random) + text[end:]
    return text


def _mistyped(word: str, random: Random) -> str:
    """A word with one error; its first letter stays, which readers need most."""
    place = random.randrange(1, len(word) - 1)
    letter = word[place]
    error = random.choice(("missing", "doubled", "swapped", "beside", "added"))
    if error == "missing":
        return word[:place] + word[place + 1 :]
    if error == "doubled":
        return word[:place] + letter + word[place:]
    if error == "swapped":
        return word[:place] + word[place + 1] + letter + word[place + 2 :]
    wrong = random.choice(_BESIDE[letter.lower()])
    return word[:place] + wrong + word[place + (error == "beside") :]
