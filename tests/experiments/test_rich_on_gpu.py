"""The plan for a borrowed GPU: its commands are those that the trainings take, and what is split can be joined."""

import shlex
from pathlib import Path

import pytest

from experiments import rich_on_gpu
from experiments.rich_on_gpu import UPSAMPLERS, Plan, split


def test_every_training_is_held_and_then_annealed_with_options_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(rich_on_gpu.subprocess, "run", lambda command, check: asked.append(command[3:]))
    plan = Plan(tmp_path, "cpu", "rich", 64, 4)
    plan.text(60)
    for name in ("base_64", *UPSAMPLERS):
        plan.stage(name, 60)
    minutes = dict.fromkeys(("text", "base_64", *UPSAMPLERS), 0.0)
    for words in asked:
        name = Path(words[words.index("--out") + 1]).name
        minutes[name.removesuffix("-annealed")] += float(words[words.index("--minutes") + 1])
        assert ("--anneal" in words) == name.endswith("-annealed")
        assert ("--text" not in words) or words[words.index("--text") + 1] == str(plan.export("text"))
    assert minutes == pytest.approx(dict.fromkeys(minutes, 1.0))
    from reference_model.training import stage, text

    for module, words in zip((text, text, *[stage] * 6), asked, strict=True):
        with monkeypatch.context() as patch:
            patch.setattr(module, "run_training", lambda task, args, **_: None)
            patch.setattr(module, "text_source" if module is stage else "world_named", _untrained(module))
            assert module.main([*words, "--threads", "1"]) == 0, shlex.join(words)


def _untrained(module: object) -> object:
    """What stands for the trained text encoder, and the world as it is."""
    from reference_model.checkpoint import untrained_cascade
    from reference_model.networks.presets import TINY
    from reference_model.world.worlds import world_named

    if module.__name__.endswith(".text"):  # type: ignore[attr-defined]
        return world_named
    return lambda *_: untrained_cascade(TINY).text_encoder


def test_large_files_are_split_into_parts_that_join_again(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/large").write_bytes(bytes(range(250)) * 10)
    (tmp_path / "small").write_bytes(b"small")
    split(tmp_path, 1000)
    parts = sorted((tmp_path / "sub").iterdir())
    assert [path.name for path in parts] == ["large.00", "large.01", "large.02"]
    assert b"".join(path.read_bytes() for path in parts) == bytes(range(250)) * 10
    assert (tmp_path / "small").read_bytes() == b"small"
