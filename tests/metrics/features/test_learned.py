"""The learned scorers on tiny checkpoints of their architectures say what their published codes say of these."""

import hashlib
import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from metrics.errors import MetricInputError
from metrics.features.learned import aesthetic
from metrics.features.learned.entries import AESTHETIC, HPS_V2_1, IMAGE_REWARD, PICK_SCORE, Scorer
from metrics.features.learned.hps import squared
from metrics.features.learned.image_reward import ImageRewardReader
from metrics.features.learned.pick_score import clip_tokenizer
from metrics.features.registry import ExtractorEntry
from metrics.features.weights import FOLDER_VARIABLE, LEARNED
from tests.metrics.features.learned_checkpoints import PROMPTS, WORDS, WRITERS, head_state, images, open_clip_state

SCORERS = {scorer.name: scorer for scorer in (PICK_SCORE, HPS_V2_1, IMAGE_REWARD, AESTHETIC)}
PUBLISHED_SAY = json.loads((Path(__file__).parent / "learned_scores.json").read_text())


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder with the files of each scorer."""
    folder = tmp_path_factory.mktemp("learned")
    for name, write in WRITERS.items():
        write(folder / name)
    return {name: folder / name for name in WRITERS}


@pytest.fixture(scope="module")
def loaded(folders: dict[str, Path]) -> dict[str, Any]:
    """Each scorer with its files."""
    return {name: scorer.at(folders[name]).load("cpu") for name, scorer in SCORERS.items()}


@pytest.fixture(autouse=True)
def _no_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "weights"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def _scores(scorer: Any, shown: list[np.ndarray]) -> np.ndarray:
    """(prompts, images), or (1, images) of one that reads no prompt."""
    if isinstance(scorer, ImageRewardReader):
        return np.stack([scorer(shown, [prompt] * len(shown))[:, 0] for prompt in PROMPTS])
    features = scorer(shown).astype(np.float64)
    return scorer.encode_texts(PROMPTS) @ features.T if hasattr(scorer, "encode_texts") else features.T


@pytest.mark.parametrize("name", list(SCORERS))
def test_the_published_code_says_the_same_of_the_same_file(name: str, loaded: dict[str, Any]) -> None:
    np.testing.assert_allclose(_scores(loaded[name], images()), PUBLISHED_SAY[name]["scores"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", list(SCORERS))
def test_an_image_is_scored_alone_as_among_others(name: str, loaded: dict[str, Any]) -> None:
    together = _scores(loaded[name], images())
    alone = np.concatenate([_scores(loaded[name], [image]) for image in images()], axis=1)
    np.testing.assert_allclose(alone, together, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", ["pick-score", "hps-v2.1", "image-reward"])
def test_a_long_prompt_is_cut_and_says_so(name: str, loaded: dict[str, Any]) -> None:
    scorer = loaded[name]
    assert scorer.truncated(PROMPTS) == [False, False, True]
    longer = [PROMPTS[2], PROMPTS[2] + "and the dog"]  # which begin alike
    if isinstance(scorer, ImageRewardReader):
        a, b = (scorer(images()[:1], [prompt]) for prompt in longer)
    else:
        a, b = scorer.encode_texts(longer)
    np.testing.assert_array_equal(a, b)
    assert scorer.context_length == (35 if name == "image-reward" else 77)


@pytest.mark.parametrize("name", list(SCORERS))
def test_the_fingerprint_is_known_before_loading_and_covers_every_file(
    name: str, folders: dict[str, Path], loaded: dict[str, Any], tmp_path: Path
) -> None:
    entry = SCORERS[name].at(folders[name])
    assert entry.fingerprint() == loaded[name].fingerprint
    assert entry.name.startswith(f"{name}-")
    assert str(folders[name]) not in entry.description + entry.caution
    assert "could not be verified" in entry.caution
    for file in folders[name].iterdir():
        other = shutil.copytree(folders[name], tmp_path / file.name)
        (other / file.name).write_bytes(file.read_bytes() + b"\n")
        assert SCORERS[name].at(other).fingerprint() != entry.fingerprint(), file.name


def _published_as(monkeypatch: pytest.MonkeyPatch, name: str, folder: Path, sha256: str | None = None) -> None:
    """As if the files of `folder` were the published ones."""
    known = []
    for file in LEARNED[name]:
        (path,) = [path for path in folder.iterdir() if path.name in (file.file, file.source.rpartition("/")[2])]
        known.append(replace(file, file=path.name, sha256=sha256 or hashlib.sha256(path.read_bytes()).hexdigest()))
    monkeypatch.setitem(LEARNED, name, tuple(known))


@pytest.mark.parametrize("name", list(SCORERS))
def test_published_files_are_the_same_wherever_they_lie(
    name: str, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    _published_as(monkeypatch, name, folders[name])
    monkeypatch.setenv(FOLDER_VARIABLE, str(folders[name]))
    named, found = SCORERS[name].at(folders[name]), SCORERS[name].published()
    for entry in (named, found):
        assert (entry.name, entry.caution, entry.origin) == (name, "", "")
        assert entry.description == found.description
        assert entry.load("cpu").fingerprint == entry.fingerprint() == found.fingerprint()


@pytest.mark.parametrize("name", list(SCORERS))
def test_a_wrong_digest_is_refused(name: str, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    _published_as(monkeypatch, name, folders[name], sha256="0" * 64)
    monkeypatch.setenv(FOLDER_VARIABLE, str(folders[name]))
    with pytest.raises(MetricInputError, match=r"is not the published file: its SHA-256 is .* fetch it again"):
        SCORERS[name].published().load("cpu")


@pytest.mark.parametrize("name", list(SCORERS))
def test_what_is_not_there_says_how_to_get_it(name: str, tmp_path: Path) -> None:
    entry = SCORERS[name].published()
    assert entry.weights_sha256 or "unverified" in entry.description
    with pytest.raises(MetricInputError, match="is missing: run `drawbench weights fetch"):
        entry.load("cpu")
    (tmp_path / "empty").mkdir()
    own = SCORERS[name].files[0].file
    with pytest.raises(MetricInputError, match=f"has no {re.escape(own)}.*name the folder or file with them"):
        SCORERS[name].at(tmp_path / "empty")
    with pytest.raises(MetricInputError, match="is neither a folder nor a file"):
        SCORERS[name].at(tmp_path / "nowhere")


def _refused(entry: ExtractorEntry, words: str) -> None:
    with pytest.raises(MetricInputError, match=words) as refused:
        entry.load("cpu")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", list(SCORERS))
@pytest.mark.parametrize("other", list(SCORERS))
def test_another_network_is_refused(name: str, other: str, folders: dict[str, Path], tmp_path: Path) -> None:
    if name == other:
        return
    mine = shutil.copytree(folders[name], tmp_path / "mine")
    own = next(mine / file for file in ("model.safetensors", SCORERS[name].files[0].file) if (mine / file).is_file())
    theirs = load_file(folders["pick-score"] / "model.safetensors")
    if other != "pick-score":
        theirs = torch.load(folders[other] / SCORERS[other].files[0].file, weights_only=True)
    own.unlink()
    torch.save(theirs, mine / "other.pt")
    (mine / "other.pt").rename(own.with_suffix(".pt"))
    _refused(SCORERS[name].at(own.with_suffix(".pt")), "holds no .* name the published file")


@pytest.mark.parametrize("name", list(SCORERS))
@pytest.mark.parametrize("content", ["half", "junk"])
def test_a_file_that_is_not_whole_is_refused(name: str, content: str, folders: dict[str, Path], tmp_path: Path) -> None:
    broken = shutil.copytree(folders[name], tmp_path / "broken")
    own = next(
        broken / file for file in ("model.safetensors", SCORERS[name].files[0].file) if (broken / file).is_file()
    )
    whole = own.read_bytes()
    own.write_bytes(whole[: len(whole) // 2] if content == "half" else b"<html>429 too many requests</html>")
    _refused(SCORERS[name].at(broken), "is not a readable weights file: fetch it again")


def test_hps_refuses_clips_of_other_widths_and_one_that_lacks_a_layer(tmp_path: Path) -> None:
    for width in (128, 160):
        state = open_clip_state(width, 64, 24, 2)
        if width == 160:
            del state["visual.transformer.resblocks.1.mlp.c_fc.bias"]
        torch.save(state, tmp_path / f"{width}.pt")
    _refused(HPS_V2_1.at(tmp_path / "128.pt"), "holds no ViT-H/14")
    _refused(HPS_V2_1.at(tmp_path / "160.pt"), "does not fit the configuration HPS v2.1")


def test_pick_score_is_read_from_a_pickle_too(folders: dict[str, Path], loaded: dict[str, Any], tmp_path: Path) -> None:
    state = load_file(folders["pick-score"] / "model.safetensors")
    positions = {"vision_model.embeddings.position_ids": torch.arange(257)[None]}  # as old versions saved them
    torch.save(state | positions, tmp_path / "pytorch_model.bin")
    read = PICK_SCORE.at(tmp_path / "pytorch_model.bin").load("cpu")
    np.testing.assert_array_equal(read(images()), loaded["pick-score"](images()))


def test_aesthetic_version_1_is_one_layer_and_relus_are_another_scorer(
    folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = shutil.copytree(folders["aesthetic"], tmp_path / "both")
    layer = {"weight": torch.linspace(-1, 1, 24)[None], "bias": torch.tensor([5.0])}
    torch.save(layer, place / "sa_0_4_vit_l_14_linear.pth")
    one = AESTHETIC.at(place / "sa_0_4_vit_l_14_linear.pth").load("cpu")
    embedded = one._clip(images())
    np.testing.assert_allclose(one(images())[:, 0], embedded @ np.linspace(-1, 1, 24) + 5, rtol=1e-5)
    torch.save(head_state(32, "", 6), place / "wide.pth")
    _refused(AESTHETIC.at(place / "wide.pth"), "reads embeddings of 32 numbers, and .* makes 24")
    monkeypatch.setattr(aesthetic, "WITH_RELU", one.head_sha256)
    _refused(AESTHETIC.at(place / "sa_0_4_vit_l_14_linear.pth"), "has ReLUs between its layers")


def test_image_reward_needs_its_vocabulary(folders: dict[str, Path], tmp_path: Path) -> None:
    place = shutil.copytree(folders["image-reward"], tmp_path / "mine")
    (place / "vocab.txt").write_text("\n".join(WORDS[:7]))
    _refused(IMAGE_REWARD.at(place), "has 7 words where the network in .* knows 23")
    (place / "vocab.txt").unlink()
    with pytest.raises(MetricInputError, match="run `drawbench weights fetch bert-base-uncased-vocab`"):
        IMAGE_REWARD.at(place)


def test_hps_pads_a_wide_image_with_black_above_and_below() -> None:
    white = squared(np.full((100, 300, 3), 255, dtype=np.uint8), 30)
    assert white.shape == (3, 30, 30)
    torch.testing.assert_close(white.amax(dim=(0, 2)), torch.tensor([0.0] * 10 + [1.0] * 10 + [0.0] * 10))


def test_clips_vocabulary_is_that_of_open_clip() -> None:
    from open_clip.tokenizer import SimpleTokenizer

    theirs, ours = SimpleTokenizer(), clip_tokenizer()
    assert len(ours) == theirs.vocab_size
    for text in (*PROMPTS, "It's 2 o'clock; the CAFÉ \n is shut!"):
        assert ours(text, verbose=False).input_ids[1:-1] == theirs.encode(text)


def test_every_learned_protocol_has_files() -> None:
    assert {scorer.name for scorer in SCORERS.values()} == set(LEARNED)
    assert all(isinstance(scorer, Scorer) and scorer.files[0].licence for scorer in SCORERS.values())
