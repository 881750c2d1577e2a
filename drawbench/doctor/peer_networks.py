"""Features of the same images by our networks and by the peers' own, from the same weights files, on the CPU.

Peers read the files by their own code, once the digests are checked. What is not here is named, and never fetched.
"""

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from drawbench.doctor.peers import PeerComparison, absent, compare, compare_features
from metrics.alignment import sample_cosines
from metrics.errors import MetricInputError
from metrics.features.clip.transformers import find_model
from metrics.features.inception.extractor import InceptionExtractor
from metrics.features.inception.resize import Mode
from metrics.features.registry import transformers_clip
from metrics.features.weights import INCEPTION, INCEPTION_PYTORCH, WeightsFile, located

IMAGES = 16  # more would show nothing new
TENSORFLOW: Mode = "legacy_tensorflow"
COSINE_TOLERANCE = 1e-5  # of a mean cosine


@dataclass(frozen=True)
class PeerFiles:
    """The weights that peers and we read.

    torchscript, state: the two published forms of FID's Inception. clip_models: folders or hub ids of CLIP models of
    transformers; by default those that torchmetrics names.
    """

    torchscript: WeightsFile = INCEPTION
    state: WeightsFile = INCEPTION_PYTORCH
    clip_models: Sequence[str] = ("openai/clip-vit-large-patch14", "openai/clip-vit-base-patch32")


def compare_networks(
    images: Sequence[np.ndarray], captions: Sequence[str], files: PeerFiles | None = None
) -> list[PeerComparison]:
    """Every network of a peer on the first images (uint8 (S, S, 3)), beside ours in the mode that it stands for."""
    files = files or PeerFiles()
    seen = list(images[:IMAGES])
    networks = [
        _inception("clean-fid", "clean", files.torchscript, partial(_clean_fid, "clean"), seen),
        _inception("clean-fid", TENSORFLOW, files.torchscript, partial(_clean_fid, TENSORFLOW), seen),
        _inception("torch-fidelity", TENSORFLOW, files.state, _torch_fidelity, seen),
        _inception("torchmetrics", TENSORFLOW, files.state, _torchmetrics, seen),
        _inception("pytorch-fid", "legacy_pytorch", files.state, _pytorch_fid, seen),
    ]
    return networks + [_clip_score(model, seen, captions[:IMAGES]) for model in files.clip_models]


def _inception(
    peer: str,
    mode: Mode,
    weights: WeightsFile,
    theirs: Callable[[Path, np.ndarray], np.ndarray],
    images: Sequence[np.ndarray],
) -> PeerComparison:
    what = f"Inception features, {mode}"
    path = located(weights)
    if path is None:
        return absent(peer, what, f"{weights.name} is not here")
    try:
        ours = InceptionExtractor.load(mode, weights=weights)(images)  # and with it the digest is checked
    except MetricInputError as error:
        return absent(peer, what, str(error))
    return compare_features(peer, what, ours, partial(theirs, path, np.stack(images)))


def _clean_fid(mode: Mode, path: Path, images: np.ndarray) -> np.ndarray:
    from cleanfid.fid import get_batch_features
    from cleanfid.inception_torchscript import InceptionV3W
    from cleanfid.resize import build_resizer

    network = InceptionV3W(str(path.parent), download=False, resize_inside=mode == "legacy_tensorflow")
    resize = build_resizer(mode)
    resized = np.stack([np.asarray(resize(image), dtype=np.float32) for image in images])
    return get_batch_features(torch.from_numpy(resized).permute(0, 3, 1, 2), network, torch.device("cpu"))


def _pytorch_fid(path: Path, images: np.ndarray) -> np.ndarray:
    from pytorch_fid.inception import InceptionV3

    with _torch_home(path):
        network = InceptionV3().eval()
    with torch.inference_mode():
        return network(_batch(images) / 255)[0][:, :, 0, 0].numpy()


def _torch_fidelity(path: Path, images: np.ndarray) -> np.ndarray:
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    network = FeatureExtractorInceptionV3("inception", ["2048"], str(path))
    with torch.inference_mode():
        return network(_batch(images))[0].numpy()


def _torchmetrics(path: Path, images: np.ndarray) -> np.ndarray:
    """Without its default antialiasing, which no other FID has."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(feature_extractor_weights_path=str(path), antialias=False)
    with torch.inference_mode():
        return metric.inception(_batch(images)).numpy()


def _clip_score(model: str, images: Sequence[np.ndarray], captions: Sequence[str]) -> PeerComparison:
    """The mean cosine of images and captions, which torchmetrics gives as 100 x and not below 0."""
    what = f"CLIP score, {Path(model).name}"
    try:
        folder = find_model(model)
        scorer: Any = transformers_clip(str(folder)).load("cpu")
    except MetricInputError:
        return absent("torchmetrics", what, "its model is not here")

    def difference() -> float:
        ours = float(sample_cosines(scorer(images), scorer.encode_texts(captions)).mean())
        return abs(max(ours, 0.0) - torchmetrics_clip_scorer(folder)(images, captions) / 100)

    return compare("torchmetrics", what, COSINE_TOLERANCE, difference)


def torchmetrics_clip_scorer(folder: Path) -> Callable[[Sequence[np.ndarray], Sequence[str]], float]:
    """torchmetrics' CLIP score of uint8 images (S, S, 3) and a caption each, by the CLIP model of a folder."""
    from torchmetrics.functional.multimodal import clip_score
    from transformers import CLIPModel, CLIPProcessor, CLIPTokenizer
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    network = _Unwrapped(CLIPModel.from_pretrained(folder).eval())
    processor = CLIPProcessor(CLIPImageProcessorPil.from_pretrained(folder), CLIPTokenizer.from_pretrained(folder))

    @torch.inference_mode()
    def score(images: Sequence[np.ndarray], captions: Sequence[str]) -> float:
        pixels = [torch.from_numpy(image).permute(2, 0, 1) for image in images]
        return float(clip_score(pixels, list(captions), lambda: (network, processor)))

    return score


class _Unwrapped:
    """A CLIP model as torchmetrics expects it: since transformers 5, features come inside an output object."""

    def __init__(self, network: Any) -> None:
        self._network, self.config = network, network.config

    def to(self, device: object) -> "_Unwrapped":
        self._network.to(device)
        return self

    def get_image_features(self, *inputs: Any) -> Any:
        return self._network.get_image_features(*inputs).pooler_output

    def get_text_features(self, *inputs: Any) -> Any:
        return self._network.get_text_features(*inputs).pooler_output


def _batch(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2)


@contextmanager
def _torch_home(path: Path) -> Iterator[None]:
    """Inside, torch's hub finds the file where it would have downloaded it to."""
    before = os.environ.get("TORCH_HOME")
    with tempfile.TemporaryDirectory() as home:
        checkpoints = Path(home) / "hub" / "checkpoints"
        checkpoints.mkdir(parents=True)
        (checkpoints / path.name).symlink_to(path.absolute())
        os.environ["TORCH_HOME"] = home
        try:
            yield
        finally:
            if before is None:
                del os.environ["TORCH_HOME"]
            else:
                os.environ["TORCH_HOME"] = before
