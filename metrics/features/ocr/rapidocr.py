"""RapidOCR: PP-OCRv6's small networks, which its package holds, on onnxruntime."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from metrics.errors import MetricInputError
from metrics.features.ocr.sizes import at_sides, sizes
from metrics.features.packaged import INSTALL, PackagedFile

VERSION = "3.10.0"  # its own steps before and after the networks belong to the number
FLOOR = 0.75  # of the confidence in a line
SIDES = (256, 736)  # pixels; together they see low and high letters
LEAST_SIDE = 384  # pixels; what is smaller is enlarged by the engine before it looks for lines
NARROWEST = 8  # times as high as wide: what is narrower is enlarged by the engine until it takes gigabytes
DETECTOR = PackagedFile(
    "rapidocr",
    "rapidocr",
    "models/PP-OCRv6_det_small.onnx",
    "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
)
RECOGNISER = PackagedFile(
    "rapidocr",
    "rapidocr",
    "models/PP-OCRv6_rec_small.onnx",
    "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
)
FILES = (DETECTOR, RECOGNISER)


class RapidOcr:
    """Reads an image's lines, from top to bottom, on one thread; without its network that turns lines upside down."""

    def __init__(self) -> None:
        """Load the networks. Raises MetricInputError when the package is missing, another version, or changed."""
        detector, recogniser = (str(file.checked()) for file in FILES)
        _require_versions()
        from rapidocr import RapidOCR

        threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
        networks = {"Det.model_path": detector, "Rec.model_path": recogniser, "Global.use_cls": False}
        settings = {"Det.limit_side_len": LEAST_SIDE, "Global.text_score": 0.0, "Global.log_level": "critical"}
        self._engine: Any = RapidOCR(params={**threads, **networks, **settings})

    def __call__(self, image: np.ndarray) -> list[list[str]]:
        """The lines in an image, uint8 (H, W, 3), of which the engine is sure enough, at each of the sizes."""
        return [[text for text, confidence in lines if confidence >= FLOOR] for lines in self.with_confidence(image)]

    def with_confidence(self, image: np.ndarray) -> list[list[tuple[str, float]]]:
        """All lines at each of the sizes, each line with the engine's confidence in it, 0 to 1."""
        return [self._lines(each) for each in at_sides(image, SIDES)]

    def _lines(self, image: np.ndarray) -> list[tuple[str, float]]:
        height, width = image.shape[:2]
        beside = max(0, -(-height // NARROWEST) - width)
        image = np.pad(image, ((0, 0), (0, beside), (0, 0)))
        found = self._engine(np.ascontiguousarray(image[:, :, ::-1]))  # it takes BGR
        return [*zip(found.txts or (), map(float, found.scores or ()), strict=True)]


def rapidocr_description() -> str:
    """For definitions."""
    digests = " and ".join(file.sha256[:12] for file in FILES)
    return f"RapidOCR {VERSION}, PP-OCRv6 small ({digests}), {_choices()}"


def rapidocr_parts() -> dict[str, object]:
    """What decides what it reads, for fingerprints."""
    weights = [file.sha256 for file in FILES]
    return {"engine": f"rapidocr {VERSION}", "weights": weights, "choices": _choices(), "enlarged": LEAST_SIDE}


def _choices() -> str:
    return f"lines of confidence {FLOOR} or more, {sizes(SIDES)}"


def _require_versions() -> None:
    found = {}
    for package in ("rapidocr", "onnxruntime"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            raise MetricInputError(
                f"the package {package}, which reads text, is not installed: run `{INSTALL}`"
            ) from None
    if found["rapidocr"] != VERSION:
        raise MetricInputError(
            f"rapidocr {found['rapidocr']} is installed, and text rendering is defined by {VERSION}: "
            f"run `pip install rapidocr=={VERSION}`"
        )
