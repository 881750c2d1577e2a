"""The experiment on killed trainings: what it reads, that it kills and resumes, and that it draws."""

import json
from pathlib import Path

import pytest

from experiments.resuming import LOSSES, compare, losses_of, main, plot


def test_a_step_that_was_made_again_counts_once_and_half_a_line_not_at_all(tmp_path: Path) -> None:
    (tmp_path / LOSSES).write_text("[0, 1.0]\n[1, 0.9]\n[1, 0.8]\n[2, 0.")
    assert losses_of(tmp_path) == {0: 1.0, 1: 0.8}


def test_the_picture_is_drawn(tmp_path: Path) -> None:
    alone = {step: 1 / (step + 1) for step in range(60)}
    plot({"alone": alone, "killed": alone, "from-export": {step: alone[step] for step in range(30, 60)}}, tmp_path)
    assert (tmp_path / "resuming.png").stat().st_size > 10_000


def test_a_folder_that_exists_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--out", str(tmp_path)]) == 2
    assert "choose another folder" in capsys.readouterr().err


@pytest.mark.proof
def test_kills_change_no_loss_and_an_export_alone_does(tmp_path: Path) -> None:
    losses = compare(tmp_path / "out", 16, 1)
    assert losses["killed"] == losses["alone"]
    assert sorted(losses["from-export"]) == list(range(8, 16))
    assert losses["from-export"] != {step: losses["alone"][step] for step in range(8, 16)}
    again = [json.loads(line)[0] for line in (tmp_path / "out" / "killed" / LOSSES).read_text().splitlines()]
    assert len(again) > 16  # the kills came, and steps were made again
