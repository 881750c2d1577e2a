"""What a report is made of: runs with their scores, a human study, a sweep; read before anything is written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from drawbench.comparing.compare import Comparison
from drawbench.errors import UserError
from drawbench.prompts.prompt_set import category_slug
from drawbench.results.files import Result, read_result
from drawbench.runs.directory import RunDirectory
from drawbench.sweeps.sweep import RUNS, SweepPoint, read_sweep
from drawbench.tables.leaderboard import LeaderboardTable, build_tables
from drawbench.tables.loading import load_run, require_scores

STUDY_PLACES = ("analysis/results", "results", ".")


@dataclass(frozen=True)
class ReportedRun:
    """A sealed run: what it is called in the report and in its addresses, and its result under each protocol.

    scores: a folder of `score --out`, or None where they lie in the run. prompt_text: DrawBench's may be shown.
    """

    label: str
    slug: str
    run: RunDirectory
    results: tuple[Result, ...]
    scores: Path | None = None
    prompt_text: bool = False

    @property
    def shows_text(self) -> bool:
        """Whether the report may hold the text of its prompts."""
        return self.prompt_text or not self.run.holds_drawbench

    def reason(self, prompt_id: str, reason: str) -> str:
        """Why a sample was refused; servers repeat the prompt there, which is left out where its text is not shown."""
        return reason if self.shows_text else reason.replace(self._texts[prompt_id], "[prompt]")

    @cached_property
    def _texts(self) -> dict[str, str]:
        return {prompt.id: prompt.text for prompt in self.run.prompts}


@dataclass(frozen=True)
class SweepOf:
    """A sweep's folder and its points."""

    folder: Path
    points: tuple[SweepPoint, ...]

    def run(self, point: SweepPoint) -> Path:
        """Where the point's images are, or were."""
        return self.folder / RUNS / point.run


@dataclass(frozen=True)
class Sources:
    """Everything that a report shows. comparisons: of each two runs that compare. uncompared: why others are not."""

    runs: tuple[ReportedRun, ...]
    human: tuple[Result, ...] = ()
    sweep: SweepOf | None = None
    comparisons: tuple[Comparison, ...] = ()
    uncompared: tuple[str, ...] = ()

    @property
    def results(self) -> list[Result]:
        """Of all runs."""
        return [result for each in self.runs for result in each.results]

    @property
    def tables(self) -> list[LeaderboardTable]:
        """Of their scores. Rows go by the labels that runs have on all pages."""
        return [
            replace(table, rows=tuple(replace(row, label=self.run_of(row.result).label) for row in table.rows))
            for table in build_tables(self.results)
        ]

    @property
    def for_publication(self) -> bool:
        """False where the text of DrawBench's prompts is in it."""
        return not any(each.run.holds_drawbench and each.shows_text for each in self.runs)

    def run_of(self, result: Result) -> ReportedRun:
        """The run that a result is of."""
        return next(each for each in self.runs if any(result is mine for mine in each.results))

    def look(self, label: str) -> int:
        """The number of a model's colour and shape, the same on all pages."""
        return list(dict.fromkeys(each.label for each in self.runs)).index(label)


def read_runs(
    paths: Sequence[Path], scores: Path | None = None, *, prompt_text: bool = False
) -> tuple[ReportedRun, ...]:
    """Open runs, each once. Raises UserError for one unfinished or changed since, and for `scores` of none of them."""
    if not paths:
        raise UserError("a report needs at least one run directory")
    opened = [RunDirectory.open(path) for path in dict.fromkeys(paths)]
    for run in opened:
        run.require_seal()
    if scores:
        require_scores(opened, scores)
    labels = run_labels(opened)
    slugs = unique_slugs(labels)
    return tuple(
        ReportedRun(label, slug, run, tuple(load_run(run.path, scores)), scores, prompt_text)
        for label, slug, run in zip(labels, slugs, opened, strict=True)
    )


def read_study(place: Path) -> tuple[Result, ...]:
    """The results of a human study: in its folder, that of its analysis, or a result file.

    Raises UserError when there are none.
    """
    files = [place] if place.is_file() else []
    for name in STUDY_PLACES if place.is_dir() else ():
        files = files or sorted((place / name).glob("*--human-*.json"))
    if not files:
        raise UserError(f"{place} holds no results of a human study: run `drawbench study analyse` on the study first.")
    found = tuple(read_result(path) for path in files)
    if not all(result.study for result in found):
        raise UserError(f"{place} holds results that are of no human study: name the study's folder.")
    return found


def read_points(folder: Path) -> SweepOf:
    """A sweep. Raises UserError when the folder holds none."""
    return SweepOf(folder, tuple(read_sweep(folder)))


def run_labels(runs: Sequence[RunDirectory]) -> list[str]:
    """The model's name, with the run's folder where two runs share the name and the set."""
    names = [(run.plan.model.name, run.plan.prompt_set_name) for run in runs]
    return [
        name if names.count((name, prompt_set)) == 1 else f"{name} ({run.path.resolve().name})"
        for (name, prompt_set), run in zip(names, runs, strict=True)
    ]


def unique_slugs(names: Sequence[str]) -> list[str]:
    """Each name as a part of an address, no two alike."""
    slugs: dict[str, None] = {}
    for name in names:
        slug = stem = category_slug(name) or "unnamed"
        number = 2
        while slug in slugs:
            slug, number = f"{stem}-{number}", number + 1
        slugs[slug] = None
    return list(slugs)
