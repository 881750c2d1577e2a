"""The engines as entries of protocols: described before anything is loaded."""

from collections.abc import Callable, Mapping
from functools import partial

from metrics.features.ocr.extractor import Engine, TextRenderingReader, text_rendering_fingerprint
from metrics.features.ocr.rapidocr import FILES, RECOGNISER, RapidOcr, rapidocr_description, rapidocr_parts
from metrics.features.ocr.tesseract import Tesseract, installed, tesseract_description, tesseract_parts
from metrics.features.registry import ExtractorEntry
from metrics.text_rendering import asked_texts

# Beside every number: what experiments/text_engines.py measures, in docs/text_rendering.md.
RAPIDOCR_ITSELF = (
    "RapidOCR itself reads exactly 100% of upright true signs of 256 px and above, 98% of smaller ones, none that run "
    "up or down, no wrong one"
)
TESSERACT_ITSELF = (
    "Tesseract itself reads exactly 54% of upright true signs of 256 px and above, 54% of smaller ones, none turned by "
    "20° or more, no wrong one"
)


def rapidocr() -> ExtractorEntry:
    """RapidOCR, from its package."""
    return ExtractorEntry(
        "rapidocr",
        rapidocr_description(),
        RECOGNISER.sha256,
        lambda: text_rendering_fingerprint(rapidocr_parts()),
        partial(_reader, RapidOcr, rapidocr_parts),
        caution=RAPIDOCR_ITSELF,
        packaged=FILES,
        reads_prompts=True,
        applies_to=asked_texts,
    )


def tesseract() -> ExtractorEntry:
    """Tesseract, as it is on this machine. Raises MetricInputError where it is not."""
    return ExtractorEntry(
        "tesseract",
        tesseract_description(),
        installed().model,
        lambda: text_rendering_fingerprint(tesseract_parts()),
        partial(_reader, Tesseract, tesseract_parts),
        caution=TESSERACT_ITSELF,
        reads_prompts=True,
        applies_to=asked_texts,
    )


def _reader(load: Callable[[], Engine], parts: Callable[[], Mapping[str, object]], device: str) -> TextRenderingReader:
    """On the processor, whatever the device."""
    return TextRenderingReader(load, parts())
