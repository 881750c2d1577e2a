"""How the text that prompts ask for is in their images, by an engine that reads text."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

import numpy as np

from metrics.features.extractor import fingerprint_of
from metrics.features.streams import in_streams
from metrics.images.checked import checked_images
from metrics.text_rendering import RULE, Rendering, asked_texts, nearest_rendering

Engine = Callable[[np.ndarray], Sequence[Sequence[str]]]  # uint8 (H, W, 3) to the lines of one reading or more


class TextRenderingReader:
    """A prompt reader: whether text is asked for, exact match, character error rate and share of words found."""

    context_length = 0

    def __init__(self, load: Callable[[], Engine], parts: Mapping[str, object]) -> None:
        """load: the engine, once text is asked for. parts: what decides what it reads."""
        self._load, self._parts = load, parts

    @cached_property
    def _engine(self) -> Engine:
        return self._load()

    @property
    def fingerprint(self) -> str:
        """See `text_rendering_fingerprint`."""
        return text_rendering_fingerprint(self._parts)

    @property
    def dimension(self) -> int:
        """4."""
        return 1 + len(Rendering._fields)

    def truncated(self, prompts: Sequence[str]) -> list[bool]:
        """For each prompt, False: all of it is read."""
        return [False for _ in prompts]

    def __call__(self, images: Sequence[np.ndarray], prompts: Sequence[str]) -> np.ndarray:
        """B uint8 images (H, W, 3), RGB, and their prompts, to float32 (B, 4), each in [0, 1].

        1 and the numbers of a `Rendering` where a prompt asks for text, zeros where it asks for none. Raises
        MetricInputError for anything else, and where the engine is missing, another one, or fails.
        """
        checked_images(images)
        asked = [asked_texts(prompt) for prompt in prompts]
        rows = np.zeros((len(images), self.dimension), dtype=np.float32)
        places = [place for place, texts in enumerate(asked) if texts]
        if places:
            engine = self._engine

            def read(part: Sequence[int]) -> np.ndarray:
                return np.array([(1, *nearest_rendering(asked[i], engine(images[i]))) for i in part])

            rows[places] = in_streams(read, places)
        return rows


def text_rendering_fingerprint(parts: Mapping[str, object]) -> str:
    """The extractor's fingerprint, known without loading it."""
    return fingerprint_of({**parts, "backend": "its own", "rule": RULE})
