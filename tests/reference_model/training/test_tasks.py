"""The three tasks: what they learn from, and that a few steps and an export work."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from reference_model.checkpoint import load_stage
from reference_model.networks.presets import TINY, StageConfig
from reference_model.networks.unet import UNetConfig
from reference_model.skills.measure import draw_requests
from reference_model.text.encoder import TextEncoder, load_text_encoder, tiny_t5_config
from reference_model.training import stage as stage_training
from reference_model.training.loop import LoopConfig, train
from reference_model.training.scorer import GROUP, ScorerTraining, scene_group, told_share
from reference_model.training.stage import SKILL_IMAGES, SKILL_SEED, StageTraining, captions_of_step
from reference_model.training.text import LABEL_SIZES, Parsing, parse_labels
from reference_model.world.examples import aligned_pair
from reference_model.world.near_miss import CHANGES, near_miss
from reference_model.world.render import render, sample_layout
from reference_model.world.scene import Item, Scene, sample_scene, split_of
from reference_model.world.worlds import WORLDS, world_named

SHORT = LoopConfig(steps=2, minutes=60, learning_rate=1e-3)
SMALL_BASE = StageConfig(UNetConfig(64, 32, (16, 16), (1, 1), (False, True), 16, 32, 4), "v", "cosine")


def encoder(width: int = 32) -> TextEncoder:
    from transformers import T5EncoderModel

    return TextEncoder(T5EncoderModel(tiny_t5_config(width, layers=1, heads=2)))


@given(st.integers(0, 10_000))
def test_labels_tell_scenes_apart(seed: int) -> None:
    random = Random(seed)
    scene = sample_scene(random, "train")
    labels = parse_labels(scene)
    assert all(0 <= label < size for label, size in zip(labels, LABEL_SIZES, strict=True))
    other = near_miss(scene, random, "train", tuple(CHANGES))
    assert other is not None
    assert parse_labels(other) != labels


def test_a_relation_and_its_mirror_have_the_same_labels() -> None:
    car, cup = Item("car", "red"), Item("cup", "blue")
    assert parse_labels(Scene((car, cup), "grass", "left of")) == parse_labels(Scene((cup, car), "grass", "right of"))
    assert parse_labels(Scene((car, cup), "grass", "left of")) != parse_labels(Scene((car, cup), "grass", "right of"))


def test_trainings_draw_from_the_training_split_only(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def watched(random: Random, split: str) -> Scene:
        scene = sample_scene(random, split)  # type: ignore[arg-type]
        seen.append(split_of(scene))
        return scene

    world = replace(world_named("small"), sample_scene=watched)
    monkeypatch.setattr("reference_model.world.examples.world_named", lambda name: world)
    Parsing(32, 1, 4, "x", world).loss(0)
    StageTraining(SMALL_BASE, encoder(), 4, "x").loss(0)
    ScorerTraining(8, "x", [world]).loss(0)
    assert set(seen) == {"train"}
    assert len(seen) >= 4 + 4 + 2


def test_every_task_learns_from_the_rich_world_too() -> None:
    rich = world_named("rich")
    stage = StageTraining(SMALL_BASE, encoder(), 4, "x", "rich")
    tasks = (Parsing(32, 1, 4, "x", rich), stage, ScorerTraining(8, "x", [rich]))
    for task in tasks:
        assert torch.isfinite(task.loss(0))


def test_the_captions_of_a_step_are_those_of_its_images() -> None:
    for world in ("small", "rich"):
        task = StageTraining(SMALL_BASE, encoder(), 4, "stage base_64", world)
        assert list(task.stream.batch(3).captions) == captions_of_step("base_64", 3, 4, world)


def test_the_log_tells_skills_that_the_true_renderings_have(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sampler that draws the scenes asked for shows them all; the untrained network shows no object."""
    task = StageTraining(SMALL_BASE, encoder(), 2, "x")
    untrained = task.evaluate(task.module)
    assert untrained["skill: object"] == 0
    scenes = [request.scene for request in draw_requests(SKILL_IMAGES, "held_out", SKILL_SEED)]
    true = np.stack([render(sample_layout(scene, Random(1)), 64) for scene in scenes])
    pixels = torch.from_numpy(true).permute(0, 3, 1, 2) / 127.5 - 1
    monkeypatch.setattr("reference_model.training.stage.Stage.sample", lambda *_: pixels)
    rates = {name: rate for name, rate in task.evaluate(task.module).items() if name.startswith("skill")}
    assert set(rates) == {f"skill: {skill}" for skill in world_named("small").skills}
    assert set(rates.values()) == {1.0}


def test_crops_for_the_largest_stage_lie_on_the_low_resolution_grid() -> None:
    random = Random(4)
    layout = sample_layout(sample_scene(random, "train"), random)
    crop, low = aligned_pair(world_named("small"), layout, 1024, 256, 256, random)
    assert crop.shape == (256, 256, 3)
    assert low.shape == (64, 64, 3)
    averaged = crop.reshape(64, 4, 64, 4, 3).mean((1, 3))
    aligned = np.abs(averaged - low).mean()
    assert aligned < 2
    shifted = np.abs(np.roll(averaged, 3, axis=1) - low).mean()
    assert shifted > 1.5 * aligned or low.std() < 1


def test_the_text_encoder_trains_and_is_exported_for_use(tmp_path: Path) -> None:
    log = train(Parsing(32, 1, 4, "x"), SHORT, tmp_path)
    assert 0 <= log["held_out_scenes"] <= log["held_out_facts"] <= 1
    assert load_text_encoder(tmp_path / "export").encode("a red car").shape == (10, 32)


def test_a_stage_trains_and_is_exported_for_use(tmp_path: Path) -> None:
    train(StageTraining(SMALL_BASE, encoder(), 4, "x"), SHORT, tmp_path)
    stage = load_stage(tmp_path / "export", "base_64")
    assert stage.config == SMALL_BASE
    assert json.loads((tmp_path / "export" / "base_64.json").read_text())["training"]["step"] == 2


def test_a_time_exponent_below_one_trains_late_times_and_measures_all_alike() -> None:
    for exponent, middle in ((1.0, 1 / 2), (0.5, 2 / 3)):
        task, times = StageTraining(SMALL_BASE, encoder(), 32, "times", time_exponent=exponent), []
        task.module.register_forward_pre_hook(lambda module, given, times=times: times.append(given[1]))
        task.loss(0)
        assert float(times[0].mean()) == pytest.approx(middle, abs=0.01)
        assert float(times[0].max()) < 1
        task.evaluate(task.module)
        assert float(times[1].mean()) == pytest.approx(1 / 2, abs=0.01)


def test_super_resolution_losses_are_finite(monkeypatch: pytest.MonkeyPatch) -> None:
    for config in TINY[1:]:
        loss = StageTraining(config, encoder(128), 2, "x").loss(0)
        assert torch.isfinite(loss)


def test_the_scorer_trains_and_loads_strictly_where_it_is_used(tmp_path: Path) -> None:
    from metrics.features.clip.open_clip import load_folder

    train(ScorerTraining(8, "x", [world_named("small"), world_named("rich")], told=2), SHORT, tmp_path)
    scorer = load_folder(tmp_path / "export")
    images = scorer([np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8)])
    assert images.shape == (2, scorer.dimension)
    assert scorer.dimension <= 64
    np.testing.assert_allclose(np.linalg.norm(images, axis=1), 1, rtol=1e-5)


def is_exchange(scene: Any, other: Any) -> bool:
    """Whether the same words, or nearly the same letters, tell of two scenes."""

    def words(of: Any) -> list[Any]:
        """What captions say, without which thing it is said of; a relation and its opposite are the same here."""
        values = sorted(str(value) for item in of.items for value in asdict(item).values())
        return [values, OPPOSITES.get(of.relation, of.relation), of.setting]

    return words(scene) == words(other)


OPPOSITES = {"right of": "left of", "below": "above"}


def test_a_batch_with_fewer_groups_than_worlds_has_a_loss() -> None:
    task = ScorerTraining(GROUP, "x", [world_named(name) for name in WORLDS])
    assert torch.isfinite(task.loss(0))


@pytest.mark.parametrize("name", WORLDS)
def test_half_of_the_scorers_near_misses_are_exchanges(name: str) -> None:
    groups = [scene_group(world_named(name), Random(seed), "train") for seed in range(500)]
    exchanges = [is_exchange(scene, other) for scene, *others in groups for other in others]
    assert 0.45 < sum(exchanges) / len(exchanges) < 0.58


def test_how_often_a_change_is_told_is_a_share_of_right_answers() -> None:
    """A module that sees the setting tells settings and nothing else; a blind one tells half."""

    class Sees(torch.nn.Module):
        def __init__(self, blind: bool) -> None:
            super().__init__()
            self.blind, self.unused = blind, torch.nn.Parameter(torch.zeros(1))

        def images(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            sky = pixels[:, :, 0, 0]
            return torch.zeros(len(pixels), 3) if self.blind else sky, sky

        def texts(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            texts = ["".join(chr(t - 1) for t in row if 0 < t < 257) for row in tokens.tolist()]
            night = torch.tensor([[-1.0, -1, -1] if "night" in text or "dark" in text else [1, 1, 1] for text in texts])
            return night, night

    world = world_named("small")
    assert told_share(Sees(blind=True), world, "setting", 20) == 0.5
    assert told_share(Sees(blind=False), world, "word", 20) < 0.7
    assert 0.5 < told_share(Sees(blind=False), world, "setting", 100) < 1


def test_the_trainers_bytes_are_the_scorers_bytes() -> None:
    from metrics.features.clip.byte_tokenizer import ByteTokenizer
    from reference_model.training.scorer import CONTEXT_LENGTH, _tokens

    texts = ["a red car", 'a sign that says "STOP".', "ünï"]
    theirs = ByteTokenizer(CONTEXT_LENGTH)(texts)
    ours = _tokens(texts)
    assert torch.equal(ours, theirs[:, : ours.shape[1]])
    assert not theirs[:, ours.shape[1] :].any()


def test_the_stage_command_names_the_stages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert stage_training.main(["--stage", "base_99", "--text", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "super_resolution_256" in capsys.readouterr().err


@pytest.mark.parametrize("exponent", ["0", "-1", "nan", "inf"])
def test_a_time_exponent_that_makes_no_times_is_refused(
    exponent: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--stage", "base_64", "--text", str(tmp_path), "--out", str(tmp_path / "out")]
    assert stage_training.main([*options, "--time-exponent", exponent]) == 2
    assert f"--time-exponent is {exponent}: give a number above 0" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["stage", "text", "scorer"])
def test_every_training_goes_on_from_its_own_export(kind: str, tmp_path: Path) -> None:
    def task() -> StageTraining | Parsing | ScorerTraining:
        if kind == "stage":
            return StageTraining(SMALL_BASE, encoder(), 2, "x")
        return Parsing(32, 1, 4, "x") if kind == "text" else ScorerTraining(8, "x", [world_named("rich")], told=2)

    train(task(), SHORT, tmp_path / "first")
    further = task()
    assert further.load(tmp_path / "first" / "export") == 2
    log = train(further, SHORT, tmp_path / "second", start=tmp_path / "first" / "export")
    assert log["step"] == 4


def test_a_residual_stage_starts_at_the_enlarged_low_resolution_image() -> None:
    """An untrained one's prediction is that image, so its loss is that of bicubic interpolation, not that of grey."""
    config = TINY[1]
    residual = StageTraining(config, encoder(128), 4, "x")
    plain = StageTraining(replace(config, unet=replace(config.unet, residual=False)), encoder(128), 4, "x")
    with torch.no_grad():
        losses = [(float(residual.loss(step)), float(plain.loss(step))) for step in range(3)]
    assert all(ours < 0.6 * theirs for ours, theirs in losses)


@pytest.mark.parametrize("name", WORLDS)
def test_the_text_encoder_is_asked_for_letters_and_whole_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A parser that knows all but the second letter of every word."""
    task = Parsing(32, 1, 16, "x", world_named(name))
    asked: list[torch.Tensor] = []
    examples = task._examples

    def remembered(*given: Any) -> tuple[torch.Tensor, ...]:
        found = examples(*given)
        asked[:] = [found[2]]
        return found

    def parser(ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, ...]:
        told = asked[0].clone()
        told[:, -task.questions.letters + 1] = 0
        answers = zip(told.unbind(1), task.questions.sizes, strict=True)
        logits = [F.one_hot(label, size).float()[:, None].expand(-1, ids.shape[1], -1) for label, size in answers]
        return (*logits, torch.zeros(*ids.shape, task.questions.roles))

    monkeypatch.setattr(task, "_examples", remembered)
    found = task.evaluate(parser)  # type: ignore[arg-type]
    assert found["held_out_words"] == 0
    assert 0.5 <= found["held_out_letters"] <= 0.75  # one letter of two to four is wrong
    assert found["held_out_facts"] == found["held_out_scenes"] == 1  # letters are no facts
