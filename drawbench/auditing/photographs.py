"""A user's photographs, each beside another one under its caption."""

from pathlib import Path

import numpy as np
import pandas as pd

from drawbench.auditing.examples import Example, Trial
from drawbench.errors import UserError
from metrics.images.decode import centre_square, read_image

LIST = "captions.csv"
COLUMNS = ("file", "caption")
MOST = 512  # pixels a side: all of them are in memory


def photograph_trials(folder: Path) -> list[Trial]:
    """Each photograph under its own caption, beside the next one with another caption: their central
    squares, of 512 px at most.

    The folder holds captions.csv with the columns `file` and `caption`. Raises UserError where it does not, and for
    fewer than two different captions; MetricInputError for files that are no images.
    """
    files, captions = _listed(folder / LIST)
    images = [_square(read_image(folder / file)) for file in files]
    return [
        Trial(Example(image, caption), Example(images[_other(captions, number)], caption))
        for number, (image, caption) in enumerate(zip(images, captions, strict=True))
    ]


def _listed(path: Path) -> tuple[list[str], list[str]]:
    """Files and captions of a list."""
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{path} is not there: list the photographs in it, with columns file and caption") from None
    except (ValueError, OSError) as error:
        raise UserError(f"{path} cannot be read as CSV ({error}): write columns file and caption") from None
    if not set(COLUMNS) <= set(table.columns):
        raise UserError(f"{path} has the columns {', '.join(table.columns)}: write columns file and caption")
    files, captions = (table[column].str.strip().tolist() for column in COLUMNS)
    if "" in captions:
        raise UserError(f"{path} has no caption for {files[captions.index('')]}: write one, or leave out its line")
    if len(set(captions)) < 2:
        raise UserError(f"{path} has fewer than two different captions: list more photographs")
    if missing := [file for file in files if not (path.parent / file).is_file()]:
        raise UserError(f"{path} lists {missing[0]}, which is not in its folder: put it there, or leave out its line")
    return files, captions


def _square(image: np.ndarray) -> np.ndarray:
    return centre_square(image, min(*image.shape[:2], MOST))


def _other(captions: list[str], number: int) -> int:
    """The next place, round the end, with another caption."""
    places = [*range(number + 1, len(captions)), *range(number)]
    return next(place for place in places if captions[place] != captions[number])
