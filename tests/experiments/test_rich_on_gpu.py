"""The plan for a borrowed GPU: its commands are those that the trainings take, and what is packed can be unpacked."""

import io
import shlex
import tarfile
from pathlib import Path

import pytest

from experiments import rich_on_gpu
from experiments.rich_on_gpu import UPSAMPLERS, TrainingPlan, pack


def test_every_training_is_held_and_then_annealed_with_options_it_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    monkeypatch.setattr(rich_on_gpu.subprocess, "run", lambda command, check: asked.append(command[3:]))
    plan = TrainingPlan(tmp_path, "cpu", "rich", 64, 4)
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


def test_the_packed_parts_join_to_an_archive_of_the_folder(tmp_path: Path) -> None:
    folder, out = tmp_path / "checkpoint", tmp_path / "out"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub/large").write_bytes(bytes(range(250)) * 100)
    (folder / "small").write_bytes(b"small")
    pack(folder, out, 10_000)
    parts = sorted(out.iterdir())
    assert len(parts) > 2
    assert all(path.stat().st_size <= 10_000 for path in parts)
    with tarfile.open(fileobj=io.BytesIO(b"".join(path.read_bytes() for path in parts))) as tar:
        tar.extractall(tmp_path / "again", filter="data")
    assert (tmp_path / "again/checkpoint/sub/large").read_bytes() == bytes(range(250)) * 100
    assert (tmp_path / "again/checkpoint/small").read_bytes() == b"small"
