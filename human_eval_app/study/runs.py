"""The runs that a study compares: opened, checked against each other, and read image by image."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import MappingProxyType

import numpy as np

from drawbench.errors import UserError
from drawbench.interface import Sample
from drawbench.prompts.prompt_set import Prompt
from drawbench.runs.directory import RunDirectory
from human_eval_app.study.design import ORIGINAL, StudyModel
from metrics.errors import MetricInputError

GIVEN = "given"  # the label of images from a user's own file of gold trials
NAMED = 5  # how many prompts a message names


@dataclass(frozen=True)
class RunImages:
    """The images of a sealed run, each checked against the hash recorded when it was made."""

    run: RunDirectory
    samples: dict[tuple[str, int], Sample]

    def pixels(self, prompt_id: str, index: int) -> np.ndarray:
        """See `ImageSource`."""
        try:
            return self.run.pixels(self.samples[prompt_id, index])
        except MetricInputError as error:
            raise UserError(f"{error}; run the generate command of {self.run.path} again to repair it.") from None


@dataclass(frozen=True)
class ComparedRuns:
    """Runs of the same prompts. `labels`: what tables call the models, in the order given. `renamed`: those chosen."""

    labels: tuple[str, ...]
    runs: tuple[RunDirectory, ...]
    renamed: frozenset[str] = frozenset()

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """All prompts of the runs, in their order."""
        return self.runs[0].prompts

    def models(self) -> tuple[StudyModel, ...]:
        """The models as the design names them."""
        return tuple(
            StudyModel(
                label=label,
                card=run.plan.model.model_copy(update={"name": label}) if label in self.renamed else run.plan.model,
                plan_sha256=run.plan.sha256,
                pixels_sha256=run.require_seal().pixels_sha256,
            )
            for label, run in zip(self.labels, self.runs, strict=True)
        )

    def sources(self) -> dict[str, RunImages]:
        """Where each model's images come from, by label."""
        return {
            label: RunImages(run, {(sample.prompt_id, sample.index): sample for sample in run.samples()})
            for label, run in zip(self.labels, self.runs, strict=True)
        }

    def refused(self, samples: int) -> dict[str, str]:
        """Prompts of which a model refused one of the first `samples` images -> that model's label."""
        found: dict[str, str] = {}
        for label, run in zip(self.labels, self.runs, strict=True):
            for sample in run.samples():
                if sample.index < samples and run.refusal(sample) is not None:
                    found.setdefault(sample.prompt_id, label)
        return {prompt.id: found[prompt.id] for prompt in self.prompts if prompt.id in found}

    def image_size(self, size: int | None) -> int:
        """The size shown, in pixels: `size`, or else that of all runs. Raises UserError when they differ."""
        if size is not None:
            return size
        sizes = {run.plan.size for run in self.runs}
        if len(sizes) > 1:
            told = ", ".join(f"{run.path} {run.plan.size} px" for run in self.runs)
            raise UserError(f"the runs' images differ in size ({told}): give --size to show all at one size.")
        return sizes.pop()


def open_runs(
    paths: Sequence[Path], samples: int, least: int, names: Mapping[Path, str] = MappingProxyType({})
) -> ComparedRuns:
    """The runs, sealed, of the same prompts, with `samples` images per prompt or more.

    names: what to call the models of some runs instead of their own names. Raises UserError for fewer than `least`
    runs, one given twice, runs that cannot be compared, and names that cannot be told apart.
    """
    runs = tuple(RunDirectory.open(path) for path in paths)
    if len(runs) < least:
        raise UserError(f"{len(runs)} run is given where {least} are compared: name the other model's run as well.")
    first = runs[0]
    for position, run in enumerate(runs):
        run.require_seal()
        for earlier in runs[:position]:
            if run.plan.sha256 == earlier.plan.sha256:
                raise UserError(f"{run.path} and {earlier.path} hold the same run: name each model's run once.")
        if run.plan.prompts_sha256 != first.plan.prompts_sha256 or run.plan.prompt_ids != first.plan.prompt_ids:
            raise UserError(
                f"{run.path} holds other prompts ({_told(run)}) than {first.path} ({_told(first)}): "
                "generate both from one prompt set, with the same --limit."
            )
        if run.plan.samples < samples:
            raise UserError(
                f"{run.path} holds {run.plan.samples} images per prompt where {samples} are shown: "
                f"generate it with --samples {samples}, or give --samples {run.plan.samples} here."
            )
    return ComparedRuns(_chosen(paths, _labels(runs), names), runs, frozenset(names.values()))


def limited(prompts: Sequence[Prompt], limit: int | None) -> list[Prompt]:
    """The first `limit` prompts of each category, or all."""
    seen: Counter[str] = Counter()
    kept = []
    for prompt in prompts:
        seen[prompt.category] += 1
        if limit is None or seen[prompt.category] <= limit:
            kept.append(prompt)
    return kept


def drawn(prompts: Sequence[Prompt], number: int, seed: int) -> list[Prompt]:
    """`number` prompts at random, in random order; all where there are fewer."""
    return Random(f"prompts\t{seed}").sample(list(prompts), min(number, len(prompts)))


def named_prompts(prompt_ids: Sequence[str]) -> str:
    """The first few ids, for a message."""
    return ", ".join(prompt_ids[:NAMED]) + (", ..." if len(prompt_ids) > NAMED else "")


def _told(run: RunDirectory) -> str:
    return f"{run.plan.prompt_set_name}, {run.plan.n_prompts} prompts, SHA-256 {run.plan.prompts_sha256[:12]}"


def _chosen(paths: Sequence[Path], labels: Sequence[str], names: Mapping[Path, str]) -> tuple[str, ...]:
    """The labels with those that were chosen."""
    if unknown := [path for path in names if path not in paths]:
        raise UserError(f"{unknown[0]} is given a name and is none of the runs: write its path as among the runs.")
    chosen = tuple(names.get(path, label) for path, label in zip(paths, labels, strict=True))
    for name in names.values():
        if name in ("", ORIGINAL, GIVEN) or not name.isprintable() or chosen.count(name) > 1:
            raise UserError(f"a model cannot be called '{name}' here: give each a name of its own that says something.")
    return chosen


def _labels(runs: Sequence[RunDirectory]) -> tuple[str, ...]:
    """The models' names; runs of one name are told apart by their plans, and no model is called `original`."""
    names = [run.plan.model.name for run in runs]
    return tuple(
        f"{name} ({run.plan.sha256[:8]})" if names.count(name) > 1 or name in ("", ORIGINAL, GIVEN) else name
        for name, run in zip(names, runs, strict=True)
    )
