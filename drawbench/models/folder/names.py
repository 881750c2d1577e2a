"""Prompts that a file's name tells: by id, by the id of a COCO image, by the prompt's own text."""

import re
import unicodedata
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from drawbench.errors import UserError
from drawbench.models.folder.given import Claim, Given, Match, matched, pairs_sha256, two_prompts

LEAST_PREFIX = 20  # characters of a cut-off prompt that are taken to tell it
NUMBER_BEHIND = re.compile(r"(.+?)(?:[-_ ]+(\d+)| ?\((\d+)\))")
NUMBER_BEFORE = re.compile(r"(\d+)[-_ ]+(?:\d+[-_ ]+)*(.*\D.*)")
DALL_E = re.compile(r"DALL.E \d{4}-\d\d-\d\d \d\d.\d\d.\d\d - ")
LAYERS = ("samples", "images")  # folders that tell nothing
SAMPLE_FOLDER = re.compile(r"(?:(?:seed|sample|run|iter|batch)[-_ ]*)?(\d+)", re.IGNORECASE)
IMAGE_ID = re.compile(r"(?:COCO_[a-z]+\d{4}_)?0*(\d{1,18})")

Lookup = Callable[[str], Sequence[str]]  # a name -> the ids of the prompts that go by it


@dataclass(frozen=True)
class NameReading:
    """One way to read a file's place: a name that a prompt may go by, and the sample's number."""

    name: str
    number: int | None


def readings(place: Path) -> list[NameReading]:
    """All ways, the whole name first: `a-3` is a sample of `a-3`, or sample 3 of `a`; `a/3` is sample 3 of `a`."""
    stem = DALL_E.sub("", place.stem)
    folders = [part for part in reversed(place.parts[:-1]) if part.casefold() not in LAYERS]
    numbers = [int(found[1]) for part in folders if (found := SAMPLE_FOLDER.fullmatch(part))]
    own = [NameReading(stem, numbers[0] if numbers else None)]
    if behind := NUMBER_BEHIND.fullmatch(stem):
        own.append(NameReading(behind[1], int(behind[2] or behind[3])))
    if before := NUMBER_BEFORE.fullmatch(stem):
        own.append(NameReading(before[2], int(before[1])))
    last = re.search(r"(\d+)\D*$", stem)
    return own + [NameReading(part, int(last[1]) if last else None) for part in folders]


def by_id(given: Given) -> Match | None:
    """`<prompt id>-<n>.png`, `<prompt id>.png` for one sample, in any folder or in one of the prompt's own."""
    claims = _claims(given, [lambda name: [name] if name in given.prompts else []])
    return matched("id", given, claims)


def by_coco_id(given: Given) -> Match | None:
    """COCO's numbers with or without leading zeros, of images or of captions: not both, if they differ."""
    captions = {int(prompt_id): [prompt_id] for prompt_id in given.prompts if re.fullmatch(r"\d{1,18}", prompt_id)}
    images: dict[int, list[str]] = defaultdict(list)
    for prompt_id, image_id in given.image_ids.items():
        if prompt_id in given.prompts:
            images[image_id].append(prompt_id)
    found = [_by_number("coco annotation id", given, captions), _by_number("coco image id", given, images)]
    known = [match for match in found if match]
    whole = [match for match in known if match.is_whole]
    if len(whole) == 2 and whole[0].images != whole[1].images:
        raise both_ids(given)
    return max(whole or known, key=lambda match: len(match.images), default=None)


def both_ids(given: Given) -> UserError:
    """Numbers that are ids of captions and of images too."""
    return UserError(
        f"the numbers of the files in {given.root} are ids of COCO captions and of COCO images too: say which with "
        "--set match=id or --set match=coco-image."
    )


def by_image_id(given: Given) -> Match | None:
    """COCO's numbers of images alone."""
    images: dict[int, list[str]] = defaultdict(list)
    for prompt_id, image_id in given.image_ids.items():
        images[image_id].append(prompt_id)
    return _by_number("coco image id", given, images)


def by_text(given: Given) -> Match | None:
    """The prompt's text in the name: as it is, else its letters and digits, else a beginning that only it has."""
    exact: dict[str, list[str]] = defaultdict(list)
    letters: dict[str, list[str]] = defaultdict(list)
    for prompt_id, prompt in given.prompts.items():
        exact[unicodedata.normalize("NFC", prompt.text)].append(prompt_id)
        letters[letters_of(prompt.text)].append(prompt_id)
    letters.pop("", None)
    in_order = sorted(letters)

    def beginning(name: str) -> Sequence[str]:
        start = letters_of(name)
        if len(name) < LEAST_PREFIX or not start:
            return []
        first = bisect_left(in_order, start)
        found = [text for text in in_order[first : first + 2] if text.startswith(start)]
        return [prompt_id for text in found for prompt_id in letters[text]]

    lookups: list[Lookup] = [
        lambda name: exact.get(unicodedata.normalize("NFC", name), []),
        lambda name: letters.get(letters_of(name), []),
        beginning,
    ]
    return matched("prompt text", given, _claims(given, lookups))


def letters_of(text: str) -> str:
    """Letters and digits alone, without case: what is left of a prompt in any file name."""
    return "".join(character for character in unicodedata.normalize("NFKC", text).casefold() if character.isalnum())


def _by_number(rule: str, given: Given, prompts: Mapping[int, Sequence[str]]) -> Match | None:
    def lookup(name: str) -> Sequence[str]:
        number = IMAGE_ID.fullmatch(name)
        return prompts.get(int(number[1]), []) if number else []

    match = matched(rule, given, _claims(given, [lookup], own_name=True))
    return replace(match, settings={"pairs": pairs_sha256(match.images, given.root)}) if match else None


def _claims(given: Given, lookups: Sequence[Lookup], own_name: bool = False) -> list[Claim]:
    """What the files say under the first lookup that knows one of their readings.

    own_name: read the file's own name only. Raises UserError for a file that two prompts claim, naming both, unless
    whole names give every prompt equally many files.
    """
    found = [_claims_of(path, given, lookups, own_name) for path in given.files]
    firsts = [claims[0] for claims in found if claims]
    doubtful = next((claims for claims in found if len({claim.prompt_id for claim in claims}) > 1), None)
    if doubtful:
        counts = Counter(claim.prompt_id for claim in firsts)
        if len(counts) < len(given.prompts) or len(set(counts.values())) > 1:
            one = doubtful[0]
            other = next(claim for claim in doubtful if claim.prompt_id != one.prompt_id)
            raise two_prompts(one.path, (one.prompt_id, one.number or 0), (other.prompt_id, other.number or 0))
    return firsts


def _claims_of(path: Path, given: Given, lookups: Sequence[Lookup], own_name: bool) -> list[Claim]:
    place = given.place(path)
    ways = readings(Path(place.name) if own_name else place)
    for lookup in lookups:
        claims = []
        for way in ways:
            known = lookup(way.name)
            if len(known) > 1:
                raise two_prompts(path, (known[0], way.number or 0), (known[1], way.number or 0))
            claims += [Claim(path, prompt_id, way.number) for prompt_id in known]
        if claims:
            return claims
    return []
