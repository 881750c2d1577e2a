"""The static report: one page, its images beside it, nothing loaded from anywhere."""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from drawbench.errors import UserError
from drawbench.files import atomic_folder
from drawbench.report.gallery import build_galleries
from drawbench.results.files import Result
from drawbench.runs.directory import RunDirectory
from drawbench.runs.journal import Attempt
from drawbench.tables.leaderboard import build_tables
from drawbench.tables.loading import load_run, require_scores
from drawbench.tables.markup import sheet_html
from drawbench.tables.render import sheets_of

PAGE = "index.html"
GENERATOR = '<meta name="generator" content="drawbench report">'
SHOWN_REFUSALS = 50


def build_report(runs: Sequence[Path], out: Path, scores: Path | None = None) -> Path:
    """Write the report of finished runs into `out` and return the path of its page.

    out: a new folder, an empty one, or an older report; it appears whole or not at all.
    scores: a folder of `score --out`, for runs whose scores are there.
    Raises UserError when a run is unfinished, `scores` holds nothing of them, or `out` holds something else.
    """
    if not runs:
        raise UserError("a report needs at least one run directory")
    _check_place(out)
    opened = [RunDirectory.open(path) for path in dict.fromkeys(runs)]
    for run in opened:
        run.require_seal()
    results = [result for run in opened for result in load_run(run.path, scores)]
    if scores:
        require_scores(opened, scores)
    with atomic_folder(out, replace=True) as staged:
        (staged.path / PAGE).write_text(_page(opened, results, staged.path), encoding="utf-8")
    return out / PAGE


def _page(runs: list[RunDirectory], results: list[Result], folder: Path) -> str:
    from jinja2 import Environment, StrictUndefined
    from markupsafe import Markup

    labels = run_labels(runs)
    source = files("drawbench.report")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((source / "report.html.j2").read_text(encoding="utf-8"))
    return template.render(
        generator=Markup(GENERATOR),
        style=Markup("\n".join((source / name).read_text(encoding="utf-8") for name in ("tables.css", "report.css"))),
        labels=labels,
        tables=[Markup(sheet_html(sheet, 3)) for sheet in sheets_of(build_tables(results))],
        galleries=build_galleries(list(zip(labels, runs, strict=True)), folder),
        runs=[_run_facts(label, run) for label, run in zip(labels, runs, strict=True)],
        shown_refusals=SHOWN_REFUSALS,
    )


def run_labels(runs: Sequence[RunDirectory]) -> list[str]:
    """The model's name, with the run's folder where two runs share the name and the set."""
    names = [(run.plan.model.name, run.plan.prompt_set_name) for run in runs]
    return [
        name if names.count((name, prompt_set)) == 1 else f"{name} ({run.path.name})"
        for (name, prompt_set), run in zip(names, runs, strict=True)
    ]


def _run_facts(label: str, run: RunDirectory) -> dict[str, object]:
    """What made one run: (name, value) pairs, and its refusals."""
    plan, seal = run.plan, run.require_seal()
    model = plan.model
    settings = ", ".join(f"{key}={value}" for key, value in sorted(model.settings.items()))
    attempts, usage = run.attempts, run.usage()
    facts = [
        ("model", f"{model.name} ({model.adapter}:{model.spec})" if model.spec else f"{model.name} ({model.adapter})"),
        ("revision", model.revision),
        ("weights", model.weights_sha256),
        ("settings", settings),
        ("prompt set", f"{plan.prompt_set_name}, {plan.n_prompts} of {plan.prompt_set_n} prompts"),
        ("set hash", plan.prompt_set_sha256),
        ("images", f"{plan.size} px, {plan.samples} per prompt, seed {plan.seed}, {plan.dtype}"),
        ("drawn", f"{seal.images} images, {seal.refused} refused"),
        ("server", usage.words() if usage else ""),
        ("plan", plan.sha256),
        ("pixels", seal.pixels_sha256),
        ("devices", ", ".join(dict.fromkeys(_device(attempt) for attempt in attempts))),
        ("warnings", "; ".join(dict.fromkeys(text for attempt in attempts for text in attempt.warnings))),
        ("versions", ", ".join(f"{name} {version}" for name, version in sorted(_versions(run).items()))),
    ]
    return {
        "label": label,
        "set": plan.prompt_set_name,
        "partial": not plan.complete,
        "facts": [(name, value) for name, value in facts if value],
        "refusals": seal.refusals,
    }


def _device(attempt: Attempt) -> str:
    return f"{attempt.device} ({attempt.gpu})" if attempt.gpu else attempt.device


def _versions(run: RunDirectory) -> dict[str, str]:
    attempts = run.attempts
    return attempts[-1].versions if attempts else {}


def _check_place(out: Path) -> None:
    if out.is_dir() and not any(out.iterdir()):
        return
    if out.exists() and not _is_report(out):
        raise UserError(f"{out} is there and is not a report: give a new folder, or remove it yourself")


def _is_report(folder: Path) -> bool:
    page = folder / PAGE
    return page.is_file() and GENERATOR in page.read_text(encoding="utf-8", errors="replace")[:2000]
