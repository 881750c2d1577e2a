"""Prompt sets from a Hugging Face data set with images and captions; the images are kept as reference images."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drawbench.errors import UserError, first_line
from drawbench.files import atomic_folder
from drawbench.progress import Progress
from drawbench.prompts.captions import Caption, clean, take
from drawbench.prompts.coco import given_path
from drawbench.prompts.prompt_set import PromptRow, PromptSet, build_prompt_set, category_slug
from drawbench.prompts.set_options import CHOICE, choice_of, split_options
from metrics.images.folders import CACHE_VARIABLE, cache_folder

OPTIONS = (*CHOICE, "image", "caption", "config", "revision")
CAPTION_COLUMNS = ("caption", "captions", "text", "texts", "sentences", "prompt")
TOGETHER = 64  # images written and verified at a time: what bounds memory
ROWS = "rows.json"
SUFFIX_OF = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png", b"RIFF": ".webp"}  # by a file's first bytes


@dataclass(frozen=True)
class HubSource:
    """A data set as loaded, not yet read: `data` is a datasets.Dataset whose images stay encoded."""

    spec: str
    name: str
    data: Any
    image: str  # column
    caption: str  # column


def load_hub_captions(text: str, progress: Progress | None = None) -> PromptSet:
    """The set that `hf:TEXT` names: PATH_OR_ID[:SPLIT], with options after commas.

    Captions are cleaned and chosen as COCO's are. A caption's id is its row, or `<row>-<place>` where a row has a list.
    Images that are the same bytes are one image. All images of the split are the references, kept in the cache under
    the data set's fingerprint; only the first use writes them. Raises UserError for what cannot be loaded or read.
    """
    place, options = split_options(text, OPTIONS)
    choice = choice_of(options, f"hf:{text}")
    source = _find(text, place, options)
    folder = _keep_images(source, progress or Progress())
    numbers = json.loads((folder / ROWS).read_text(encoding="utf-8"))
    chosen = take(list(_captions(source, numbers)), choice, source.spec)
    rows = [PromptRow("", caption.text, f"caption {caption.id}", caption.id) for caption in chosen]
    name = source.name if choice.people else f"{source.name}-no-people"
    return build_prompt_set(name, rows, source.spec, folder / "images" if choice.people else None)


def _find(text: str, place: str, options: dict[str, str]) -> HubSource:
    """Load without decoding an image, and settle split and columns."""
    spec = f"hf:{text}"
    name, split = place, None
    if not given_path(place).exists():
        name, _, split = place.partition(":") if ":" in place else (place, "", None)
    if not name:
        raise UserError(f"the prompt set '{spec}' names no data set; write hf:PATH_OR_ID or hf:PATH_OR_ID:SPLIT")
    data = _load(spec, name, split, options)
    columns = {column: type(feature).__name__ for column, feature in data.features.items()}
    pictures = [column for column, kind in columns.items() if kind == "Image"]
    image = _one(spec, "image", options.get("image"), pictures, list(columns))
    texts = [column for column in columns if column.casefold() in CAPTION_COLUMNS]
    caption = _one(spec, "caption", options.get("caption"), texts, list(columns))
    if columns[image] != "Image":
        raise UserError(f"the column '{image}' of {spec} holds no images; name another with image=COLUMN")
    from datasets import Image

    short = category_slug(Path(name).stem if Path(name).suffix else Path(name).name) or "captions"
    return HubSource(spec, f"hf-{short}", data.cast_column(image, Image(decode=False)), image, caption)


def _load(spec: str, name: str, split: str | None, options: dict[str, str]) -> Any:
    from datasets import DatasetDict, load_dataset

    local = given_path(name)
    try:
        if local.is_file():
            data = load_dataset(local.suffix.lstrip("."), data_files=str(local))
        else:
            path = str(local) if local.is_dir() else name
            data = load_dataset(path, options.get("config"), revision=options.get("revision"))
    except Exception as error:  # network, hub and format errors share no narrower class
        raise UserError(
            f"the data set of {spec} cannot be loaded ({type(error).__name__}: {first_line(error)}); "
            "check its name, or give the folder of a copy on this machine"
        ) from error
    if not isinstance(data, DatasetDict):
        return data
    if split is None and len(data) > 1:
        raise UserError(f"{spec} has the splits {', '.join(data)}; name one, as in hf:PATH_OR_ID:{next(iter(data))}")
    split = split if split is not None else next(iter(data))
    if split not in data:
        raise UserError(f"{spec} has no split '{split}'; it has {', '.join(data)}")
    return data[split]


def _one(spec: str, kind: str, asked: str | None, fitting: Sequence[str], columns: Sequence[str]) -> str:
    if asked is not None:
        if asked not in columns:
            raise UserError(f"{spec} has no column '{asked}'; it has {', '.join(columns)}")
        return asked
    if len(fitting) != 1:
        found = f"the columns {', '.join(fitting)} might be" if fitting else f"none of {', '.join(columns)} is"
        raise UserError(f"{found} the {kind} column of {spec}; name it with {kind}=COLUMN")
    return fitting[0]


def _captions(source: HubSource, numbers: Sequence[int]) -> Iterator[Caption]:
    """Every caption of every row, with the number of its row's image."""
    for row, value in enumerate(source.data.select_columns([source.caption])[source.caption]):
        texts = value if isinstance(value, list) else [value]
        for place, text in enumerate(texts):
            if not isinstance(text, str) or not text.strip():
                raise UserError(f"row {row} of {source.spec} has an empty caption or none; correct the data set")
            yield Caption(f"{row}-{place}" if isinstance(value, list) else str(row), numbers[row], clean(text))


def _keep_images(source: HubSource, progress: Progress) -> Path:
    """The folder of the split's images, made on first use: whole or not at all."""
    key = hashlib.sha256(f"{source.data._fingerprint}\t{source.image}\t{source.data.num_rows}".encode()).hexdigest()
    folder = cache_folder() / f"{source.name}-{key[:12]}"
    if (folder / ROWS).is_file():
        return folder
    try:
        with atomic_folder(folder) as staged:
            _write_images(source, staged.path, progress)
    except OSError as error:
        if (folder / ROWS).is_file():  # another process was first, with the same images
            return folder
        raise UserError(
            f"the images of {source.spec} cannot be kept in {folder.parent} ({error.strerror}); make room, or name "
            f"another folder in {CACHE_VARIABLE}"
        ) from error
    return folder


def _write_images(source: HubSource, folder: Path, progress: Progress) -> None:
    """images/<row>.<suffix> of every distinct image, its bytes as they are, decoded once; and each row's image."""
    (folder / "images").mkdir()
    first: dict[bytes, int] = {}
    numbers: list[int] = []
    with progress.counted(f"images of {source.spec}", 0, source.data.num_rows):
        for start in range(0, source.data.num_rows, TOGETHER):
            values = source.data[start : start + TOGETHER][source.image]
            written = []
            for row, value in enumerate(values, start=start):
                content = _bytes_of(value, row, source)
                number = first.setdefault(hashlib.sha256(content).digest(), row)
                numbers.append(number)
                if number == row:
                    path = folder / "images" / f"{row:06d}{_suffix(content, row, source)}"
                    path.write_bytes(content)
                    written.append((row, path))
            _verify(written, source)
            progress.advance(len(values))
    (folder / ROWS).write_text(json.dumps(numbers), encoding="utf-8")


def _verify(written: Sequence[tuple[int, Path]], source: HubSource) -> None:
    """Here, and not when the run is scored: then the user would be told of a file of the cache."""
    from metrics.errors import MetricInputError
    from metrics.images.decode import read_image

    def problem(path: Path) -> str:
        try:
            read_image(path)
        except MetricInputError as error:
            return str(error).removeprefix(f"{path} ").split(":")[0]
        return ""

    with ThreadPoolExecutor() as pool:
        for (row, _), found in zip(written, pool.map(problem, [path for _, path in written]), strict=True):
            if found:
                raise UserError(f"the image in row {row} of {source.spec} {found}; correct the data set")


def _bytes_of(value: Any, row: int, source: HubSource) -> bytes:
    content = value.get("bytes") if isinstance(value, dict) else None
    if content:
        return content
    path = value.get("path") if isinstance(value, dict) else None
    if path and Path(path).is_file():
        return Path(path).read_bytes()
    raise UserError(f"row {row} of {source.spec} has no image; correct the data set")


def _suffix(content: bytes, row: int, source: HubSource) -> str:
    for begin, suffix in SUFFIX_OF.items():
        if content.startswith(begin):
            return suffix
    raise UserError(f"the image in row {row} of {source.spec} is not a PNG, JPEG or WebP image; convert it first")
