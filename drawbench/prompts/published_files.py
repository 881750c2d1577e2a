"""Prompt sets that their authors publish as one file under a licence: GenEval, PartiPrompts, DSG-1k, UniGenBench++.

None of them is part of this project. A file is found on this machine or fetched from its authors' repository, and
accepted only with the published SHA-256.
"""

import hashlib
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from drawbench.errors import UserError
from drawbench.files import atomic_file
from drawbench.prompts.files import parse_rows, read_file, table_records
from drawbench.prompts.prompt_set import PromptRow, PromptSet, build_prompt_set
from metrics.images.folders import cache_folder

FOLDER_VARIABLE = "DRAWBENCH_PROMPT_FILES"
GITHUB = "https://raw.githubusercontent.com"
SECONDS = 60  # without a byte
LARGEST = 16 * 2**20  # bytes; the largest of them has 2 MB


@dataclass(frozen=True)
class PublishedFile:
    """A set: its name, title and categories in words, and its file as it is published.

    sha256: of the file's bytes. prompts, set_sha256: of the set that `read` makes of them, with `samples` images per
    prompt unless told otherwise.
    """

    name: str
    title: str
    categories: str
    source: str
    licence: str
    sha256: str
    prompts: int
    set_sha256: str
    samples: int
    read: Callable[[bytes, str], list[PromptRow]]

    @property
    def file(self) -> str:
        """What the file is called."""
        return self.source.rpartition("/")[2]

    def local(self) -> Path | None:
        """The file in the folder of DRAWBENCH_PROMPT_FILES, else in the cache, else None. No network."""
        named = os.environ.get(FOLDER_VARIABLE)
        places = [*([Path(named) / self.file] if named else []), self.cached]
        return next((place for place in places if place.is_file()), None)

    @property
    def cached(self) -> Path:
        """Where a fetched file is kept."""
        return cache_folder() / "prompts" / self.file

    def load(self, path: Path | None = None) -> PromptSet:
        """The set from `path`, or else from `local`, or else fetched, its licence shown first, and kept in the cache.

        Raises UserError for a file that is not the published one, and the ways to provide it where it cannot be had.
        """
        local = path or self.local()
        content = read_file(local, f"the file of {self.title}") if local else self._fetched()
        source = str(local or self.source)
        if (found := hashlib.sha256(content).hexdigest()) != self.sha256:
            raise UserError(
                f"{source} is not the published {self.file} of {self.title}: its SHA-256 begins {found[:12]}, not "
                f"{self.sha256[:12]}; fetch it from {self.source}, or use it by its path as a set of its own"
            )
        return replace(build_prompt_set(self.name, self.read(content, source), source), samples=self.samples)

    def _fetched(self) -> bytes:
        print(f"drawbench: {self.title}: licence {self.licence}; from {self.source}", file=sys.stderr, flush=True)
        content = _download(self.source, f"pass {self.file} as {self.name}:FILE, or put it at {self.cached}")
        if hashlib.sha256(content).hexdigest() == self.sha256:
            _keep(content, self.cached)
        return content


def _download(source: str, else_do: str) -> bytes:
    import http.client
    import urllib.request

    from huggingface_hub.constants import HF_HUB_OFFLINE

    if HF_HUB_OFFLINE:
        raise UserError(f"{source} is not asked, since HF_HUB_OFFLINE is set: {else_do}.")
    try:
        with urllib.request.urlopen(source, timeout=SECONDS) as answer:
            return bytes(answer.read(LARGEST))
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise UserError(f"{source} could not be fetched ({reason}): {else_do}.") from None


def _keep(content: bytes, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(target) as file:
            file.write(content)
    except OSError as error:
        print(f"drawbench: {target} could not be kept ({error.strerror})", file=sys.stderr)


def published_of(content: bytes) -> PublishedFile | None:
    """The set whose file these bytes are, whatever it is called."""
    found = hashlib.sha256(content).hexdigest()
    return next((each for each in PUBLISHED_FILES if each.sha256 == found), None)


def _parti_rows(content: bytes, source: str) -> list[PromptRow]:
    """Fields between tabs as they are: a prompt may begin with a double quote, which a reader of tables would take."""
    header, *lines = content.decode().rstrip("\n").split("\n")
    if header.split("\t")[:2] != ["Prompt", "Category"]:
        raise UserError(f"{source} does not begin with the columns Prompt and Category: fetch it again.")
    parts = (line.split("\t") for line in lines)
    return [PromptRow(part[1], part[0], f"row {number}") for number, part in enumerate(parts, start=1)]


def _dsg_rows(content: bytes, source: str) -> list[PromptRow]:
    """A prompt for each item, in the category that its id begins with: the set that DSG took it from."""
    return [replace(row, category=(row.id or "").rpartition("_")[0]) for row in parse_rows(content, ".csv", source)]


def _unigenbench_rows(content: bytes, source: str) -> list[PromptRow]:
    """The theme of a prompt stands first in its dimensions."""
    rows = []
    for where, record in table_records(content, ".csv", source, ("prompt_en", "sub_dims_en")):
        theme = json.loads(str(record["sub_dims_en"]))["Primary Categories"]
        rows.append(PromptRow(theme, str(record["prompt_en"]), where))
    return rows


PUBLISHED_FILES = (
    PublishedFile(
        "geneval",
        "GenEval (Ghosh et al. 2023)",
        "its 6 tasks",
        f"{GITHUB}/djghosh13/geneval/af4902f24d3ca90ebbb446dd9891a59e0f82725f/prompts/evaluation_metadata.jsonl",
        "MIT",
        "5c48e0813e812e3c373fa5c8ed07a8f0a483be30272b4427b0559c8048e67c13",
        553,
        "f3ed38f23e52cb6e29e30ac0b5944cb7c44c6c4541d0337b737c4117e092e6c0",
        4,
        lambda content, source: parse_rows(content, ".jsonl", source),
    ),
    PublishedFile(
        "parti",
        "PartiPrompts (Yu et al. 2022)",
        "its 12 categories",
        f"{GITHUB}/google-research/parti/5a657978134374ce28973948331b319adef164bd/PartiPrompts.tsv",
        "Apache-2.0",
        "fab29e41bb512a169b56acab4cf2a41dcb675e285df2efcde6640c7dd3c440eb",
        1632,
        "aee993ede97a25d5b13e535dad1997be563542ae9654511a1c0f4782be38f2e3",
        1,
        _parti_rows,
    ),
    PublishedFile(
        "dsg-1k",
        "DSG-1k (Cho et al. 2024)",
        "the 10 sets that its prompts are from",
        f"{GITHUB}/j-min/DSG/7330119a39f76ff90e619a8bd3ff321e71aa986b/dsg/data/dsg-1k-anns.csv",
        "Apache-2.0",
        "b7ce06ea8a0478ccfd8fba105ecd26d7d301eb99d5c412987546c4cc8e08917a",
        1060,
        "f3ad2b5e68af394c0ea6899ddf7163e8f0ca3ff69208dd3319f2bfa6069665c5",
        1,
        _dsg_rows,
    ),
    PublishedFile(
        "unigenbench",
        "UniGenBench++ (Wang et al. 2025), short English prompts",
        "its 5 themes",
        f"{GITHUB}/CodeGoat24/UniGenBench/49d0bcebb0b9418d975d3957c2fee10f34811d14/data/test_prompts_en.csv",
        "CC BY 4.0",
        "f82e8ce854985ef963378eaaf8ce12f2e3a57dd6f53e1aea84a61fbeadfe4459",
        600,
        "54eda034a8f9a232604572f398d8063ce7ff566fbd90163e56e67d63126c02aa",
        4,
        _unigenbench_rows,
    ),
)
