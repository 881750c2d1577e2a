"""Slices drawn by an engine and handed to the writer, and what is said meanwhile."""

from collections.abc import Generator, Iterator, Sequence
from contextlib import closing

from drawbench.files import write_text_atomically
from drawbench.interface import Refused, TextToImage
from drawbench.progress import Progress
from drawbench.runs.directory import named
from drawbench.runs.drawing import Batch, Drawn, Engine, Output, own_copy
from drawbench.runs.failures import is_failure
from drawbench.runs.plan import Slice
from drawbench.runs.writer import RunWriter

WholeSlices = Generator[tuple[Slice, Sequence[Output]], None, None]


def in_order(parts: Sequence[Slice], whole: WholeSlices) -> Iterator[Sequence[Output]]:
    """The outputs of each slice in the order of the plan; those that come early wait."""
    early: dict[int, Sequence[Output]] = {}
    order = iter(parts)
    expected = next(order, None)
    for part, outputs in whole:
        early[part.index] = outputs
        while expected is not None and expected.index in early:
            yield early.pop(expected.index)
            expected = next(order, None)


def drawn_parts(
    model: TextToImage, engine: Engine, missing: Sequence[Slice], writer: RunWriter, progress: Progress
) -> WholeSlices:
    """Each slice when it is whole, as the model draws: in one call, or one sample at a time."""
    return (_singly if model.one_at_a_time else _at_once)(engine, missing, writer, progress)


def _at_once(engine: Engine, missing: Sequence[Slice], writer: RunWriter, progress: Progress) -> WholeSlices:
    """Each slice as it has been drawn; it is being written."""
    with closing(engine(Batch(part) for part in _wanted(missing, writer, progress))) as drawing:
        for batch, drawn in drawing:
            outputs = _noted(batch, drawn, writer, progress)
            writer.put(batch.part, outputs)
            progress.advance(len(outputs))
            yield batch.part, outputs


def _singly(engine: Engine, missing: Sequence[Slice], writer: RunWriter, progress: Progress) -> WholeSlices:
    """Each slice when its last sample has been drawn; every sample is kept as soon as it has been."""
    wanted = {part.index: writer.not_kept(part) for part in missing}
    done: dict[int, dict[int, Output]] = {part.index: {} for part in missing}

    def finished(part: Slice) -> Sequence[Output]:
        drawn = done.pop(part.index)
        earlier = {number: writer.kept(part, number) for number in range(len(part.samples)) if number not in drawn}
        writer.put_kept(part)
        return [output for _, output in sorted((drawn | earlier).items()) if output is not None]

    for part in missing:
        progress.advance(len(part.samples) - len(wanted[part.index]))
        if not wanted[part.index]:
            yield part, finished(part)
    batches = (Batch(part, n) for part in _wanted(missing, writer, progress) for n in wanted[part.index])
    with closing(engine(batches)) as drawing:
        for batch, drawn in drawing:
            [output] = _noted(batch, drawn, writer, progress)
            output = own_copy(output)
            number = batch.number or 0
            writer.keep(batch.part, number, output)
            progress.advance(1)
            done[batch.part.index][number] = output
            if len(done[batch.part.index]) == len(wanted[batch.part.index]):
                yield batch.part, finished(batch.part)


def _wanted(missing: Sequence[Slice], writer: RunWriter, progress: Progress) -> Iterator[Slice]:
    """Those that no other process has drawn when their turn comes."""
    for part in missing:
        if writer.wants(part):
            yield part
        else:
            progress.advance(len(part.samples))


def _noted(batch: Batch, drawn: Drawn, writer: RunWriter, progress: Progress) -> Sequence[Output]:
    """The batch's outputs, once it stands in the run what was warned of and how the model failed.

    Raises the error of a batch that has none.
    """
    for text in writer.warned(drawn.warnings):
        progress.note(f"warned while drawing: {text}")
    writer.drawn_by(drawn.by)
    writer.spend(drawn.spent)
    if drawn.traceback:
        write_text_atomically(writer.error_log, drawn.traceback)
    for sample, output in zip(batch.samples, drawn.taken(), strict=True):
        if isinstance(output, Refused) and is_failure(output.reason):
            progress.note(f"{named([sample])} counts as refused ({output.reason})")
    return drawn.outputs
