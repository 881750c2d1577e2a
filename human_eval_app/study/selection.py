"""Which prompts a study shows, and which raters judge which of them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from drawbench.errors import UserError
from drawbench.prompts.prompt_set import Prompt, category_slug
from human_eval_app.study.options import Options
from human_eval_app.study.runs import ComparedRuns, drawn, limited, named_prompts
from human_eval_app.study.study_types import batch_sizes

SPARE = 100  # prompts outside the study that known trials may be made of
LEAST = 2  # prompts of a category, below which no interval for it, or over all, is known


@dataclass(frozen=True)
class Selection:
    """The prompts of a study, in order; `spare` ones outside it; and those left out because a model refused them.

    Practice is made of spare prompts: where runs hold too few, some are left out of the study for it.
    """

    shown: tuple[Prompt, ...]
    spare: tuple[Prompt, ...]
    refused: tuple[str, ...]

    @property
    def all(self) -> tuple[Prompt, ...]:
        """All prompts of which images may be needed."""
        return (*self.shown, *self.spare)


@dataclass(frozen=True)
class Group:
    """Prompts that the raters of one panel judge: a category's, or a batch of a COCO study. Its id tells no model."""

    id: str
    category: str
    prompts: tuple[Prompt, ...]


def select_prompts(compared: ComparedRuns, options: Options, practice: int = 0) -> Selection:
    """The prompts in the study. Raises UserError when a model refused one, unless such prompts are to be left out.

    practice: how many prompts training needs, none of which is judged.

    A refused prompt is not replaced by another one, nor a refused image by a later one of the run: either would show
    a model at what it likes to draw.
    """
    prompts = compared.prompts
    if options.protocol.prompts is None:
        wanted = limited(prompts, options.limit)
    else:
        wanted = drawn(prompts, options.limit or options.protocol.prompts, options.seed)
    refusals = compared.refused(options.images_per_side)
    refused = [prompt.id for prompt in wanted if prompt.id in refusals]
    if refused and not options.leave_out_refused:
        more = f" (and models refused {len(refused) - 1} more prompts)" if len(refused) > 1 else ""
        raise UserError(
            f"{refusals[refused[0]]} refused to draw prompt {refused[0]}{more}: "
            "give --leave-out-refused to leave such prompts out for all models, which the design then says."
        )
    shown = tuple(prompt for prompt in wanted if prompt.id not in refusals)
    if not shown:
        raise UserError(f"no prompt is left, for models refused all of them ({named_prompts(refused)}).")
    taken = {prompt.id for prompt in wanted}
    spare = [prompt for prompt in prompts if prompt.id not in taken and prompt.id not in refusals]
    held = _held_out(shown, practice - len(spare), options.seed)
    shown = tuple(prompt for prompt in shown if prompt not in held)
    return Selection(shown, (*drawn(spare, SPARE, options.seed), *held), tuple(refused))


def _held_out(shown: Sequence[Prompt], number: int, seed: int) -> tuple[Prompt, ...]:
    """Prompts to keep for practice, each of the category that is largest then, where one prompt counts least.

    Raises UserError where a category would be left with less than LEAST.
    """
    random, left, held = Random(f"practice\t{seed}"), list(shown), []
    for _ in range(number):
        category, size = Counter(prompt.category for prompt in left).most_common(1)[0]
        if size <= LEAST:
            raise UserError(
                f"--training needs {number} prompts of the study for practice, and would leave a category with less "
                f"than {LEAST}: give less --training, or generate the runs with more prompts."
            )
        largest = [prompt for prompt in left if prompt.category == category]
        held.append(random.choice(largest))
        left.remove(held[-1])
    return tuple(held)


def group_prompts(selection: Selection, options: Options) -> list[Group]:
    """A group per category, in the order of the prompts; in a COCO study batches of prompts in random order."""
    if options.protocol.batch is not None:
        return _batches(selection, options.protocol.batch, options.seed)
    categories: dict[str, list[Prompt]] = {}
    for prompt in selection.shown:
        categories.setdefault(prompt.category, []).append(prompt)
    return [
        Group(category_slug(category) or "all", category, tuple(prompts)) for category, prompts in categories.items()
    ]


def _batches(selection: Selection, batch: int, seed: int) -> list[Group]:
    order = Random(f"batches\t{seed}").sample(selection.shown, len(selection.shown))
    groups, start = [], 0
    for number, size in enumerate(batch_sizes(len(order), batch), start=1):
        groups.append(Group(f"batch-{number}", "", tuple(order[start : start + size])))
        start += size
    return groups
