"""The leaderboard as a folder of static pages and data, for a disk or any host; nothing is loaded from elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drawbench.errors import UserError
from drawbench.files import atomic_folder, writing
from drawbench.pages.folder import FIRST, check_place
from drawbench.pages.templates import ELEMENTS, STYLE, elements, own_text, render, style
from drawbench.progress import Progress
from drawbench.report.overview import human_views
from drawbench.results.files import Result, result_path, result_text
from drawbench.results.published import published_numbers, published_text
from drawbench.site.compared import write_compared
from drawbench.site.entries import MODELS, Contents, contents_of
from drawbench.site.model_page import Standing, card_facts, model_plots, standings_of
from drawbench.site.tables import TableView, table_view, write_rows
from drawbench.tables.data import tables_csv, tables_json
from drawbench.tables.human import human_sheet
from drawbench.tables.layout import published_sheet
from drawbench.tables.markup import sheet_html

GENERATOR = "drawbench site"
DATA, RESULTS = "data", "results"
COMPARE, HUMAN, PUBLISHED, ABOUT = "compare.html", "human.html", "published.html", "data.html"
SCRIPTS = ("leaderboard.js", "compare.js")
OWN = (FIRST, COMPARE, HUMAN, PUBLISHED, ABOUT, STYLE, ELEMENTS, *SCRIPTS, MODELS, DATA, RESULTS)


@dataclass(frozen=True)
class Options:
    """title: of all pages. repository: the address (http or https) to which results are sent, if there is one."""

    title: str = "Text-to-image leaderboard"
    repository: str = ""

    def __post_init__(self) -> None:
        if self.repository and not self.repository.startswith(("https://", "http://")):
            raise UserError(f"{self.repository!r} is no address of a repository: give one that begins with https://")


def check_site_place(out: Path) -> None:
    """Raises UserError for a place that holds something else than a site."""
    check_place(out, GENERATOR, "site", OWN)


def write_site(results: Sequence[Result], out: Path, options: Options, progress: Progress | None = None) -> Path:
    """Write the site of these results into `out`: a new folder, an empty one, or an older site; whole or not at all.

    Returns the path of its first page. Raises UserError for results that no table may show.
    """
    check_site_place(out)
    contents = contents_of(results)
    with writing(out, "name another folder with --out"), atomic_folder(out, replace=True) as staged:
        folder = staged.path
        for name in (MODELS, DATA, RESULTS):
            (folder / name).mkdir()
        names = _write_results(contents.results, folder / RESULTS)
        _write_downloads(contents, folder / DATA)
        views = [table_view(slug, table, contents) for slug, table in contents.scored]
        _write_pages(contents, views, names, folder, options)
        _write_models(contents, standings_of(contents, views), names, folder, options, progress or Progress())
        (folder / STYLE).write_text(style() + own_text(__package__, "site.css"), encoding="utf-8")
        (folder / ELEMENTS).write_text(elements(), encoding="utf-8")
        for name in SCRIPTS:
            (folder / name).write_text(own_text(__package__, name), encoding="utf-8")
    return out / FIRST


def _write_pages(
    contents: Contents, views: Sequence[TableView], names: dict[int, str], folder: Path, options: Options
) -> None:
    """The pages of all models together, with the data that they load."""
    rows, categories = write_rows(views, folder / DATA)
    write_compared(contents, views, folder / DATA)
    captions = list(dict.fromkeys(caption for view in views for caption in view.blocks))
    pages: dict[str, dict[str, Any]] = {
        FIRST: {
            "views": views,
            "facts": _facts(contents),
            "rows": rows,
            "categories": categories,
            "captions": captions,
        },
        COMPARE: {},
        PUBLISHED: {"sheet": sheet_html(published_sheet(published_numbers()), 2)},
        ABOUT: {"tables": contents.titles, "repository": options.repository, "files": sorted(names.values())},
    }
    if contents.human:
        pages[HUMAN] = _human(contents)
    common = _common(contents, options)
    titles = dict(common["pages"])
    for name, values in pages.items():
        title = options.title if name == FIRST else f"{titles[name]} · {options.title}"
        _page(folder / name, f"site_{Path(name).stem}.html.j2", common | values | {"here": name, "title": title})


def _write_models(
    contents: Contents,
    places: dict[int, Standing],
    names: dict[int, str],
    folder: Path,
    options: Options,
    progress: Progress,
) -> None:
    """A page for each model."""
    common = _common(contents, options) | {"here": "", "root": "../"}
    with progress.counted("pages", 0, len(contents.entries), "models"):
        for entry in contents.entries:
            parts = [
                (section, result, places.get(id(result)), names[id(result)], model_plots(result, contents.provenance))
                for section, result in zip(entry.sections, entry.results, strict=True)
            ]
            title = f"{entry.label} · {options.title}"
            values = {"entry": entry, "parts": parts, "card": card_facts(entry), "title": title}
            _page(folder / entry.page, "site_model.html.j2", common | values)
            progress.advance(1)


def _common(contents: Contents, options: Options) -> dict[str, Any]:
    pages = [(FIRST, "Leaderboard"), (COMPARE, "Compare"), *([(HUMAN, "Human studies")] if contents.human else [])]
    pages += [(PUBLISHED, "Published numbers"), (ABOUT, "Data and submissions")]
    return {
        "title": options.title,
        "brand": options.title,
        "generator": GENERATOR,
        "style": "",
        "mark": "",
        "pages": pages,
    }


def _facts(contents: Contents) -> list[str]:
    """What the site holds, in a few words each."""
    counts = ((len(contents.results), "result"), (len(contents.entries), "model"), (len(contents.tables), "table"))
    dates = sorted(result.date for result in contents.results)
    return [*(f"{n:,} {noun}{'' if n == 1 else 's'}" for n, noun in counts), f"newest of {dates[-1]}"]


def _human(contents: Contents) -> dict[str, Any]:
    """What the page of human studies shows."""
    sheets = [human_sheet(table) for _, table in contents.human]
    results = [row.result for _, table in contents.human for row in table.rows]
    address_of = contents.provenance.address_of
    return {
        "views": human_views(results, contents.provenance),
        "sheets": [sheet_html(sheet, 2, address_of, folded=True) for sheet in sheets],
        "cautions": list(dict.fromkeys(text for s in sheets for name, text in s.provenance if name == "caution")),
    }


def _write_results(results: Sequence[Result], folder: Path) -> dict[int, str]:
    """The result files under their usual names, by the id of the result."""
    names = {}
    for result in results:
        path = result_path(result, folder)
        path.write_text(result_text(result), encoding="utf-8")
        names[id(result)] = path.name
    return names


def _write_downloads(contents: Contents, folder: Path) -> None:
    """Every table as CSV and as JSON, and the published numbers."""
    for slug, table in zip(contents.slugs, contents.tables, strict=True):
        (folder / f"{slug}.csv").write_text(tables_csv([table], ()), encoding="utf-8")
        (folder / f"{slug}.json").write_text(tables_json([table], ()), encoding="utf-8")
    (folder / "published.csv").write_text(published_text(), encoding="utf-8")


def _page(path: Path, template: str, values: dict[str, Any]) -> None:
    path.write_text(render(template, __package__, "drawbench.report", **values), encoding="utf-8")
