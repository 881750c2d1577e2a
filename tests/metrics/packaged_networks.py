"""The networks of the extra `offline`, for tests that skip without it."""

from functools import cache

import pytest

from metrics.features.conse import ConseExtractor
from metrics.features.ocr.rapidocr import FILES, RapidOcr
from metrics.features.packaged import EFFICIENTNET_LITE0, MINILM_L6

INSTALLED = all(file.located() for file in (EFFICIENTNET_LITE0, MINILM_L6, *FILES))
with_extra = pytest.mark.skipif(not INSTALLED, reason="the extra offline is not installed: pip install '.[offline]'")


@cache
def loaded() -> ConseExtractor:
    """Both networks, loaded once a process."""
    return ConseExtractor()


@cache
def loaded_rapidocr() -> RapidOcr:
    """The engine, loaded once a process."""
    return RapidOcr()
