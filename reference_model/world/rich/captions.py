"""Many ways to say one scene: short captions, the habits of DrawBench's categories, long descriptions, misspellings.

While a caption is put together, private characters mark which words speak of which item; they are gone in the end, and
what is left of them is `Caption.mentions`.
"""

from dataclasses import dataclass
from random import Random

from reference_model.world.rich.lexicon import (
    COLOUR_NAMES,
    DESCRIPTIONS,
    NUMBERS,
    RARE,
    RELATION_PHRASES,
    SETTING_PHRASES,
    SIZES,
    SYNONYMS,
    article,
    plural,
)
from reference_model.world.rich.misspelling import misspelt
from reference_model.world.rich.objects import OBJECTS
from reference_model.world.rich.scene import MIRRORED, Item, Scene

_END, _FIRST = "\ue000", 0xE001  # marks: the end of a mention; its beginning, one for each item

_PICTURE_OF = (
    "a picture of ", "an image of ", "a drawing of ", "an illustration of ", "a cartoon of ", "clip art of ",
    "a scene with ",
)  # fmt: skip
_INTRODUCED = 0.14  # of captions, by one of those
_SETTING_FIRST = 0.12
_MISSPELT = 0.05
_SYNONYM, _RARE = 0.16, 0.03  # of names
_DESCRIBED = 0.12  # of single plain objects


@dataclass(frozen=True)
class Caption:
    """A caption, and where it speaks of the scene's items: (index of the item, start, end) in characters."""

    text: str
    mentions: tuple[tuple[int, int, int], ...]


def caption(scene: Scene, random: Random) -> str:
    """One caption of a scene: names, phrasing, capital letter and full stop at random."""
    return tell(scene, random).text


def tell(scene: Scene, random: Random) -> Caption:
    """One caption of a scene, with its mentions."""
    where = random.choice(SETTING_PHRASES[scene.setting])
    body = _BODIES[scene.kind](scene, random)
    if not where and len(scene.items) == 1 and random.random() < 0.06:
        body = _bare(scene, body)
    if where and random.random() < _SETTING_FIRST:
        marked = f"{where}, {body}"
    else:
        introduction = random.choice(_PICTURE_OF) if random.random() < _INTRODUCED else ""
        marked = f"{introduction}{body} {where}".rstrip()
    if random.random() < _MISSPELT:
        marked = misspelt(marked, random)
    if random.random() < 0.6:
        marked = _capitalised(marked)
    return _unmarked(marked + ("." if random.random() < 0.6 else ""))


def _single(scene: Scene, random: Random) -> str:
    item = scene.items[0]
    plain = item.pattern is None and item.second is None and item.size is None
    if plain and random.random() < _DESCRIBED:
        colour = f"{_colour(item, random)} " if item.named else ""
        return _marked(0, article(colour + random.choice(DESCRIPTIONS[item.object])))
    return _one(0, item, random)


def _count(scene: Scene, random: Random) -> str:
    text = _several(0, scene.items[0], random)
    return f"there are {text}" if random.random() < 0.08 else text


def _groups(scene: Scene, random: Random) -> str:
    first, second = (_several(i, item, random) for i, item in enumerate(scene.items))
    return f"{first} and {second}"


def _pair(scene: Scene, random: Random) -> str:
    relation, order = str(scene.relation), [0, 1]
    if relation in MIRRORED and random.random() < 0.4:
        relation, order = MIRRORED[relation], [1, 0]
    if relation == "next to" and random.random() < 0.5:
        order = [1, 0]
    first, second = (_one(i, scene.items[i], random) for i in order)
    chance = random.random()
    if relation in ("left of", "right of") and chance < 0.2:
        side, other = ("left", "right") if relation == "left of" else ("right", "left")
        return f"{first} on the {side} and {second} on the {other}"
    if relation == "next to" and chance < 0.15:
        return f"{first} and {second} side by side"
    if relation in _WITH and chance < 0.2:
        return f"{second} with {first} {random.choice(_WITH[relation])}"
    return f"{first} {random.choice(RELATION_PHRASES[relation])} {second}"


_WITH: dict[str, tuple[str, ...]] = {  # told from the other one
    "on": ("on it", "on top of it", "on top"),
    "under": ("under it",),
    "inside": ("inside it", "inside", "in it"),
}


def _between(scene: Scene, random: Random) -> str:
    middle = _one(0, scene.items[0], random)
    left, right = (_one(i, scene.items[i], random) for i in random.sample((1, 2), 2))
    if random.random() < 0.2:
        return f"{left} and {right} with {middle} between them"
    return f"{middle} {random.choice(RELATION_PHRASES['between'])} {left} and {right}"


def _list(scene: Scene, random: Random) -> str:
    order = random.sample(range(len(scene.items)), len(scene.items))
    texts = [_one(i, scene.items[i], random) for i in order]
    return f"{', '.join(texts[:-1])}{random.choice((',', '')) if len(texts) > 2 else ''} and {texts[-1]}"


def _sign(scene: Scene, random: Random) -> str:
    item, word = scene.items[0], str(scene.word)
    quote = random.choice('""\'')
    word = quote + random.choice((word, word, word.lower(), word.capitalize())) + quote
    board = _one(0, item, random)
    return random.choice(
        (
            f"{board} that says {word}",
            f"{board} with {word} written on it",
            f"{board} with the word {word} on it",
            f"{board} that reads {word}",
            f"the word {word} written on {board}",
        )
    )


_BODIES = {
    "single": _single,
    "count": _count,
    "groups": _groups,
    "pair": _pair,
    "between": _between,
    "list": _list,
    "sign": _sign,
}


def _one(index: int, item: Item, random: Random) -> str:
    """A single thing with its article and everything that is said of it."""
    name = _name(item, random)
    before = [random.choice(SIZES[item.size])] if item.size else []
    after = ""
    colour = _colour(item, random) if item.named and item.colour else ""
    if colour and random.random() < 0.2:
        colour += random.choice((" colored", " coloured"))
    if item.pattern in _MATERIALS:
        adjective, noun = _MATERIALS[item.pattern]
        if random.random() < 0.7:
            before.append(adjective)
        else:
            after = f" made of {noun}"
    elif item.pattern is not None:
        adjectives, noun = _SURFACES[item.pattern]
        if random.random() < 0.75:
            before += random.sample((random.choice(adjectives), colour), 2)
        else:
            before, after = [*before, colour], f" with {noun}"
    elif colour:
        before.append(colour)
    if item.second is not None:
        part = str(OBJECTS[item.object].second)
        of_part = f"{random.choice(COLOUR_NAMES.get(item.second, (item.second,)))} {part}"
        after = f" with {of_part if part.endswith('s') else article(of_part)}"
    thing = " ".join([*before, name])
    counted = f"one {thing}" if not after and random.random() < 0.07 else article(thing)
    return _marked(index, counted + after)


_MATERIALS = {"wooden": ("wooden", "wood"), "glass": ("glass", "glass")}
_SURFACES = {
    "striped": (("striped", "striped", "stripy"), "stripes"),
    "dotted": (("dotted", "spotted", "polka-dot"), "dots"),
}


def _several(index: int, item: Item, random: Random) -> str:
    """Counted things; a single one where the count is one."""
    if item.count == 1:
        return _one(index, item, random)
    number = random.choice((NUMBERS[item.count], NUMBERS[item.count], NUMBERS[item.count], str(item.count)))
    special = {2: "a pair of", 6: "half a dozen"}.get(item.count, f"a group of {NUMBERS[item.count]}")
    number = special if random.random() < 0.08 else f"exactly {number}" if random.random() < 0.05 else number
    colour = f"{_colour(item, random)} " if item.named else ""
    if colour and random.random() < 0.15:
        colour = f"{colour}colored "
    return _marked(index, f"{number} {colour}{plural(_name(item, random))}")


def _name(item: Item, random: Random) -> str:
    chance = random.random()
    if chance < _RARE and item.object in RARE:
        return random.choice(RARE[item.object])
    if chance < _RARE + _SYNONYM and item.object in SYNONYMS:
        return random.choice(SYNONYMS[item.object])
    return item.object


def _colour(item: Item, random: Random) -> str:
    colour = str(item.colour)
    return random.choice(COLOUR_NAMES.get(colour, (colour,)))


def _bare(scene: Scene, body: str) -> str:
    """A thing without its article, as in a list of words."""
    mark = chr(_FIRST)
    for start in ("a ", "an ", "one "):
        if scene.kind == "single" and body.startswith(mark + start):
            return mark + body[len(mark + start) :]
    return body


def _marked(index: int, words: str) -> str:
    return f"{chr(_FIRST + index)}{words}{_END}"


def _capitalised(marked: str) -> str:
    """With a capital letter; a mark may come before it."""
    first = next(i for i, character in enumerate(marked) if character < _END)
    return marked[:first] + marked[first].upper() + marked[first + 1 :]


def _unmarked(marked: str) -> Caption:
    text, begun, mentions = "", (0, 0), []
    for character in marked:
        if character == _END:
            mentions.append((*begun, len(text)))
        elif character > _END:
            begun = (ord(character) - _FIRST, len(text))
        else:
            text += character
    return Caption(text, tuple(mentions))
