"""The crash test of scorers: how often they are right, what bribes pay, what they mind that they should not."""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from drawbench.auditing.changes import BRIBES
from drawbench.auditing.examples import ALIKE, KINDS, PHOTOGRAPH, Example, Trial, in_turn, trials
from drawbench.auditing.guidance import GUIDED, guided_trials
from drawbench.auditing.measure import bribes, shares
from drawbench.auditing.photographs import photograph_trials
from drawbench.auditing.records import Audit, Card, Tried
from drawbench.auditing.scorers import Scorer
from drawbench.auditing.words import sentence
from drawbench.errors import UserError
from drawbench.progress import Progress
from metrics.images.decode import pixel_hash

TRIALS = 100  # of each kind
Marked = Callable[[Iterable[Example]], np.ndarray]
Kinds = Mapping[str, Sequence[Trial]]  # by what is wrong


def audit(
    scorers: Sequence[Scorer],
    *,
    count: int = TRIALS,
    seed: int = 0,
    photographs: Path | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Try scorers on `count` scenes of each kind, and as many of all kinds for bribes and what should not matter.

    photographs: a folder with captions.csv; see `photograph_trials`. Raises UserError where a scorer marks nothing, and
    as scoring does, MetricInputError likewise.
    """
    if repeated := next((name for name, n in Counter(each.name for each in scorers).items() if n > 1), None):
        raise UserError(f"two scorers are called {repeated}: name each once")
    if count < 1:
        raise UserError(f"an audit of {count} trials tries nothing: give a whole number of at least 1")
    progress = progress or Progress()
    described = {PHOTOGRAPH: photograph_trials(photographs)} if photographs else {}
    scenes = {kind: trials(kind, count, seed) for kind in KINDS}
    guided = guided_trials(min(count, GUIDED), seed, progress)
    return Audit(
        seed=seed,
        trials=count,
        scenes_sha256=_digest(scenes.values()),
        photographs=len(described.get(PHOTOGRAPH, ())),
        cards=[_card(scorer, scenes, described, guided, count, progress) for scorer in scorers],
    )


def _card(
    scorer: Scorer, scenes: Kinds, described: Kinds, guided: Sequence[Trial], count: int, shown: Progress
) -> Card:
    def marked(images: Iterable[Example]) -> np.ndarray:
        return scorer.marks(list(images), shown)

    total = sum(_images(kinds, count) for kinds in (scenes, described)) + 2 * len(guided)
    with shown.counted(scorer.name, 0, total):
        of_photographs = _tried(marked, described, count, shown) if described else None
        of_scenes = _tried(marked, scenes, count, shown)
        if not of_scenes.right and not (of_photographs and of_photographs.right):
            raise UserError(
                f"{scorer.name} marks none of the audit's images: it knows no question, rule or text of their captions"
            )
        high = shares({"guidance": _above(*_marks(marked, guided)[::-1])}) if guided else {}
    made = Card(
        scorer=scorer.name,
        definition=scorer.definition,
        fingerprint=scorer.fingerprint,
        scenes=of_scenes,
        photographs=of_photographs,
        guidance=high.get("guidance"),
        sentence="",
    )
    return made.model_copy(update={"sentence": sentence(made)})


def _tried(marked: Marked, kinds: Kinds, count: int, shown: Progress) -> Tried:
    """What comes of trials by what is wrong, as many of each; of those that are marked, `count` of all kinds are bribed
    and changed."""
    by_kind = {kind: _marks(marked, group) for kind, group in kinds.items()}
    both = np.array(in_turn([marks.T.tolist() for marks in by_kind.values()]))
    places = np.flatnonzero(np.isfinite(both).all(axis=1))[:count]
    shown.advance(_changed_images(min(count, len(both)) - len(places)))
    if not len(places):
        return Tried(right={}, bribes={}, kept={})
    trials_in_turn = in_turn(list(kinds.values()))
    some = [trials_in_turn[place] for place in places]
    right, wrong = both[places].T
    before = _above(right, wrong)
    bribed = {}
    for name, bribe in BRIBES.items():
        images = [trial.bribed(bribe(trial.wrong.caption)).wrong for trial in some]
        bribed[name] = _above(right, marked(images))
    kept = {}
    for name, change in ALIKE.items():
        changed = {place: made for place, trial in enumerate(some) if (made := change(trial))}
        shown.advance(2 * (len(some) - len(changed)))
        if changed:
            kept[name] = 1 - np.abs(before[list(changed)] - _above(*_marks(marked, list(changed.values()))))
    return Tried(
        right=shares({kind: _above(*marks) for kind, marks in by_kind.items()}),
        bribes=bribes(before, bribed),
        kept=shares(kept),
    )


def _marks(marked: Marked, tried: Sequence[Trial]) -> np.ndarray:
    """Of the right and of the wrong images, (2, n)."""
    return marked([*(each.right for each in tried), *(each.wrong for each in tried)]).reshape(2, -1)


def _above(these: np.ndarray, those: np.ndarray) -> np.ndarray:
    """1 where these marks are higher, a half where both are alike, else 0; NaN where either is none."""
    return (np.sign(these - those) + 1) / 2


def _images(kinds: Kinds, count: int) -> int:
    """How many `_tried` looks at."""
    all_trials = sum(map(len, kinds.values()))
    return 2 * all_trials + _changed_images(min(count, all_trials))


def _changed_images(count: int) -> int:
    return count * (len(BRIBES) + 2 * len(ALIKE))


def _digest(groups: Iterable[Sequence[Trial]]) -> str:
    """SHA-256 of all images and captions."""
    digest = hashlib.sha256()
    for trial in (trial for group in groups for trial in group):
        for example in (trial.right, trial.wrong):
            digest.update(f"{pixel_hash(example.image)} {example.caption}\n".encode())
    return digest.hexdigest()
