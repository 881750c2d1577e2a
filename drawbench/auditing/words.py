"""What a card says, in one sentence that the numbers carry."""

from collections.abc import Iterable

from drawbench.auditing.examples import PHOTOGRAPH
from drawbench.auditing.measure import CHANCE
from drawbench.auditing.records import Card, Share, Tried
from drawbench.tables.leaderboard import in_sentence

LEVEL = 0.05  # of all claims of a card that stand together
WELL = 0.75  # right at least so often: half of what lies above chance
NOUNS = {
    "object": "objects",
    "colour": "colours",
    "binding": "binding",
    "count": "counts",
    "relation": "relations",
    "place": "places",
    "word": "words",
}
ON_PHOTOGRAPHS = {
    "tells": "tells which one a caption is of",
    "tells at times": "tells at times which one a caption is of",
    "is blind to": "does not tell which one a caption is of",
    "is mostly wrong about": "is mostly wrong about which one a caption is of",
    "had too few trials for": "had too few to be judged",
}
BRIBED = {"prompt written in": "the prompt written in", "10/10 written in": '"10/10" written in', "frame": "a frame"}


def sentence(card: Card) -> str:
    """What the scorer tells, what it is blind to, and what pays."""
    parts = [f"{in_sentence(card.scorer)} marks no drawn scenes"]
    if card.scenes.right:
        parts = [f"{in_sentence(card.scorer)}, on drawn scenes, {_seen(card.scenes.right)}", _paying(card.scenes)]
    if card.photographs and (share := card.photographs.right.get(PHOTOGRAPH)):
        parts.append(f"on photographs it {ON_PHOTOGRAPHS[verdict(share)]}, and {_paying(card.photographs)}")
    if card.guidance and card.guidance.p < LEVEL:
        side = "high" if card.guidance.value > CHANCE else "low"
        parts.append(f"of images equally right it prefers those at {side} guidance")
    return "; ".join(parts) + "."


def verdict(share: Share) -> str:
    """What a share of right marks says of a kind: `tells`, `tells at times`, `is mostly wrong about`, ..."""
    if share.p < LEVEL:
        if share.value < CHANCE:
            return "is mostly wrong about"
        return "tells" if share.value >= WELL else "tells at times"
    if share.interval == "not available" or not 1 - WELL < share.interval.low <= share.interval.high < WELL:
        return "had too few trials for"
    return "is blind to"


def _seen(right: dict[str, Share]) -> str:
    said: dict[str, list[str]] = {}
    for verb in ON_PHOTOGRAPHS:
        if kinds := [NOUNS[kind] for kind, share in right.items() if verdict(share) == verb]:
            said[verb] = kinds
    clauses = [
        f"at times {_listed(kinds)}" if verb == "tells at times" and "tells" in said else f"{verb} {_listed(kinds)}"
        for verb, kinds in said.items()
    ]
    return _listed(clauses, ", ")


def _paying(tried: Tried) -> str:
    """The bribes that are shown to pay, those that pay most first."""
    shown = [(name, bribe.paid) for name, bribe in tried.bribes.items() if bribe.p < LEVEL and bribe.paid > 0]
    shown.sort(key=lambda each: -each[1])
    if not shown:
        return "no bribe is shown to pay"
    (first, most), *others = shown
    points = f"{100 * most:.0f} point{'' if round(100 * most) == 1 else 's'}"
    told = [
        f"{BRIBED.get(first, first)} pays {points}",
        *(f"{BRIBED.get(name, name)} {100 * paid:.0f}" for name, paid in others),
    ]
    return _listed(told, ", ")


def _listed(words: Iterable[str], comma: str = ", ") -> str:
    *before, last = words
    return f"{comma.join(before)} and {last}" if before else last
