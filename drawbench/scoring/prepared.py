"""A run made ready for its metrics, by scoring and by comparing alike: features, prompts, scopes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from drawbench.errors import UserError
from drawbench.interface import Sample
from drawbench.results.comparable import Conditions
from drawbench.results.scores import OVERALL, PromptSetRef, ReferenceRef
from drawbench.runs.directory import RunDirectory
from drawbench.runs.plan import Plan
from drawbench.scoring.described import prompt_references
from drawbench.scoring.extractors import Cut, Extractors
from drawbench.scoring.image_notes import image_notes, reference_notes
from drawbench.scoring.protocol import MetricDefinition, Protocol
from drawbench.scoring.references import ReferenceFeatures
from drawbench.scoring.run_features import RunFeatures
from metrics.image_set import ImageSet, nothing

Part = list[int]  # places of prompts


@dataclass(frozen=True)
class PreparedRun:
    """The images of a run by prompt.

    size: pixels that extractors saw. references: None where there are none, or no metric asks.
    prompts: one sample for each prompt that has an image, in plan order. rows: (N,), for each image its prompt's place
    in `prompts`. image_notes, reference_notes: what must be known beside every number of these images, and beside every
    distance of theirs to these references.
    """

    run: RunDirectory
    size: int
    features: RunFeatures
    extractors: Extractors
    references: ReferenceFeatures | None
    prompts: tuple[Sample, ...]
    rows: np.ndarray
    image_notes: tuple[str, ...] = ()
    reference_notes: tuple[str, ...] = ()
    _texts: dict[str, np.ndarray] = field(default_factory=dict, init=False)
    _sets: dict[object, ImageSet] = field(default_factory=dict, init=False)

    @classmethod
    def of(
        cls,
        run: RunDirectory,
        size: int,
        features: RunFeatures,
        extractors: Extractors,
        references: ReferenceFeatures | None,
    ) -> "PreparedRun":
        """Group the images by prompt."""
        prompts = tuple({sample.prompt_id: sample for sample in features.samples}.values())
        row = {prompt.prompt_id: number for number, prompt in enumerate(prompts)}
        rows = np.array([row[sample.prompt_id] for sample in features.samples])
        odd = tuple(image_notes(run, features))
        beside = tuple(reference_notes(run, features, references)) if references else ()
        return cls(run, size, features, extractors, references, prompts, rows, odd, beside)

    def images(self, metric: MetricDefinition) -> ImageSet:
        """All that a metric reads; one set for all metrics of an extractor that need the same."""
        name, needs = metric.extractor.name, metric.kind.needs
        if (name, needs) not in self._sets:
            rows, theirs = self.features.features[name], self.references
            logits = f"{self.size} px, logits"
            self._sets[name, needs] = ImageSet(
                rows,
                self.rows,
                [prompt.text for prompt in self.prompts],
                self.texts(name) if needs.texts else nothing(),
                self.extractors.logits(name, logits, self.features.hashes, rows) if needs.logits else nothing(),
                theirs.features.get(name, nothing()) if theirs and needs.references else nothing(),
                theirs.gaussians[metric.metric] if theirs and needs.references == "moments" else None,
                prompt_references(self.prompts, theirs.described if theirs else {}),
                self.features.hashes,
            )
        return self._sets[name, needs]

    def texts(self, extractor: str) -> np.ndarray:
        """The embeddings of the prompts' captions."""
        if extractor not in self._texts:
            self._texts[extractor] = self.extractors.texts(extractor, [prompt.text for prompt in self.prompts])
        return self._texts[extractor]

    def cut(self, extractor: str) -> Cut:
        """Of which captions a network reads the beginning only."""
        return self.extractors.cut(extractor, [prompt.text for prompt in self.prompts])

    def scopes(self, metric: MetricDefinition) -> Iterator[tuple[str, Part]]:
        """`overall`, then each category that has an image, in plan order: its name, and the places of its prompts."""
        yield OVERALL, list(range(len(self.prompts)))
        for category in self.categories() if metric.kind.by_category else []:
            inside = [i for i, prompt in enumerate(self.prompts) if prompt.category == category]
            if category and inside:  # a category that was refused altogether is named in the overall note
                yield category, inside

    def categories(self) -> list[str]:
        """Of the whole plan, in its order."""
        return list(dict.fromkeys(sample.category for sample in self.run.samples()))

    def served(self, metric: MetricDefinition, inside: Sequence[int]) -> Part:
        """The prompts of a scope that have the images which the metric compares."""
        counts = np.bincount(self.rows)
        return [i for i in inside if counts[i] > 1] if metric.kind.needs.pairs else list(inside)


def conditions(plan: Plan, protocol: Protocol, reference: ReferenceRef | None) -> Conditions:
    """The conditions under which a run's numbers are measured."""
    prompt_set = PromptSetRef(name=plan.prompt_set_name, sha256=plan.prompt_set_sha256, n=plan.n_prompts)
    return Conditions(
        prompt_set, protocol.ref, reference, protocol.size or plan.size, plan.samples, complete=plan.complete
    )


def evaluated_size(run: RunDirectory, protocol: Protocol) -> int:
    """Pixels the metrics see. Enlarging images would measure the enlargement, so it is refused: raises UserError."""
    size = protocol.size or run.plan.size
    if run.plan.size < size:
        raise UserError(
            f"protocol {protocol.name} evaluates at {size} px and {run.path} holds images of {run.plan.size} px: "
            f"generate them with --size {size} or more"
        )
    return size
