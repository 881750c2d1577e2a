"""From compared runs and options to a design. Writes nothing: what images it needs is left in its `Sets`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from random import Random

from drawbench.errors import UserError
from drawbench.results.scores import PromptSetRef
from human_eval_app.study.assign import Known, PanelPlan, balanced_sides, build_panel
from human_eval_app.study.design import INSTRUCTIONS_VERSION, ORIGINAL, Controls, Design, Panel, StudyModel, Trial
from human_eval_app.study.given import GoldFile, captions_of
from human_eval_app.study.gold import in_turn, known_trials, preferred
from human_eval_app.study.options import Options
from human_eval_app.study.runs import ComparedRuns
from human_eval_app.study.selection import Group, Selection, group_prompts
from human_eval_app.study.sets import Sets
from human_eval_app.study.stopping import stopping_text
from human_eval_app.study.study_types import QUESTIONS, Choices, departures


@dataclass(frozen=True)
class Draft:
    """A study in the making. `size`: pixels shown. Its methods raise UserError when the options cannot be met."""

    compared: ComparedRuns
    selection: Selection
    options: Options
    given: GoldFile
    sets: Sets
    size: int

    def design(self) -> Design:
        """The whole design; deterministic but for the images' names, which come from the study's secret."""
        if any(exclusion.rule == "gold" for exclusion in self.options.exclusions) and not self.gold:
            raise UserError("--exclude gold needs control trials: give --gold as well.")
        training = self._training_trials()
        panels = self._panels()
        plan, options = self.compared.runs[0].plan, self.options
        return Design(
            name=options.name,
            type=options.type,
            raters="simulated" if options.simulated else "human",
            seed=options.seed,
            samples=options.images_per_side,
            image_size=self.size,
            encoder=options.encoder.name,
            prompt_set=PromptSetRef(
                name=plan.prompt_set_name, sha256=plan.prompt_set_sha256, n=len(self.selection.shown)
            ),
            captions=self._captions([*training, *(trial for panel in panels for trial in panel.trials)]),
            models=self._models(),
            questions=QUESTIONS[options.type],
            instructions_version=INSTRUCTIONS_VERSION,
            known_trials=2,
            training=training,
            controls=self._controls(),
            exclusions=options.exclusions,
            departures=departures(self._choices()),
            sets=self.sets.sets,
            panels=panels,
            stopping=options.stopping,
        )

    @cached_property
    def gold(self) -> int:
        """Gold trials per rater."""
        given = self.given.of_kind("gold")
        return _number(self.options.gold, len(given), self.options.protocol.gold, "gold")

    @cached_property
    def training(self) -> int:
        """Training trials."""
        return _number(self.options.training, len(self.given.of_kind("training")), 0, "training")

    @cached_property
    def groups(self) -> list[Group]:
        """What each panel judges."""
        return group_prompts(self.selection, self.options)

    @cached_property
    def parts(self) -> tuple[tuple[str, ...], ...]:
        """What is compared or judged apart: pairs of models, models with the originals, or single models."""
        labels = self.compared.labels
        if self.options.type == "drawbench":
            return tuple(combinations(labels, 2))
        if self.options.type == "coco-photorealism":
            return tuple((label, ORIGINAL) for label in labels)
        return tuple((label,) for label in (*labels, ORIGINAL))

    @cached_property
    def _training_known(self) -> tuple[Known, ...]:
        if given := self.given.of_kind("training"):
            return self.sets.given(given[: self.training])
        random = Random(f"training\t{self.options.seed}")
        spare, labels = self.selection.spare, in_turn(self.compared.labels, random.randrange(len(self.compared.labels)))
        pool = preferred([spare], frozenset(), self.training, random)
        strangers = spare if len(spare) > 1 else self.selection.all
        return known_trials(self.options.type, labels, pool, strangers, self.training, self.sets.key, random)

    def _training_trials(self) -> tuple[Trial, ...]:
        known = self._training_known
        sides = balanced_sides(1, len(known), True, Random(f"training sides\t{self.options.seed}"))[0]
        return tuple(each.trial("training", side) for each, side in zip(known, sides, strict=True))

    def _panels(self) -> tuple[Panel, ...]:
        panels: list[Panel] = []
        for number, models in enumerate(self.parts, start=1):
            spare_left = bool(Random(f"spare\t{self.options.seed}\t{number}").getrandbits(1))
            for group in self.groups:
                panel_id = group.id if len(self.parts) == 1 else f"{group.id}-part-{number}"
                panels.append(self._panel(panel_id, group, models, spare_left, len(panels)))
                # In turn, so that also the sum over the panels is even to within one.
                spare_left ^= len(group.prompts) * self.options.raters_per_trial % 2 == 1
        return tuple(panels)

    def _panel(self, panel_id: str, group: Group, models: tuple[str, ...], spare_left: bool, number: int) -> Panel:
        plan = PanelPlan(
            id=panel_id,
            category=group.category,
            models=models,
            prompts=tuple(prompt.id for prompt in group.prompts),
            sides=tuple(tuple(self.sets.key(model, prompt.id) for model in models) for prompt in group.prompts),
            gold=self._gold(panel_id, group, in_turn(models, number)),
            mirrored=self.options.mirrored,
            seats=self.options.raters_per_trial,
            spare_left=spare_left,
        )
        return build_panel(plan, self.options.seed)

    def _gold(self, panel_id: str, group: Group, models: tuple[str, ...]) -> tuple[Known, ...]:
        if given := self.given.of_kind("gold"):
            return self.sets.given(given[: self.gold])
        random = Random(f"gold\t{self.options.seed}\t{panel_id}")
        spare = self.selection.spare
        alike = [prompt for prompt in spare if prompt.category == group.category]
        others = [prompt for other in self.groups if other is not group for prompt in other.prompts]
        practised = frozenset(prompt_id for known in self._training_known for prompt_id in known.touches)
        pools = [alike, [prompt for prompt in spare if prompt not in alike], others, group.prompts]
        pool = preferred(pools, practised, self.gold, random)
        strangers = next((some for some in (spare, others) if len(some) > 1), self.selection.all)
        return known_trials(self.options.type, models, pool, strangers, self.gold, self.sets.key, random)

    def _controls(self) -> Controls:
        return Controls(
            gold_per_seat=self.gold,
            mirrored_per_seat=self.options.mirrored,
            minimum_gold_correct=self.options.required_gold_share(self.gold),
        )

    def _captions(self, trials: Sequence[Trial]) -> dict[str, str]:
        texts = {prompt.id: prompt.text for prompt in self.selection.all} | captions_of(self.given.trials)
        used = {trial.prompt_id for trial in trials}
        return {prompt_id: text for prompt_id, text in texts.items() if prompt_id in used}

    def _models(self) -> tuple[StudyModel, ...]:
        original = StudyModel(label=ORIGINAL, card=None, plan_sha256=None, pixels_sha256=None)
        return (*self.compared.models(), *([original] if self.options.protocol.photographs else []))

    def _choices(self) -> Choices:
        plan, options = self.compared.runs[0].plan, self.options
        sizes = sorted({run.plan.size for run in self.compared.runs} - {self.size})
        return Choices(
            type=options.type,
            models=len(self.compared.runs),
            raters=options.raters_per_trial,
            samples=options.images_per_side,
            prompt_set=plan.prompt_set_name,
            prompt_set_sha256=plan.prompt_set_sha256,
            set_prompts=plan.prompt_set_n,
            run_prompts=plan.n_prompts,
            shown=len(self.selection.shown),
            categories=len({prompt.category for prompt in self.selection.shown}),
            batches=tuple(len(group.prompts) for group in self.groups),
            gold=self.gold,
            gold_given=bool(self.given.of_kind("gold")),
            mirrored=options.mirrored,
            minimum_gold_correct=options.required_gold_share(self.gold),
            training=self.training,
            practice=()
            if self.given.of_kind("training")
            else tuple(sorted({k.prompt_id for k in self._training_known})),
            exclusions=options.exclusions,
            simulated=options.simulated,
            encoder_loses=options.encoder.quality is not None,
            encoder=options.encoder.name,
            size=self.size,
            resized_from=tuple(sizes),
            refused=self.selection.refused,
            stopping=stopping_text(options.stopping, len(QUESTIONS[options.type]) * len(self.parts)),
        )


def _number(asked: int | None, given: int, default: int, what: str) -> int:
    """How many trials of a kind there are: as asked, or else all that are given, or else the default."""
    if asked is None:
        return given or default
    if given and asked > given:
        raise UserError(f"--{what} asks for {asked} trials and --gold-file gives {given}: give more, or ask for less.")
    return asked
