"""Weights files: where they are looked for, and the digest they must have. Nothing is ever downloaded here."""

import hashlib
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from metrics.errors import MetricInputError

FOLDER_VARIABLE = "DRAWBENCH_WEIGHTS"


@dataclass(frozen=True)
class WeightsFile:
    """A published weights file. sha256: 64 hex digits, enforced; empty when none is known (`unverified`)."""

    file: str
    sha256: str
    source: str

    @property
    def digest_text(self) -> str:
        """For people: the digest, or that there is none."""
        return f"SHA-256 {self.sha256}" if self.sha256 else "SHA-256 unverified"


# The Inception digest is the one that k-diffusion and others enforce on NVIDIA's file; OpenAI's stand in its own URLs.
INCEPTION = WeightsFile(
    "inception-2015-12-05.pt",
    "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
    "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt",
)
_OPENAI = "https://openaipublic.azureedge.net/clip/models"
OPENAI_VIT_L_14 = WeightsFile(
    "ViT-L-14.pt",
    "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
    f"{_OPENAI}/b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836/ViT-L-14.pt",
)
OPENAI_DIGESTS = frozenset(
    {
        OPENAI_VIT_L_14.sha256,
        "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02",  # ViT-L-14-336
        "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",  # ViT-B-32
        "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f",  # ViT-B-16
    }
)


def weights_folders() -> list[Path]:
    """Folders searched, in order: $DRAWBENCH_WEIGHTS, then the user's cache."""
    from platformdirs import user_cache_path

    named = os.environ.get(FOLDER_VARIABLE)
    return [*([Path(named)] if named else []), user_cache_path("drawbench") / "weights"]


def find_weights(weights: WeightsFile) -> Path:
    """The file, in the first folder that has it. Raises MetricInputError with name, digest and where to put it."""
    folders = weights_folders()
    for folder in folders:
        if (folder / weights.file).is_file():
            return folder / weights.file
    raise MetricInputError(
        f"the weights file {weights.file} ({weights.digest_text}) is missing: get it from {weights.source} and put it "
        f"into {folders[0]}, or into a folder named by {FOLDER_VARIABLE}"
    )


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_weights(path: Path, expected: str) -> str:
    """The file's SHA-256; refused when `expected` is given and differs."""
    actual = file_sha256(path)
    if expected and actual != expected:
        raise MetricInputError(
            f"{path} is not the published file: its SHA-256 is {actual}, expected {expected}; fetch it again"
        )
    return actual


@contextmanager
def quiet_torchscript() -> Iterator[None]:
    """Loads without torch's warning that TorchScript is deprecated: it is the format of the published files."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*torch\.jit", category=FutureWarning)
        warnings.filterwarnings("ignore", message=r".*torch\.jit", category=DeprecationWarning)
        yield
