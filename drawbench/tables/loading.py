"""Results for a table, from result files, run directories, and folders of either."""

from collections.abc import Sequence
from pathlib import Path

from drawbench.errors import UserError
from drawbench.results.files import Result, RunRef, read_result, result_from_score_file
from drawbench.results.scores import read_scores
from drawbench.runs.directory import RunDirectory
from drawbench.scoring.score_files import elsewhere_name


def load_results(paths: Sequence[Path]) -> list[Result]:
    """Results from result files, run directories, and folders of either. Raises UserError where there is none."""
    results = []
    for path in paths:
        found = _load_one(path)
        if not found:
            raise UserError(
                f"no results in {path}: give result files, a folder of them, or run directories that were scored"
            )
        results.extend(found)
    return results


def load_run(folder: Path, scores: Path | None = None) -> list[Result]:
    """The results of one run directory: one for each scored protocol.

    scores: a folder of `score --out`, whose results of this run come before those that lie in the run.
    Raises UserError when the run is not sealed, or when scores are of other images than those it holds now.
    """
    run = RunDirectory.open(folder)
    images = run.require_seal().pixels_sha256
    results = load_scores(run, scores) if scores else []
    named = {result.protocol.name for result in results}
    for path in sorted((folder / "scores").glob("*.json")):
        file = read_scores(path)
        if (file.plan_sha256, file.pixels_sha256) != (run.plan.sha256, images):
            raise UserError(f"{path} was made from other images than {folder} holds now: score the run again")
        if file.protocol.name not in named:
            results.append(result_from_score_file(run.plan.model, file, "measured"))
    return results


def load_scores(run: RunDirectory, folder: Path) -> list[Result]:
    """The results of a sealed run in a folder of `score --out`; none where the folder is of other runs.

    Raises UserError for no folder, and for scores under the run's name that are of other images.
    """
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: name the one that `drawbench score --out` wrote")
    mine = RunRef(plan_sha256=run.manifest.plan_sha256, pixels_sha256=run.require_seal().pixels_sha256)
    results = []
    for path in sorted(folder.glob("*.json")):
        result = read_shown_result(path)
        if result.run == mine:
            results.append(result)
        elif path.name == elsewhere_name(run, result.protocol.name):
            raise UserError(f"{path} was made from other images than {run.path} holds now: score the run again")
    return results


def require_scores(runs: Sequence[RunDirectory], folder: Path) -> None:
    """Raises UserError when a folder of `score --out` holds nothing of any of these runs."""
    if not any(load_scores(run, folder) for run in runs):
        raise UserError(f"{folder} holds no scores of these runs: name the folder that `drawbench score --out` wrote")


def read_shown_result(path: Path) -> Result:
    """A result file that a table may show. Raises UserError for one of simulated raters or scores."""
    result = read_result(path)
    if result.kind == "simulated":
        raise UserError(f"{path} is SIMULATED: nobody judged and nothing was measured; leave it out of the leaderboard")
    return result


def _load_one(path: Path) -> list[Result]:
    if path.is_file():
        return [read_shown_result(path)]
    if not path.is_dir():
        raise UserError(f"{path} does not exist: give a result file, a folder of them, or a run directory")
    if (path / "manifest.json").is_file():
        return load_run(path)
    results = [read_shown_result(each) for each in sorted(path.glob("*.json"))]
    for run in sorted(each.parent for each in path.glob("*/manifest.json")):
        results.extend(load_run(run))
    return results
