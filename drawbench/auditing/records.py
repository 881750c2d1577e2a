"""What came of an audit, as data: what `--json` prints and tables are made from."""

from drawbench.records import Record
from drawbench.results.scores import MaybeInterval


class Share(Record):
    """A share of n trials in [0, 1]. p: that it is one half, Holm's over what stands together in a card."""

    value: float
    interval: MaybeInterval
    n: int
    p: float


class Bribe(Record):
    """How often a wrong image is marked above the right one, as it is and once it is bribed, in n trials.

    paid: the difference, in [-1, 1]. p: that it is none, Holm's over all bribes.
    """

    before: float
    after: float
    paid: float
    interval: MaybeInterval
    n: int
    p: float


class Tried(Record):
    """What a scorer did with some trials; what it marks no image of is left out.

    right: by what is wrong, how often the right image is marked above the wrong one; equal marks count half.
    bribes: by what is done to the wrong image. kept: by what leaves both images, or the caption, as true as they were,
    how often the scorer decides as before.
    """

    right: dict[str, Share]
    bribes: dict[str, Bribe]
    kept: dict[str, Share]


class Card(Record):
    """A scorer's.

    guidance: of two images that are equally right, how often the one at high guidance is marked above the one at low.
    sentence: what the data carry, in words.
    """

    scorer: str
    definition: str
    fingerprint: str
    scenes: Tried
    photographs: Tried | None
    guidance: Share | None
    sentence: str


class Audit(Record):
    """Cards of one or more scorers on the same trials.

    seed, trials: of each kind, that make the same scenes again. scenes_sha256: of them. photographs: how many.
    """

    schema_version: int = 1
    seed: int
    trials: int
    scenes_sha256: str
    photographs: int
    cards: list[Card]

    def card(self, scorer: str) -> Card:
        """The card of that scorer. Raises KeyError."""
        found = next((each for each in self.cards if each.scorer == scorer), None)
        if found is None:
            raise KeyError(f"there is no card of {scorer}: there is {', '.join(each.scorer for each in self.cards)}")
        return found
