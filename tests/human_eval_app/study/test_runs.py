"""Compared runs: sealed, of the same prompts, and unchanged since."""

from pathlib import Path

import numpy as np
import pytest

from drawbench.errors import UserError
from drawbench.prompts.prompt_set import Prompt
from drawbench.runs.png import encode_png
from human_eval_app.study.runs import drawn, limited, open_runs
from tests.human_eval_app.runs import make_run, prompt_set


def test_runs_of_the_same_prompts_are_compared(small_runs: list[Path]) -> None:
    compared = open_runs(small_runs, samples=2, least=2)
    assert compared.labels == ("model one", "model two")
    assert [prompt.id for prompt in compared.prompts] == [prompt.id for prompt in prompt_set().prompts]
    assert compared.image_size(None) == 32
    assert compared.image_size(64) == 64
    assert compared.refused(2) == {}
    first = compared.models()[0]
    assert first.pixels_sha256 == compared.runs[0].require_seal().pixels_sha256
    one, two = (source.pixels("colors-001", 1) for source in compared.sources().values())
    assert one.shape == two.shape == (32, 32, 3)
    assert not np.array_equal(one, two)


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    runs = [make_run(tmp_path / str(seed), "alike", seed=seed).path for seed in (1, 2)]
    labels = open_runs(runs, samples=2, least=2).labels
    assert len(set(labels)) == 2
    assert all(label.startswith("alike (") for label in labels)


def test_no_model_is_called_original(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", "original")
    assert open_runs([run.path], samples=1, least=1).labels == (f"original ({run.plan.sha256[:8]})",)


def test_what_cannot_be_compared_is_refused(tmp_path: Path, small_runs: list[Path]) -> None:
    other = make_run(tmp_path / "other", "other", prompts=prompt_set({"Colors": 3})).path
    limited_run = make_run(tmp_path / "limited", "limited", limit=1).path
    with pytest.raises(UserError, match="holds other prompts"):
        open_runs([small_runs[0], other], samples=2, least=2)
    with pytest.raises(UserError, match="with the same --limit"):
        open_runs([small_runs[0], limited_run], samples=2, least=2)
    with pytest.raises(UserError, match="1 run is given where 2 are compared"):
        open_runs(small_runs[:1], samples=2, least=2)
    with pytest.raises(UserError, match="hold the same run"):
        open_runs([small_runs[0], small_runs[0]], samples=2, least=2)
    with pytest.raises(UserError, match="holds 2 images per prompt where 8 are shown"):
        open_runs(small_runs, samples=8, least=2)
    with pytest.raises(UserError, match="is not a run directory"):
        open_runs([tmp_path, small_runs[0]], samples=2, least=2)


def test_sizes_that_differ_need_one_to_be_named(tmp_path: Path, small_runs: list[Path]) -> None:
    large = make_run(tmp_path / "large", "large", size=48).path
    compared = open_runs([small_runs[0], large], samples=2, least=2)
    with pytest.raises(UserError, match="give --size to show all at one size"):
        compared.image_size(None)
    assert compared.image_size(32) == 32


def test_an_unfinished_run_is_refused(tmp_path: Path, small_runs: list[Path]) -> None:
    run = make_run(tmp_path / "run", "unfinished")
    manifest = run.path / "manifest.json"
    sealed = run.manifest.model_copy(update={"seal": None})
    manifest.write_text(sealed.model_dump_json())
    with pytest.raises(UserError, match="is not finished"):
        open_runs([small_runs[0], run.path], samples=2, least=2)


def test_an_image_changed_since_is_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run", "changed")
    first, second = run.samples()[:2]
    run.image_path(first).write_bytes(encode_png(np.zeros((32, 32, 3), np.uint8)))
    run.image_path(second).unlink()
    (source,) = open_runs([run.path], samples=2, least=1).sources().values()
    with pytest.raises(UserError, match="was changed after the run was sealed"):
        source.pixels(first.prompt_id, first.index)
    with pytest.raises(UserError, match="is missing"):
        source.pixels(second.prompt_id, second.index)


def test_refusals_name_the_model(tmp_path: Path, small_runs: list[Path]) -> None:
    shy = make_run(tmp_path / "shy", "shy", refuses=[("colors-002", 1)]).path
    compared = open_runs([small_runs[0], shy], samples=2, least=2)
    assert compared.refused(2) == {"colors-002": "shy"}
    assert compared.refused(1) == {}, "the second image is not shown"


def test_limits_and_draws() -> None:
    prompts = [Prompt(f"{category}-{n}", category, "text") for category in "ab" for n in range(3)]
    assert [prompt.id for prompt in limited(prompts, 2)] == ["a-0", "a-1", "b-0", "b-1"]
    assert limited(prompts, None) == prompts
    assert drawn(prompts, 4, seed=1) == drawn(prompts, 4, seed=1)
    assert drawn(prompts, 4, seed=1) != drawn(prompts, 4, seed=2)
    assert sorted(prompt.id for prompt in drawn(prompts, 9, seed=1)) == sorted(prompt.id for prompt in prompts)
