"""Every form of protocol as a scorer: on tiny networks of their true architectures, with random weights."""

import json
import re
from pathlib import Path

import pytest

from drawbench.auditing.audit import audit
from drawbench.auditing.examples import KINDS, trials
from drawbench.auditing.scorers import scorer_named
from drawbench.errors import UserError
from tests.metrics.detectors import write_owlv2
from tests.metrics.features.learned_checkpoints import WRITERS
from tests.metrics.stand_ins import write_transformers_clip
from tests.metrics.vision_language import write_blip

pytestmark = pytest.mark.usefixtures("no_guidance")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_blip(folder / "blip")
    write_owlv2(folder / "owlv2")
    write_transformers_clip(folder / "clip")
    known = {"id": 1, "question": "is it so?", "choices": ["yes", "no"], "answer": "yes"}
    caption = trials("place", 1, 0)[0].right.caption
    (folder / "questions.json").write_text(json.dumps([{**known, "caption": caption}]))
    (folder / "others.json").write_text(json.dumps([{**known, "caption": "two cats"}]))
    rule = {"tag": "counting", "include": [{"class": "cat", "count": 2}], "prompt": "two cats"}
    (folder / "rules.jsonl").write_text(json.dumps(rule))
    return folder


@pytest.mark.parametrize("form", ["clip:{}/clip", "vqa:{}/blip"])
def test_a_model_of_the_users_choice_has_a_card(models: Path, form: str) -> None:
    (card,) = audit([scorer_named(form.format(models))], count=1).cards
    assert set(card.scenes.right) == set(KINDS)
    assert {bribe.n for bribe in card.scenes.bribes.values()} == {1}


@pytest.mark.proof
@pytest.mark.parametrize("name", sorted(WRITERS))
def test_a_learned_scorer_has_a_card(name: str, tmp_path: Path) -> None:
    WRITERS[name](tmp_path / name)
    (card,) = audit([scorer_named(f"{name}:{tmp_path / name}")], count=1).cards
    assert set(card.scenes.right) == set(KINDS)


def test_of_questions_only_captions_that_the_file_knows_are_tried(models: Path) -> None:
    (card,) = audit([scorer_named(f"qa:{models}/questions.json@{models}/blip")], count=1).cards
    assert list(card.scenes.right) == ["place"]


@pytest.mark.parametrize("form", ["qa:{0}/others.json@{0}/blip", "geneval:{0}/rules.jsonl@{0}/owlv2+{0}/clip"])
def test_a_file_that_knows_no_caption_is_one_sentence(models: Path, form: str) -> None:
    name = form.format(models)
    with pytest.raises(UserError, match=re.escape(f"{name} marks none of the audit's images: it knows no question")):
        audit([scorer_named(name)], count=1)
