"""Made `tests/golden/data`: what the programs wrote on the day before their modules were moved.

    python -m tests.golden.make NEW_FOLDER

The files in data/ stand for those that users have. They are never made anew because a test fails: then the program no
longer reads what people keep, or writes it otherwise. Only where a named version is raised on purpose (`schema_version`
of a manifest, result, sweep or design; the tables' version in a backup) is what belongs to the new version made with
this, and put beside the old, which stays. The tests do not run this module: it tells where the files are from. Under
the same versions of packages it gives the same bytes. Clock, platform and secrets are fixed: no file tells a machine.
schema_2/runs are runs/ as they are written since attempts have journals (schema version 2 of the manifest).
data.sha256 holds what `sha256sum` says of all files; a script that edits sources must leave data/ alone.
"""

import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from random import Random
from unittest.mock import patch

import numpy as np
from PIL import Image

from drawbench.cli.main import main
from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.prompts.registry import load_prompt_set
from drawbench.results.files import read_result, result_from_score_file, write_result
from drawbench.results.scores import read_scores, scores_path
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, generate
from human_eval_app.store.records import Identity
from human_eval_app.store.store import VoteStore
from human_eval_app.study.create import create_study
from human_eval_app.study.design import Design
from human_eval_app.study.options import Options, parse_exclusions
from tests.golden.commands import FOLDER_RUN, PYTHON_RUN, STUDY, STUDY_EXCLUSIONS, STUDY_RUNS, STUDY_SECRET, SWEEP
from tests.human_eval_app.store.sitting import cast, finish, ready, seated

DATA = Path(__file__).parent / "data"
SOURCES = ("prompts.csv", "golden_model.py")
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
CLOCKS = (
    "drawbench.runs.writer.datetime",
    "drawbench.scoring.score.datetime",
    "human_eval_app.backup.backup.datetime",
    "human_eval_app.analysis.analyse.datetime",
)
NOT_KEPT = (".lock", ".sweep.json.lock", "__pycache__", "charts", "README.md", "index.html")


class Stopped(datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
        return NOW


class Refusing(TextToImage):
    """A grey picture of every sample but one."""

    def card(self) -> ModelCard:
        return ModelCard(adapter="test", spec="refusing", name="refusing", revision="1", weights_sha256="a" * 64)

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        return [
            Refused("not this one: „nein“")
            if sample.prompt_id == "colors-002"
            else np.full((size, size, 3), sample.seed % 256, np.uint8)
            for sample in samples
        ]


@contextmanager
def nothing_by_chance() -> Iterator[None]:
    """Inside, what a program takes from its machine is the same everywhere."""
    with ExitStack() as stack:
        for clock in CLOCKS:
            stack.enter_context(patch(clock, Stopped))
        stack.enter_context(patch("platform.platform", return_value="Linux"))
        stack.enter_context(patch("drawbench.runs.writer._processor", return_value={}))
        stack.enter_context(patch("secrets.choice", Random(0).choice))
        yield


def succeed(*words: str) -> None:
    """Run a command that must end well."""
    assert main(list(words)) == 0, words


def make_pictures() -> None:
    """The folder that a `folder:` model serves."""
    Path("pictures").mkdir()
    for number, name in enumerate(("colors-001-0", "colors-002-0", "counting-001", "counting-002-0")):
        rows, columns = np.mgrid[0:32, 0:32]
        pixels = np.stack([rows * 8, columns * 8, (rows + columns) * (number + 1) % 256], axis=-1).astype(np.uint8)
        Image.fromarray(pixels).save(f"pictures/{name}.png")


def make_runs() -> None:
    """Three runs, two of them scored; a sweep; a result file."""
    succeed(*PYTHON_RUN, "--out", "runs/python")
    succeed(*FOLDER_RUN, "--out", "runs/folder")
    prompts = load_prompt_set("prompts.csv")
    generate(Request(Refusing(), prompts, Path("runs/refusing"), samples=1, size=32, slice_size=2))
    succeed("score", "runs/python", "runs/refusing", "--device", "cpu")
    succeed(*SWEEP, "--out", "sweep")
    card = RunDirectory.open("runs/python").plan.model
    write_result(
        result_from_score_file(card, read_scores(scores_path(Path("runs/python"), "bundled")), "measured"),
        Path("results"),
    )


def take_part(store: VoteStore, design: Design) -> None:
    """Raters in every stage, with votes undone and tried again."""
    finish(store, design, ready(store, "first", "colors"))
    finish(store, design, ready(store, "second", "counting"))
    for name, panel, choice in (("third", "colors", 1), ("fourth", "counting", 2)):
        place = ready(store, name, panel)
        while place.stage in ("training", "trial"):
            place = cast(store, design, place, choice)
    finish(store, design, ready(store, "careless", "counting"), wrong_gold=True)
    place = cast(store, design, cast(store, design, ready(store, "O'Neil 🦉", "colors"), wrong=True))
    place = cast(store, design, cast(store, design, place))
    assert place.sitting is not None
    cast(store, design, store.undo(place.rater, place.sitting, place.position - 1), choice=1)
    store.withdraw(cast(store, design, ready(store, "gone", "counting")).rater)
    seated(store, "reading", "counting")
    store.enter(Identity("prolific", "at the door", session="s-1"))
    store.enter(Identity("prolific", "at the door", session="s-2"))


def make_study() -> None:
    """A study with votes: its backup, its database, and what was exported and analysed."""
    options = Options(**STUDY, exclusions=parse_exclusions(STUDY_EXCLUSIONS))
    design = create_study([Path(run) for run in STUDY_RUNS], Path("making"), options, secret=STUDY_SECRET).design
    seconds = iter(range(int(NOW.timestamp()), 2**40))
    store = VoteStore.open("sqlite:///making/votes.sqlite", design, clock=lambda: float(next(seconds)))
    take_part(store, design)
    store.close()
    Path("study").mkdir()
    succeed("study", "backup", "making", "--out", "study/backup.zip")
    succeed("study", "export", "making", "--out", "study/votes.jsonl", "--all", "--with-external-ids")
    succeed("study", "analyse", "making", "--look", "--out", "study/analysis")
    Path("making/votes.sqlite").rename("study/votes.sqlite")
    shutil.rmtree("making")


def forget_what_is_not_kept() -> None:
    """Locks, and pages and pictures for people."""
    for name in NOT_KEPT:
        for path in list(Path().rglob(name)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def make(folder: Path) -> None:
    """Make all of it in a new folder."""
    folder.mkdir(parents=True)
    for name in SOURCES:
        shutil.copyfile(DATA / name, folder / name)
    os.environ["DRAWBENCH_CACHE"] = str(folder.absolute().with_name(f"{folder.name}-cache"))
    os.chdir(folder)
    with nothing_by_chance():
        make_pictures()
        make_runs()
        make_study()
    forget_what_is_not_kept()
    for result in Path("results").iterdir():
        read_result(result)


if __name__ == "__main__":
    make(Path(sys.argv[1]))
