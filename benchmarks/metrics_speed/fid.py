"""Image files to FID, end to end: ours and the peers', the same random Inception weights and photographs, in one run.

Networks are loaded beforehand. CPU seconds are those of worker processes too. The bare network gets resized pixels and
does nothing but features.
"""

import os
import platform
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks.timing import Fastest, in_turns
from metrics.features.inception.extractor import InceptionExtractor
from metrics.features.inception.network import FidInception
from metrics.features.inception.resize import MODES, Mode, resized, scaled
from metrics.features.inception.weights import read_inception
from metrics.features.streams import in_streams
from metrics.frechet.distance import frechet_distance
from metrics.frechet.gaussian import FeatureStream
from metrics.images.decode import decoded
from tests.metrics.photographs import write_crops
from tests.metrics.random_inception import PYTORCH, random_state, write_files

IMAGES, SIZE, BATCH = 96, 256, 32
ROUNDS = 2
WORKERS = 2


@dataclass(frozen=True)
class Work:
    """Two folders of images, and the folder with both files of weights."""

    folders: tuple[Path, Path]
    weights: Path


Run = Callable[[], float]


def report(images: int = IMAGES, rounds: int = ROUNDS) -> str:
    """A text table of all suites, and the share of the bare network's rate that ours reaches."""
    with tempfile.TemporaryDirectory() as name:
        folders = (Path(name) / "a", Path(name) / "b")
        for seed, folder in enumerate(folders):
            write_crops(folder, images, SIZE, seed)
        work = Work(folders, write_files(Path(name) / "torch", random_state()))
        return _table(_measured(work, rounds), images)


def _measured(work: Work, rounds: int) -> dict[str, Fastest]:
    return in_turns({name: make(work) for name, make in SUITES.items()}, rounds)


def _table(timings: dict[str, Fastest], images: int) -> str:
    lines = [
        f"2 x {images} PNG crops of photographs at {SIZE} px to FID, random weights; {platform.machine()}, "
        f"{torch.get_num_threads()} threads, {WORKERS} workers where asked for",
        f"{'':34} {'FID':>14} {'wall s':>8} {'CPU s':>8} {'images/s':>9} {'wall x':>7} {'CPU x':>7}",
    ]
    for name, timing in timings.items():
        ours = timings[_counterpart(name)]
        lines.append(
            f"{name:34} {timing.value:14.6f} {timing.wall:8.2f} {timing.cpu:8.2f} {2 * images / timing.wall:9.1f} "
            f"{timing.wall / ours.wall:7.2f} {timing.cpu / ours.cpu:7.2f}"
        )
    bare = timings[BARE]
    for mode in MODES:
        ours = timings[f"ours, {mode}"]
        lines.append(
            f"ours, {mode}: {bare.wall / ours.wall:.0%} of the bare network's rate by wall time, "
            f"{bare.cpu / ours.cpu:.0%} by CPU time"
        )
    return "\n".join(lines) + "\n"


def _ours(mode: Mode, work: Work) -> Run:
    extractor = InceptionExtractor.load(mode, folder=work.weights, weights=PYTORCH)

    def run() -> float:
        gaussians = []
        for folder in work.folders:
            stream = FeatureStream(extractor.dimension)
            for batch in decoded(sorted(folder.iterdir()), BATCH):
                stream.add(extractor(batch))
            gaussians.append(stream.gaussian())
        return frechet_distance(*gaussians)

    return run


def _bare(load: Callable[[Path], Callable[[torch.Tensor], torch.Tensor]], in_parallel: bool, work: Work) -> Run:
    """A network alone, on pixels that are resized already."""
    network = load(work.weights / PYTORCH.file)
    batches = [
        scaled(resized(batch, "clean"), "clean")
        for folder in work.folders
        for batch in decoded(sorted(folder.iterdir()), BATCH)
    ]

    @torch.inference_mode()
    def features(pixels: Sequence[torch.Tensor]) -> np.ndarray:
        return network(pixels if isinstance(pixels, torch.Tensor) else torch.stack(list(pixels))).numpy()

    def run() -> float:
        for pixels in batches:
            in_streams(features, pixels) if in_parallel else features(pixels)  # type: ignore[arg-type]
        return float("nan")

    return run


def _folded(path: Path) -> Callable[[torch.Tensor], torch.Tensor]:
    weights, _ = read_inception(path)
    assert weights is not None
    return FidInception(weights)


def _plain(path: Path) -> Callable[[torch.Tensor], torch.Tensor]:
    from pytorch_fid.inception import InceptionV3

    os.environ["TORCH_HOME"] = str(path.parent.parent.parent)
    network = InceptionV3(resize_input=False, normalize_input=False).eval()
    return lambda pixels: network(pixels)[0].flatten(1)


def _pytorch_fid(work: Work) -> Run:
    from pytorch_fid.fid_score import calculate_frechet_distance, compute_statistics_of_path
    from pytorch_fid.inception import InceptionV3

    os.environ["TORCH_HOME"] = str(work.weights.parent.parent)
    network = InceptionV3()

    def run() -> float:
        a, b = (compute_statistics_of_path(str(f), network, BATCH, 2048, "cpu", WORKERS) for f in work.folders)
        return float(calculate_frechet_distance(*a, *b))

    return run


def _clean_fid(mode: Mode, work: Work) -> Run:
    from cleanfid.features import build_feature_extractor
    from cleanfid.fid import frechet_distance as theirs
    from cleanfid.fid import get_folder_features
    from cleanfid.inception_torchscript import InceptionV3W

    os.environ["TORCH_HOME"] = str(work.weights.parent.parent)
    cpu = torch.device("cpu")
    if mode == "legacy_pytorch":
        network = build_feature_extractor(mode, cpu, use_dataparallel=False)
    else:
        network = InceptionV3W(str(work.weights), download=False, resize_inside=mode == "legacy_tensorflow")

    def run() -> float:
        statistics = []
        for folder in work.folders:
            features = get_folder_features(
                str(folder), network, num_workers=WORKERS, batch_size=BATCH, device=cpu, mode=mode, verbose=False
            )
            statistics += [features.mean(axis=0), np.cov(features, rowvar=False)]
        return float(theirs(*statistics))

    return run


def _torch_fidelity(work: Work) -> Run:
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_inputs_to_metric
    from torch_fidelity.utils import create_feature_extractor

    inputs = {"input1": str(work.folders[0]), "input2": str(work.folders[1]), "batch_size": BATCH}
    name, quiet = "inception-v3-compat", {"cuda": False, "verbose": False}
    path = str(work.weights / PYTORCH.file)
    network = create_feature_extractor(name, ["2048"], feature_extractor_weights_path=path, **quiet)
    settings = {**inputs, **quiet, "cache": False, "fid": True, "feature_extractor": name}
    return lambda: float(fid_inputs_to_metric(network, **settings)[KEY_METRIC_FID])


def _torchmetrics(work: Work) -> Run:
    """Its images come from our decoder: it brings none."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    metric = FrechetInceptionDistance(feature_extractor_weights_path=str(work.weights / PYTORCH.file), antialias=False)

    @torch.inference_mode()
    def run() -> float:
        metric.reset()
        for real, folder in zip((True, False), work.folders, strict=True):
            for batch in decoded(sorted(folder.iterdir()), BATCH):
                metric.update(torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2), real=real)
        return float(metric.compute())

    return run


BARE = "bare network, folded, streams"
SUITES: dict[str, Callable[[Work], Run]] = {
    BARE: partial(_bare, _folded, True),
    **{f"ours, {mode}": partial(_ours, mode) for mode in MODES},
    "bare network, pytorch-fid's": partial(_bare, _plain, False),
    "pytorch-fid": _pytorch_fid,
    **{f"clean-fid, {mode}": partial(_clean_fid, mode) for mode in MODES},
    "torch-fidelity": _torch_fidelity,
    "torchmetrics, antialias off": _torchmetrics,
}


def _counterpart(name: str) -> str:
    """Ours of the same definition."""
    if name.startswith(("ours", "clean-fid, ")):
        return f"ours, {name.partition(', ')[2]}"
    if name in ("pytorch-fid", "bare network, pytorch-fid's"):
        return "ours, legacy_pytorch"
    return "ours, legacy_tensorflow"
