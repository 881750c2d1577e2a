"""A prompt set: an ordered list of prompts with ids and categories, identified by its name and its hash."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from drawbench.errors import UserError

ID_BYTES = 120  # an id is part of a file name, beside a category folder and a sample number
UNUSABLE_IN_AN_ID = re.compile(r"^[\W_]|[^\w.-]")  # an id neither leaves its folder nor needs quoting
SHOWN_CHARACTERS = 400


@dataclass(frozen=True)
class Prompt:
    """One prompt. `category` is "" in a set without categories."""

    id: str
    category: str
    text: str


@dataclass(frozen=True)
class PromptRow:
    """One row of a source, not yet checked; `where` names it in a message ("row 7 (line 8)")."""

    category: str
    text: str
    where: str
    id: str | None = None


@dataclass(frozen=True)
class PromptSet:
    """An ordered, non-empty list of prompts with unique ids.

    reference_images: a folder of real images, if any. image_ids: of the images that captions are of, by prompt id.
    samples: images per prompt unless told otherwise, where its authors say; see `default_samples`.
    """

    name: str
    prompts: tuple[Prompt, ...]
    reference_images: Path | None = None
    image_ids: Mapping[str, int] = field(default_factory=dict, compare=False)
    samples: int | None = field(default=None, compare=False)

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of `category\\ttext\\n` over all rows in order, UTF-8, as 64 hexadecimal digits."""
        return hashlib.sha256("".join(f"{p.category}\t{p.text}\n" for p in self.prompts).encode()).hexdigest()

    @cached_property
    def ids_sha256(self) -> str:
        """SHA-256 of the prompts' ids; see `ids_sha256`."""
        return ids_sha256(prompt.id for prompt in self.prompts)

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories in the order of their first prompts; ("",) in a set without categories."""
        return tuple(self.counts())

    @property
    def default_samples(self) -> int:
        """Images per prompt unless told otherwise: its authors' number, else 8 in a set with categories (as DrawBench),
        1 without (as COCO)."""
        return self.samples or (1 if self.categories == ("",) else 8)

    def counts(self) -> dict[str, int]:
        """The number of prompts of each category, in the order of `categories`."""
        return dict(Counter(prompt.category for prompt in self.prompts))

    def limited(self, n: int | None) -> "PromptSet":
        """The first `n` prompts of each category, in the order of the set, or all; the name stays, the hash does not.

        Raises UserError when `n` is below 1.
        """
        if n is None:
            return self
        if n < 1:
            raise UserError(f"the limit is {n} prompts per category; give at least 1")
        seen: Counter[str] = Counter()
        kept = []
        for prompt in self.prompts:
            seen[prompt.category] += 1
            if seen[prompt.category] <= n:
                kept.append(prompt)
        return replace(self, prompts=tuple(kept))


def ids_sha256(ids: Iterable[str]) -> str:
    """SHA-256 of a list of prompt ids, `id\\n` for each in order, UTF-8, as 64 hexadecimal digits: which prompts were
    chosen, whatever their text."""
    return hashlib.sha256("".join(f"{id_}\n" for id_ in ids).encode()).hexdigest()


def repeats(prompts: Iterable[Prompt]) -> str:
    """What to say of prompts with one text: how many, and the first two; "" where there are none."""
    ids: dict[str, list[str]] = {}
    for prompt in prompts:
        ids.setdefault(prompt.text.strip().casefold(), []).append(prompt.id)
    repeated = [same for same in ids.values() if len(same) > 1]
    if not repeated:
        return ""
    more = sum(len(same) - 1 for same in repeated)
    what = "1 prompt repeats the text of another" if more == 1 else f"{more} prompts repeat the text of another"
    return f"{what} (first: {repeated[0][1]} that of {repeated[0][0]}), each drawn and counted as one of its own"


def category_slug(category: str) -> str:
    """The category as a folder name and the head of its prompts' ids: "Gary Marcus et al." is `gary-marcus-et-al`."""
    return re.sub(r"[\W_]+", "-", unicodedata.normalize("NFKC", category).casefold()).strip("-")


def shown(text: str) -> str:
    """`text` in quotes for a message, cut where it is longer than any prompt of a known set."""
    return repr(text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…")


def build_prompt_set(
    name: str, rows: Iterable[PromptRow], source: str, reference_images: Path | None = None
) -> PromptSet:
    """Check `rows` and give each prompt its id: the row's own, or else `<category slug>-<position in the category>`.

    Without categories the made ids are `prompt-00001` and so on. `source` names the file in messages.
    Raises UserError on: no rows, an empty or unprintable text, a category in some rows only, two categories with
    one slug, an unusable or repeated id.
    """
    rows = [replace(row, category=row.category.rstrip()) for row in rows]
    if not rows:
        raise UserError(f"{source} holds no prompts; give it at least one row below the column names")
    _check_texts(rows, source)
    _check_categories(rows, source)
    ids = _ids(rows, source)
    _check_ids(ids, rows, source)
    prompts = tuple(Prompt(id_, row.category, row.text) for id_, row in zip(ids, rows, strict=True))
    return PromptSet(name, prompts, reference_images)


def _check_texts(rows: Sequence[PromptRow], source: str) -> None:
    for row in rows:
        if not row.text.strip():
            raise UserError(f"{row.where} of {source} has an empty prompt; write its text or remove the row")
        for label, text in (("prompt", row.text), ("category", row.category)):
            # Tabs and line ends would make two different sets hash alike; a lone surrogate has no UTF-8 form.
            if bad := next((c for c in text if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}), None):
                raise UserError(
                    f"the {label} in {row.where} of {source} contains the character U+{ord(bad):04X}; "
                    "replace line ends, tabs and control characters by blanks"
                )


def _check_categories(rows: Sequence[PromptRow], source: str) -> None:
    first = {row.category: row for row in reversed(rows)}
    if len(first) > 1 and "" in first:
        raise UserError(f"{first[''].where} of {source} has no category although others have; fill it in every row")
    by_slug: dict[str, str] = {}
    for category in dict.fromkeys(row.category for row in rows if row.category):
        slug = category_slug(category)
        if not slug:
            raise UserError(
                f"category {shown(category)} in {first[category].where} of {source} has no letter or digit; rename it"
            )
        other = by_slug.setdefault(slug, category)
        if other != category:
            raise UserError(
                f"categories {shown(other)} and {shown(category)} ({first[category].where}) of {source} "
                f"would share the folder '{slug}'; rename one of them"
            )


def _ids(rows: Sequence[PromptRow], source: str) -> list[str]:
    given = [row.id for row in rows if row.id]
    if len(given) == len(rows):
        return given
    if given:
        row = next(row for row in rows if not row.id)
        raise UserError(f"{row.where} of {source} has no id although others have; fill it in every row or in none")
    position: Counter[str] = Counter()
    ids = []
    for row in rows:
        position[row.category] += 1
        n = position[row.category]
        ids.append(f"{category_slug(row.category)}-{n:03d}" if row.category else f"prompt-{n:05d}")
    return ids


def _check_ids(ids: Sequence[str], rows: Sequence[PromptRow], source: str) -> None:
    seen: dict[str, str] = {}
    for id_, row in zip(ids, rows, strict=True):
        if UNUSABLE_IN_AN_ID.search(id_):
            raise UserError(
                f"the id {shown(id_)} in {row.where} of {source} cannot be a file name; "
                "begin it with a letter or digit and use only letters, digits, '.', '-' and '_'"
            )
        if len(id_.encode()) > ID_BYTES:
            raise UserError(
                f"the id {shown(id_)} in {row.where} of {source} is longer than {ID_BYTES} bytes; "
                "shorten it, or the category it is made from"
            )
        # Case is ignored because some file systems do.
        key = unicodedata.normalize("NFKC", id_).casefold()
        if key in seen:
            raise UserError(
                f"the id {shown(id_)} in {row.where} of {source} is already that of {seen[key]}; make ids unique"
            )
        seen[key] = row.where
