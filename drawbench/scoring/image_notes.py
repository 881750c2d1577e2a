"""What a reader must know of the images beside every number: prompts, how they met them, and what is odd."""

from drawbench.prompts.prompt_set import repeats
from drawbench.runs.directory import RunDirectory
from drawbench.scoring.references import ReferenceFeatures
from drawbench.scoring.run_features import RunFeatures
from metrics.images.facts import blank_bytes, blank_note

BY_ORDER = "images met prompts by the order of their files, not by anything that names a prompt"
LOSSY = "JPEG or lossy WebP files"


def image_notes(run: RunDirectory, features: RunFeatures) -> list[str]:
    """For every score of the run, whatever made the images."""
    drawn = len(features.samples)
    copies = drawn - len(set(features.hashes))
    notes = [BY_ORDER] if is_by_order(run) else []
    notes += [said] if (said := repeats(run.prompts)) else []
    notes += run.manifest.sources.notes
    paths = map(run.image_path, features.samples)
    blank = [path for path in paths if path.stat().st_size <= blank_bytes(run.plan.size**2)]
    notes += blank_note(blank, drawn, "images")
    if copies:
        notes.append(f"{copies} of {drawn} images are copies of others")
    return notes


def reference_notes(run: RunDirectory, features: RunFeatures, theirs: ReferenceFeatures) -> list[str]:
    """For every distance of these images to these references."""
    shared = len(set(theirs.hashes) & set(features.hashes))
    notes = [f"{shared} references are among the generated images: the distance is too small"] if shared else []
    if not theirs.hashes:
        notes.append("statistics do not tell whether references are among the generated images")
    lossy = run.manifest.sources.lossy
    ours, others = f"{lossy} of {len(features.samples)} images", f"{theirs.lossy} of {theirs.ref.n} references"
    if theirs.lossy and lossy:
        notes.append(f"{others} and {ours} are {LOSSY}: a difference in their quality moves the distance")
    elif theirs.lossy:
        notes.append(f"{others} are {LOSSY} and the images are not: that alone moves the distance")
    elif lossy and theirs.lossy == 0:
        notes.append(f"{ours} are {LOSSY} and the references are not: that alone moves the distance")
    return notes


def few_different(theirs: ReferenceFeatures, dimension: int) -> list[str]:
    """A note for distances in so many dimensions, where there are enough references only if copies are counted."""
    different = len(set(theirs.hashes))
    if not 0 < different <= dimension < theirs.ref.n:
        return []
    return [
        f"no more different references ({different}) than feature dimensions ({dimension}): strongly biased upwards"
    ]


def copied(theirs: ReferenceFeatures) -> list[str]:
    """A note for precision to coverage, where references are there twice or more on average."""
    different = len(set(theirs.hashes))
    if not 0 < 2 * different <= theirs.ref.n:
        return []
    return [
        f"{different} of {theirs.ref.n} references are different, and balls round copies are small: precision, "
        "density and coverage are biased downwards"
    ]


def is_by_order(run: RunDirectory) -> bool:
    """Whether a folder's images met the prompts by order alone; so may those of runs made before it had to be asked."""
    card = run.plan.model
    return card.adapter == "folder" and card.settings.get("matched_by") == "order"
