"""Weights files: where they are looked for, and the digest they must have. Nothing is ever downloaded here."""

import hashlib
import os
import re
import threading
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from metrics.errors import MetricInputError
from metrics.images.file_hashes import Stamp, stamps
from metrics.images.folders import HOME_VARIABLE

FOLDER_VARIABLE = "DRAWBENCH_WEIGHTS"


@dataclass(frozen=True)
class WeightsFile:
    """A published weights file.

    sha256: 64 hex digits, enforced; empty when none is known (`unverified`): then that of its first use here counts.
    source: its URL. size: bytes, 0 when not known. used_for: the metrics that need it. licence: as docs/licences.md has
    it, shown before a download.
    """

    file: str
    sha256: str
    source: str
    size: int = 0
    used_for: str = ""
    licence: str = ""

    @property
    def name(self) -> str:
        """What people call it on the command line: the file without its ending."""
        return self.file.rpartition(".")[0]

    @property
    def size_text(self) -> str:
        """For people: megabytes, or that they are not known."""
        return f"{self.size / 1e6:.0f} MB" if self.size else "size unknown"

    @property
    def digest_text(self) -> str:
        """For people: the digest, or that there is none."""
        return f"SHA-256 {self.sha256}" if self.sha256 else "SHA-256 unverified"


# The Inception digest is the one that k-diffusion and others enforce on NVIDIA's file; OpenAI's stand in its own URLs.
INCEPTION = WeightsFile(
    "inception-2015-12-05.pt",
    "f58cb9b6ec323ed63459aa4fb441fe750cfe39fafad6da5cb504a16f19e958f4",
    "https://nvlabs-fi-cdn.nvidia.com/stylegan2-ada-pytorch/pretrained/metrics/inception-2015-12-05.pt",
    95_607_719,
    "FID (clean, legacy_tensorflow), KID, Inception Score, precision and recall",
    "NVIDIA Source Code License: research and evaluation only",
)
# pytorch-fid's own file; torch-fidelity's `weights-inception-2015-12-05-6726825d.pth` has the same bytes. Others
# enforce this digest on it, and its first digits stand in the name.
INCEPTION_PYTORCH = WeightsFile(
    "pt_inception-2015-12-05-6726825d.pth",
    "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
    95_628_359,
    "FID (legacy_pytorch), as pytorch-fid",
    "Apache-2.0",
)
_OPENAI = "https://openaipublic.azureedge.net/clip/models"
OPENAI_VIT_L_14 = WeightsFile(
    "ViT-L-14.pt",
    "b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836",
    f"{_OPENAI}/b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836/ViT-L-14.pt",
    used_for="CLIP score, R-precision, LAION aesthetic",
    licence="MIT",
)
OPENAI_VIT_L_14_336 = WeightsFile(
    "ViT-L-14-336px.pt",
    "3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02",
    f"{_OPENAI}/3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02/ViT-L-14-336px.pt",
    used_for="CMMD",
    licence="MIT",
)
OPENAI_VIT_B_32 = WeightsFile(
    "ViT-B-32.pt",
    "40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af",
    f"{_OPENAI}/40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af/ViT-B-32.pt",
    used_for="CLIP-FID, CLIPScore of Hessel et al.",
    licence="MIT",
)
OPENAI_DIGESTS = frozenset(
    {
        OPENAI_VIT_L_14.sha256,
        OPENAI_VIT_L_14_336.sha256,
        OPENAI_VIT_B_32.sha256,
        "5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f",  # ViT-B-16
    }
)
# Meta publishes no digest; this one several projects state and enforce on the file of this URL and size.
DINOV2_VIT_L_14 = WeightsFile(
    "dinov2_vitl14_pretrain.pth",
    "d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428",
    "https://dl.fbaipublicfiles.com/dinov2/dinov2_vitl14/dinov2_vitl14_pretrain.pth",
    1_217_586_395,
    "FD-DINOv2",
    "Apache-2.0",
)
_HUB = "https://huggingface.co"
# The digests of PickScore and ImageReward are stated nowhere that we could read; their addresses name a revision.
PICK_SCORE = WeightsFile(
    "PickScore_v1.safetensors",
    "",
    f"{_HUB}/yuvalkirstain/PickScore_v1/resolve/a4e4367c6dfa7288a00c550414478f865b875800/model.safetensors",
    used_for="PickScore",
    licence="none stated there; its code: MIT",
)
# Several projects state this digest of the file at this revision.
HPS_V2_1 = WeightsFile(
    "HPS_v2.1_compressed.pt",
    "c57a38fb4a2f7e7c15bf00da2ea377cdf165448b4dd1052a484c215a998c9837",
    f"{_HUB}/xswu/HPSv2/resolve/697403c78157020a1ae59d23f111aa58ced35b0a/HPS_v2.1_compressed.pt",
    used_for="HPS v2.1",
    licence="Apache-2.0",
)
IMAGE_REWARD = WeightsFile(
    "ImageReward.pt",
    "",
    f"{_HUB}/zai-org/ImageReward/resolve/5736be03b2652728fb87788c9797b0570450ab72/ImageReward.pt",
    used_for="ImageReward",
    licence="Apache-2.0",
)
BERT_VOCABULARY = WeightsFile(
    "bert-base-uncased-vocab.txt",
    "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    f"{_HUB}/bert-base-uncased/resolve/86b5e0934494bd15c9632b12f734a8a67f723594/vocab.txt",
    231_508,
    "ImageReward",
    "Apache-2.0",
)
# Read from its repository at this commit.
LAION_AESTHETIC = WeightsFile(
    "sac+logos+ava1-l14-linearMSE.pth",
    "21dd590f3ccdc646f0d53120778b296013b096a035a2718c9cb0d511bff0f1e0",
    "https://github.com/christophschuhmann/improved-aesthetic-predictor/raw/6934dd81792f086e613a121dbce43082cb8be85e/"
    "sac+logos+ava1-l14-linearMSE.pth",
    3_714_759,
    "LAION aesthetic",
    "Apache-2.0",
)
# By the name of the protocol; the file that is its own comes first.
LEARNED = {
    "pick-score": (PICK_SCORE,),
    "hps-v2.1": (HPS_V2_1,),
    "image-reward": (IMAGE_REWARD, BERT_VOCABULARY),
    "aesthetic": (LAION_AESTHETIC, OPENAI_VIT_L_14),
}
PUBLISHED = (
    INCEPTION,
    INCEPTION_PYTORCH,
    OPENAI_VIT_L_14,
    OPENAI_VIT_L_14_336,
    OPENAI_VIT_B_32,
    DINOV2_VIT_L_14,
    PICK_SCORE,
    HPS_V2_1,
    IMAGE_REWARD,
    BERT_VOCABULARY,
    LAION_AESTHETIC,
)


def weights_folders() -> list[Path]:
    """Folders searched, in order: $DRAWBENCH_WEIGHTS, `weights` in $DRAWBENCH_HOME, the user's cache."""
    from platformdirs import user_cache_path

    named, home = os.environ.get(FOLDER_VARIABLE), os.environ.get(HOME_VARIABLE)
    folders = [*([Path(named)] if named else []), *([Path(home) / "weights"] if home else [])]
    return [*folders, user_cache_path("drawbench") / "weights"]


def find_weights(weights: WeightsFile) -> Path:
    """The file, in the first folder that has it. Raises MetricInputError that says what to get, and where to put it."""
    if found := located(weights):
        return found
    raise MetricInputError(
        f"the weights file {weights.file} ({weights.size_text}, {weights.digest_text}) is missing: run "
        f"`drawbench weights fetch {weights.name}`, or get it from {weights.source} and put it into "
        f"{weights_folders()[0]}, or into a folder named by {FOLDER_VARIABLE}"
    )


def file_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes. A process reads a file once, until its place, size or times show that it changed."""
    stamp = stamps([path])[0]
    return _read_sha256(path) if stamp is None else _known_sha256(path.resolve(), path.stat().st_ino, stamp)


@lru_cache(maxsize=1024)
def _known_sha256(path: Path, inode: int, stamp: Stamp) -> str:
    return _read_sha256(path)


def _read_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_weights(path: Path, expected: str) -> str:
    """The file's SHA-256; refused when it is not `expected` or, where that is empty, not the one of its first use."""
    actual = file_sha256(path)
    if expected and actual != expected:
        raise MetricInputError(
            f"{path} is not the published file: its SHA-256 is {actual}, expected {expected}; fetch it again"
        )
    if not expected and (recorded := recorded_digest(path) or _record_digest(path, actual)) != actual:
        raise MetricInputError(
            f"{path} has changed since its first use: its SHA-256 is {actual}, {record_of(path).name} beside it says "
            f"{recorded}; bring the old file back, or delete that record to accept the new one"
        )
    return actual


def record_of(path: Path) -> Path:
    """Where the digest of an unverified file is kept: beside it, in the form that `sha256sum --check` reads."""
    return path.with_name(f"{path.name}.sha256")


def recorded_digest(path: Path) -> str:
    """The digest of the file's first use, or an empty text."""
    try:
        words = record_of(path).read_text(encoding="utf-8").split()
    except OSError:
        return ""
    if not words or not re.fullmatch(r"[0-9a-f]{64}", words[0]):
        raise MetricInputError(f"{record_of(path)} holds no SHA-256: delete it to have it written anew")
    return words[0]


def _record_digest(path: Path, digest: str) -> str:
    """Write the record whole or not at all; the one that stands in the end counts, also when two write at once."""
    record = record_of(path)
    part = record.with_name(f".{record.name}.{os.getpid()}.{threading.get_ident()}.part")
    try:
        part.write_text(f"{digest}  {path.name}\n", encoding="utf-8")
        with suppress(FileExistsError):
            os.link(part, record)  # unlike a rename, never over another's record
        part.unlink()
    except OSError:
        return digest  # a folder that cannot be written to keeps no records
    return recorded_digest(path)


@contextmanager
def quiet_torchscript() -> Iterator[None]:
    """Loads without torch's warning that TorchScript is deprecated: it is the format of the published files."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r".*torch\.jit", category=FutureWarning)
        warnings.filterwarnings("ignore", message=r".*torch\.jit", category=DeprecationWarning)
        yield


def is_torchscript(path: Path) -> bool:
    """Whether the file is a zip archive with code, as TorchScript writes it."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def located(weights: WeightsFile) -> Path | None:
    """Where a published weights file is, if anywhere."""
    return next((folder / weights.file for folder in weights_folders() if (folder / weights.file).is_file()), None)
