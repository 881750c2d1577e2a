"""Making a study's folder: what is in it, that nothing tells a model, and that it is made as a whole or not at all."""

import json
import os
import stat
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.runs.png import encode_png
from human_eval_app.app.settings import read_settings
from human_eval_app.app.tokens import Signer
from human_eval_app.study.create import create_study
from human_eval_app.study.design import ORIGINAL, read_design
from human_eval_app.study.images import Encoder, image_token
from human_eval_app.study.options import Options
from metrics.images.decode import pixel_hash, read_image
from tests.human_eval_app.runs import make_run, prompt_set

SMALL = Options("drawbench", raters=3, samples=2)


def test_the_folder_holds_every_image_that_is_shown_and_no_other(study_folder: Path) -> None:
    design = read_design(study_folder)
    tokens = {token for each in design.sets.values() for token in each.images}
    assert {file.name for file in (study_folder / "images").iterdir()} == {f"{token}.webp" for token in tokens}
    assert sorted(file.name for file in study_folder.iterdir()) == [
        "README.md",
        "design.json",
        "images",
        "secret.key",
        "settings.toml",
    ]
    assert [len(panel.seats) for panel in design.panels] == [3, 3]
    assert design.name == "small"


def test_an_image_shows_what_its_set_says(study_folder: Path, small_runs: list[Path]) -> None:
    """Found again by its pixels in the run of the set's model, under the set's prompt."""
    design = read_design(study_folder)
    secret = bytes.fromhex((study_folder / "secret.key").read_text())
    originals: dict[str, tuple[str, str, int]] = {}
    for path, label in zip(small_runs, ("model one", "model two"), strict=True):
        for file in path.glob("images/*/*.png"):
            prompt_id, _, number = file.stem.rpartition("-")
            originals[pixel_hash(read_image(file))] = (label, prompt_id, int(number))
    for each in design.sets.values():
        for token in each.images:
            shown = read_image(study_folder / "images" / f"{token}.webp")
            label, prompt_id, index = originals[pixel_hash(shown)]
            assert (label, prompt_id) == (each.model, each.prompt_id)
            assert token == image_token(secret, label, prompt_id, index, "")


def test_nothing_that_raters_load_tells_a_model(study_folder: Path) -> None:
    for file in (study_folder / "images").iterdir():
        content = file.name.encode() + file.read_bytes()
        assert b"model" not in content
        assert b"colors" not in content
    assert len({file.stat().st_mtime for file in (study_folder / "images").iterdir()}) == 1


def test_the_secret_is_the_owners_and_signs(study_folder: Path) -> None:
    secret = study_folder / "secret.key"
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert stat.S_IMODE((study_folder / "settings.toml").stat().st_mode) == 0o600
    assert len(bytes.fromhex(secret.read_text())) == 32
    assert secret.read_text().strip() not in (study_folder / "design.json").read_text()
    signer = Signer.of_study(study_folder, read_design(study_folder).sha256)
    assert signer.image_is_signed(1, "a", signer.image_signature(1, "a"))


def test_the_settings_have_codes_of_their_own(study_folder: Path, small_runs: list[Path], tmp_path: Path) -> None:
    create_study(small_runs, tmp_path / "other", SMALL)
    codes = [read_settings(folder).codes for folder in (study_folder, tmp_path / "other")]
    every = [code for each in codes for code in (each.complete, each.screened_out, each.full)]
    assert len(set(every)) == 6
    assert all(len(code) == 8 and code.isalnum() for code in every)
    settings = read_settings(study_folder)
    assert (settings.lease_minutes, settings.title) == (30, "")


def test_one_secret_makes_one_study(small_runs: list[Path], tmp_path: Path) -> None:
    options = Options("drawbench", name="same", raters=3, samples=2, gold=2, training=1)
    made = [create_study(small_runs, tmp_path / name, options, secret=bytes(32)) for name in ("one", "two")]
    assert made[0].design.sha256 == made[1].design.sha256
    for file in (tmp_path / "one" / "images").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / "images" / file.name).read_bytes()


def test_gold_images_are_encoded_like_the_others_and_worse(small_runs: list[Path], tmp_path: Path) -> None:
    options = Options("drawbench", raters=2, samples=2, gold=2, encoder=Encoder(80), size=48)
    created = create_study(small_runs, tmp_path / "study", options)
    altered = {each.altered for each in created.design.sets.values()}
    assert altered == {"", "mosaic and noise", "of another prompt"}
    for file in (tmp_path / "study" / "images").iterdir():
        assert file.read_bytes()[12:16] == b"VP8 "
        assert read_image(file).shape == (48, 48, 3)
    assert created.design.encoder == "webp-80"
    assert created.design.image_size == 48
    files = list((tmp_path / "study" / "images").iterdir())
    assert created.images == len(files)
    assert created.image_bytes == sum(file.stat().st_size for file in files)
    assert created.screen_bytes == round(created.image_bytes / len(files) * 4)


def test_a_coco_study_shows_the_photographs(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", "painter", prompts=prompt_set({"": 6}), samples=1)
    for number in range(1, 7):
        pixels = np.full((40, 60, 3), number * 40, np.uint8)
        (tmp_path / "photographs").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "photographs" / f"caption-{number:03d}.png")
    options = Options("coco-photorealism", raters=2, gold=2, references=tmp_path / "photographs")
    design = create_study([run.path], tmp_path / "study", options).design
    shown = design.sets[f"{ORIGINAL}/caption-002"].images[0]
    assert np.array_equal(
        read_image(tmp_path / "study" / "images" / f"{shown}.webp"), np.full((32, 32, 3), 80, np.uint8)
    )


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
def test_what_is_there_is_left_alone(small_runs: list[Path], tmp_path: Path, kind: str) -> None:
    out = tmp_path / "study"
    if kind == "file":
        out.write_text("mine")
    elif kind == "folder":
        out.mkdir()
    else:
        out.symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match="is already there"):
        create_study(small_runs, out, SMALL)
    assert list(tmp_path.iterdir()) == [out]


class Interrupting(Progress):
    """Ctrl-C after the third image."""

    def __init__(self) -> None:
        self.done = 0

    def advance(self, count: int) -> None:
        """Count, then interrupt."""
        self.done += count
        if self.done == 3:
            raise KeyboardInterrupt


def test_an_interrupt_leaves_nothing(small_runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        create_study(small_runs, tmp_path / "deep" / "study", SMALL, Interrupting())
    assert list((tmp_path / "deep").iterdir()) == []


def test_a_changed_image_leaves_nothing(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / name, name) for name in "ab"]
    broken = runs[1].image_path(runs[1].samples()[4])
    broken.write_bytes(encode_png(np.zeros((32, 32, 3), np.uint8)))
    with pytest.raises(UserError, match="was changed after the run was sealed"):
        create_study([run.path for run in runs], tmp_path / "studies" / "study", SMALL)
    assert list((tmp_path / "studies").iterdir()) == []


def test_a_full_disk_leaves_nothing(small_runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UserError, match=r"cannot write .*study .No space left on device.: make room"):
        create_study(small_runs, tmp_path / "study", SMALL)
    assert list(tmp_path.iterdir()) == []


def test_impossible_designs_write_nothing(small_runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="can be mirrored"):
        create_study(small_runs, tmp_path / "study", Options("drawbench", samples=2, mirrored=2))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_place_that_cannot_be_written(small_runs: list[Path], tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="cannot write"):
        create_study(small_runs, tmp_path / "study", SMALL)


def test_a_place_below_a_file_is_refused(small_runs: list[Path], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(UserError, match="cannot write"):
        create_study(small_runs, tmp_path / "file" / "study", SMALL)


def test_the_design_file_is_readable_and_has_its_hash(study_folder: Path) -> None:
    content = json.loads((study_folder / "design.json").read_text())
    assert content["sha256"] == read_design(study_folder).sha256
    assert len((study_folder / "design.json").read_text().splitlines()) > 100
