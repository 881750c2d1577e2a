"""The learned scorers as entries: their published files, or those of a place that the user names."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from metrics.errors import MetricInputError
from metrics.features.learned.aesthetic import AestheticExtractor, aesthetic_fingerprint
from metrics.features.learned.hps import PREPROCESSING, SCALE, HpsExtractor, hps_fingerprint
from metrics.features.learned.image_reward import CONTEXT, ImageRewardReader, image_reward_fingerprint
from metrics.features.learned.pick_score import PickScoreExtractor, pick_score_fingerprint
from metrics.features.registry import ExtractorEntry
from metrics.features.weights import LEARNED, WeightsFile, check_weights, file_sha256, find_weights

_ON_224 = "shorter edge to 224 px by Pillow bicubic, central 224 px"


@dataclass(frozen=True)
class Scorer:
    """A learned scorer, whatever weights it has.

    name: of its protocol, which names its files. title: for people; preprocessing: the rest of its description.
    fingerprint: of the digests of its files, in their order. load: of their paths, digests to enforce, and the device.
    reads_prompts: as for `ExtractorEntry`.
    """

    name: str
    title: str
    preprocessing: str
    fingerprint: Callable[..., str]
    load: Callable[[list[Path], list[str], str], Any]
    reads_prompts: bool = False

    @property
    def files(self) -> tuple[WeightsFile, ...]:
        """The published files, its own first."""
        return LEARNED[self.name]

    def published(self) -> ExtractorEntry:
        """With the published files, wherever weights are looked for."""
        known = [file.sha256 for file in self.files]
        return ExtractorEntry(
            self.name,
            self._description([file.sha256[:12] or "unverified" for file in self.files]),
            known[0],
            lambda: self.fingerprint(*(file.sha256 or check_weights(find_weights(file), "") for file in self.files)),
            lambda device: self.load([find_weights(file) for file in self.files], known, device),
            files=self.files,
            reads_prompts=self.reads_prompts,
        )

    def at(self, place: Path) -> ExtractorEntry:
        """With the files of a folder, or with one file as its own; what is not there is looked for as always.

        The published entry where all digests are the published ones. Raises MetricInputError for a missing file.
        """
        paths = [_in_place(place, self.files[0], self.name), *(_beside(place, file) for file in self.files[1:])]
        digests = [file_sha256(path) for path in paths]
        same = all(digest == file.sha256 for digest, file in zip(digests, self.files, strict=True))
        name = self.name if same else f"{self.name}-{digests[0][:8]}"
        unknown = f"that {paths[0].name} holds the weights of {self.title} could not be verified"
        return ExtractorEntry(
            name,
            self._description([digest[:12] for digest in digests]),
            digests[0],
            lambda: self.fingerprint(*digests),
            lambda device: self.load(paths, digests, device),
            origin="" if same else "weights not verified",
            caution="" if same else unknown,
            reads_prompts=self.reads_prompts,
        )

    def _description(self, digests: list[str]) -> str:
        files = ", ".join(f"{file.file} {digest}" for file, digest in zip(self.files, digests, strict=True))
        return f"{self.title} ({files}), {self.preprocessing}"


def _in_place(place: Path, file: WeightsFile, scorer: str) -> Path:
    """The file that is the scorer's own: `place` itself, or in it, by our name for it or by its publisher's."""
    if place.is_file():
        return place
    if not place.is_dir():
        raise MetricInputError(f"{place} of {scorer} is neither a folder nor a file: name where {file.file} is")
    if found := _named(place, file):
        return found
    raise MetricInputError(
        f"{place} has no {' and no '.join(_names(file))}, the weights of {scorer}: name the folder or file with them"
    )


def _beside(place: Path, file: WeightsFile) -> Path:
    """A further file of a scorer: in the folder, or where published ones are looked for."""
    return _named(place if place.is_dir() else place.parent, file) or find_weights(file)


def _named(folder: Path, file: WeightsFile) -> Path | None:
    return next((folder / name for name in _names(file) if (folder / name).is_file()), None)


def _names(file: WeightsFile) -> list[str]:
    """Ours, and its publisher's."""
    return list(dict.fromkeys([file.file, file.source.rpartition("/")[2]]))


PICK_SCORE = Scorer(
    "pick-score",
    "PickScore",
    f"transformers CLIP ViT-H/14, cosine times its logit scale, 77 tokens, {_ON_224}",
    pick_score_fingerprint,
    lambda paths, digests, device: PickScoreExtractor(paths[0], digests[0], device),
)
HPS_V2_1 = Scorer(
    "hps-v2.1",
    "HPS v2.1",
    f"open_clip ViT-H-14, {SCALE:g} times the cosine, 77 tokens, {PREPROCESSING.format('224')}",
    hps_fingerprint,
    lambda paths, digests, device: HpsExtractor(paths[0], digests[0], device),
)
IMAGE_REWARD = Scorer(
    "image-reward",
    "ImageReward",
    f"BLIP ViT-L/16 read across by the prompt's first {CONTEXT} tokens, linear layers, mean 0 and deviation 1 on its "
    f"authors' data, {_ON_224}",
    image_reward_fingerprint,
    lambda paths, digests, device: ImageRewardReader(paths[0], paths[1], digests[0], digests[1], device),
    reads_prompts=True,
)
AESTHETIC = Scorer(
    "aesthetic",
    "LAION aesthetic",
    f"linear layers on OpenAI's CLIP ViT-L/14, {_ON_224}, no prompt",
    aesthetic_fingerprint,
    lambda paths, digests, device: AestheticExtractor(paths[0], paths[1], digests[0], digests[1], device),
)
