"""Several ways to say one scene, in the manner of short image captions and of DrawBench's own phrasing."""

from random import Random

from reference_model.world.scene import OPPOSITE, Item, Relation, Scene

_NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four"}
_SETTING_PHRASES = {
    "plain": ("", "", " on a plain background"),
    "grass": (" on grass", " on the green grass", " in a meadow"),
    "beach": (" on a beach", " on the sand", " at the beach"),
    "snow": (" in the snow", " on snow", " in winter"),
    "night": (" at night", " under the night sky", " in the dark"),
    "sea": (" by the sea", " in front of the sea", " at sea"),
}
_RELATION_PHRASES: dict[Relation, tuple[str, ...]] = {
    "left of": ("to the left of", "left of", "on the left of"),
    "right of": ("to the right of", "right of", "on the right of"),
    "above": ("above", "over", "on top of"),
    "below": ("below", "under", "underneath"),
}
_IRREGULAR_PLURALS = {"box": "boxes", "fish": "fish"}


def caption(scene: Scene, random: Random) -> str:
    """One caption of a scene: phrasing, capital letter and full stop at random."""
    text = _body(scene, random) + random.choice(_SETTING_PHRASES[scene.setting])
    if random.random() < 0.15:
        text = random.choice(("a picture of ", "an image of ", "a drawing of ")) + text
    if random.random() < 0.5:
        text = text[0].upper() + text[1:]
    return text + ("." if random.random() < 0.5 else "")


def _body(scene: Scene, random: Random) -> str:
    if scene.kind == "sign":
        return _sign(scene, random)
    if scene.relation is not None:
        return _pair(scene.items[0], scene.items[1], scene.relation, random)
    return _counted(scene.items[0], random)


def _sign(scene: Scene, random: Random) -> str:
    colour, word = scene.items[0].colour, scene.word
    return random.choice(
        (
            f'{_with_article(colour)} sign that says "{word}"',
            f'{_with_article(colour)} sign with the word "{word}" on it',
            f'the word "{word}" written on {_with_article(colour)} sign',
        )
    )


def _pair(first: Item, second: Item, relation: Relation, random: Random) -> str:
    if random.random() < 0.4:
        first, second, relation = second, first, OPPOSITE[relation]
    if relation in ("left of", "right of") and random.random() < 0.25:
        side, other = ("left", "right") if relation == "left of" else ("right", "left")
        return f"{_counted(first, random)} on the {side} and {_counted(second, random)} on the {other}"
    return f"{_counted(first, random)} {random.choice(_RELATION_PHRASES[relation])} {_counted(second, random)}"


def _counted(item: Item, random: Random) -> str:
    if item.count == 1:
        return random.choice(
            (
                f"{_with_article(item.colour)} {item.object}",
                f"{_with_article(item.colour)} {item.object}",
                f"{_with_article(item.colour)} colored {item.object}",
                f"one {item.colour} {item.object}",
            )
        )
    plural = _IRREGULAR_PLURALS.get(item.object, f"{item.object}s")
    number = _NUMBERS[item.count]
    return random.choice((f"{number} {item.colour} {plural}", f"{number} {item.colour} colored {plural}"))


def _with_article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"
