"""Batches of samples drawn by a model: what comes back, also when the model fails."""

import time
import traceback
import warnings
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol
from weakref import ref

import numpy as np

from drawbench.errors import StageError, UserError, first_line, is_input_error
from drawbench.interface import Refused, Sample, TextToImage
from drawbench.runs.directory import named
from drawbench.runs.failures import STOP, OnError, is_of_the_machine
from drawbench.runs.hardware import peak_memory
from drawbench.runs.journal import Drawer, Spent
from drawbench.runs.plan import Slice
from drawbench.runs.png import Encoded
from metrics.images.decode import decode_image
from metrics.threads import torch_threads

Output = np.ndarray | Refused | Encoded
LONGEST_WARNING = 300  # letters


@dataclass(frozen=True)
class Batch:
    """Samples of a slice that are drawn in one call: all of them, or the one at position `number`."""

    part: Slice
    number: int | None = None

    @property
    def samples(self) -> tuple[Sample, ...]:
        """In the order of the slice."""
        return self.part.samples if self.number is None else self.part.samples[self.number : self.number + 1]


@dataclass(frozen=True)
class Manner:
    """How batches are drawn. size: pixels, square.

    on_error: what becomes of a sample at which the model fails; only of batches of one. log: where the traceback of a
    failure will stand; None where nothing is written. threads: of torch while it draws; None leaves them as they are.
    """

    size: int
    on_error: OnError = STOP
    log: Path | None = None
    threads: int | None = None


@dataclass(frozen=True)
class Drawn:
    """What came of a batch: an image or a refusal per sample, or an error.

    warnings: what the model warned of meanwhile, each once. traceback: of its last failure, also of one that was
    refused. error: UserError where the model or its answer is wrong, StageError where it failed. by: the process that
    drew, where that is not as the run was told at its beginning. spent: what it took; nothing where it failed.
    """

    outputs: Sequence[Output] = ()
    warnings: tuple[str, ...] = ()
    traceback: str = ""
    error: Exception | None = None
    by: Drawer | None = None
    spent: Spent = field(default_factory=Spent)

    def taken(self) -> Sequence[Output]:
        """The outputs. Raises the error where there is one."""
        if self.error is not None:
            raise self.error
        return self.outputs


def own_copy(output: Output) -> Output:
    """The output, in memory that the model does not fill again for the next batch."""
    return output.copy() if isinstance(output, np.ndarray) else output


def pixels_of(output: Output) -> np.ndarray | Refused:
    """The output, decoded where it is a file."""
    return decode_image(output.png, "an image of the run") if isinstance(output, Encoded) else output


class Engine(Protocol):
    """Draws batches, in this process or elsewhere."""

    def __call__(self, batches: Iterable[Batch]) -> Generator[tuple[Batch, Drawn], None, None]:
        """Each batch with what came of it, in the order in which they become ready. Closing the iterator stops it.

        A batch is asked for only when its turn comes.

        Arrays belong to the model, which may fill them again for the next batch.
        """
        ...


def here(model: TextToImage, manner: Manner) -> Engine:
    """The engine of this process: one batch after the other, each when it is asked for."""

    def engine(batches: Iterable[Batch]) -> Generator[tuple[Batch, Drawn], None, None]:
        for batch in batches:
            yield batch, draw(model, batch.samples, manner)

    return engine


def draw(model: TextToImage, samples: Sequence[Sample], manner: Manner) -> Drawn:
    """The model's images of some samples, drawn as one batch, and checked."""
    with recorded_warnings() as caught, torch_threads(manner.threads):
        drawn = draw_unwatched(model, samples, manner)
    return replace(drawn, warnings=texts_of(caught))


def draw_unwatched(model: TextToImage, samples: Sequence[Sample], manner: Manner) -> Drawn:
    """The same without warnings, which Python can watch for in one thread only."""
    outputs: Sequence[Output] = ()
    error: Exception | None = None
    last, spent = "", Spent()
    for left in reversed(range(manner.on_error.tries)):
        try:
            began = time.perf_counter()
            outputs = model.generate(samples, manner.size)
            spent = _spent(model, len(samples), time.perf_counter() - began)
            check_outputs(outputs, samples, manner.size)
            break
        except (Exception, SystemExit) as met:  # whatever a model meets: the run stays, and so does the traceback
            if isinstance(met, UserError | StageError) or (isinstance(met, Exception) and is_input_error(met)):
                error = met
                break
            last = traceback.format_exc()
            if not manner.on_error.refuse or is_of_the_machine(met):
                error = StageError(_failure(met, samples, manner.log))
                break
            if not left:
                outputs = [manner.on_error.failed(met)]
    return Drawn(outputs, (), last, error, spent=Spent() if error else spent)


_warm: dict[int, ref[TextToImage]] = {}  # models that have drawn in this process, by id: some have no hash


def _spent(model: TextToImage, samples: int, seconds: float) -> Spent:
    memory = peak_memory(str(model.device))
    before = _warm.get(id(model))
    if before is not None and before() is model:
        return Spent(seconds=seconds, samples=samples, memory=memory)
    _warm[id(model)] = ref(model)
    return Spent(first_seconds=seconds, first_samples=samples, memory=memory)


@contextmanager
def recorded_warnings() -> Iterator[list[warnings.WarningMessage]]:
    """The list of what is warned of inside, whatever Python was told to ignore, but for what it ignores by itself."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning):
            warnings.simplefilter("ignore", category)
        yield caught


def texts_of(caught: Sequence[warnings.WarningMessage]) -> tuple[str, ...]:
    """What was warned of, each once and in one line."""
    return tuple(dict.fromkeys(" ".join(str(one.message).split())[:LONGEST_WARNING] for one in caught))


def _failure(error: BaseException, samples: Sequence[Sample], log: Path | None) -> str:
    where = f"at {named(samples)}" if len(samples) == 1 else f"in the slice of {named(samples)}"
    see = f"see {log}" if log else "mend that"
    others = ", or let it go on past such samples with --on-error refuse" if len(samples) == 1 else ""
    what = f"{type(error).__name__}: {first_line(error)}"
    return f"the model failed {where} ({what}): {see}, then run the same command again{others}."


def check_outputs(outputs: Sequence[Output], samples: Sequence[Sample], size: int) -> None:
    """Raises UserError when a model's answer is not one uint8 RGB image of the size, or one refusal, per sample."""
    count = len(outputs) if isinstance(outputs, Sequence) else None
    if count != len(samples):
        what = f"a {type(outputs).__name__}" if count is None else f"{count} images"
        raise UserError(f"the model returned {what} for {len(samples)} samples: it must return a list with one each.")
    for sample, output in zip(samples, outputs, strict=True):
        problem = _problem(output, size)
        if problem:
            raise UserError(
                f"the model's image for {sample.prompt_id} sample {sample.index} is {problem}: "
                f"it must be a uint8 array (0 to 255) of shape ({size}, {size}, 3)."
            )


def _problem(output: object, size: int) -> str | None:
    if isinstance(output, Refused):
        return None
    if not isinstance(output, np.ndarray):
        return f"a {type(output).__name__}"
    if output.dtype != np.uint8 or output.shape != (size, size, 3):
        return f"an array of {output.dtype} {output.shape}"
    return None
