"""docs/licences.md: a row for everything that pages and help fetch by a name, and for nothing else."""

import re
from pathlib import Path

from drawbench.doctor.peer_networks import PeerFiles
from drawbench.doctor.published_examples import PUBLISHED_FILES
from drawbench.prompts.drawbench_set import HUB_DATASETS
from drawbench.prompts.registry import BY_NAME, FROM_PATH
from metrics.features.ocr.rapidocr import RECOGNISER
from metrics.features.packaged import EFFICIENTNET_LITE0, MINILM_L6
from metrics.features.weights import PUBLISHED

ROOT = Path(__file__).parents[1]
HUB_ID = re.compile(
    r"(?:diffusers:|stage_\d=|prior=|lora=|clip:|vqa:|\.\w+@|\+|weights fetch )([A-Z0-9][\w.-]*/[\w.-]+\w)",
    re.IGNORECASE,
)
COMMANDS = [*ROOT.glob("drawbench/cli/*.py"), *ROOT.glob("human_eval_app/cli/*.py")]
OF_THE_READER = {"my/pipeline", "owner/name", "OWNER/NAME"}


def rows(heading: str) -> list[str]:
    """The first column of the table below a heading."""
    section = (ROOT / "docs/licences.md").read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)


def named_in_pages() -> set[str]:
    pages = "".join(page.read_text() for page in [*ROOT.glob("docs/*.md"), ROOT / "README.md", *COMMANDS])
    return set(HUB_ID.findall(pages)) - OF_THE_READER


def test_weights_and_files_are_those_that_the_code_names() -> None:
    code = [*(one.name for one in PUBLISHED), *(one.file for one in vars(PUBLISHED_FILES).values())]
    clips = {name for name in named_in_pages() if name.startswith(("openai/", "ViT-"))}
    assert sorted(rows("Weights and files")) == sorted({*code, *clips, *PeerFiles.clip_models})


def test_packages_of_weights_are_those_that_the_code_reads() -> None:
    assert rows("Packages of the extra `offline`") == [
        EFFICIENTNET_LITE0.package,
        MINILM_L6.package,
        RECOGNISER.package,
    ]


def test_prompt_sets_are_those_that_go_by_a_name() -> None:
    assert sorted(rows("Prompts and captions")) == sorted({*BY_NAME, *FROM_PATH, *HUB_DATASETS})


def test_models_are_those_that_the_pages_name() -> None:
    models = {name for name in named_in_pages() if not name.startswith(("openai/", "ViT-"))}
    assert sorted(rows("Models")) == sorted(models)


def test_every_row_says_a_licence() -> None:
    lines = [line for line in (ROOT / "docs/licences.md").read_text().splitlines() if line.startswith("| `")]
    assert all(len(cell.strip()) > 1 for line in lines for cell in line.strip("|").split("|"))
    headings = ("Weights and files", "Packages of the extra `offline`", "Prompts and captions", "Models")
    assert len(lines) == sum(len(rows(heading)) for heading in headings)
