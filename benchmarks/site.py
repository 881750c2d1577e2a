"""A leaderboard site of many results: how long it takes to make, its size, and how it opens and filters in a browser.

    python -m benchmarks.site
    python -m benchmarks.site --results 2000 --tables 4 --keep /tmp/big

10,000 results in one table unless told otherwise, with made-up scores overall and in 11 categories. Times in the
browser are its own: from the start of the navigation until the first paint and until the filters can be used; from a
key in the search, a sort or a show of categories until the next paint; and the longest task that kept it busy for more
than 50 ms (what browsers call a long task). Chromium, from disk, without a GPU.
"""

import argparse
import random
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.report import WATCH
from drawbench.interface import ModelCard
from drawbench.results.files import Result, RunRef
from drawbench.results.scores import OVERALL, Interval, PromptSetRef, ProtocolRef, Score
from drawbench.site.build import Options, write_site
from tests.chromium import chromium

CATEGORIES = 11
METRICS = ("clip_score", "clip_score_shuffled", "clip_score_difference")
READY = "!document.getElementById('filters').hidden && performance.now()"
PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
ACT = """async ([id, kind, value]) => {
  const element = document.getElementById(id), start = performance.now();
  element.value = value;
  element.dispatchEvent(new Event(kind, { bubbles: true }));
  await new Promise(requestAnimationFrame);
  await new Promise((done) => setTimeout(done));
  return performance.now() - start;
}"""


def make_results(count: int, tables: int) -> list[Result]:
    """Models with a result in each of so many tables."""
    chance = random.Random(0)
    return [_result(number // tables, number % tables, chance.gauss(0.25, 0.03)) for number in range(count)]


def _result(model: int, table: int, value: float) -> Result:
    scopes = [OVERALL, *(f"Category {number}" for number in range(CATEGORIES))]
    interval = Interval(low=value - 0.01, high=value + 0.01, method="made up")
    return Result(
        kind="measured",
        model=ModelCard(adapter="benchmark", spec=f"models/made-up-{model}", name=f"made-up model {model}"),
        prompt_set=PromptSetRef(name=f"made-up {table}", sha256=f"{table:064d}", n=200),
        protocol=ProtocolRef(name="made-up", version=1, fingerprint="0" * 64),
        reference=None,
        size=256,
        samples=1,
        complete=True,
        refusals=0,
        scores=[
            Score(metric=metric, scope=scope, value=value, interval=interval, n=200, definition="made up")
            for scope in scopes
            for metric in METRICS
        ],
        run=RunRef(plan_sha256=f"{model:064d}", pixels_sha256=f"{model:032d}{table:032d}"),
        environment={},
        date="2000-01-01",
    )


def measure_browser(page: Any, address: str) -> dict[str, float]:
    """Seconds and milliseconds of opening, searching, sorting and showing categories."""
    page.add_init_script(WATCH)
    page.goto(address, wait_until="commit")
    found = {"filters ready, s": page.wait_for_function(READY).json_value() / 1000}
    found = {"first paint, s": page.wait_for_function(PAINT).json_value() / 1000} | found
    found["longest task while opening, ms"] = _longest(page)
    searches = [page.evaluate(ACT, ["query", "input", text]) for text in ("m", "model 7", "77", "nothing", "")]
    found["slowest search, ms"] = max(searches)
    found["longest task while searching, ms"] = _longest(page)
    head = page.locator("thead button", has_text="CLIP score").first
    for _ in range(2):
        head.click()
    found["longest task while sorting, ms"] = _longest(page)
    found["choice of categories, ms"] = page.evaluate(ACT, ["by", "change", "CLIP score by category"])
    page.locator("td:nth-child(8)").first.wait_for()
    found["longest task while showing categories, ms"] = _longest(page)
    return found


def _longest(page: Any) -> float:
    """Of the tasks since the last time; 0 where none was long."""
    page.wait_for_timeout(500)
    return float(page.evaluate("Math.max(0, ...window.longTasks.splice(0))"))


def measure(count: int, tables: int, folder: Path, browser: Any) -> dict[str, float]:
    """Everything, of a site in `folder`. browser: Playwright's."""
    results = make_results(count, tables)
    start = time.perf_counter()
    first = write_site(results, folder / "public", Options())
    found: dict[str, float] = {"made, s": time.perf_counter() - start}
    files = [path for path in (folder / "public").rglob("*") if path.is_file()]
    data = [path for path in files if path.name.startswith(("rows-", "categories-"))]
    found |= {
        "files": len(files),
        "everything, MiB": sum(path.stat().st_size for path in files) / 2**20,
        "first page, MiB": first.stat().st_size / 2**20,
        "rows, MiB": sum(path.stat().st_size for path in data if path.name.startswith("rows-")) / 2**20,
        "categories, MiB": sum(path.stat().st_size for path in data if path.name.startswith("categories-")) / 2**20,
    }
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    return found | measure_browser(page, first.as_uri())


def main() -> None:
    """Print what was found, a line each."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.site", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--results", type=int, default=10_000, metavar="N", help="(10,000)")
    parser.add_argument("--tables", type=int, default=1, metavar="N", help="over which they are spread (1)")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="where the site stays")
    args = parser.parse_args()
    with ExitStack() as stack:
        folder = args.keep or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        found = measure(args.results, args.tables, folder, stack.enter_context(chromium()))
    for name, value in found.items():
        print(f"{name:45} {value:10,.2f}")


if __name__ == "__main__":
    main()
