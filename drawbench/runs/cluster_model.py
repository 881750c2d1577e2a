"""A model in the actors of a cluster: this process needs neither its memory nor a GPU."""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from drawbench.interface import ModelCard, Prompts, Refused, Sample, Sources, TextToImage
from drawbench.runs.cluster import Cluster
from drawbench.runs.directory import named
from drawbench.runs.drawing import Batch, Drawn, Engine
from drawbench.runs.hardware import drawer_here
from drawbench.runs.journal import Drawer
from drawbench.runs.png import encoded
from drawbench.runs.remade import Drawing, Remade, refuse_servers

FACTS = ("device", "one_at_a_time", "concurrency", "price", "may_cost", "threads", "known_settings")


class ClusterModel(TextToImage):
    """Answers as the model that `recipe` makes in an actor."""

    def __init__(self, cluster: Cluster, recipe: Callable[[], TextToImage]) -> None:
        """Loads it in the first actor. Raises as the recipe does."""
        self.recipe = recipe
        self._cluster = cluster
        self._made = self._planned = cluster.made(recipe)
        self._prompt_set: Prompts | None = None
        for name, value in cluster.call(self._made, _facts).items():
            setattr(self, name, value)

    @property
    def native_size(self) -> int:
        """As the model says. Raises UserError where it does not."""
        return int(self._cluster.call(self._made, getattr, "native_size"))

    @property
    def workers(self) -> int:
        """The actors."""
        return self._cluster.count

    def held_samples(self, prompt_set: Prompts) -> int:
        return int(self._ask("held_samples", prompt_set))

    def take_prompt_set(self, prompt_set: Prompts) -> None:
        self._prompt_set = prompt_set

    def check_plan(self, samples: Sequence[Sample], size: int) -> None:
        """Whichever actor is asked from now on knows the plan."""
        self._planned = self._cluster.made(_Planned(self._prompt_set, samples, size), self._made)
        self._ask("card")

    def card(self) -> ModelCard:
        return self._ask("card")

    def sources(self) -> Sources:
        return self._ask("sources")

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        return list(self._ask("generate", samples, size))

    def drawer(self, threads: int | None) -> Drawer:
        """The first actor, as one that draws."""
        return self._cluster.call(self._planned, _drawer, threads)

    def engine(self, remade: Remade) -> Engine:
        """The engine of all actors. Images come back as files, so that this process has them only to write."""
        drawing = self._cluster.made(_DrawingThere(remade), self._made)

        def engine(batches: Iterable[Batch]) -> Generator[tuple[Batch, Drawn], None, None]:
            return self._cluster.map(
                drawing, _draw, batches, send=lambda batch: (batch.samples,), name=lambda batch: named(batch.samples)
            )

        return engine

    def _ask(self, method: str, *arguments: object) -> Any:
        return self._cluster.call(self._planned, _answer, method, arguments)


@dataclass(frozen=True)
class _Planned:
    """The model of an actor, when it knows what is planned."""

    prompt_set: Prompts | None
    samples: Sequence[Sample]
    size: int

    def __call__(self, model: TextToImage) -> TextToImage:
        if self.prompt_set is not None:
            model.take_prompt_set(self.prompt_set)
        model.check_plan(self.samples, self.size)
        return model


@dataclass(frozen=True)
class _DrawingThere:
    """How an actor draws, and what it says that it is."""

    remade: Remade

    def __call__(self, model: TextToImage) -> tuple[Drawing, Drawer]:
        drawing = self.remade(model)
        return drawing, _drawer(model, self.remade.manner.threads)


def _draw(there: tuple[Drawing, Drawer], samples: Sequence[Sample]) -> Drawn:
    drawing, drawer = there
    drawn = drawing(samples)
    files = [encoded(one) if isinstance(one, np.ndarray) else one for one in drawn.outputs]
    return replace(drawn, outputs=files, by=drawer)


def _facts(model: TextToImage) -> dict[str, Any]:
    refuse_servers(model)
    facts = {name: getattr(model, name) for name in FACTS}
    return facts | {"device": str(model.device), "known_settings": dict(model.known_settings)}


def _answer(model: TextToImage, method: str, arguments: tuple[Any, ...]) -> Any:
    return getattr(model, method)(*arguments)


def _drawer(model: TextToImage, threads: int | None) -> Drawer:
    return drawer_here(str(model.device), threads)
