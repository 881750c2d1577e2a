"""The documentation as a site: it builds without a warning, holds what Python offers, and fetches nothing."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import drawbench
import metrics

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "deploy/mkdocs.yml"
ADDRESS = "https://code.example/us/drawbench"

pytestmark = pytest.mark.skipif(
    any(importlib.util.find_spec(name) is None for name in ("material", "mkdocstrings")),
    reason="mkdocs-material and mkdocstrings are not installed: pip install '.[docs]'",
)


class _Addresses(HTMLParser):
    """Collects the addresses of links, and of what a page loads by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        address = found.get("src") or found.get("href") or ""
        (self.links if tag == "a" else self.loaded).append(address)


def _addresses(page: Path) -> _Addresses:
    parser = _Addresses()
    parser.feed(page.read_text(encoding="utf-8"))
    return parser


def _build(config: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """As `make docs` does, of a clone whose address is known. Without --quiet, under which strict sees no warning."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "DRAWBENCH_REPOSITORY": ADDRESS, "NO_MKDOCS_2_WARNING": "1"}
    words = [sys.executable, "-m", "mkdocs", "build", "--config-file", str(config), "--site-dir", str(folder)]
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All pages."""
    folder = tmp_path_factory.mktemp("site")
    done = _build(CONFIG, folder)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


def test_every_public_name_is_in_the_reference(site: Path) -> None:
    text = (site / "reference.html").read_text(encoding="utf-8")
    for package in (drawbench, metrics):
        missing = [name for name in dir(package) if f'id="{package.__name__}.{name}"' not in text]
        assert not missing
    assert "The Fréchet inception distance" in text  # a docstring, not the bare name


def test_links_to_code_lead_to_the_repository_and_others_to_pages(site: Path) -> None:
    links = _addresses(site / "architecture.html").links
    assert f"{ADDRESS}/blob/HEAD/drawbench/runs/plan.py" in links
    assert "results.html" in _addresses(site / "model_card.html").links
    assert {"docs/python.ipynb", "python.ipynb"}.isdisjoint(_addresses(site / "index.html").links)


def test_no_page_loads_anything_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 25
    for page in pages:
        outside = [each for each in _addresses(page).loaded if re.match(r"(https?:)?//", each)]
        assert not outside, page.name
        assert 'class="mermaid"' not in page.read_text(encoding="utf-8")  # it would fetch Mermaid's script


def test_the_drawing_of_the_packages_is_drawn(site: Path) -> None:
    """What is imported stands in a lower row, and every box is there."""
    source = (
        (ROOT / "docs/architecture.md").read_text(encoding="utf-8").partition("```mermaid\n")[2].partition("```")[0]
    )
    text = (site / "architecture.html").read_text(encoding="utf-8")
    for box in re.findall(r'\["(.+)"\]', source):
        assert f"{box}<" in text
    house = text.partition('<p class="name">drawbench')[2].partition('<p class="name">metrics')[0]
    floors = [
        re.findall(r'class="room">(?:<span[^>]*>.*?</span> )?([\w ·]+)', row) for row in house.split('class="floor"')
    ]
    place = {name: number for number, row in enumerate(floors) for name in row}
    sweeps = place["sweeps · comparing · agreement · auditing"]
    assert place["cli"] < place["site"] < place["sharing"] < sweeps < place["runs"]
    assert "<small>↓ verifying, site, doctor</small>" in house
    assert "mermaid" not in text


def test_the_notebook_is_a_page_with_its_results(site: Path) -> None:
    text = (site / "python.html").read_text(encoding="utf-8")
    assert "not measurable with this scorer" in text
    assert "data:image/png;base64," in text
    assert not list(site.rglob("*.ipynb"))


def test_pages_stand_in_the_order_of_the_readme() -> None:
    nav = re.findall(r"^ +- ([a-z_/A-Z]+\.md)$", CONFIG.read_text().partition("\nnav:")[2], re.MULTILINE)
    listed = re.findall(
        r"\]\((?:docs/)?([a-z_]+)\.(?:md|ipynb)\)", (ROOT / "README.md").read_text().split("## Start here")[1]
    )
    pages = [f"{name}.md" for name in dict.fromkeys(listed)]
    assert [page for page in nav if page in pages] == [page for page in pages if page in nav]
    assert len(pages) > 20


def test_a_link_that_leads_nowhere_stops_the_build(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    with (tmp_path / "docs/sweep.md").open("a", encoding="utf-8") as page:
        page.write("\n[here](runs.md#no-such-heading)\n")
    config = tmp_path / "mkdocs.yml"
    hook = ROOT / "deploy/mkdocs_hook.py"
    config.write_text(f"INHERIT: {CONFIG}\ndocs_dir: {tmp_path / 'docs'}\nhooks: ['{hook}']\n", encoding="utf-8")
    done = _build(config, tmp_path / "site")
    assert done.returncode == 1
    assert "no-such-heading" in done.stderr
