"""What `drawbench weights` does: the published files that protocols need, where they are, whether they are right."""

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from drawbench.errors import StageError, UserError
from drawbench.progress import Progress
from drawbench.weights.download import fetch
from metrics.errors import MetricInputError
from metrics.features.weights import (
    LEARNED,
    PUBLISHED,
    WeightsFile,
    check_weights,
    record_of,
    recorded_digest,
    weights_folders,
)

SUFFIXES = (".pt", ".pth", ".safetensors", ".bin", ".ckpt", ".pkl")
Verdict = Literal["right", "first digest", "unknown", "wrong"]


@dataclass(frozen=True)
class CheckedFile:
    """A file of a folder. verdict: `right` (as published), `first digest` (as at its first use), `unknown`, `wrong`."""

    path: str
    verdict: Verdict
    sha256: str
    reason: str = ""


def fetch_weights(names: list[str], folder: Path | None, progress: Progress) -> list[Path]:
    """Fetch published files by name or file name, a learned scorer's by its protocol, and hub models by
    OWNER/NAME[@REVISION]; where each is now. The licence of each is shown first.

    folder: for the files; by default the first that is searched. Hub models go to the hub's cache.
    Raises UserError before anything is fetched when a name is unknown.
    """
    chosen = dict.fromkeys(each for name in names for each in ([name] if "/" in name else _named(name)))
    target = folder or weights_folders()[0]
    for each in chosen:
        progress.note(_licence(each))
    return [
        fetch(each, target, progress) if isinstance(each, WeightsFile) else _fetch_hub_model(each) for each in chosen
    ]


def check_folder(folder: Path) -> list[CheckedFile]:
    """The digests of a folder's weights files, published ones and those with a record of their first use."""
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: name one with weights files")
    published = {weights.file: weights for weights in PUBLISHED}
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and path.suffix in SUFFIXES]
    return [_check(path, published.get(path.name)) for path in files]


def _check(path: Path, weights: WeightsFile | None) -> CheckedFile:
    expected = weights.sha256 if weights else ""
    try:
        if not expected and not recorded_digest(path):
            return CheckedFile(
                str(path), "unknown", "", "no published file has this name, and no use of it is recorded"
            )
        digest = check_weights(path, expected)
    except MetricInputError as error:
        return CheckedFile(str(path), "wrong", "", str(error))
    if expected:
        return CheckedFile(str(path), "right", digest)
    return CheckedFile(str(path), "first digest", digest, f"as recorded in {record_of(path).name}")


def _licence(chosen: WeightsFile | str) -> str:
    if isinstance(chosen, str):
        return f"{chosen}: its licence is on its page, https://huggingface.co/{chosen.partition('@')[0]}"
    return f"{chosen.file}: licence {chosen.licence or 'not known, see its page'}; from {chosen.source}"


def _named(name: str) -> tuple[WeightsFile, ...]:
    if name in LEARNED:
        return LEARNED[name]
    for weights in PUBLISHED:
        if name in (weights.name, weights.file):
            return (weights,)
    known = ", ".join([*(weights.name for weights in PUBLISHED), *LEARNED])
    raise UserError(f"there are no published weights {name!r}: use one of {known}, or OWNER/NAME of a hub model")


def _fetch_hub_model(spec: str) -> Path:
    """A transformers model into the hub's own cache, which resumes, renames when whole, and names files by digest."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError

    from metrics.features.clip.transformers import HUB_PATTERNS

    name, _, revision = spec.partition("@")
    try:
        return Path(snapshot_download(name, revision=revision or None, allow_patterns=list(HUB_PATTERNS)))
    except HFValidationError as error:
        raise UserError(f"{spec} is no hub model's name: write OWNER/NAME or OWNER/NAME@REVISION") from error
    except Exception as error:  # the hub's client has changed its HTTP library, and so its errors, more than once
        raise StageError(
            f"{spec} could not be fetched from the hub ({type(error).__name__}): repeat `drawbench weights fetch "
            f"{shlex.quote(spec)}` where there is a network, or name a folder with the model's files instead"
        ) from error
