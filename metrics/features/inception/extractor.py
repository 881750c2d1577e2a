"""Pool features and logits of FID's Inception network of 2015, under each of clean-fid's resize modes."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from metrics.errors import MetricInputError
from metrics.features.extractor import exact_float32, fingerprint_of
from metrics.features.inception.network import POOLED, FidInception
from metrics.features.inception.resize import PREPROCESSING, Mode, legacy_tensorflow, resized, scaled
from metrics.features.inception.weights import read_inception
from metrics.features.streams import in_streams
from metrics.features.weights import INCEPTION, INCEPTION_PYTORCH, WeightsFile, check_weights, find_weights
from metrics.images.checked import checked_images
from metrics.threads import torch_threads

Network = Callable[[torch.Tensor], torch.Tensor]
DIMENSION = POOLED
PASS = 32  # images that an accelerator computes at once
PROBE_TOLERANCE = 1e-4  # relative to the largest feature


def default_weights(mode: Mode) -> WeightsFile:
    """The file that clean-fid computes this mode from."""
    return INCEPTION_PYTORCH if mode == "legacy_pytorch" else INCEPTION


@dataclass(frozen=True)
class InceptionExtractor:
    """Pool features (2048) of FID's Inception. Make one with `load`.

    network: pixels in 0..255, resized unless `resizes`, to (B, 2048). classifier: (1008, 2048), None in a file without.
    """

    mode: Mode
    weights_sha256: str
    device: str
    network: Network
    classifier: np.ndarray | None
    resizes: bool = False  # whether the network wants the pixels as they are

    @classmethod
    def load(
        cls, mode: Mode, device: str = "cpu", folder: Path | None = None, weights: WeightsFile | None = None
    ) -> "InceptionExtractor":
        """Read the weights (default: `default_weights`) from `folder` or where `find_weights` looks; never downloads.

        Raises MetricInputError when the file is missing, is not the published one, or holds another network.
        """
        weights = weights or default_weights(mode)
        path = folder / weights.file if folder is not None else find_weights(weights)
        if not path.is_file():
            raise MetricInputError(f"the weights file {path} is missing: get it from {weights.source}")
        digest = check_weights(path, weights.sha256)
        state, script = read_inception(path)
        if state is None:
            assert script is not None
            network, resizes, classifier = _scripted(script.to(device), mode)
            return cls(mode, digest, device, network, classifier, resizes)
        with torch_threads(1):
            folded = FidInception(state, device)
            if script is not None:
                _check_probe(script, folded if device == "cpu" else FidInception(state), path)
        classifier = state["fc.weight"].numpy()
        return cls(mode, digest, device, lambda x: folded(scaled(x, mode)), classifier)

    @property
    def fingerprint(self) -> str:
        """See `inception_fingerprint`."""
        return inception_fingerprint(self.mode, self.weights_sha256)

    @property
    def dimension(self) -> int:
        """2048."""
        return DIMENSION

    def __call__(self, images: Sequence[np.ndarray]) -> np.ndarray:
        """B uint8 images (H, W, 3), RGB, of equal sizes, to float32 (B, 2048).

        On an accelerator the next images are resized while it computes, so a batch of several `PASS` keeps it busy.
        Raises MetricInputError for anything but such images.
        """
        images = checked_images(images)
        if self.device == "cpu":
            return in_streams(lambda part: self._embed(self._prepare(part)).numpy(), images)

        with ThreadPoolExecutor() as pool:
            prepared = pool.map(lambda image: self._prepare([image]), images)
            passes = [self._embed(torch.cat(part)) for part in iter(lambda: list(islice(prepared, PASS)), [])]
            return torch.cat(passes).cpu().numpy()

    def logits(self, pool: np.ndarray) -> np.ndarray:
        """Pool features (N, 2048) to `logits_unbiased` (N, 1008), which the Inception Score takes: no bias is added.

        Raises MetricInputError for a file without a classifier.
        """
        if self.classifier is None:
            raise MetricInputError("this Inception file holds no classifier: use the published one")
        return np.asarray(pool, dtype=np.float32) @ self.classifier.T

    @property
    def _resizes_there(self) -> bool:
        """Whether pixels are resized on the accelerator, as clean-fid does it."""
        return self.mode == "legacy_tensorflow" and self.device != "cpu" and not self.resizes

    def _prepare(self, images: Sequence[np.ndarray]) -> torch.Tensor:
        """B images as the device gets them, (B, 3, H, W): resized already, unless the device resizes them."""
        if self.resizes or self._resizes_there:
            return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).contiguous()
        return resized(images, self.mode)

    def _embed(self, pixels: torch.Tensor) -> torch.Tensor:
        """What `_prepare` gives, to (B, 2048) on the device."""
        if self.device.startswith("cuda"):
            pixels = pixels.pin_memory()
        with torch.inference_mode(), exact_float32():
            batch = pixels.to(self.device, non_blocking=True).float()
            return self.network(legacy_tensorflow(batch) if self._resizes_there else batch).float()


def inception_fingerprint(mode: Mode, weights_sha256: str) -> str:
    """The extractor's fingerprint, known without loading it."""
    return fingerprint_of(
        {
            "network": "FID Inception 2015, batch norm folded",
            "weights": weights_sha256,
            "layer": "pool, 2048",
            "preprocessing": PREPROCESSING[mode],
        }
    )


def _scripted(script: torch.jit.ScriptModule, mode: Mode) -> tuple[Network, bool, np.ndarray | None]:
    """A TorchScript network of unknown names, run as it is; whether it resizes, and its classifier where it has one."""
    tensors = script.state_dict()
    classifier = tensors["output.weight"].cpu().numpy() if "output.weight" in tensors else None
    if mode == "legacy_tensorflow":
        return (lambda pixels: script(pixels, return_features=True).flatten(1)), True, classifier
    return (lambda pixels: script.layers(scaled(pixels, mode)).flatten(1)), False, classifier


def _check_probe(script: torch.jit.ScriptModule, ours: FidInception, path: Path) -> None:
    """Refuse a TorchScript file that computes something else from these weights, its resize included."""
    waves = torch.arange(3 * 96 * 128).reshape(1, 3, 96, 128)
    pixels = (waves * waves % 251).float()
    with torch.inference_mode():
        theirs = script(pixels, return_features=True).flatten(1)
        features = ours(scaled(legacy_tensorflow(pixels), "legacy_tensorflow"))
    if not torch.allclose(features, theirs, rtol=0, atol=PROBE_TOLERANCE * float(theirs.abs().max())):
        raise MetricInputError(
            f"{path} computes other features than FID's Inception network does from its weights: fetch it again"
        )
