"""The table of rules in docs/runs.md, each of its examples laid out and matched as it says."""

import re
from pathlib import Path

import pytest

from drawbench.prompts.prompt_set import category_slug
from tests.drawbench.models.test_folder_matching import CAPTIONS, PROMPTS, STYLES, fill, met

PAGE = (Path(__file__).parents[3] / "docs/runs.md").read_text()
SECTION = PAGE.partition("### folder:DIR")[2].partition("\n### ")[0]
RULES = re.findall(r"^\| `([a-z ]+)` \| (.+?) \| .+ \|$", SECTION, re.MULTILINE)
EXAMPLES = [(rule, name) for rule, files in RULES for name in re.findall(r"`([^`]*<[^`]+)\.png`", files)]


def test_the_table_has_every_rule() -> None:
    assert [rule for rule, _ in RULES][:3] == ["metadata", "metadata text", "id"]
    assert RULES[-1][0] == "order"
    assert {rule for rule, _ in EXAMPLES} == {rule for rule, _ in RULES} - {"metadata", "metadata text", "order"}


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_examples_are_matched_as_the_table_says(rule: str, example: str, tmp_path: Path) -> None:
    prompt_set = CAPTIONS if rule.startswith("coco") else STYLES if rule.startswith("category") else PROMPTS

    def name(place: int, sample: int) -> str:
        prompt = prompt_set.prompts[place]
        number = place % 3 if prompt_set is STYLES else place
        digits = (
            prompt_set.image_ids.get(prompt.id, 0) if rule == "coco image id" else int(prompt.id.rpartition("-")[2])
        )
        filled = {
            "<prompt id>": prompt.id,
            "<prompt>": prompt.text,
            "<slug>": category_slug(prompt.text),
            "<beginning>": prompt.text[:45],
            "<category>": category_slug(prompt.category),
            "<number>": f"{number:04d}",
            "<12 digits>": f"{digits:012d}",
            "<n>": str(sample),
        }
        return re.sub(r"<[^>]+>", lambda found: filled[found[0]], example)

    samples = 2 if "<n>" in example else 1
    assert met(fill(tmp_path / "images", name, samples), prompt_set) == (rule, samples)
