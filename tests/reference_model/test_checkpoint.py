"""Checkpoints put together from trained stages: parts that do not belong together are refused, digests cover all."""

import json
from pathlib import Path

import pytest

from reference_model import checkpoint
from reference_model.checkpoint import assemble, load_cascade, save_cascade_index, save_stage, weights_sha256
from reference_model.errors import ReferenceModelError
from reference_model.networks.presets import TINY, StageConfig, build_unet, with_text_width
from tests.reference_model.text_encoders import WIDTH, save_bert


def export(folder: Path, stage: StageConfig) -> Path:
    save_stage(folder, stage, build_unet(stage.unet), {"step": 1.0})
    return folder


@pytest.fixture
def parts(tmp_path: Path) -> tuple[Path, Path, Path]:
    """A text encoder, a base and the stage above it, all of one width."""
    base, above = (with_text_width(stage, WIDTH) for stage in TINY[:2])
    return save_bert(tmp_path / "text"), export(tmp_path / "base", base), export(tmp_path / "above", above)


def test_stages_are_ordered_and_the_text_encoder_comes_along(parts: tuple[Path, ...], tmp_path: Path) -> None:
    text, base, above = parts
    out = tmp_path / "cascade"
    arguments = [str(above), str(base), "--name", "a test", "--text", str(text), "--out", str(out)]
    assert checkpoint.main(arguments) == 0
    cascade = load_cascade(out)
    assert cascade.name == "a test"
    assert cascade.sizes == (64, 256)
    assert cascade.text_encoder.width == WIDTH
    assert checkpoint.main(arguments) == 2  # it exists already


def test_a_linked_text_encoder_counts_in_the_digest_like_a_copied_one(parts: tuple[Path, ...], tmp_path: Path) -> None:
    text, base, _ = parts
    assemble("x", text, [base], tmp_path / "copied")
    assemble("x", text, [base], tmp_path / "linked", link_text=True)
    digest = weights_sha256(tmp_path / "linked")
    assert (tmp_path / "linked" / "text_encoder").is_symlink()
    assert weights_sha256(tmp_path / "copied") == digest
    for name in ("tokenizer.json", "model.safetensors"):
        path = text / name
        path.write_bytes(path.read_bytes() + b" ")
        assert weights_sha256(tmp_path / "linked") != digest
        digest = weights_sha256(tmp_path / "linked")


def _edit(path: Path, **changes: object) -> None:
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_the_digest_covers_the_configuration_but_not_how_it_came_about(parts: tuple[Path, ...], tmp_path: Path) -> None:
    text, base, _ = parts
    out = tmp_path / "cascade"
    assemble("x", text, [base], out)
    digest = weights_sha256(out)
    _edit(out / "base_64.json", training={"step": 5})
    _edit(out / "cascade.json", name="another")
    assert weights_sha256(out) == digest
    for path, change in (
        (out / "base_64.json", {"schedule": "linear"}),
        (out / "text_encoder" / "config.json", {"a": 1}),
    ):
        _edit(path, **change)
        assert weights_sha256(out) != digest
        digest = weights_sha256(out)


@pytest.mark.parametrize("change", [{"prediction": "eps"}, {"schedule": "sigmoid"}])
def test_an_unknown_prediction_or_schedule_is_refused(
    change: dict[str, str], parts: tuple[Path, ...], tmp_path: Path
) -> None:
    text, base, _ = parts
    assemble("x", text, [base], tmp_path / "cascade")
    _edit(tmp_path / "cascade" / "base_64.json", **change)
    with pytest.raises(ReferenceModelError, match=f"{next(iter(change.values()))}.*known are"):
        load_cascade(tmp_path / "cascade")


def test_parts_that_do_not_belong_together_are_refused(parts: tuple[Path, ...], tmp_path: Path) -> None:
    text, base, above = parts
    for exports in ([above], [base, base], [tmp_path]):
        with pytest.raises(ReferenceModelError, match="make no cascade"):
            assemble("x", text, exports, tmp_path / "out")
    other = export(tmp_path / "other", TINY[0])
    with pytest.raises(ReferenceModelError, match=f"128 wide, and the text encoder gives {WIDTH}"):
        assemble("x", text, [other], tmp_path / "out")
    assert not (tmp_path / "out").exists()

    assemble("x", text, [base], tmp_path / "out")
    save_stage(tmp_path / "out", TINY[0], build_unet(TINY[0].unet), {})
    save_cascade_index(tmp_path / "out", "x", ("base_64",))
    with pytest.raises(ReferenceModelError, match="128 wide"):
        load_cascade(tmp_path / "out")
