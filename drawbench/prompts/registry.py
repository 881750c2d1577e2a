"""Prompt sets by name: what `--prompts` accepts, and what is on this machine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.prompts import drawbench_set
from drawbench.prompts.coco import expanded, load_coco_spec, load_world
from drawbench.prompts.files import SUFFIXES, parse_rows, read_file, read_prompt_file, read_rows, rows_from_records
from drawbench.prompts.hub_captions import load_hub_captions
from drawbench.prompts.prompt_set import PromptSet, build_prompt_set, shown
from drawbench.prompts.published_files import PUBLISHED_FILES, PublishedFile, published_of

IN_MEMORY = "the prompts"
PUBLISHED = ", ".join(each.name for each in PUBLISHED_FILES)
ACCEPTED = (
    f"open, drawbench, {PUBLISHED}, any of these but open as NAME:FILE, world, coco:ROOT, hf:DATASET, or a .csv, .tsv, "
    ".jsonl, .json or .txt file"
)


@dataclass(frozen=True)
class PromptSetEntry:
    """One line of the list of prompt sets; what is unknown before the set is loaded is None."""

    name: str
    summary: str
    available: str
    prompts: int | None = None
    sha256: str | None = None


def load_open() -> PromptSet:
    """The embedded set `open`."""
    resource = files("drawbench.prompts.open") / "open.csv"
    return build_prompt_set("open", parse_rows(resource.read_bytes(), ".csv", "open.csv"), "open.csv")


def _from_file(published: PublishedFile) -> Callable[[str, Progress | None], PromptSet]:
    return lambda text, _: published.load(expanded(text))


BY_NAME: dict[str, Callable[[], PromptSet]] = {
    "open": load_open,
    "drawbench": drawbench_set.load_drawbench,
    "world": load_world,
    **{each.name: each.load for each in PUBLISHED_FILES},
}
FROM_PATH: dict[str, Callable[[str, Progress | None], PromptSet]] = {
    "coco": lambda text, _: load_coco_spec(text),
    "drawbench": lambda text, _: drawbench_set.load_drawbench(expanded(text)),
    "hf": load_hub_captions,
    **{each.name: _from_file(each) for each in PUBLISHED_FILES},
}


def load_prompt_set(spec: str, progress: Progress | None = None) -> PromptSet:
    """The prompt set `spec` names; `progress` shows what is made on first use.

    Raises UserError for an unknown name, or when the set cannot be read.
    """
    if spec in BY_NAME:
        return BY_NAME[spec]()
    kind, _, rest = spec.partition(":")
    if not spec:
        raise UserError(f"the name of the prompt set is empty; prompt sets are {ACCEPTED}")
    if kind not in FROM_PATH:
        return load_file(expanded(spec))
    if not rest:
        raise UserError(f"the prompt set '{spec}' needs a path, as in {kind}:PATH; prompt sets are {ACCEPTED}")
    return FROM_PATH[kind](rest, progress)


def load_file(path: Path) -> PromptSet:
    """The set in a file, named after the file; a file that holds a published set goes by that set's name.

    Raises UserError for what is not a prompt file, and for a file that claims a known set's name for other prompts.
    """
    if not _exists(path):
        raise UserError(f"there is no prompt set or file {shown(str(path))}; prompt sets are {ACCEPTED}")
    if path.is_dir():
        raise UserError(f"{path} is a folder, not a prompt set; for COCO captions write coco:{path}")
    if published := published_file(path):
        return published.load(path)
    prompt_set = read_prompt_file(path)
    if prompt_set.sha256 == drawbench_set.SHA256:
        return drawbench_set.accept(read_rows(path), str(path))
    if conflict := name_conflict(prompt_set, path):
        raise UserError(conflict)
    return prompt_set


def published_file(path: Path) -> PublishedFile | None:
    """Which of the published files a prompt file is; None for another one, and for what cannot be read."""
    try:
        return published_of(read_file(path, "the prompt file")) if path.suffix.lower() in SUFFIXES else None
    except UserError:
        return None


def prompt_set_of(prompts: Any) -> PromptSet:
    """The set of prompts that a program holds: texts, or rows (mappings, or a DataFrame) as a file has them.

    It is called `prompts`, and one of DrawBench's very prompts `drawbench`. Raises UserError as a file would.
    """
    rows = prompts.to_dict("records") if hasattr(prompts, "to_dict") and hasattr(prompts, "columns") else prompts
    try:
        listed = list(rows)
    except TypeError:
        raise UserError(
            f"a {type(prompts).__name__} is no list of prompts; give texts, or rows with a prompt"
        ) from None
    if wrong := next((row for row in listed if not isinstance(row, str | Mapping)), None):
        raise UserError(f"a {type(wrong).__name__} is no prompt; give texts, or rows with a prompt")
    records = ({"prompt": row} if isinstance(row, str) else dict(row) for row in listed)
    found = rows_from_records(((f"row {n}", record) for n, record in enumerate(records, start=1)), IN_MEMORY)
    prompt_set = build_prompt_set("prompts", found, IN_MEMORY)
    return drawbench_set.accept(found, IN_MEMORY) if prompt_set.sha256 == drawbench_set.SHA256 else prompt_set


def name_conflict(prompt_set: PromptSet, path: Path) -> str | None:
    """Why the set in `path` cannot go by its name, or None: a known set's name is kept for exactly its prompts."""
    name = prompt_set.name.casefold()
    if name == drawbench_set.NAME:
        return drawbench_set.refusal(prompt_set, str(path))
    if name == "open" and prompt_set.sha256 == load_open().sha256:
        return None
    if name in BY_NAME or name in FROM_PATH:
        return f"{path} goes by the name of the set '{name}' and is another; give the file another name"
    return None


def list_prompt_sets() -> list[PromptSetEntry]:
    """Every set that goes by a name, and whether it is here. Opens no network connection and makes nothing."""
    embedded = load_open()
    local = drawbench_set.local_file()
    where = "on the hub" if local is None else str(local) if local.is_file() else f"missing: {local}"
    return [
        PromptSetEntry(
            "open",
            "prompts of this project, in the 11 categories of DrawBench",
            "embedded",
            len(embedded.prompts),
            embedded.sha256,
        ),
        PromptSetEntry(
            "drawbench", "the published DrawBench", where, len(drawbench_set.published_rows()), drawbench_set.SHA256
        ),
        *map(_entry, PUBLISHED_FILES),
        PromptSetEntry("world", "captions and renderings of the procedural world, held out", "made on first use"),
        PromptSetEntry("coco:ROOT", "COCO captions, one per image, official files under ROOT", "yours to give"),
        PromptSetEntry("hf:DATASET", "captions and images of a Hugging Face data set", "yours to name"),
    ]


def _entry(published: PublishedFile) -> PromptSetEntry:
    local = published.local()
    return PromptSetEntry(
        published.name,
        f"{published.title}, in {published.categories}; {published.licence}",
        str(local) if local else f"fetched from {published.source.split('/')[3]}'s repository",
        published.prompts,
        published.set_sha256,
    )


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long for a file, or with a NUL: a prompt given for a set, say
        return False
