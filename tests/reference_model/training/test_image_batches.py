"""Batches of captioned images: cut as the stage needs them, the same on any number of ranks, whatever is broken."""

import hashlib
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch

from reference_model.errors import ReferenceModelError
from reference_model.pixels import averaged
from reference_model.training import embeddings, image_batches, stage
from reference_model.training.image_batches import Cut, ImageBatches, TooSmallError, is_held_out
from reference_model.training.image_source import ImageSource
from reference_model.training.loop import STATE, LoopConfig, train
from reference_model.training.ranks import Ranks, joined
from reference_model.training.stage import StageTraining
from tests.reference_model.text_encoders import random_byte_encoder, save_t5
from tests.reference_model.training.captioned import caption, jpeg, shards
from tests.reference_model.training.processes import in_ranks
from tests.reference_model.training.test_ranks import BASE, assert_same

CUT = Cut(64)
CONTENTS = [jpeg(number) for number in range(20)]


@pytest.fixture
def source(tmp_path: Path) -> ImageSource:
    return ImageSource(shards(tmp_path / "source", CONTENTS, each=4))


def test_an_image_is_cut_to_its_centred_square() -> None:
    example = CUT(jpeg(0, 128), "words", Random(0))
    assert (example.caption, example.image.shape, example.low) == ("words", (64, 64, 3), None)
    with pytest.raises(TooSmallError, match="smaller than 64 pixels"):
        CUT(jpeg(0, 63), "words", Random(0))


def test_the_low_image_is_of_the_same_part() -> None:
    cut = Cut(256, 64, 128)
    crops = [cut(jpeg(0, 256), "words", Random(seed)) for seed in range(4)]
    for example in crops:
        assert example.image.shape == (128, 128, 3)
        assert np.array_equal(example.low, averaged(example.image, 32))
    assert not np.array_equal(crops[0].image, crops[1].image)


@pytest.mark.parametrize("workers", [0, 3])
def test_a_batch_is_the_same_on_any_number_of_ranks(source: ImageSource, workers: int) -> None:
    def batches(ranks: Ranks, numbers: range) -> dict[int, Any]:
        with ImageBatches(source, CUT, 2, "x", 4, ranks, workers) as made:
            return {number: made.batch(number) for number in numbers}

    alone = batches(Ranks(), range(12))
    both = {**batches(Ranks(0, 2), range(0, 12, 2)), **batches(Ranks(1, 2), range(1, 12, 2))}
    for number, batch in alone.items():
        assert batch.captions == both[number].captions
        assert np.array_equal(batch.images, both[number].images)


def test_broken_images_are_skipped_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_batches, "HELD_OUT_IN", 10**9)
    contents = [*CONTENTS[:6], b"nothing", CONTENTS[6][:400], jpeg(7, 40), CONTENTS[8]]
    captions = [*(caption(number) for number in range(9)), "  "]
    source = ImageSource(shards(tmp_path / "source", contents, captions=captions))
    with ImageBatches(source, CUT, 3, "x") as made:
        seen = {words for number in range(2) for words in made.batch(number).captions}
    assert seen == {caption(number) for number in range(6)}
    said = capsys.readouterr().err
    assert "4 of 10 images were skipped" in said
    assert all(reason in said for reason in ("2 unreadable", "1 smaller than 64 pixels", "1 without a caption"))


def test_a_source_without_a_whole_image_ends_in_one_sentence(tmp_path: Path) -> None:
    source = ImageSource(shards(tmp_path / "source", [b"nothing"] * 3))
    with pytest.raises(ReferenceModelError, match=r"no image to train on: .* unreadable"):
        ImageBatches(source, CUT, 2, "x").batch(0)


def test_held_out_images_are_measured_and_never_trained_on(
    source: ImageSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_batches, "HELD_OUT_IN", 3)
    held_out = {caption(number) for number, content in enumerate(CONTENTS) if is_held_out(content)}
    assert 0 < len(held_out) < 20
    made = ImageBatches(source, CUT, 2, "x")
    assert {words for number in range(20) for words in made.batch(number).captions}.isdisjoint(held_out)
    assert {words for batch in made.held_out for words in batch.captions} == held_out


def test_one_image_in_a_hundred_is_held_out() -> None:
    names = (str(number).encode() for number in range(20_000))
    assert sum(map(is_held_out, names)) == pytest.approx(200, abs=45)
    assert is_held_out(b"0") == (int(hashlib.sha256(b"0").hexdigest()[:16], 16) % 100 == 0)


CONFIG = LoopConfig(steps=2, minutes=60, learning_rate=1e-2, warmup_steps=1, accumulate=2)


def go_on(source: ImageSource, out: Path, config: LoopConfig) -> None:
    with joined("cpu") as ranks, ImageBatches(source, CUT, 2, "x", config.accumulate, ranks) as images:
        train(StageTraining(BASE, random_byte_encoder(), 2, "x", images=images), config, out, ranks=ranks)


def test_a_training_goes_on_where_its_data_was(source: ImageSource, tmp_path: Path) -> None:
    go_on(source, tmp_path / "parts", CONFIG)
    go_on(source, tmp_path / "parts", replace(CONFIG, steps=4))
    go_on(source, tmp_path / "whole", replace(CONFIG, steps=4))
    assert_same(tmp_path / "parts", tmp_path / "whole")
    parts, whole = (torch.load(tmp_path / name / STATE, weights_only=True)["data"] for name in ("parts", "whole"))
    assert parts == whole
    assert sorted(parts) == [f"{source.spec} {number}/2" for number in range(2)]
    with pytest.raises(ReferenceModelError, match="go on with --accumulate 2"):
        go_on(source, tmp_path / "whole", replace(CONFIG, steps=6, accumulate=1))


@pytest.mark.proof
def test_two_ranks_go_on_where_one_process_was(source: ImageSource, tmp_path: Path) -> None:
    go_on(source, tmp_path / "turns", CONFIG)
    in_ranks(2, go_on, source, tmp_path / "turns", replace(CONFIG, steps=4))
    go_on(source, tmp_path / "turns", replace(CONFIG, steps=5))
    go_on(source, tmp_path / "whole", replace(CONFIG, steps=5))
    assert_same(tmp_path / "turns", tmp_path / "whole")


def test_the_commands_train_from_tar_files_and_features_made_before(
    source: ImageSource, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, features, out = str(save_t5(tmp_path / "t5")), str(tmp_path / "features"), str(tmp_path / "out")
    assert embeddings.main(["--text", text, "--data", source.spec, "--out", features, "--dtype", "bfloat16"]) == 0
    assert "20 captions kept" in capsys.readouterr().err
    options = ["--stage", "base_64", "--batch", "2", "--steps", "1", "--workers", "2", "--embeddings", features]
    assert stage.main([*options, "--data", source.spec, "--out", out]) == 0
    assert (tmp_path / "out" / "export" / "base_64.safetensors").is_file()
    assert embeddings.main(["--text", text, "--out", features]) == 2
    assert "--data" in capsys.readouterr().err
    assert stage.main([*options, "--data", str(tmp_path / "none"), "--out", str(tmp_path / "other")]) == 2
    assert "check the path" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
