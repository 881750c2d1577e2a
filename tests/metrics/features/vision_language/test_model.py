"""Vision-language models: the probabilities that transformers and VQAScore's own code give on the same tiny weights."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from metrics.errors import MetricInputError
from metrics.features.vision_language.model import VisionLanguageFolder, VisionLanguageModel
from metrics.features.vision_language.questions import QuestionFile
from metrics.features.vision_language.readers import QuestionReader, VqaReader, questions_fingerprint, vqa_fingerprint
from tests.metrics.features.vision_language.test_questions import TIFA, tifa
from tests.metrics.vision_language import WRITERS, write_blip, write_llava, write_qwen2_vl

# linzhiqiu/t2v_metrics at 6ecb74f, Qwen2VLModel.forward of t2v_metrics/models/vqascore_models/qwen2vl_model.py, on the
# checkpoint of `write_qwen2_vl` in float32 and these images, whose sizes its processor leaves as they are.
THEIRS = (0.005179847124963999, 0.012671531178057194, 0.00689162639901042)
PROMPTS = ("a red circle", "two cats and three dogs", "a blue square")
IMAGES = [np.random.default_rng(i).integers(0, 256, (84, 56 + 28 * i, 3), dtype=np.uint8) for i in range(3)]

Folders = dict[str, Path]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    return {name: write(tmp_path_factory.mktemp(name) / "tiny") for name, write in WRITERS.items()}


def model(folder: Path) -> VisionLanguageModel:
    return VisionLanguageModel(VisionLanguageFolder.find(str(folder)))


def test_vqascore_is_that_of_its_own_code(folders: Folders) -> None:
    found = VqaReader(VisionLanguageFolder.find(str(folders["qwen2_vl"])))(IMAGES, PROMPTS)
    assert found.shape == (3, 1)
    assert found[:, 0].tolist() == pytest.approx(THEIRS, abs=1e-5)
    assert found[:, 0].tolist() == pytest.approx(THEIRS, rel=1e-4)


@pytest.mark.parametrize("name", ["llava", "qwen2_vl"])
def test_a_chat_models_first_token_is_as_likely_as_when_it_writes(folders: Folders, name: str) -> None:
    ours = model(folders[name])
    question = ours.found.template.of_prompt("a red circle")
    inputs = ours._inputs(IMAGES[0], question)
    wrote = ours.network.generate(
        **inputs, max_new_tokens=1, do_sample=False, output_scores=True, return_dict_in_generate=True
    )
    logs = wrote.scores[0][0].double().log_softmax(dim=-1)
    for answer in ("Yes", "No"):
        (token,) = ours._processor.tokenizer.encode(answer, add_special_tokens=False)
        assert ours.log_probabilities(IMAGES[0], question, [answer])[0] == pytest.approx(float(logs[token]), abs=1e-5)


def test_an_answer_of_several_tokens_is_read_token_by_token(folders: Folders) -> None:
    ours = model(folders["qwen2_vl"])
    tokens = ours._answer("blue cats")
    assert len(tokens) > 1
    inputs = ours._inputs(IMAGES[1], "what?")
    logs = []
    for number, token in enumerate(tokens):
        begun = torch.tensor([list(tokens[:number])], dtype=torch.long)
        read = {**inputs, "input_ids": torch.cat([inputs["input_ids"], begun], dim=1)}
        read["attention_mask"] = torch.ones_like(read["input_ids"])
        read["mm_token_type_ids"] = torch.cat([inputs["mm_token_type_ids"], torch.zeros_like(begun).int()], dim=1)
        logs.append(float(ours.network(**read).logits[0, -1].double().log_softmax(dim=-1)[token]))
    several = ours.log_probabilities(IMAGES[1], "what?", ["Yes", "blue cats", "No"])
    assert several[1] == pytest.approx(np.mean(logs), abs=1e-5)
    assert several[[0, 2]].tolist() == ours.log_probabilities(IMAGES[1], "what?", ["Yes", "No"]).tolist()


@pytest.mark.parametrize("name", ["instructblip", "blip"])
def test_an_answer_decoder_gives_what_its_own_loss_says(folders: Folders, name: str) -> None:
    """VQAScore's code for CLIP-FlanT5 and InstructBLIP: exp of minus the mean cross entropy, the end token included."""
    ours = model(folders[name])
    question = ours.found.template.of_prompt("a red circle")
    inputs = ours._inputs(IMAGES[2], question)
    answer = torch.tensor([list(ours._answer("yes"))])
    more: dict[str, Any] = {"labels": answer}
    if name == "blip":  # labels are foretold one behind, so the start token stands before them
        begun = torch.tensor([[ours.network.decoder_start_token_id]])
        more = {"labels": torch.cat([begun, answer], dim=1)}
    with torch.no_grad():
        loss = float(ours.network(**inputs, **more).loss)
    assert ours.log_probabilities(IMAGES[2], question, ["yes"])[0] == pytest.approx(-loss, abs=1e-5)


@pytest.mark.parametrize("name", WRITERS)
def test_an_answer_depends_on_image_and_question_and_on_nothing_else(folders: Folders, name: str) -> None:
    reader = VqaReader(VisionLanguageFolder.find(str(folders[name])))
    found = reader(IMAGES, PROMPTS)
    assert len(set(found[:, 0].tolist())) == 3
    assert np.array_equal(found[1:2], reader(IMAGES[1:2], PROMPTS[1:2]))
    assert found[0, 0] != reader(IMAGES[:1], PROMPTS[1:2])[0, 0]
    assert ((found > 0) & (found < 1)).all()


@pytest.mark.parametrize("name", WRITERS)
def test_questions_are_answered_by_the_likeliest_choice(folders: Folders, name: str, tmp_path: Path) -> None:
    other = {"id": "a", "caption": "two cats", "question": "are they red?", "choices": ["yes", "no"], "answer": "yes"}
    found = VisionLanguageFolder.find(str(folders[name]))
    ours = VisionLanguageModel(found)
    rows = QuestionReader(found, QuestionFile.read(tifa(tmp_path, [TIFA, other])))(IMAGES, ["two cats"] * 2 + ["none"])
    for image, row in zip(IMAGES[:2], rows, strict=False):
        asked = found.template
        count = ours.log_probabilities(image, asked.of_question("how many?", ("one", "two")), ["one", "two"])
        red = ours.log_probabilities(image, asked.of_question("are they red?", ("yes", "no")), [asked.yes, asked.no])
        right = int(count[1] > count[0]) + int(red[0] > red[1])
        assert row.tolist() == [2, right / 2, right / 2]
    assert rows[2].tolist() == [0, 0, 0]


def test_the_fingerprint_covers_weights_template_and_questions(folders: Folders, tmp_path: Path) -> None:
    found = VisionLanguageFolder.find(str(folders["llava"]))
    first = vqa_fingerprint(found)
    other = write_llava(tmp_path / "tiny", seed=1)
    assert vqa_fingerprint(VisionLanguageFolder.find(str(other))) != first
    same = write_llava(tmp_path / "again")
    again = VisionLanguageFolder.find(str(same))
    assert vqa_fingerprint(again) == first
    file = QuestionFile.read(tifa(tmp_path, [TIFA]))
    asked = questions_fingerprint(found, file)
    assert asked != first
    assert questions_fingerprint(found, QuestionFile.read(tifa(tmp_path, [TIFA, TIFA | {"id": "b"}]))) != asked
    (same / "chat_template.jinja").write_text("{{ messages[0]['content'][1]['text'] }}<image>")
    assert vqa_fingerprint(again) != first


def test_a_prompt_that_is_too_long_is_refused(folders: Folders) -> None:
    for name in ("llava", "blip"):
        reader = VqaReader(VisionLanguageFolder.find(str(folders[name])))
        with pytest.raises(MetricInputError, match=r"question is \d+ tokens long and tiny reads \d+"):
            reader(IMAGES[:1], ["qwertz " * 60])


def test_other_models_missing_files_and_changed_weights_are_refused(folders: Folders, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with pytest.raises(MetricInputError, match=r"config\.json is missing"):
        VisionLanguageFolder.find(str(other))
    (other / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(MetricInputError, match="holds a model of type bert, which answers no questions about images"):
        VisionLanguageFolder.find(str(other))
    with pytest.raises(MetricInputError, match="neither a folder nor a model in the local hub cache"):
        VisionLanguageFolder.find("nobody/none")
    silent = write_qwen2_vl(tmp_path / "silent")
    (silent / "chat_template.jinja").unlink()
    with pytest.raises(MetricInputError, match="type qwen2_vl, which answers no questions"):
        VisionLanguageFolder.find(str(silent))
    bare = write_blip(tmp_path / "bare")
    for file in bare.glob("*tokenizer*"):
        file.unlink()
    with pytest.raises(MetricInputError, match="has no tokenizer: add the model's tokenizer files"):
        VisionLanguageFolder.find(str(bare))
    blind = write_blip(tmp_path / "blind")
    (blind / "processor_config.json").unlink()
    with pytest.raises(MetricInputError, match="has no usable processor of images and texts"):
        VqaReader(VisionLanguageFolder.find(str(blind)))(IMAGES[:1], PROMPTS[:1])
    changed = write_blip(tmp_path / "changed")
    VisionLanguageFolder.find(str(changed))
    write_blip(changed, seed=1)
    with pytest.raises(MetricInputError, match="has changed since its first use"):
        VisionLanguageFolder.find(str(changed))
    weights = write_blip(tmp_path / "weights") / "model.safetensors"
    weights.unlink()
    with pytest.raises(MetricInputError, match=r"lacks model\.safetensors"):
        VisionLanguageFolder.find(str(weights.parent))


def test_images_that_are_none_are_refused(folders: Folders) -> None:
    reader = VqaReader(VisionLanguageFolder.find(str(folders["blip"])))
    with pytest.raises(MetricInputError, match="float64"):
        reader([np.zeros((8, 8, 3))], ["a"])
    assert math.isfinite(float(reader([np.asarray(Image.new("RGB", (9, 70)))], ["a"])[0, 0]))
