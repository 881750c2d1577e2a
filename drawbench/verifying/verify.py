"""All checks of a result, in the order in which they cost more."""

from dataclasses import dataclass
from pathlib import Path

from drawbench.errors import UserError, is_input_error
from drawbench.interface import TextToImage
from drawbench.progress import Progress
from drawbench.results.files import Result, read_result
from drawbench.runs.directory import MANIFEST, RunDirectory
from drawbench.scoring.protocol import Protocol
from drawbench.scoring.protocols import NAMED, get_protocol
from drawbench.sharing.collection import problems
from drawbench.tables.loading import load_run
from drawbench.verifying.check import Check, fails, holds, not_checkable
from drawbench.verifying.claims import SCORES, check_images, check_run, check_scores, check_table
from drawbench.verifying.redraw import Redrawn, check_drawable, check_redrawn, redraw
from drawbench.verifying.signature import check_signature

RESULT, RUN, PEOPLE = "result", "run", "preferences of people"


@dataclass(frozen=True)
class Asked:
    """What is to be verified. run: the directory that the result is of; None where it is not at hand.

    model: draws `regenerate` samples again, where it is given. reference: of the distances. protocol: one of the user's
    own, for results under it: what a result names is never loaded.
    """

    path: Path
    run: Path | None = None
    reference: Path | None = None
    protocol: Protocol | None = None
    signers: Path | None = None
    model: TextToImage | None = None
    regenerate: int = 0
    device: str = "cpu"


@dataclass(frozen=True)
class Verified:
    """What came of it."""

    result: Result
    checks: tuple[Check, ...]
    redrawn: Redrawn | None = None

    @property
    def good(self) -> bool:
        """Nothing that was looked at fails."""
        return not any(check.outcome == "fails" for check in self.checks)


def results_of(path: Path) -> list[Result]:
    """The result in a file, or all of a scored run. Raises UserError for neither, NaN and newer schemas."""
    if not (path / MANIFEST).is_file():
        return [read_result(path)]
    found = load_run(path)
    if not found:
        raise UserError(f"{path} has no scores to verify: score it first")
    return found


def verify(asked: Asked, result: Result, progress: Progress) -> Verified:
    """Check one result. Raises UserError for what is no run, and for another model than the run's."""
    wrong = problems(result)
    checks = [fails(RESULT, "; ".join(wrong)) if wrong else holds(RESULT, "numbers, prompts and protocol are possible")]
    signed = check_signature(asked.path, asked.signers)
    checks += [signed] if signed else []
    checks += [not_checkable(PEOPLE, "votes are not in a result")] if result.human else []
    if asked.run is None:
        return Verified(result, (*checks, not_checkable(RUN, "give its directory with --run")))
    run = RunDirectory.open(asked.run)
    found = [check_run(result, run), check_images(run, progress)]
    checks += found
    if not wrong and all(check.outcome == "holds" for check in found):
        checks += _of_scores(asked, result, run, progress)
    redrawn = None
    if asked.regenerate and (why := check_drawable(run)):
        checks.append(why)
    elif asked.regenerate and asked.model is not None:
        redrawn = redraw(run, asked.model, asked.regenerate, progress)
        checks.append(check_redrawn(redrawn))
    return Verified(result, tuple(checks), redrawn)


def _of_scores(asked: Asked, result: Result, run: RunDirectory, progress: Progress) -> list[Check]:
    """The means and the numbers, under the protocol that the result names, where it is here."""
    name, own = result.protocol.name, asked.protocol
    if own is None or own.name != name:
        own = None
        if name not in NAMED:
            return [
                not_checkable(
                    SCORES, f"protocol {name} is not one of drawbench: give --protocol {result.protocol.typed}"
                )
            ]
    try:
        protocol = own or get_protocol(name)
    except (UserError, ValueError) as error:
        if not isinstance(error, UserError) and not is_input_error(error):
            raise
        return [not_checkable(SCORES, str(error))]
    scores = check_scores(result, run, protocol, asked.reference, asked.device, progress)
    return [check_table(result, run, protocol), scores]
