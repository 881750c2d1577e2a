"""GenEval's reader by a real detector's architecture and CLIP's: tiny random checkpoints saved to disk."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from metrics.errors import MetricInputError
from metrics.features.geneval.owlv2 import THRESHOLDS, Owlv2Detector, Owlv2Folder
from metrics.features.geneval.reader import ClipColours, GenevalReader, geneval_fingerprint
from metrics.features.geneval.rules import COLOURS, Detection, RuleFile
from tests.metrics.detectors import write_owlv2

CLASSES = ("cat", "dog", "stop sign")
RED = {"tag": "colors", "include": [{"class": "cat", "count": 1, "color": "red"}], "prompt": "a red cat"}
DOGS = {"tag": "counting", "include": [{"class": "dog", "count": 2}], "prompt": "two dogs"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_owlv2(tmp_path_factory.mktemp("owlv2") / "tiny")


def noise(seed: int, height: int = 60, width: int = 40) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def rules(folder: Path, *rows: dict) -> RuleFile:
    path = folder / "rules.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return RuleFile.read(path)


PURE = dict(zip(COLOURS, np.eye(len(COLOURS)) + 0.01, strict=True))


class PlainClip:
    """Embeds a colour's texts and pure pixels of it alike."""

    fingerprint, dimension, context_length = "plain", 3, 77

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        return np.stack([PURE["red" if image.mean(axis=(0, 1))[0] > 128 else "blue"] for image in images])

    def encode_texts(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([next(PURE[word] for word in COLOURS if word in text) for text in texts])

    def truncated(self, texts: Sequence[str]) -> list[bool]:
        return [False] * len(texts)


def test_boxes_scores_and_classes_are_those_of_transformers(folder: Path) -> None:
    from transformers import Owlv2ForObjectDetection, Owlv2Processor

    image = noise(0)
    found = Owlv2Detector(Owlv2Folder.find(str(folder)), CLASSES)(image)
    assert sum(map(len, found.values())) > 3
    processor = Owlv2Processor.from_pretrained(folder)
    inputs = processor(text=[[f"a photo of a {name}" for name in CLASSES]], images=Image.fromarray(image))
    inputs = {name: torch.as_tensor(np.array(value)) for name, value in inputs.items()}
    inputs["pixel_values"] = inputs["pixel_values"].reshape(1, 3, 32, 32)
    with torch.no_grad():
        outputs = Owlv2ForObjectDetection.from_pretrained(folder)(**inputs)
    scores, labels = outputs.logits[0].sigmoid().max(dim=-1)
    x, y, width, height = outputs.pred_boxes[0].unbind(-1)
    corners = torch.stack([x - width / 2, y - height / 2, x + width / 2, y + height / 2], dim=-1) * 60  # longer edge
    for number, name in enumerate(CLASSES):
        theirs = [
            (tuple(corners[row].tolist()), float(scores[row]))
            for row in (labels == number).nonzero().flatten().tolist()
            if scores[row] > THRESHOLDS.confidence
        ]
        ours = [(each.box, each.score) for each in found.get(name, [])]
        assert len(ours) == len(theirs)
        for (box, score), (their_box, their_score) in zip(ours, theirs, strict=True):
            assert box == pytest.approx(their_box, abs=0.05)
            assert score == pytest.approx(their_score, abs=1e-3)  # theirs resizes with torchvision


def test_an_image_does_not_depend_on_its_batch_and_a_prompt_without_a_rule_is_told(
    folder: Path, tmp_path: Path
) -> None:
    file = rules(tmp_path, RED, DOGS)
    detector = Owlv2Detector(Owlv2Folder.find(str(folder)), file.classes)
    reader = GenevalReader(file, detector, ClipColours(PlainClip()), THRESHOLDS, "f")
    images, prompts = [noise(1), noise(2, 50, 70), noise(3)], ["a red cat", "two dogs", "two cats"]
    rows = reader(images, prompts)
    assert rows.dtype == np.float32
    assert rows[:, 0].tolist() == [1, 2, 0]
    assert rows[2].tolist() == [0, 0]
    assert np.array_equal(rows[1:2], reader(images[1:2], prompts[1:2]))


def test_colours_are_those_of_what_is_inside_the_box() -> None:
    image = np.zeros((20, 40, 3), dtype=np.uint8)
    image[:, :20, 0] = 255
    colours = ClipColours(PlainClip())
    boxes = [Detection((0.2, 0, 19.8, 20), 1), Detection((21, 0, 39, 20), 1), Detection((3, 3, 3.1, 3.1), 1)]
    assert colours(image, "cat", boxes) == ["red", "blue", "red"]
    assert colours(image, "cat", []) == []


def test_the_fingerprint_covers_rules_detector_and_clip(folder: Path, tmp_path: Path) -> None:
    found, file = Owlv2Folder.find(str(folder)), rules(tmp_path, RED)
    first = geneval_fingerprint(file, found, "clip")
    other = write_owlv2(tmp_path / "other", seed=1)
    assert first == geneval_fingerprint(file, found, "clip")
    assert len({first, geneval_fingerprint(file, found, "other")}) == 2
    assert first != geneval_fingerprint(file, Owlv2Folder.find(str(other)), "clip")
    assert first != geneval_fingerprint(rules(tmp_path, RED, DOGS), found, "clip")


def test_a_model_of_another_kind_and_a_missing_one_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(MetricInputError, match="holds a model of type bert: name a detector of type owlv2"):
        Owlv2Folder.find(str(tmp_path))
    with pytest.raises(MetricInputError, match="neither a folder nor a model"):
        Owlv2Folder.find("nobody/none")
