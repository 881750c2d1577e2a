"""Text rendering: exact match, character error rate and share of words found, of the text that prompts ask for."""

from dataclasses import dataclass, field

import numpy as np

from drawbench.scoring.kinds.asked import MEANS, OfSomePrompts
from drawbench.scoring.kinds.kind import Measure
from metrics.image_set import ImageSet
from metrics.text_rendering import Rendering


@dataclass(frozen=True, eq=False)
class _TextRendering(OfSomePrompts):
    """One of the numbers of a rendering, which stand behind the mark of images whose prompts ask for text."""

    number: str = field(kw_only=True)

    def values_of(self, images: ImageSet) -> np.ndarray:
        return images.features[:, 1 + Rendering._fields.index(self.number)].astype(np.float64)


def _text(name: str, header: str, number: str, column: int, higher: bool, words: str) -> _TextRendering:
    definition = f"{words}; without case, accents and punctuation; {MEANS}"
    return _TextRendering(
        name,
        (Measure(name, header, higher, definition, least=0, most=1, column=column),),
        what="Latin text in quotation marks",
        none="no prompt here asks for any",
        number=number,
    )


# Not read by the sanity suite: its images hold no text.
TEXT_EXACT = _text(
    "text_exact",
    "exact text",
    "exact",
    26,
    True,
    "share of images in which all text that the prompt has in quotation marks was read",
)
TEXT_ERROR_RATE = _text(
    "text_error_rate",
    "character error rate",
    "error_rate",
    27,
    False,
    "edits from the text in quotation marks to the nearest words that were read, by its characters, at most 1",
)
TEXT_WORDS_FOUND = _text(
    "text_words_found",
    "words found",
    "found",
    28,
    True,
    "share of the words in quotation marks that were read",
)
TEXT_RENDERING = (TEXT_EXACT, TEXT_ERROR_RATE, TEXT_WORDS_FOUND)
