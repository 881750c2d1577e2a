"""The speed benchmark: the peers are built at equal parameters and draw images of the same sizes."""

import numpy as np
import pytest
import torch

from benchmarks import cascade_speed
from benchmarks.cascade_speed import Row, measure, table, verdicts
from benchmarks.if_style import IF_SHAPES, IFCascade, build_peer, our_parameters, parameters_of, shape_behind_our_stem
from reference_model.cascade import SamplingSettings
from reference_model.networks.presets import TINY
from reference_model.text.encoder import TextFeatures


@pytest.mark.parametrize("stage", TINY, ids=lambda stage: stage.name)
def test_peers_have_as_many_parameters_as_ours(stage) -> None:  # type: ignore[no-untyped-def]
    for shape in (IF_SHAPES[stage.unet.size], shape_behind_our_stem(stage)):
        assert parameters_of(build_peer(stage, shape)) == pytest.approx(our_parameters(stage), rel=0.12)


@pytest.mark.parametrize("scheduler", ["dpm-solver++", "ddpm"])
def test_peers_draw_by_the_same_steps(scheduler: str) -> None:
    stages = list(TINY[:2])
    text = TextFeatures(torch.randn(1, 5, 128), torch.ones(1, 5, dtype=torch.bool))
    for shapes in ([IF_SHAPES[64], IF_SHAPES[256]], [shape_behind_our_stem(stage) for stage in stages]):
        peer = IFCascade(stages, shapes, scheduler)
        calls: list[torch.nn.Module] = []
        for network in peer.networks:
            network.register_forward_hook(lambda module, *_, seen=calls: seen.append(module))
        image = peer.generate(text, 0, [SamplingSettings(2, 2.0), SamplingSettings(1, aug_level=0.1)])
        assert image.shape == (1, 3, 256, 256)
        assert calls == [peer.networks[0], peer.networks[0], peer.networks[1]]


def test_the_warm_up_is_not_counted_and_turns_alternate() -> None:
    turns = []

    def entrant(name: str) -> cascade_speed.Contestant:
        return cascade_speed.Contestant(name, (1,), lambda size, seed: turns.append((name, size, seed)))

    threads = torch.get_num_threads()
    try:
        rows = measure([entrant("a"), entrant("b")], 64, 1, rounds=2)
    finally:
        torch.set_num_threads(threads)
    assert turns == [(name, 64, round_) for round_ in range(3) for name in "ab"]
    assert [(row.cascade, len(row.wall), len(row.cpu)) for row in rows] == [("a", 2, 2), ("b", 2, 2)]


def test_ratios_and_verdicts_come_from_medians() -> None:
    rows = [
        Row(256, 2, "ours", (0.5, 0.9, 7.0), (1.0, 1.0, 1.0)),
        Row(256, 2, "diffusers, IF-style", (1.2, 1.26, 9.0), (3.0, 3.0, 3.0)),
        Row(1024, 2, "ours", (2.6,), (1.0,)),
        Row(1024, 2, "diffusers, IF-style", (39.0,), (1.0,)),
    ]
    assert "| 256 | 2 | diffusers, IF-style | 1.26 (1.20 to 9.00) | 1.4 | 3.00 | 3.0 |" in table(rows)
    lines = verdicts(rows, loading=0.3)
    assert [("met" in line, "MISSED" in line) for line in lines] == [
        (True, False),  # 0.9 s of 1.0
        (False, True),  # 1.26 / 1.5 is less than 0.9
        (False, True),  # 2.6 s of 2.5
        (True, False),
        (True, False),
    ]


def test_the_command_measures_ours_alone(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    threads = torch.get_num_threads()
    once = cascade_speed.loading_seconds
    monkeypatch.setattr(cascade_speed, "loading_seconds", lambda checkpoint: once(checkpoint, tries=1))
    arguments = ["--only-ours", "--sizes", "64", "--threads", "1", "--rounds", "1", "--set", "steps=2"]
    try:
        assert cascade_speed.main(arguments) == 0
    finally:
        torch.set_num_threads(threads)
    output = capsys.readouterr().out
    assert "| 64 | 1 | ours |" in output
    assert "steps=2" in output
    assert np.float64(output.split("after importing torch: ")[1].split(" s")[0]) > 0
