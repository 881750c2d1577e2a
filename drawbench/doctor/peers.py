"""Our numbers beside those of the peers that are installed: pytorch-fid, clean-fid, torch-fidelity, torchmetrics.

Numbers are compared on the same features, which need no published weights; features on the same images, for networks
whose weights are here. A peer's functions are called as they are: where one does not run, that is said.
"""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import torch

from drawbench.scoring.kinds import kinds
from metrics.frechet.gaussian import Gaussian
from metrics.image_set import ImageSet
from metrics.manifold import K_PRECISION

# As tables name them.
FRECHET, KID, PRECISION, RECALL, INCEPTION_SCORE = "Fréchet distance", "KID", "precision", "recall", "Inception Score"
NUMBER_TOLERANCE = 1e-6  # relative
SINGULAR_TOLERANCE = 1e-5  # of a Fréchet distance from no more images than dimensions: peers' square roots wobble there
NOT_INSTALLED = "not installed"
FEATURE_TOLERANCE = 1e-4  # relative to the largest feature

Statistics = tuple[np.ndarray, np.ndarray]  # mean (D,) and covariance (D, D), as every peer takes them


@dataclass(frozen=True)
class PeerComparison:
    """Ours and a peer's.

    what: the number, or the network and mode whose features are compared. version: the peer's; empty when it is not
    installed. difference: relative; None where nothing was compared, and `note` says why.
    """

    peer: str
    version: str
    what: str
    tolerance: float
    difference: float | None = None
    note: str = ""

    @property
    def passed(self) -> bool:
        """Whether they agree; true where nothing was compared."""
        return self.difference is None or self.difference <= self.tolerance


def compare_numbers(sets: ImageSet) -> list[PeerComparison]:
    """Each number that a peer computes too. sets: with references, as many as images, and logits; all float64."""
    ours = _ours(sets)
    return [
        _number(peer, what, ours[what], call, sets) for peer, calls in THEIRS.items() for what, call in calls.items()
    ]


def compare_features(peer: str, what: str, ours: np.ndarray, theirs: Callable[[], np.ndarray]) -> PeerComparison:
    """Features (n, D) of the same images: the largest difference, relative to the largest feature."""

    def difference() -> float:
        found = theirs()
        return float(np.abs(ours - found).max() / np.abs(found).max())

    return compare(peer, what, FEATURE_TOLERANCE, difference)


def absent(peer: str, what: str, why: str) -> PeerComparison:
    """A comparison that cannot be made."""
    try:
        found = version(peer)
    except PackageNotFoundError:
        found, why = "", NOT_INSTALLED
    return PeerComparison(peer, found, what, FEATURE_TOLERANCE, note=why)


def compare(peer: str, what: str, tolerance: float, difference: Callable[[], float]) -> PeerComparison:
    """A comparison, or why there is none: a peer is not installed, or its own code fails here."""
    try:
        found = version(peer)
    except PackageNotFoundError:
        return PeerComparison(peer, "", what, tolerance, note=NOT_INSTALLED)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the peer's own dependencies
            return PeerComparison(peer, found, what, tolerance, difference())
    except Exception as error:  # whatever a peer raises, others are still compared
        reason = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        return PeerComparison(peer, found, what, tolerance, note=f"does not run here ({reason})")


def _number(peer: str, what: str, ours: float, theirs: Callable[[ImageSet], float], sets: ImageSet) -> PeerComparison:
    def difference() -> float:
        found = theirs(sets)
        return abs(ours - found) / max(abs(found), np.finfo(float).tiny)

    singular = what == FRECHET and len(sets.features) <= sets.features.shape[1]
    return compare(peer, what, SINGULAR_TOLERANCE if singular else NUMBER_TOLERANCE, difference)


def _ours(sets: ImageSet) -> dict[str, float]:
    """The numbers of all metrics that a peer computes too, by what tables call them."""
    images = replace(sets, moments=Gaussian.of_features(sets.references))
    asked = {what for calls in THEIRS.values() for what in calls}
    found = (kind for kind in kinds() if any(measure.title in asked for measure in kind.measures))
    return {kind.measure(name).title: value for kind in found for name, value in kind.values(images).items()}


def _pytorch_fid(a: Statistics, b: Statistics) -> float:
    from pytorch_fid.fid_score import calculate_frechet_distance

    return float(calculate_frechet_distance(*a, *b))


def _clean_fid(a: Statistics, b: Statistics) -> float:
    from cleanfid.fid import frechet_distance as theirs

    return float(theirs(*a, *b))


def _torch_fidelity(a: Statistics, b: Statistics) -> float:
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_statistics_to_metric

    both = [{"mu": mean, "sigma": covariance} for mean, covariance in (a, b)]
    return float(fid_statistics_to_metric(*both, verbose=False)[KEY_METRIC_FID])


def _torchmetrics(a: Statistics, b: Statistics) -> float:
    from torchmetrics.image.fid import _compute_fid

    return float(_compute_fid(*map(torch.from_numpy, (*a, *b))))


FRECHET_DISTANCES: Mapping[str, Callable[[Statistics, Statistics], float]] = {
    "pytorch-fid": _pytorch_fid,
    "clean-fid": _clean_fid,
    "torch-fidelity": _torch_fidelity,
    "torchmetrics": _torchmetrics,
}


def _frechet(peer: str) -> Callable[[ImageSet], float]:
    """Of the features and of the references, each by its mean and covariance."""

    def distance(sets: ImageSet) -> float:
        both = [(each.mean(axis=0), np.cov(each, rowvar=False)) for each in (sets.features, sets.references)]
        return FRECHET_DISTANCES[peer](*both)

    return distance


def _clean_fid_kid(sets: ImageSet) -> float:
    """One subset of all images: nothing is left to draw."""
    from cleanfid.fid import kernel_distance

    return float(kernel_distance(sets.features, sets.references, num_subsets=1, max_subset_size=len(sets.features)))


def _torch_fidelity_kid(sets: ImageSet) -> float:
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, kid_features_to_metric

    both = [torch.from_numpy(each) for each in (sets.features, sets.references)]
    found = kid_features_to_metric(*both, kid_subsets=1, kid_subset_size=len(sets.features), verbose=False)
    return float(found[KEY_METRIC_KID_MEAN])


def _torch_fidelity_manifold(sets: ImageSet, key: str) -> float:
    from torch_fidelity.metric_prc import prc_features_to_metric

    both = [torch.from_numpy(each) for each in (sets.features, sets.references)]
    return float(prc_features_to_metric(*both, prc_neighborhood=K_PRECISION, verbose=False)[key])


def _torch_fidelity_inception_score(sets: ImageSet) -> float:
    from torch_fidelity.metric_isc import KEY_METRIC_ISC_MEAN, isc_features_to_metric

    return float(isc_features_to_metric(torch.from_numpy(sets.logits), splits=1)[KEY_METRIC_ISC_MEAN])


def _torchmetrics_kid(sets: ImageSet) -> float:
    from torchmetrics.image.kid import poly_mmd

    return float(poly_mmd(torch.from_numpy(sets.references), torch.from_numpy(sets.features)))


THEIRS: Mapping[str, Mapping[str, Callable[[ImageSet], float]]] = {
    "pytorch-fid": {FRECHET: _frechet("pytorch-fid")},
    "clean-fid": {FRECHET: _frechet("clean-fid"), KID: _clean_fid_kid},
    "torch-fidelity": {
        FRECHET: _frechet("torch-fidelity"),
        KID: _torch_fidelity_kid,
        PRECISION: lambda sets: _torch_fidelity_manifold(sets, "precision"),
        RECALL: lambda sets: _torch_fidelity_manifold(sets, "recall"),
        INCEPTION_SCORE: _torch_fidelity_inception_score,
    },
    "torchmetrics": {FRECHET: _frechet("torchmetrics"), KID: _torchmetrics_kid},
}
