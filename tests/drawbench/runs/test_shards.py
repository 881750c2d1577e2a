"""--shard and merge: jobs that cannot meet make the run of one process."""

import json
from pathlib import Path

import pytest
from filelock import FileLock

from drawbench.cli.main import main
from drawbench.errors import StageError, UserError
from drawbench.runs import claim
from drawbench.runs.claim import Shard, open_shard, parse_shard
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import draw_shard, generate, make_plan, merge
from tests.drawbench.runs.test_ranks import OPTIONS, place, request

__all__ = ["place"]  # a fixture


def shard(number: int, count: int = 3, **options: object) -> RunDirectory:
    return draw_shard(request(**options), Shard(number, count))  # type: ignore[arg-type]


@pytest.mark.parametrize("model", ["Noise", "Singly"])
def test_shards_and_merge_make_the_run_of_one_process(place: Path, model: str) -> None:
    alone = generate(request("alone", model))
    for number in (2, 0, 1):
        assert shard(number, model=model).seal is None
    assert merge(Path("run")).require_seal() == alone.require_seal()
    names = [
        {path.relative_to(out): path.read_bytes() for path in Path(out).rglob("*.*") if path.is_file()}
        for out in ("run/images", "alone/images")
    ]
    assert {str(name).partition("/")[2]: content for name, content in names[0].items()} == {
        str(name).partition("/")[2]: content for name, content in names[1].items()
    }
    assert [attempt.slices_done for attempt in RunDirectory.open("run").attempts] == [2, 3, 3]


def test_what_is_missing_is_said_and_a_shard_draws_only_that(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = shard(0)
    shard(1)
    assert main(["merge", "run"]) == 2
    said = capsys.readouterr().err
    assert "6 of 24 samples are missing (prompt-00007 sample 0" in said
    run.image_path(run.slices()[3].samples[0]).unlink()
    shard(2)
    assert main(["merge", "run"]) == 2
    assert [part.index for part in RunDirectory.open("run").missing_slices()] == [3]
    shard(0)
    assert RunDirectory.open("run").attempts[-1].slices_done == 1
    assert main(["merge", "run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["images"] > 0
    assert main(["merge", "run"]) == 0
    assert "sealed already" in capsys.readouterr().err


def test_the_commands(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["generate", "--model", "python:noise_model:Noise", *OPTIONS, "--out", "run"]
    assert main([*words, "--shard", "0/2"]) == 0
    assert "run: shard 0/2 is drawn, 12 of 24 samples" in (said := capsys.readouterr().out)
    assert "drawbench merge run" in said
    assert main([*words, "--shard", "1/2", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["shard"] == "1/2"
    assert main(["merge", "run"]) == 0
    attempts = RunDirectory.open("run").attempts
    assert main([*words, "--shard", "1/2"]) == 0
    assert "is sealed: nothing to do" in capsys.readouterr().err
    assert RunDirectory.open("run").attempts == attempts
    assert main([*words, "--shard", "1/2", "--dry-run"]) == 2
    assert main(["merge", "nowhere"]) == 2


def test_who_may_work_beside_whom(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "SHARDS_WAIT", 0.1)
    asked = request()
    plan, prompts = make_plan(asked)
    with open_shard(Path("run"), plan, prompts, Shard(0, 3), asked.model.sources(), print):
        shard(1)
        with pytest.raises(StageError, match="another process draws shard 0/3"):
            shard(0)
        with pytest.raises(StageError, match="shard 0/3 of run is being drawn"):
            shard(0, count=2)
        with pytest.raises(StageError, match="shard 0/3 of run is being drawn"):
            generate(request())
        with pytest.raises(StageError, match="shard 0/3 of run is being drawn"):
            merge(Path("run"))
    with FileLock("run/.lock"), pytest.raises(StageError, match="another process is filling"):
        shard(2)
    with pytest.raises(UserError, match="another plan"):
        shard(2, seed=1)
    assert generate(request()).require_seal() == generate(request("alone")).require_seal()


@pytest.mark.parametrize("text", ["3/3", "1", "-1/3", "1/0", "a/b", "1/2/3", "٣/٤"])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(UserError, match="write I/N"):
        parse_shard(text)
