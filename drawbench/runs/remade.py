"""The model of a run, made again in another process."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from drawbench.errors import UserError
from drawbench.interface import ModelCard, Sample, TextToImage
from drawbench.prompts.prompt_set import PromptSet
from drawbench.runs.drawing import Drawn, Manner, draw

Drawing = Callable[[Sequence[Sample]], Drawn]


def refuse_servers(model: TextToImage) -> None:
    """Raises UserError for a model that several processes cannot ask."""
    logs = getattr(model.log_requests, "__func__", None) is not TextToImage.log_requests
    if model.concurrency > 1 or logs:
        raise UserError("several processes cannot draw this run: its model asks a server by itself; start it alone.")


@dataclass(frozen=True)
class Remade:
    """What a process must know of a run to draw for it; reaches it by pickle."""

    prompt_set: PromptSet
    samples: Sequence[Sample]
    card: ModelCard
    manner: Manner
    requests: Path

    def __call__(self, model: TextToImage) -> Drawing:
        """How that process draws. Raises UserError when the model is another one there."""
        model.take_prompt_set(self.prompt_set)
        model.check_plan(self.samples, self.manner.size)
        if model.card() != self.card:
            raise UserError(
                f"{self.card.name} is another model in a process of its own: leave --workers and --engine out, or mend "
                "what differs there (files, versions, devices)."
            )
        model.log_requests(self.requests)
        return lambda samples: draw(model, samples, self.manner)

    def by_recipe(self, recipe: Callable[[], TextToImage]) -> Drawing:
        """The same where the model must be loaded first."""
        return self(recipe())
