"""The reference images of a distance: a folder of images, or an .npz of their statistics."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.prompts.registry import load_prompt_set
from drawbench.results.scores import ReferenceRef
from drawbench.runs.directory import RunDirectory
from drawbench.scoring.described import Described, described_images
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.image_features import ImageFiles, ReadSettings, image_features
from drawbench.scoring.protocol import MetricDefinition
from metrics.features.weights import file_sha256
from metrics.frechet.gaussian import FeatureStream, Gaussian, read_notes, read_origin, read_statistics
from metrics.images.facts import ImageFacts, blank_note, facts_notes, facts_of
from metrics.images.image_folder import read_image_folder

PROCEDURAL, HEAD = b"procedural world", 300  # what our own captions files say of themselves, within so many bytes
ROWS = 4096  # of float32 features that are widened to float64 at once


@dataclass(frozen=True)
class ReferenceSet:
    """References as found on disk, not yet read. `images` is empty for a file of statistics.

    notes: what else is in the folder, and was left out.
    """

    path: Path
    images: tuple[Path, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReferenceFeatures:
    """A reference set, and of it what each distance needs that can be computed.

    gaussians: by metric, for the Fréchet distances. features: by extractor, float32 (M, D), for all other distances;
    empty for a file of statistics. hashes: of each image's pixels, if they are at hand. lossy: how many are JPEG or
    lossy WebP files; None where nobody knows. notes: what must be known beside a distance to them. described: which of
    them belong to prompts, as far as it is known.
    """

    ref: ReferenceRef
    gaussians: dict[str, Gaussian]
    features: dict[str, np.ndarray]
    hashes: tuple[str, ...] = ()
    lossy: int | None = None
    notes: tuple[str, ...] = ()
    described: Described = field(default_factory=dict)

    def lacking(self, metric: MetricDefinition) -> str:
        """Why the metric cannot be measured against these references, in words; empty when it can."""
        needs, n = metric.kind.needs, self.ref.n
        if not needs.references:
            return ""
        if metric.metric not in self.gaussians and metric.extractor.name not in self.features:
            return f"{self.ref.name} does not hold what it needs: give a folder of images"
        few = 0 < n < needs.images  # a file of statistics may not say how many it is of
        return f"{self.ref.name} holds {n} images, and it needs {needs.images} or more" if few else ""


def find_references(path: Path) -> ReferenceSet:
    """The images under a folder, in order of their paths, or one .npz. Raises UserError for neither, MetricInputError
    for a folder with images of other formats."""
    if path.is_file() and path.suffix == ".npz":
        return ReferenceSet(path, ())
    if not path.exists():
        raise UserError(f"the reference {path} is not there: check the path")
    if not path.is_dir():
        raise UserError(f"the reference {path} is neither a folder of images nor an .npz file with mu and sigma")
    folder = read_image_folder(path)
    if len(folder.images) < 2:
        raise UserError(f"the reference folder {path} holds {len(folder.images)} images: a distance needs at least 2")
    return ReferenceSet(path, folder.images, tuple(folder.notes()))


def own_references(run_path: Path) -> Path | None:
    """The reference images that the run's prompt set brings, when the set is embedded and still the same one."""
    plan = RunDirectory.open(run_path).plan
    if plan.prompt_set_name != "world":  # other sets bring none, or lie where only --reference can say
        return None
    prompt_set = load_prompt_set(plan.prompt_set_name)
    return prompt_set.reference_images if prompt_set.sha256 == plan.prompt_set_sha256 else None


def reference_name(path: Path) -> str:
    """What a reference set goes by: its folder's name, unless that says the layout of a prompt set's files only.

    A set that is kept in the cache (`world-<hash>/val2014`, `hf-<name>-<hash>/images`) goes by its own name, and images
    of the procedural world in COCO's layout are never `val2014`.
    """
    place = path.absolute()
    kept = re.fullmatch(r"((?:world|hf-.+))-[0-9a-f]{12}", place.parent.name)
    if kept and place.name in ("val2014", "images"):
        return kept[1]
    captions = place.parent / "annotations" / f"captions_{place.name}.json"
    if captions.is_file():
        with captions.open("rb") as file:
            if PROCEDURAL in file.read(HEAD):
                return f"{place.parent.name} (procedural world)"
    return place.name


def read_references(
    references: ReferenceSet,
    metrics: Sequence[MetricDefinition],
    extractors: Extractors,
    reading: ReadSettings,
    progress: Progress,
) -> ReferenceFeatures:
    """What the metrics that look at references need: from the images, cropped and resized, or from the statistics."""
    asked = [metric for metric in metrics if metric.kind.needs.references]
    frechet = [metric for metric in asked if metric.kind.needs.references == "moments"]
    if not references.images:
        found = _from_statistics(references.path, frechet, extractors, reading.size)
    else:
        found = _from_images(references, asked, frechet, extractors, reading, progress)
    for note in found.notes:
        progress.note(f"references {found.ref.name}: {note}")
    return found


def _from_images(
    references: ReferenceSet,
    asked: Sequence[MetricDefinition],
    frechet: Sequence[MetricDefinition],
    extractors: Extractors,
    reading: ReadSettings,
    progress: Progress,
) -> ReferenceFeatures:
    names = list(dict.fromkeys(metric.extractor.name for metric in asked))
    files = ImageFiles(references.path, references.images)
    found = image_features(files, extractors, names, reading, "references", progress)
    digest = hashlib.sha256("\n".join(sorted(found.hashes)).encode()).hexdigest()
    ref = ReferenceRef(name=reference_name(references.path), sha256=digest, n=len(found.hashes))
    by_extractor = {
        name: _gaussian(found.features[name]) for name in dict.fromkeys(metric.extractor.name for metric in frechet)
    }
    gaussians = {metric.metric: by_extractor[metric.extractor.name] for metric in frechet}
    facts = facts_of(references.images)
    blank = [path for path, each in zip(references.images, facts, strict=True) if each.may_be_blank]
    notes = (
        *references.notes,
        *_notes(facts, found.hashes, reading.size),
        *blank_note(blank, len(facts), "references"),
    )
    lossy = sum(each.lossy for each in facts)
    described = described_images(references.path, references.images) if frechet else {}
    return ReferenceFeatures(ref, gaussians, found.features, found.hashes, lossy, notes, described)


def _notes(facts: Sequence[ImageFacts], hashes: Sequence[str], size: int) -> list[str]:
    """What is unusual among reference images, counted. size: pixels, that they are evaluated at."""
    small = sum(min(each.width, each.height) < size for each in facts)
    copies = len(hashes) - len(set(hashes))
    notes = facts_notes(facts, "references")
    if small:
        notes.append(f"{small} of {len(facts)} references are smaller than {size} px and were enlarged")
    if copies:
        notes.append(f"{copies} of {len(facts)} references are copies of others and count again")
    return notes


def _gaussian(features: np.ndarray) -> Gaussian:
    """The moments of memory-mapped features, without a float64 copy of all of them."""
    stream = FeatureStream(features.shape[1])
    for start in range(0, len(features), ROWS):
        stream.add(features[start : start + ROWS])
    return stream.gaussian()


def _from_statistics(
    path: Path, metrics: Sequence[MetricDefinition], extractors: Extractors, size: int
) -> ReferenceFeatures:
    """Ours say how they were made. Others do not, so where a protocol has several modes the file's name must."""
    gaussian = read_statistics(path)
    origin = read_origin(path)
    if "size" in origin and origin["size"] != str(size):
        raise UserError(
            f"the statistics {path} were made at {origin['size']} px, and these images are evaluated at {size} px: "
            "write them anew with `drawbench references write`"
        )
    if "extractor" in origin:
        chosen = _of_origin(path, origin, metrics, extractors)
    else:
        chosen = [metric for metric in metrics if not metric.statistics or _marked(path, metric.statistics)]
    if "mode" in origin:
        chosen = _of_mode(path, origin, metrics, chosen)
    if not chosen:
        marks = " or ".join(dict.fromkeys(metric.statistics for metric in metrics))
        raise UserError(f"the statistics {path} do not say how they were made: put {marks} into the file's name")
    ref = ReferenceRef(name=path.name, sha256=file_sha256(path), n=gaussian.n)
    lossy, notes = origin.get("lossy", ""), read_notes(path) if "extractor" in origin else ()
    if lossy and not (lossy.isdigit() and int(lossy) <= (gaussian.n or int(lossy))):
        raise UserError(f"the statistics {path} say that {lossy} of {gaussian.n} images are lossy: write them anew")
    gaussians = {metric.metric: gaussian for metric in chosen}
    return ReferenceFeatures(ref, gaussians, {}, lossy=int(lossy) if lossy.isdigit() else None, notes=notes)


def _of_origin(
    path: Path, origin: Mapping[str, str], metrics: Sequence[MetricDefinition], extractors: Extractors
) -> list[MetricDefinition]:
    """The metrics on the very features that the file was made with. Raises UserError for none."""
    chosen = [m for m in metrics if extractors.fingerprint(m.extractor.name) == origin["extractor"]]
    if not chosen:
        modes = ", ".join(dict.fromkeys(metric.extractor.name for metric in metrics))
        raise UserError(
            f"the statistics {path} were made with {origin.get('mode', 'another network')}, and this protocol takes "
            f"{modes} with weights of its own: write them anew with `drawbench references write`"
        )
    return chosen


def _of_mode(
    path: Path, origin: Mapping[str, str], metrics: Sequence[MetricDefinition], chosen: Sequence[MetricDefinition]
) -> list[MetricDefinition]:
    """The metrics on features of the mode that a file states; its fingerprint and its name must not contradict it."""
    mode = origin["mode"]
    fitting = [metric for metric in metrics if mode in (metric.extractor.name, metric.statistics)]
    named = "extractor" in origin or any(metric.statistics and _marked(path, metric.statistics) for metric in metrics)
    kept = [metric for metric in fitting if metric in chosen or not named]
    if not kept:
        said = " or ".join(dict.fromkeys(metric.extractor.name for metric in (chosen if named else metrics)))
        raise UserError(
            f"the statistics {path} say that they were made with {mode!r}, where {said} is needed: give those that "
            "were, or write them anew with `drawbench references write`"
        )
    return kept


def _marked(path: Path, mark: str) -> bool:
    return re.search(rf"(^|[^a-z]){mark}($|[^a-z])", path.stem.lower()) is not None
