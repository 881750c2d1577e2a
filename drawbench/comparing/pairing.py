"""Two runs made one: whether they compare, and their features on the samples that both have an image for."""

from pathlib import Path

from drawbench.errors import UserError
from drawbench.results.comparable import differences
from drawbench.results.scores import ReferenceRef, read_scores, scores_path
from drawbench.runs.directory import RunDirectory
from drawbench.scoring.prepared import conditions, evaluated_size
from drawbench.scoring.protocol import Protocol
from drawbench.scoring.run_features import RunFeatures


def comparable_size(a: RunDirectory, b: RunDirectory, protocol: Protocol) -> int:
    """The evaluated size. Raises UserError naming all that keeps the runs apart."""
    for run in (a, b):
        run.require_seal()
    size, _ = evaluated_size(a, protocol), evaluated_size(b, protocol)
    reasons = differences(conditions(a.plan, protocol, None), conditions(b.plan, protocol, None))
    if not reasons and a.plan.prompts_sha256 != b.plan.prompts_sha256:
        reasons = (f"choice of prompts ({a.plan.prompts_sha256[:12]} against {b.plan.prompts_sha256[:12]})",)
    if reasons:
        raise UserError(f"{a.path} and {b.path} do not compare, because they differ in {'; '.join(reasons)}")
    return size


def paired(a: RunFeatures, b: RunFeatures) -> tuple[RunFeatures, RunFeatures]:
    """The samples that both have an image for, row by row the same prompt and sample number, in the order of the first.

    Raises UserError when no sample has an image in both.
    """
    places = {(sample.prompt_id, sample.index): place for place, sample in enumerate(b.samples)}
    common = [
        (place, places[sample.prompt_id, sample.index])
        for place, sample in enumerate(a.samples)
        if (sample.prompt_id, sample.index) in places
    ]
    if not common:
        raise UserError("no sample has an image in both runs: nothing can be paired")
    first, second = zip(*common, strict=True)
    return a.only(first), b.only(second)


def refuse_other_references(a: Path, b: Path, protocol: Protocol) -> None:
    """Raises UserError when both runs were scored under the protocol, but against different reference sets."""
    mine, other = (_scored_against(path, protocol) for path in (a, b))
    if mine and other and mine.sha256 != other.sha256:
        raise UserError(
            f"{a} and {b} do not compare: they were scored against different references ({mine.name} and "
            f"{other.name}); name the one to use with --reference"
        )


def _scored_against(path: Path, protocol: Protocol) -> ReferenceRef | None:
    """The references of the run's scores; None where there are no scores, or no references."""
    file = scores_path(path, protocol.name)
    return read_scores(file).reference if file.exists() else None
