"""GenEval's rules: what its own code says of the same boxes, and files that are none."""

import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest

from metrics.errors import MetricInputError
from metrics.features.geneval.rules import Detection, RuleFile, Thresholds, counting, obeys, relations
from tests.metrics.features.geneval.cases import Box, cases

# Which of the cases are right: djghosh13/geneval at af4902f, evaluate_image of evaluation/evaluate_images.py, with the
# boxes in place of its detector's and the colours in place of its CLIP's. A bit a case behind the first, 600 in all.
THEIRS = (
    "14b0e36830030a24900820840810d00220c20028a3101052284880096093a400c20170a28910d40401342840880008220925"
    "4098a4014b35d20420508870800b04800a24114b540200a013c"
)
TASKS = ("single_object", "two_object", "counting", "colors", "position", "color_attr")
LINE = '{"tag": "colors", "include": [{"class": "cat", "count": 1, "color": "red"}], "prompt": "a red cat"}\n'


def rule_file(folder: Path, text: str) -> RuleFile:
    path = folder / "rules.jsonl"
    path.write_text(text, encoding="utf-8")
    return RuleFile.read(path)


def seen(colours: dict[Box, str], _: str, found: Sequence[Detection]) -> list[str]:
    return [colours[each.box] for each in found]


def test_every_case_is_judged_as_by_genevals_own_code(tmp_path: Path) -> None:
    ours = []
    for row, boxes, colours, overlap in cases():
        rule = rule_file(tmp_path, json.dumps({**row, "prompt": "p"})).by_prompt["p"]
        found = {name: [Detection(box, score) for box, score in given] for name, given in boxes.items()}
        kept = counting(found, rule.task, Thresholds(0.3, 0.9, overlap=overlap))
        ours.append((rule.task, obeys(rule, kept, partial(seen, colours))))
    theirs = [digit == "1" for digit in f"{int(THEIRS, 16):b}"[1:]]
    assert [right for _, right in ours] == theirs
    for task in TASKS:
        assert 0 < sum(right for name, right in ours if name == task) < 100


def test_a_relation_holds_of_objects_that_are_apart_for_their_sizes() -> None:
    small, far = Detection((0, 0, 10, 10), 1), Detection((40, 0, 50, 10), 1)
    assert (relations(small, far), relations(far, small)) == ({"left of"}, {"right of"})
    assert relations(Detection((0, 0, 100, 100), 1), Detection((10, 0, 110, 100), 1)) == set()
    assert relations(small, small) == set()
    assert relations(small, Detection((40, 40, 50, 50), 1)) == {"left of", "above"}


def test_a_file_gives_rules_by_prompt_its_classes_and_tasks(tmp_path: Path) -> None:
    more = '{"tag": "counting", "include": [{"class": "dog", "count": 2}], "exclude": [{"class": "dog", "count": 3}], '
    found = rule_file(tmp_path, f'{LINE}\n{more}"prompt": "two dogs "}}')
    assert (found.classes, found.tasks, found.colours) == (("cat", "dog"), ("colors", "counting"), True)
    assert found.of(" two dogs") is found.by_prompt["two dogs"]
    assert found.of("a dog") is None
    assert found.sha256 != rule_file(tmp_path, LINE).sha256


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "holds no rules"),
        ("[]", "line 1 of .* is no rule"),
        ('{"prompt": "a cat"}', "line 1 of .* is no rule"),
        (LINE.replace("red", "mauve"), "line 1 of .* is no rule"),
        (LINE.replace("1,", "0,"), "line 1 of .* is no rule"),
        (LINE.replace('"color": "red"', '"position": ["above", 0]'), "line 1 of .* is no rule"),
        (LINE + LINE.replace('"red"', '"blue"'), "line 2 of .* is another rule for the same prompt"),
    ],
)
def test_what_is_no_rule_is_refused_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(MetricInputError, match=said):
        rule_file(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MetricInputError, match="cannot be read as a file of GenEval's rules"):
        RuleFile.read(tmp_path / "none.jsonl")
