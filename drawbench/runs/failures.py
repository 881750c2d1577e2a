"""What becomes of a sample at which the model fails: `--on-error`."""

import re
from dataclasses import dataclass

from drawbench.errors import UserError, first_line
from drawbench.interface import Refused

CHOICES = "stop, refuse or retry:N"
_FAILED = "failed: "  # how the reasons of such refusals begin
_MACHINE = {"MemoryError", "OutOfMemoryError", "AcceleratorError"}  # also torch's, which may not be here


@dataclass(frozen=True)
class OnError:
    """refuse: the sample counts as refused and the run goes on; otherwise it stops. tries: calls before that."""

    refuse: bool = False
    tries: int = 1

    def failed(self, error: BaseException) -> Refused:
        """What is recorded in place of the image."""
        tries = f" ({self.tries} tries)" if self.tries > 1 else ""
        return Refused(f"{_FAILED}{type(error).__name__}: {first_line(error)}{tries}")


STOP = OnError()


def parse_on_error(text: str) -> OnError:
    """`stop`, `refuse`, or `retry:N`: N more tries, then refuse. Raises UserError for anything else."""
    retry = re.fullmatch(r"retry:(\d{1,3})", text, re.ASCII)
    if retry and int(retry[1]):
        return OnError(refuse=True, tries=int(retry[1]) + 1)
    if text not in ("stop", "refuse"):
        raise UserError(f"--on-error {text} is not known: write {CHOICES}, with N from 1 to 999.")
    return OnError(refuse=text == "refuse")


def is_failure(reason: str) -> bool:
    """Whether a recorded refusal is a failure of the model, and no choice of it."""
    return reason.startswith(_FAILED)


def is_of_the_machine(error: BaseException) -> bool:
    """Memory or an accelerator gave out: nothing that one prompt is to be blamed for."""
    return bool(_MACHINE & {kind.__name__ for kind in type(error).__mro__}) or "CUDA error" in str(error)
