"""Published examples that protocol `imagen` must reproduce: the values, who states them, and the files they are of."""

from dataclasses import dataclass

import numpy as np

from metrics.features.weights import WeightsFile

_CLEAN_FID = "https://www.cs.cmu.edu/~clean-fid/stats"
_GITHUB = "https://raw.githubusercontent.com"
OPENAI_README = "https://github.com/openai/CLIP, README.md, Usage"
IVY = "https://github.com/unifyai/models, the tests of its port of CLIP"
CLEAN_FID_TABLE = "https://github.com/GaParmar/clean-fid, README.md, Supported Precomputed Datasets"
TTUR_VALUE = "https://github.com/w86763777/pytorch-image-generation-metrics, README.md, row Official (TTUR's own code)"


@dataclass(frozen=True)
class Example:
    """One published example. values: as published. tolerance: how far each may be off. source: who states them."""

    name: str
    values: tuple[float, ...]
    tolerance: float
    source: str
    found: tuple[float, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether every value was found."""
        off = np.abs(np.subtract(self.found, self.values))
        return bool((off <= self.tolerance).all())


@dataclass(frozen=True)
class Files:
    """What the examples are computed from, beside the weights."""

    diagram: WeightsFile
    cat: WeightsFile
    cifar10: WeightsFile
    clean_test: WeightsFile
    tensorflow_test: WeightsFile
    tensorflow_train: WeightsFile


# The digests of the pictures are those of their repositories' files; CIFAR-10's page gives the MD5
# c32a1d4ab5d03f1284b67883e8d87530 of the archive, and several projects enforce this SHA-256 on it.
PUBLISHED_FILES = Files(
    diagram=WeightsFile(
        "CLIP.png",
        "308a3ca4503f1c7a07803916c369d78c4ef501e5ab7fc727da9b5e1d2f9ec85b",
        f"{_GITHUB}/openai/CLIP/d05afc436d78f1c48dc0dbf8e5980a9d471f35f6/CLIP.png",
        252_444,
    ),
    cat=WeightsFile(
        "cat.jpg",
        "aeb03d243a32cda1caea135dcb3d794bc7f184eb7e2373a55587543cacc92e4b",
        f"{_GITHUB}/unifyai/models/3cdfe0cf9bb76e5331610a6bdcf05d6594ed185e/images/cat.jpg",
        634_575,
    ),
    cifar10=WeightsFile(
        "cifar-10-binary.tar.gz",
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        170_052_171,
    ),
    clean_test=WeightsFile("cifar10_clean_test_32.npz", "", f"{_CLEAN_FID}/cifar10_clean_test_32.npz"),
    tensorflow_test=WeightsFile(
        "cifar10_legacy_tensorflow_test_32.npz", "", f"{_CLEAN_FID}/cifar10_legacy_tensorflow_test_32.npz"
    ),
    tensorflow_train=WeightsFile(
        "cifar10_legacy_tensorflow_train_32.npz", "", f"{_CLEAN_FID}/cifar10_legacy_tensorflow_train_32.npz"
    ),
)

LABELS = ("a diagram", "a dog", "a cat")
PROBABILITIES = Example(
    "ViT-B/32: probabilities of three labels for CLIP.png", (0.9927937, 0.00421068, 0.00299572), 1e-4, OPENAI_README
)
COSINES = Example(  # computed in half precision, hence the tolerance
    "ViT-L/14: 100 x cosine of three labels with cat.jpg", (11.9254637, 15.6604385, 22.6723843), 0.2, IVY
)
CLEAN_STATISTICS = Example(
    "FID (clean) of CIFAR-10's test images to their published statistics", (0.0,), 0.01, CLEAN_FID_TABLE
)
TENSORFLOW_STATISTICS = Example(
    "FID (legacy_tensorflow) of CIFAR-10's test images to their published statistics", (0.0,), 0.01, CLEAN_FID_TABLE
)
TEST_TO_TRAIN = Example(
    "FID (legacy_tensorflow) of CIFAR-10's test images to the training images", (3.1508,), 0.02, TTUR_VALUE
)
