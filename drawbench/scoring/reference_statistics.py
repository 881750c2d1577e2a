"""Reference statistics from a folder of images, as a file that other suites read too."""

from collections.abc import Sequence
from pathlib import Path

from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.image_features import ReadSettings, default_batch
from drawbench.scoring.image_notes import few_different
from drawbench.scoring.protocol import MetricDefinition, Protocol
from drawbench.scoring.references import find_references, read_references
from metrics.frechet.gaussian import write_statistics


def write_reference_statistics(
    folder: Path,
    protocol: Protocol,
    out: Path,
    *,
    metric: str = "",
    size: int | None = None,
    device: str = "cpu",
    batch: int | None = None,
    progress: Progress | None = None,
) -> dict[str, str | int | list[str]]:
    """Write `mu`, `sigma` and their origin (`mode`, `extractor`, `size`, `n`, `sha256` of the images, how many are
    `lossy`, and `notes`, which stand beside every distance to them); returns the origin.

    metric: which Fréchet distance of the protocol they are for, where it has several. size: pixels, where the protocol
    leaves it to the run. Raises UserError for a choice that is open, and a file that is there already.
    """
    progress = progress or Progress()
    if out.suffix != ".npz" or out.exists():
        raise UserError(f"{out} {'exists already' if out.exists() else 'is no .npz file'}: choose another name")
    chosen = _chosen([each for each in protocol.metrics if each.kind.needs.references == "moments"], protocol, metric)
    evaluated = protocol.size or size
    if evaluated is None or (size and size != evaluated) or evaluated < 1:
        fixed = f"evaluates at {protocol.size} px" if protocol.size else "evaluates at the images' own size"
        raise UserError(f"protocol {protocol.name} {fixed}: give that of the images with --size")
    found = find_references(folder)
    if not found.images:
        raise UserError(f"{folder} is a file of statistics: give a folder of images")
    extractors = Extractors([chosen.extractor], device, progress.note)
    reading = ReadSettings(evaluated, batch or default_batch(device))
    read = read_references(found, [chosen], extractors, reading, progress)
    name = chosen.extractor.name
    origin: dict[str, str | int] = {
        "mode": name,
        "extractor": extractors.fingerprint(name),
        "size": evaluated,
        "n": read.ref.n,
        "sha256": read.ref.sha256,
        "lossy": read.lossy or 0,
    }
    gaussian = read.gaussians[chosen.metric]
    notes = [*few_different(read, len(gaussian.mean)), *read.notes]
    write_statistics(out, gaussian, notes=notes, **origin)
    return {**origin, "notes": notes}


def _chosen(metrics: Sequence[MetricDefinition], protocol: Protocol, wanted: str) -> MetricDefinition:
    names = list(dict.fromkeys(each.extractor.name for each in metrics))
    if not metrics:
        raise UserError(f"protocol {protocol.name} has no Fréchet distance: name one that has with --protocol")
    fitting = [each for each in metrics if wanted in ("", each.metric)]
    if not fitting or (not wanted and len(names) > 1):
        choices = ", ".join(each.metric for each in metrics)
        raise UserError(f"protocol {protocol.name} has these Fréchet distances: {choices}; name one with --metric")
    return fitting[0]
