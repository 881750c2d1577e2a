"""A folder of results: what is added to it, and whether what is there can be believed and shown."""

import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from drawbench.errors import UserError, is_input_error
from drawbench.prompts.drawbench_set import NAME, SHA256
from drawbench.prompts.registry import load_open
from drawbench.results.files import Result, identity, read_result, write_result
from drawbench.scoring.protocols import PROTOCOLS, get_protocol
from drawbench.tables.committed import stale_tables, start_page, write_committed_tables
from drawbench.tables.headers import CLIP_SCORE, measure_of
from drawbench.tables.loading import load_results


def add_results(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Put results of runs and of files into a folder, and make its tables anew. Returns what was written.

    A result of the same measurement is replaced. Raises UserError, with nothing written, for results that `problems`
    finds wrong.
    """
    results = load_results(paths)
    for result in results:
        if wrong := problems(result):
            raise UserError(f"the result of {result.model.name} on {result.prompt_set.name} is not added: {wrong[0]}")
    folder.mkdir(parents=True, exist_ok=True)
    written = [write_result(result, folder) for result in results]
    start_page(folder)
    return [*dict.fromkeys(written), *write_committed_tables(folder)]


def check_results(folder: Path) -> dict[Path, list[str]]:
    """For each result file of a folder what is wrong with it, in words; for its tables whether they are stale."""
    found: dict[Path, list[str]] = {}
    seen: dict[str, Path] = {}
    for path in sorted(folder.glob("*.json")):
        try:
            result = read_result(path)
        except UserError as error:
            found[path] = [str(error).removeprefix(f"{path} ")]
            continue
        found[path] = problems(result)
        first = seen.setdefault(identity(result), path)
        if first != path:
            found[path].append(f"is the same measurement as {first.name}: keep the newer one")
    if not found:
        raise UserError(f"{folder} holds no result files: name a folder of them")
    if not any(found.values()) and (folder / "README.md").is_file():
        found |= {path: ["is not what the results say: drawbench leaderboard --write"] for path in stale_tables(folder)}
    return found


def problems(result: Result) -> list[str]:
    """Why a result cannot be believed or stand in today's tables, each in words that follow its name."""
    return [*impossible(result), *outdated(result)]


def impossible(result: Result) -> list[str]:
    """Why no table may show a result: its numbers cannot be, or are of other prompts than it says."""
    return [*_of_prompts(result), *_of_run(result), *_of_numbers(result)]


def _of_prompts(result: Result) -> list[str]:
    prompts = result.prompt_set
    known = {NAME: lambda: SHA256, "open": lambda: load_open().sha256}
    if prompts.name not in known or not result.complete or prompts.sha256 == known[prompts.name]():
        return []
    return [f"goes by the name of the set {prompts.name} and is of other prompts ({prompts.sha256[:12]})"]


def outdated(result: Result) -> list[str]:
    """Why a result is not of a protocol as this drawbench knows it."""
    stated = result.protocol
    if stated.name not in PROTOCOLS:
        return []
    try:
        current = get_protocol(stated.name).ref
    except ValueError as error:
        if not is_input_error(error):
            raise
        return []  # its weights are known nowhere but where it was measured
    if stated == current:
        return []
    if stated.version == current.version:
        return [f"states protocol {stated.name} version {stated.version} under another definition than that version's"]
    newer = stated.version > current.version
    what = "newer than this drawbench: upgrade it" if newer else f"stale, current is {current.version}: score it again"
    return [f"is of protocol {stated.name} version {stated.version}, {what}"]


def _of_run(result: Result) -> list[str]:
    """Counts, seconds and the day that no run has."""
    images, cost = result.prompt_set.n * result.samples, result.cost
    possible = {
        f"is of {result.prompt_set.n} prompts": result.prompt_set.n > 0,
        f"is of {result.samples} samples per prompt": result.samples > 0,
        f"is of {result.size} px": result.size > 0,
        f"counts {result.refusals} refusals among {images} images": 0 <= result.refusals < max(images, 1),
        f"is of the day {result.date[:20]!r}": result.kind == "published" or _is_day(result.date),
    }
    if cost is not None:
        numbers = (cost.seconds_per_image, cost.warm_up_seconds, cost.peak_memory_bytes, cost.warm_up_images)
        possible["states a cost that is none"] = all(0 <= each < math.inf for each in numbers) and cost.images > 0
    return [f"{words}, which cannot be" for words, can_be in possible.items() if not can_be]


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _of_numbers(result: Result) -> list[str]:
    wrong, prompts = [], result.prompt_set.n
    for score in result.scores:
        measure, where = measure_of(score.metric), f"{score.metric} of {score.scope}"
        if not measure.least <= score.value <= measure.most:
            wrong.append(f"holds {where} = {score.value:g}, which it cannot be")
        if score.interval != "not available":
            low, high, level = score.interval.low, score.interval.high, score.interval.level
            if not (math.isfinite(high - low) and measure.least <= low and high <= measure.most and 0 < level < 1):
                wrong.append(f"holds an interval of {where} that cannot be ({level:g} [{low:g}, {high:g}])")
        if score.metric.startswith(CLIP_SCORE) and score.n > prompts:
            wrong.append(f"counts {score.n} prompts in a set of {prompts}")
        elif not 0 < score.n <= max(prompts * result.samples, 1) and not result.study:
            wrong.append(f"counts {score.n} for {where} in {prompts * result.samples} images")
    return wrong
