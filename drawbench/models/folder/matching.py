"""Which rule a folder follows: one for all its files, the first that matches every one of them."""

from collections.abc import Collection, Mapping, Sequence

from drawbench.errors import UserError
from drawbench.interface import Sample
from drawbench.models.folder.given import Given, Key, Match, Rule
from drawbench.models.folder.layouts import ORDERS, by_category_number, by_numbered_folders, by_order
from drawbench.models.folder.names import both_ids, by_coco_id, by_id, by_image_id, by_text
from drawbench.models.folder.tables import by_metadata_text, by_prompt_id
from drawbench.runs.directory import named
from metrics.images.image_folder import named_files

# In the order in which they are tried; the names are those of --set match=NAME.
RULES: Mapping[str, Sequence[Rule]] = {
    "metadata": (by_prompt_id, by_metadata_text),
    "id": (by_id,),
    "coco": (by_coco_id,),
    "text": (by_text,),
    "layout": (by_category_number, by_numbered_folders),
}
ASKED_ONLY: Mapping[str, Sequence[Rule]] = {"order": (by_order,), "coco-image": (by_image_id,)}
BY_NAME: Sequence[Rule] = (by_id, by_coco_id, by_text)
CHOICES = (*RULES, *ASKED_ONLY)


def check_settings(settings: Mapping[str, str]) -> None:
    """Raises UserError for settings of matching that name no rule, or do not belong together."""
    match, order = settings.get("match", ""), settings.get("order", "")
    if match and match not in CHOICES:
        raise UserError(f"there is no rule match={match}: use one of {', '.join(CHOICES)}.")
    if order and order not in ORDERS:
        raise UserError(f"there is no order={order}: use order=prompt or order=sample.")
    if order and match != "order":
        raise UserError("order says how to match by order: add --set match=order.")


def choose(given: Given, asked: Collection[Key] = ()) -> Match | None:
    """The match of the first rule that knows a prompt for every file.

    Where none does: of the first that has an image for all that is asked, else of the one that knows most files. None
    where no rule knows any. Raises UserError where a name is that of two prompts, or two files are of one sample.
    """
    chosen = given.settings.get("match", "")
    rules = {**RULES, **ASKED_ONLY}[chosen] if chosen else [rule for rules in RULES.values() for rule in rules]
    partly: list[Match] = []
    doubts: list[UserError] = []
    for rule in rules:
        try:
            match = rule(given)
        except UserError as doubt:
            if chosen or rule not in BY_NAME:
                raise
            doubts.append(doubt)  # names may mean nothing where another rule knows every file
            continue
        if match is None:
            continue
        if match.is_whole:
            if rule is by_id and not chosen:
                _check_numbers(given, match)
            return match
        partly.append(match)
    if doubts:
        raise doubts[0]
    serving = [match for match in partly if asked and all(key in match.images for key in asked)]
    return serving[0] if serving else max(partly, key=lambda match: len(match.images), default=None)


def lacking(given: Given, match: Match | None, missing: Sequence[Sample], total: int) -> UserError:
    """What a folder lacks of what is asked, and what it holds instead, both counted and named."""
    if match is None:
        return UserError(
            f"{given.root} holds {len(given.files)} images, and nothing tells which prompt one is of "
            f"({named_files(given.root, given.files)}): name them by prompt id, such as {missing[0].prompt_id}-0.png, "
            "or by prompt; only if their order is that of the prompts, say --set match=order."
        )
    besides = f"; {unmatched_words(given, match)}" if match.unmatched else ""
    return UserError(
        f"{given.root} lacks {len(missing)} of {total} images ({named(missing, most=5)}), matched by {match.rule}"
        f"{besides}: add them under names such as {missing[0].prompt_id}-{missing[0].index}.png, or ask for fewer "
        "with --samples."
    )


def unmatched_words(given: Given, match: Match) -> str:
    """The files that met no prompt, counted and named."""
    names = named_files(given.root, match.unmatched, most=5)
    return f"{len(match.unmatched)} of {len(given.files)} images match no prompt ({names})"


def _check_numbers(given: Given, match: Match) -> None:
    """Names that are ids of captions may be ids of COCO's images too, of other prompts."""
    other = by_image_id(given) if given.image_ids else None
    if other and other.is_whole and other.images != match.images:
        raise both_ids(given)
