"""What the reader of text rendering gives for images with their prompts, whatever engine reads them."""

import numpy as np
import pytest

from metrics.errors import MetricInputError
from metrics.features.ocr.extractor import TextRenderingReader
from metrics.features.ocr.sizes import at_sides

PROMPTS = ['a sign that says "Open"', "a dog", "a sign with 'Closed now'"]
BLANK = np.zeros((8, 8, 3), dtype=np.uint8)


def reader(lines: list[str]) -> TextRenderingReader:
    return TextRenderingReader(lambda: lambda image: [[], lines], {"engine": "made up"})


def test_rows_begin_with_whether_text_is_asked_for_and_are_zeros_where_none_is() -> None:
    found = reader(["OPEN", "now"])([BLANK] * 3, PROMPTS)
    assert found.dtype == np.float32
    assert found == pytest.approx(np.array([[1, 1, 0, 1], [0, 0, 0, 0], [1, 0, 4 / 9, 1 / 2]]))
    assert reader([]).dimension == found.shape[1]


def test_the_nearest_of_several_readings_counts() -> None:
    several = TextRenderingReader(lambda: lambda image: [["Oqen"], ["xx", "Open"], ["Pen"]], {})
    assert several([BLANK], PROMPTS[:1]).tolist() == [[1, 1, 0, 1]]


def test_an_engine_is_loaded_once_text_is_asked_for() -> None:
    def missing() -> None:
        raise MetricInputError("no engine")

    unread = TextRenderingReader(missing, {})
    assert unread([BLANK], ["a dog"]).tolist() == [[0, 0, 0, 0]]
    assert unread.truncated(["a dog"]) == [False]
    with pytest.raises(MetricInputError, match="no engine"):
        unread([BLANK], PROMPTS[:1])


def test_fingerprints_follow_what_the_engine_is() -> None:
    assert reader([]).fingerprint == reader(["other lines"]).fingerprint
    assert reader([]).fingerprint != TextRenderingReader(lambda: None, {"engine": "other"}).fingerprint


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(MetricInputError, match="uint8"):
        reader([])([BLANK.astype(np.float32)], PROMPTS[:1])


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [
        ((64, 64), [(256, 256), (512, 512)]),
        ((512, 256), [(256, 128), (512, 256)]),
        ((1024, 1000), [(256, 250), (512, 500), (1024, 1000)]),
        ((1, 3000), [(1, 256), (1, 512), (1, 3000)]),
        ((1, 1), [(256, 256), (512, 512)]),
    ],
)
def test_images_are_read_at_two_sizes_and_as_they_are_where_larger(
    shape: tuple[int, int], sizes: list[tuple[int, int]]
) -> None:
    found = at_sides(np.zeros((*shape, 3), dtype=np.uint8), (256, 512))
    assert [each.shape[:2] for each in found] == sizes
