"""What the documentation's site has beyond the pages in docs/: the repository's own pages, the notebook, the reference.

Links are written for a reader of the repository. Here those to a page of the site lead to it, and those to code lead to
the repository's address, or are plain text where none is known.
"""

import json
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

import drawbench
import metrics
from deploy.mkdocs_drawing import drawn

ROOT = Path(__file__).parents[1]
PAGES = {  # in the repository -> in the site
    "README.md": "index.md",
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
    "results/README.md": "results.md",
    "docs/python.ipynb": "python.md",
}
SOURCES = {page: source for source, page in PAGES.items()}
DRAWING = re.compile(r"```mermaid\n(.*?)```\n", re.DOTALL)
LINK = re.compile(r"(!?)\[([^\[\]]*)\]\((?![a-z]+:|#)([^)\s#]+)(#[^)\s]*)?\)")


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that are made here; of what lies beside a page, code and the notebook itself stay out."""
    for file in list(files):
        if file.src_uri.endswith((".ipynb", ".py", ".toml")):
            files.remove(file)
    for source, page in PAGES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        content = _notebook(json.loads(text)) if source.endswith(".ipynb") else text
        files.append(File.generated(config, page, content=content))
    files.append(File.generated(config, "reference.md", content=_reference()))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """The page with its links turned to where they lead in the site."""
    here = page.file.src_uri
    folder = posixpath.dirname(SOURCES.get(here, f"docs/{here}"))

    def turned(found: re.Match[str]) -> str:
        image, label, link, anchor = found.groups(default="")
        target = posixpath.normpath(posixpath.join(folder, link))
        if not (ROOT / target).exists():
            return found[0]
        inside = PAGES.get(target, target.removeprefix("docs/"))
        if files.get_file_from_path(inside):
            return f"{image}[{label}]({posixpath.relpath(inside, posixpath.dirname(here) or '.')}{anchor})"
        return f"[{label}]({config.repo_url.rstrip('/')}/blob/HEAD/{target})" if config.repo_url else label

    return LINK.sub(turned, DRAWING.sub(lambda found: drawn(found[1]), markdown))


def _reference() -> str:
    """A page of all that the two packages offer, for mkdocstrings to fill in."""
    parts = ["# Python reference"]
    for package in (drawbench, metrics):
        parts += [f"## {package.__name__}", str(package.__doc__)]
        parts += [f"::: {package.__name__}.{name}" for name in dir(package)]
    return "\n\n".join(parts)


def _notebook(notebook: dict[str, Any]) -> str:
    """A notebook as Markdown: its text, its code, and what came out."""
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        parts.append(source if cell["cell_type"] == "markdown" else f"```python\n{source}\n```")
        parts += [_output(output) for output in cell.get("outputs", ())]
    return "\n\n".join(parts)


def _output(output: dict[str, Any]) -> str:
    data = {kind: "".join(text) for kind, text in output.get("data", {"text/plain": output.get("text", "")}).items()}
    if "image/png" in data:
        return f'<img alt="{data["text/plain"]}" src="data:image/png;base64,{"".join(data["image/png"].split())}">'
    if "text/html" in data:
        return f'<div class="md-typeset__table">\n{data["text/html"]}\n</div>'
    return f"```text\n{data['text/plain']}\n```"
