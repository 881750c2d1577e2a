"""A run on disk, as its readers see it: plan, samples, images, refusals and seal. Writing is in writer.py."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import ValidationError, model_validator

from drawbench.errors import UserError
from drawbench.interface import Sample, Sources
from drawbench.prompts.drawbench_set import NAME as DRAWBENCH
from drawbench.prompts.drawbench_set import holds_published
from drawbench.prompts.prompt_set import Prompt, PromptSet, category_slug, ids_sha256
from drawbench.records import Record, first_problem
from drawbench.remote.request_log import Usage, read_usage
from drawbench.results.scores import Cost
from drawbench.runs.journal import JOURNALS, Attempt, Outcome, Spent, Work, read_journals
from drawbench.runs.plan import Plan, Slice, plan_samples, plan_slices
from drawbench.runs.schema_1 import SLICES, read_schema_1
from metrics.errors import MetricInputError
from metrics.images.decode import pixel_hash, read_image

FOLDER_SIZE = 1000  # prompts per folder where a set has no categories
MANIFEST = "manifest.json"
METADATA = "images/metadata.jsonl"
REFUSED = "refused.jsonl"
REQUESTS = "requests.jsonl"


class Refusal(Record):
    """A sample without an image, and why."""

    prompt_id: str
    sample: int
    reason: str


class Seal(Record):
    """The proof that every sample was verified: an image that decodes, or a recorded refusal.

    `pixels_sha256` is over one line `prompt id\\tsample\\tSHA-256 of the decoded pixels, or "refused"\\n` per sample,
    in plan order: equal exactly when all decoded pixels and refusals are.
    """

    images: int
    refused: int
    refusals: tuple[Refusal, ...]
    pixels_sha256: str


class Manifest(Record):
    """manifest.json: what was planned, and what came of it. Who worked on it stands in journals.

    `prompt_ids_sha256` is that of the plan's prompt ids, for people: two runs of one choice of captions have it in
    common. Manifests written before it was introduced do not have it. `sources`: of what files the images were read,
    where the model read them. `attempts`: only under schema version 1, which had no journals.
    """

    schema_version: Literal[1, 2] = 2
    plan_sha256: str
    prompt_ids_sha256: str = ""
    plan: Plan
    attempts: tuple[Attempt, ...] = ()
    seal: Seal | None = None
    sources: Sources = Sources()

    @model_validator(mode="after")
    def _attempts_of_schema_1(self) -> Self:
        if self.attempts and self.schema_version != 1:
            raise ValueError("attempts stand in journals since schema version 2")
        return self


class RunDirectory:
    """A planned, perhaps filled, perhaps sealed run. Opened with `RunDirectory.open(path)`; never writes."""

    def __init__(self, path: Path, manifest: Manifest, prompts: tuple[Prompt, ...]) -> None:
        """`prompts` are those of the plan, in its order."""
        self.path = path
        self.manifest = manifest
        self._prompts = prompts

    @classmethod
    def open(cls, path: Path | str) -> "RunDirectory":
        """Read a run. Raises UserError when the path holds none, or one whose files contradict each other."""
        path = Path(path)
        manifest = read_manifest(path)
        return cls(path, manifest, _read_prompts(path, manifest.plan))

    @property
    def plan(self) -> Plan:
        """What the run holds when it is finished."""
        return self.manifest.plan

    @property
    def seal(self) -> Seal | None:
        """None while the run is unfinished."""
        return self.manifest.seal

    @property
    def journals(self) -> Path:
        """Where it is recorded what was drawn: a folder, or the one file of schema version 1."""
        return self.path / (SLICES if self.manifest.schema_version == 1 else JOURNALS)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """The processes that worked on it, in the order in which they began."""
        return tuple(work.attempt for work in self._work)

    def require_seal(self) -> Seal:
        """The seal. Raises UserError that says what is missing when the run is not finished, or was changed since."""
        if self.seal is not None:
            if self.pixels_sha256() != self.seal.pixels_sha256:
                raise UserError(
                    f"{self.journals} was changed after the run was sealed: its pixel hashes are not the sealed "
                    "ones; run the generate command again to verify and repair the run."
                )
            held = self.outcomes_seal()
            if held != self.seal:
                raise UserError(
                    f"{self.path / MANIFEST} was changed by hand: its seal says {self.seal.images} images and "
                    f"{self.seal.refused} refused ({len(self.seal.refusals)} named), where the run holds {held.images} "
                    f"and {held.refused}; run the generate command again to verify and repair the run."
                )
            return self.seal
        missing, total = self.missing(), len(self._samples)
        state = f"{len(missing)} of {total} samples are missing ({named(missing)})" if missing else "it is not sealed"
        raise UserError(f"{self.path} is not finished: {state}; run its generate command again to complete it.")

    def outcomes_seal(self) -> Seal:
        """The seal that the recorded outcomes of the plan's samples give; no image is read."""
        reasons = ((sample, self.refusal(sample)) for sample in self._samples)
        refusals = tuple(
            Refusal(prompt_id=sample.prompt_id, sample=sample.index, reason=reason)
            for sample, reason in reasons
            if reason is not None
        )
        drawn = sum(self.pixel_sha256(sample) is not None for sample in self._samples)
        return Seal(images=drawn, refused=len(refusals), refusals=refusals, pixels_sha256=self.pixels_sha256())

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """Those of the plan, in its order."""
        return self._prompts

    def samples(self) -> list[Sample]:
        """All samples in plan order."""
        return list(self._samples)

    def slices(self) -> list[Slice]:
        """All slices in plan order."""
        return plan_slices(self._samples, self.plan.slice_size)

    @property
    def images(self) -> Path:
        """The folder that all images are in."""
        return self.path / "images"

    def image_path(self, sample: Sample) -> Path:
        """Where the sample's image is, or would be."""
        return self.images / self.file_name(sample)

    def file_name(self, sample: Sample) -> str:
        """The image's path inside images/, as in metadata.jsonl: with forward slashes."""
        folder = category_slug(sample.category) or f"{self._positions[sample.prompt_id] // FOLDER_SIZE:03d}"
        return f"{folder}/{sample.prompt_id}-{sample.index}.png"

    @cached_property
    def holds_drawbench(self) -> bool:
        """Whether its prompts go by DrawBench's name, or are any of its own: their text is not ours to give."""
        return self.plan.prompt_set_name == DRAWBENCH or holds_published(self._prompts)

    def usage(self) -> Usage | None:
        """The requests to a server that drawing has taken so far; None where no server was asked."""
        return read_usage(self.path / REQUESTS)

    def cost(self) -> Cost | None:
        """What drawing took, of the slices that count; None where nothing recorded it, or every batch was a first."""
        spent = sum((record.spent for work in self._work for record in work.slices if record.spent), Spent())
        if not spent.samples:
            return None
        drawers = [drawer for work in self._work if work.slices for drawer in work.attempt.drawers]
        return Cost(
            seconds_per_image=spent.seconds / spent.samples,
            images=spent.samples,
            warm_up_seconds=spent.first_seconds,
            warm_up_images=spent.first_samples,
            peak_memory_bytes=spent.memory,
            devices=tuple(dict.fromkeys(drawer.words for drawer in drawers)),
        )

    def refusal(self, sample: Sample) -> str | None:
        """Why the model drew nothing for the sample; None when it has an image or was not made yet."""
        outcome = self._outcomes.get((sample.prompt_id, sample.index))
        return outcome.refused if outcome else None

    def pixel_sha256(self, sample: Sample) -> str | None:
        """SHA-256 of the sample's decoded pixels as they were written; None when refused or not made yet."""
        outcome = self._outcomes.get((sample.prompt_id, sample.index))
        return outcome.pixels if outcome else None

    def pixels(self, sample: Sample) -> np.ndarray:
        """The sample's image, uint8 (H, W, 3). Raises MetricInputError where there is none that can be read, and
        UserError where it is not what was written."""
        path = self.image_path(sample)
        pixels = read_image(path)
        if pixel_hash(pixels) != self.pixel_sha256(sample):
            raise UserError(
                f"{path} was changed after the run was sealed: run the generate command of {self.path} again."
            )
        return pixels

    def pixels_sha256(self) -> str:
        """One SHA-256 over the outcomes of all samples, defined in `Seal`; `None` stands for a sample not made yet."""
        lines = []
        for sample in self._samples:
            refused = self.refusal(sample) is not None
            lines.append(f"{sample.prompt_id}\t{sample.index}\t{'refused' if refused else self.pixel_sha256(sample)}\n")
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def missing(self) -> list[Sample]:
        """The samples still to be made, in plan order: every sample of every slice that is not whole.

        Decodes every image: a file that is absent, cut short, unreadable or changed makes its whole slice missing.
        """
        return [sample for part in self.missing_slices() for sample in part.samples]

    def missing_slices(self, among: Sequence[Slice] | None = None) -> list[Slice]:
        """The slices still to be made, in plan order; see `missing`. among: those that are looked at; None for all."""
        with ThreadPoolExecutor() as pool:  # decoding releases the interpreter lock
            parts = self.slices() if among is None else among
            whole = pool.map(lambda part: all(map(self._is_there, part.samples)), parts)
            return [part for part, there in zip(parts, whole, strict=True) if not there]

    def _is_there(self, sample: Sample) -> bool:
        if self.refusal(sample) is not None:
            return True
        expected = self.pixel_sha256(sample)
        if expected is None:
            return False
        try:
            return pixel_hash(read_image(self.image_path(sample))) == expected
        except MetricInputError:
            return False

    @cached_property
    def _samples(self) -> list[Sample]:
        return plan_samples(self._prompts, self.plan.samples, self.plan.seed)

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {prompt_id: position for position, prompt_id in enumerate(self.plan.prompt_ids)}

    @cached_property
    def _work(self) -> list[Work]:
        if self.manifest.schema_version == 1:
            return read_schema_1(self.path, self.manifest.attempts)
        return read_journals(self.path)

    @cached_property
    def _outcomes(self) -> dict[tuple[str, int], Outcome]:
        outcomes: dict[tuple[str, int], Outcome] = {}
        parts = self.slices()
        for record in (record for work in self._work for record in work.slices):
            if record.slice < len(parts) and len(record.outcomes) == len(parts[record.slice].samples):
                for sample, outcome in zip(parts[record.slice].samples, record.outcomes, strict=True):
                    outcomes[sample.prompt_id, sample.index] = outcome
        return outcomes


def read_manifest(path: Path) -> Manifest:
    """The manifest of the run at `path`. Raises UserError when there is none, or none that can be trusted."""
    file = path / MANIFEST
    try:
        raw = file.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        if path.parts[:1] == ("s3:",):
            raise UserError(
                f"s3://{'/'.join(path.parts[1:])} is in object storage: `drawbench runs pull` makes a directory of it."
            ) from None
        raise UserError(f"{path} is not a run directory: it has no {MANIFEST}; name one made by generate.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{file} cannot be read ({error}); make it readable, or generate the run anew.") from None
    repair = "restore the file, or delete the run and generate it anew"
    try:
        manifest = Manifest.model_validate_json(raw)
    except ValidationError as error:
        raise UserError(
            f"{file} is not a manifest of schema version 1 or 2 ({first_problem(error)}); {repair}."
        ) from None
    if manifest.plan.sha256 != manifest.plan_sha256:
        raise UserError(f"{file} holds a plan that was changed by hand: its hash is not plan_sha256; {repair}.")
    if manifest.prompt_ids_sha256 not in ("", ids_sha256(manifest.plan.prompt_ids)):
        raise UserError(f"{file} was changed by hand: prompt_ids_sha256 is not the hash of the plan's ids; {repair}.")
    return manifest


def rows_of(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON lines file, none when it is absent. Raises UserError naming the first line that is none."""
    if not path.exists():
        return []
    rows: list[dict[str, Any]] = []
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").split("\n"), start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except json.JSONDecodeError:
                row = None
            if not isinstance(row, dict):
                raise UserError(f"{path}, line {number} is not a JSON object: restore the file.")
            rows.append(row)
    return rows


def named(samples: Iterable[Sample], most: int = 3) -> str:
    """The first few samples in words: `colors-001 sample 0, colors-002 sample 0, ...`."""
    shown = [f"{sample.prompt_id} sample {sample.index}" for sample in samples]
    return ", ".join(shown[:most]) + (", ..." if len(shown) > most else "")


def _read_prompts(path: Path, plan: Plan) -> tuple[Prompt, ...]:
    texts: dict[str, tuple[str, str]] = {}
    for row in [*rows_of(path / METADATA), *rows_of(path / REFUSED)]:
        texts.setdefault(str(row.get("prompt_id")), (str(row.get("category", "")), str(row.get("text", ""))))
    repair = "run its generate command again to write it anew"
    absent = [prompt_id for prompt_id in plan.prompt_ids if prompt_id not in texts]
    if absent:
        raise UserError(f"{path / METADATA} lacks {len(absent)} prompts of the plan (first: {absent[0]}); {repair}.")
    prompts = tuple(Prompt(prompt_id, *texts[prompt_id]) for prompt_id in plan.prompt_ids)
    if PromptSet(plan.prompt_set_name, prompts).sha256 != plan.prompts_sha256:
        raise UserError(f"{path / METADATA} holds other prompts than the plan: their hashes differ; {repair}.")
    return prompts
