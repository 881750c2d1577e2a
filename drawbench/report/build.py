"""The static report: a folder of pages, pictures and data, opened from disk, nothing loaded from anywhere."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from drawbench.files import atomic_folder, writing
from drawbench.pages.folder import check_place as check_folder
from drawbench.pages.templates import ELEMENTS, STYLE, elements, own_text, render, style
from drawbench.progress import Progress
from drawbench.report import gallery, overview, provenance
from drawbench.report.findings import findings
from drawbench.report.sources import Sources, read_runs
from drawbench.report.thumbnails import write_thumbnails

PAGE = "index.html"
GENERATOR = "drawbench report"
SCRIPT = "gallery.js"
PAGES = ((PAGE, "Overview"), (gallery.PAGE, "Gallery"), (provenance.PAGE, "Provenance"))
NOT_FOR_PUBLICATION = "Not for publication: this report shows the text of DrawBench's prompts, which are Google's."


def build_report(runs: Sequence[Path], out: Path, scores: Path | None = None, progress: Progress | None = None) -> Path:
    """Write the report of finished runs, as they are, into `out` and return the path of its first page.

    scores: a folder of `score --out`, for runs whose scores are there.
    Raises UserError when a run is unfinished, `scores` holds nothing of them, or `out` holds something else.
    """
    check_place(out)
    return write_report(Sources(read_runs(runs, scores)), out, progress)


def write_report(sources: Sources, out: Path, progress: Progress | None = None, *, originals: bool = False) -> Path:
    """Write everything into `out`: a new folder, an empty one, or an older report. It appears whole or not at all.

    originals: the images are copied into it.
    """
    check_place(out)
    with writing(out, "name another folder with --out"), atomic_folder(out, replace=True) as staged:
        write_thumbnails([each.run for each in sources.runs], staged.path, [out], progress or Progress())
        _write_pages(sources, staged.path, out, originals)
    return out / PAGE


def check_place(out: Path) -> None:
    """Raises UserError for a place that holds something else than a report."""
    check_folder(out, GENERATOR, "report")


def _write_pages(sources: Sources, folder: Path, out: Path, originals: bool) -> None:
    known = provenance.provenance_of(sources)
    scripts = gallery.write_gallery(sources.runs, folder, out, known, originals)
    common: dict[str, Any] = {
        "title": title_of(sources),
        "generator": GENERATOR,
        "brand": "drawbench report",
        "style": "",
        "pages": PAGES,
        "mark": "" if sources.for_publication else NOT_FOR_PUBLICATION,
    }
    pages: dict[str, dict[str, Any]] = {
        PAGE: {
            "facts": facts_of(sources),
            "models": [(label, sources.look(label)) for label in labels_of(sources)],
            "strips": gallery.first_images(sources.runs),
            "findings": findings(sources, known),
            "most_rows": overview.MOST_ROWS,
            "tables": overview.table_views(sources, known),
            "pairs": overview.pair_tables(sources.comparisons, known),
            "sweep": overview.sweep_view(sources, known),
            "human": overview.human_views(sources.human, known),
            "captions": overview.caption_tables(sources.human, known),
        },
        gallery.PAGE: {"scripts": [*scripts, ELEMENTS, SCRIPT]},
        provenance.PAGE: {"sections": known.sections},
    }
    for name, values in pages.items():
        text = render(f"{Path(name).stem}.html.j2", __package__, here=name, **common, **values)
        (folder / name).write_text(text, encoding="utf-8")
    (folder / STYLE).write_text(style() + own_text(__package__, "report.css"), encoding="utf-8")
    (folder / ELEMENTS).write_text(elements(), encoding="utf-8")
    (folder / SCRIPT).write_text(own_text(__package__, SCRIPT), encoding="utf-8")


def title_of(sources: Sources) -> str:
    """The model's name, or how many there are."""
    labels = labels_of(sources)
    return labels[0] if len(labels) == 1 else f"{len(labels)} models compared"


def labels_of(sources: Sources) -> list[str]:
    """What the models are called, each once."""
    return list(dict.fromkeys(each.label for each in sources.runs))


def facts_of(sources: Sources) -> list[str]:
    """What the report is of, in a few words each."""
    plans = [each.run.plan for each in sources.runs]
    sets = dict.fromkeys((plan.prompt_set_name, plan.n_prompts, plan.prompt_set_n) for plan in plans)
    prompts = [
        f"{n:,} prompts of {name}" if n == whole else f"{n:,} of {whole:,} prompts of {name}" for name, n, whole in sets
    ]
    seals = [each.run.require_seal() for each in sources.runs]
    refused = sum(seal.refused for seal in seals)
    drawn = [f"{sum(seal.images for seal in seals):,} images", *([f"{refused:,} refused"] if refused else [])]
    dates = sorted({result.date for result in sources.results})
    return [*prompts, *drawn, *([f"scored {dates[-1]}"] if dates else [])]
