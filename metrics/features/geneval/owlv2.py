"""OWLv2 (Minderer et al. 2023) through transformers: objects of named classes in an image."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from metrics.errors import MetricInputError
from metrics.features.clip.transformers import (
    files_digest,
    find_model,
    network_settings,
    read_json,
    require_tokenizer,
    weights_digest,
)
from metrics.features.clip.transformers_folder import load_exactly, reading_processor
from metrics.features.extractor import exact_float32
from metrics.features.geneval.rules import Detection, Thresholds

QUERY = "a photo of a {}"  # of a class, as its authors ask
# What transformers takes for OWLv2 where nothing is said. They were not fitted to anything here.
THRESHOLDS = Thresholds(confidence=0.1, counting=0.1, overlap=0.3)


@dataclass(frozen=True)
class Owlv2Folder:
    """A detector's folder, described before its network is loaded. name: as the user gave it, or the folder's own."""

    folder: Path
    name: str
    weights_sha256: str

    @classmethod
    def find(cls, spec: str) -> "Owlv2Folder":
        """The folder of `spec`: a folder, or a hub id in the local hub cache. Raises MetricInputError for another."""
        folder = find_model(spec)
        kind = read_json(folder / "config.json").get("model_type")
        if kind != "owlv2":
            raise MetricInputError(f"{folder} holds a model of type {kind}: name a detector of type owlv2")
        require_tokenizer(folder)
        return cls(folder, folder.name if Path(spec).is_dir() else spec, weights_digest(folder))

    @property
    def parts(self) -> dict[str, object]:
        """All that can change a detection, for a fingerprint."""
        return {
            "network": network_settings(read_json(self.folder / "config.json")),
            "weights": self.weights_sha256,
            "files": files_digest(self.folder),
            "preprocessing": "the folder's own, on Pillow",
            "layer": f"boxes, each of its likeliest class, asked for as {QUERY!r}",
            "library": "transformers",
        }


class Owlv2Detector:
    """One detector for a list of classes. A box is of the class that it is likeliest to be of among all of them."""

    def __init__(self, found: Owlv2Folder, classes: Sequence[str], device: str = "cpu") -> None:
        """Load the network in float32, strictly. Raises MetricInputError when it does not fit."""
        import transformers

        self._found, self._classes, self._device = found, tuple(classes), device
        self._network = load_exactly(transformers.Owlv2ForObjectDetection, found.folder).to(device)

    def __call__(self, image: np.ndarray) -> dict[str, list[Detection]]:
        """An image uint8 (H, W, 3) to all detections above the lower threshold, by class, in pixels of the image."""
        from PIL import Image

        queries = [QUERY.format(name) for name in self._classes]
        inputs = self._processor(text=[queries], images=[Image.fromarray(image)], return_tensors="pt").to(self._device)
        with torch.inference_mode(), exact_float32():
            outputs = self._network(**inputs)
        least = min(THRESHOLDS.confidence, THRESHOLDS.counting)
        sizes = torch.tensor([image.shape[:2]], device=self._device)
        (made,) = self._processor.post_process_grounded_object_detection(outputs, threshold=least, target_sizes=sizes)
        found: dict[str, list[Detection]] = {}
        for box, score, label in zip(*(made[name].tolist() for name in ("boxes", "scores", "labels")), strict=True):
            found.setdefault(self._classes[label], []).append(Detection(tuple(box), score))
        return found

    @cached_property
    def _processor(self) -> Any:
        from transformers import AutoImageProcessor, AutoTokenizer, Owlv2Processor

        folder = self._found.folder
        with reading_processor(folder):
            pixels = AutoImageProcessor.from_pretrained(folder, backend="pil", local_files_only=True)
            return Owlv2Processor(pixels, AutoTokenizer.from_pretrained(folder, local_files_only=True))
