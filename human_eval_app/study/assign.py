"""Who sees what, on which side and when: all assignments of a panel, made in advance from a seed.

Pure functions. Randomness comes from `random.Random` of a string, which depends on neither Python's hash seed nor
the machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from drawbench.errors import UserError
from human_eval_app.study.design import Answer, Panel, Seat, Trial, TrialKind
from human_eval_app.study.study_types import QuestionId


@dataclass(frozen=True)
class Known:
    """A screen whose right answer is known, for gold and training trials. Sides are keys into the design's sets.

    Paired: `better` is right for all `questions`, `worse` is the other side. Single: `better` is the image, `worse` is
    None, and `answer` the right one. touches: the prompts whose caption or images are seen.
    """

    prompt_id: str
    better: str
    worse: str | None
    questions: tuple[QuestionId, ...]
    touches: frozenset[str]
    answer: Answer | None = None

    def trial(self, kind: TrialKind, better_left: bool) -> Trial:
        """The trial with the better side on the left or on the right; a single one is the same either way."""
        if self.worse is None:
            assert self.answer is not None
            return Trial(prompt_id=self.prompt_id, kind=kind, left=self.better, expected=self._all(self.answer))
        left, right = (self.better, self.worse) if better_left else (self.worse, self.better)
        side: Answer = "left" if better_left else "right"
        return Trial(prompt_id=self.prompt_id, kind=kind, left=left, right=right, expected=self._all(side))

    def _all(self, answer: Answer) -> dict[str, Answer]:
        return dict.fromkeys(self.questions, answer)


@dataclass(frozen=True)
class PanelPlan:
    """What a panel is made of. `sides`: for each prompt the keys of its sets, one per model of the panel.

    spare_left: whether the first model gets the left side once more than the second where the number of (seat, prompt)
    pairs is odd. Panels of one pair take it in turn, so that the sum over panels is even to within one, too.
    """

    id: str
    category: str
    models: tuple[str, ...]
    prompts: tuple[str, ...]
    sides: tuple[tuple[str, ...], ...]
    gold: tuple[Known, ...]
    mirrored: int
    seats: int
    spare_left: bool


@dataclass(frozen=True)
class _Screen:
    trial: int  # index in the panel's trials
    touches: frozenset[str]
    gold: bool = False


def build_panel(plan: PanelPlan, seed: int) -> Panel:
    """The panel with all its seats. Equal arguments give equal panels.

    Every seat shows every prompt once and every gold trial once. Sides are balanced over seats and prompts (see
    `balanced_sides`), those of gold trials likewise. Raises UserError when there are too few prompts to keep gold
    trials and mirrored repeats away from what they repeat.
    """
    random = Random(f"assignments\t{seed}\t{plan.id}")
    paired = len(plan.models) == 2
    ways = 2 if paired else 1
    trials = [trial for prompt, sides in zip(plan.prompts, plan.sides, strict=True) for trial in _main(prompt, sides)]
    first_gold = len(trials)
    for known in plan.gold:
        trials += [known.trial("gold", better_left=way == 0) for way in range(ways)]
    sides = balanced_sides(plan.seats, len(plan.prompts), plan.spare_left, random)
    gold_sides = balanced_sides(plan.seats, len(plan.gold), bool(random.getrandbits(1)), random)
    repeats = [0] * len(plan.prompts)  # how often each prompt was mirrored so far
    mirror_of: dict[int, int] = {}  # main trial -> its mirror
    seats = []
    for number in range(plan.seats):
        main = [
            _Screen(prompt * ways + (paired and not sides[number][prompt]), frozenset([plan.prompts[prompt]]))
            for prompt in range(len(plan.prompts))
        ]
        gold = [
            _Screen(first_gold + index * ways + (paired and not gold_sides[number][index]), known.touches, gold=True)
            for index, known in enumerate(plan.gold)
        ]
        random.shuffle(main)
        random.shuffle(gold)
        mirrored = _choose_mirrored(main, plan.mirrored, ways, repeats, random, plan.id)
        screens = _with_mirrors(main, mirrored, trials, mirror_of, random)
        screens = _with_gold(screens, gold, random, plan.id)
        seats.append(Seat(id=f"{plan.id}-{number + 1:03d}", order=tuple(screen.trial for screen in screens)))
    return Panel(id=plan.id, category=plan.category, models=plan.models, trials=tuple(trials), seats=tuple(seats))


def balanced_sides(rows: int, columns: int, spare: bool, random: Random) -> list[list[bool]]:
    """A random table of rows x columns, half of it True: of each row, of each column and of the whole.

    Halves of an odd number differ by one. spare: whether the table's larger half, if there is one, is that of True.
    A chequerboard has these sums; trades between rows (Strona et al. 2014) mix it and keep them.
    """
    row_order, column_order = random.sample(range(rows), rows), random.sample(range(columns), columns)
    table = [[(row + column + spare) % 2 == 1 for column in column_order] for row in row_order]
    for _ in range(5 * rows if rows > 1 else 0):
        one, other = random.sample(table, 2)
        differing = [column for column in range(columns) if one[column] != other[column]]
        values = [one[column] for column in differing]
        random.shuffle(values)
        for column, value in zip(differing, values, strict=True):
            one[column], other[column] = value, not value
    return table


def _main(prompt: str, sides: tuple[str, ...]) -> list[Trial]:
    """The first model on the left, then on the right; one trial where one image is judged."""
    if len(sides) == 1:
        return [Trial(prompt_id=prompt, kind="main", left=sides[0])]
    return [
        Trial(prompt_id=prompt, kind="main", left=sides[0], right=sides[1]),
        Trial(prompt_id=prompt, kind="main", left=sides[1], right=sides[0]),
    ]


def _choose_mirrored(
    main: Sequence[_Screen], wanted: int, ways: int, repeats: list[int], random: Random, panel: str
) -> list[_Screen]:
    """Screens of the first half of the seat's order, of the prompts mirrored least so far; counts them in `repeats`."""
    if wanted == 0:
        return []
    early = list(main[: len(main) // 2])
    if wanted > len(early):
        raise UserError(
            f"panel {panel} has {len(main)} prompts, of which at most {len(early)} can be mirrored: "
            f"give --mirrored {len(early)} or less, or more prompts."
        )
    random.shuffle(early)
    early.sort(key=lambda screen: repeats[screen.trial // ways])
    for screen in early[:wanted]:
        repeats[screen.trial // ways] += 1
    return early[:wanted]


def _with_mirrors(
    main: Sequence[_Screen],
    mirrored: Sequence[_Screen],
    trials: list[Trial],
    mirror_of: dict[int, int],
    random: Random,
) -> list[_Screen]:
    """The mirrored screens' repeats at random places of the second half, one trial or more after what they repeat."""
    first = len(main) // 2 + 1
    gaps = random.sample(range(first, len(main) + 1), len(mirrored))
    at = dict(zip(gaps, mirrored, strict=True))
    screens: list[_Screen] = []
    for place in range(len(main) + 1):
        if place in at:
            screen = at[place]
            screens.append(_Screen(_mirror(screen.trial, trials, mirror_of), screen.touches))
        screens += main[place : place + 1]
    return screens


def _mirror(index: int, trials: list[Trial], mirror_of: dict[int, int]) -> int:
    if index not in mirror_of:
        trial = trials[index]
        assert trial.right is not None
        exchanged = {"kind": "mirror", "left": trial.right, "right": trial.left, "mirror_of": index}
        mirror_of[index] = len(trials)
        trials.append(trial.model_copy(update=exchanged))
    return mirror_of[index]


def _with_gold(screens: list[_Screen], gold: Sequence[_Screen], random: Random, panel: str) -> list[_Screen]:
    """Each gold screen at a random place of its own stretch of the order, never beside a trial of its prompts.

    Nor beside another gold screen of its prompts, unless there is no other place.
    """
    screens = list(screens)
    total = len(screens) + len(gold)
    for number, screen in enumerate(gold):
        start, end = number * total // len(gold), (number + 1) * total // len(gold)
        apart = [place for place in range(len(screens) + 1) if not _beside(screens, place, screen, gold=False)]
        free = [place for place in apart if not _beside(screens, place, screen, gold=True)] or apart
        if not free:
            raise UserError(
                f"panel {panel} has too few prompts to keep control trials away from what they repeat: "
                "give more prompts, or no --gold."
            )
        # How far each place is from the stretch: 0 inside it.
        far = {place: max(start - place, place - end + 1, 0) for place in free}
        least = min(far.values())
        screens.insert(random.choice([place for place in free if far[place] == least]), screen)
    return screens


def _beside(screens: Sequence[_Screen], place: int, screen: _Screen, gold: bool) -> bool:
    """Whether one of the neighbours at `place`, of the gold screens or of the others, shows a prompt of `screen`."""
    neighbours = screens[max(place - 1, 0) : place + 1]
    return any(neighbour.gold == gold and neighbour.touches & screen.touches for neighbour in neighbours)
