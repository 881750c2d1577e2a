"""The learned scorers by the commands: numbers with intervals, absent ones skipped by name, errors and no scores."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pyarrow import parquet

import drawbench
from drawbench.cli.main import main
from drawbench.scoring.chosen import quoted
from drawbench.scoring.kinds.kind import UNVERIFIED
from drawbench.scoring.kinds.learned import AESTHETIC
from drawbench.scoring.protocols import get_protocol
from drawbench.tables.leaderboard import build_tables
from metrics.features.weights import FOLDER_VARIABLE, LEARNED, PICK_SCORE
from metrics.image_set import ImageSet
from tests.drawbench.file_server import serving
from tests.drawbench.synthetic import result, score
from tests.metrics.features.learned_checkpoints import WORDS, WRITERS

FOLDER = "--model folder:shown --set match=order --set order=prompt --prompts prompts.csv --size 64"
PROMPTS = [
    "a red cube",
    "two blue dogs",
    "a cat on the left of a green ring",
    "tall ring " * 60,
    "a dog",
    "the cat sits",
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A folder with the files of each scorer."""
    folder = tmp_path_factory.mktemp("learned")
    for name, write in WRITERS.items():
        write(folder / name)
    return {name: folder / name for name in WRITERS}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run of two images a prompt, where nothing of the user's own is found."""
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "weights"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "user"))
    monkeypatch.chdir(tmp_path)
    return _drawn(tmp_path, len(PROMPTS), 2)


def _drawn(folder: Path, prompts: int, samples: int) -> Path:
    random = np.random.RandomState(3)
    rows = [f'{"AB"[number % 2]},"{prompt}"' for number, prompt in enumerate(PROMPTS[:prompts])]
    (folder / "prompts.csv").write_text("\n".join(["category,prompt", *rows]) + "\n")
    (folder / "shown").mkdir()
    for number in range(prompts * samples):
        coarse = random.randint(0, 256, (4, 4, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((64, 64), Image.Resampling.BICUBIC).save(folder / f"shown/{number:03}.png")
    words = f"generate {FOLDER} --samples {samples}"
    assert main([*words.split(), "--out", "drawn"]) == 0
    return folder / "drawn"


def _overall(run: Path, protocol: str) -> dict[str, dict[str, Any]]:
    scores = json.loads((run / "scores" / f"{protocol}.json").read_text())["scores"]
    return {each["metric"]: each for each in scores if each["scope"] == "overall"}


def _all(folders: Mapping[str, Path]) -> str:
    return ",".join(f"{name}:{folder}" for name, folder in folders.items())


def _names(folders: Mapping[str, Path]) -> dict[str, str]:
    return {name: get_protocol(f"{name}:{folder}").name for name, folder in folders.items()}


def test_every_scorer_gives_means_with_intervals_and_says_what_is_not_known_of_its_weights(
    run: Path, folders: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", str(run), "--protocol", _all(folders)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    metrics = {"pick-score": "pick_score", "hps-v2.1": "hps_v2_1", "image-reward": "image_reward"}
    for name, protocol in _names(folders).items():
        scores, metric = _overall(run, protocol), metrics.get(name, "aesthetic")
        found = scores[metric]
        assert found["n"] == len(PROMPTS)
        assert found["interval"]["low"] < found["value"] < found["interval"]["high"]
        assert "could not be verified" in found["note"]
        limit = {"image-reward": "35", "aesthetic": ""}.get(name, "77")
        assert ("1 caption was cut at " + limit in found["note"]) == bool(limit)
        each = parquet.read_table(run / "scores" / f"{protocol}.parquet").column(metric).to_pylist()
        assert len(each) == 2 * len(PROMPTS)
        assert found["value"] == pytest.approx(np.mean(each))
        if name in ("pick-score", "hps-v2.1"):
            assert scores[f"{metric}_difference"]["value"] == pytest.approx(
                found["value"] - scores[f"{metric}_shuffled"]["value"]
            )
    for words in ("PickScore", "HPS v2.1", "ImageReward", "LAION aesthetic", "by category"):
        assert words in shown


def test_pick_scores_of_shuffled_captions_are_those_of_all_other_pairs(run: Path, folders: dict[str, Path]) -> None:
    name = _names(folders)["pick-score"]
    assert main(["score", str(run), "--protocol", f"pick-score:{folders['pick-score']}"]) == 0
    scorer = get_protocol(f"pick-score:{folders['pick-score']}").metrics[0].extractor.load("cpu")
    images = [np.asarray(Image.open(path)) for path in sorted((run.parent / "shown").iterdir())]
    every = scorer(images).astype(np.float64) @ scorer.encode_texts(PROMPTS).astype(np.float64).T  # (12, 6)
    own = np.repeat(np.eye(len(PROMPTS), dtype=bool), 2, axis=0)
    scores = _overall(run, name)
    assert scores["pick_score"]["value"] == pytest.approx(every[own].mean(), rel=1e-5)
    assert scores["pick_score_shuffled"]["value"] == pytest.approx(every[~own].mean(), rel=1e-5)


def test_scoring_again_loads_nothing(run: Path, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["score", str(run), "--protocol", _all(folders)]
    assert main(command) == 0
    before = {path.name: path.read_bytes() for path in (run / "scores").glob("*.parquet")}

    def refuse(*_: object) -> None:
        raise AssertionError("a network was loaded")

    for network in ("PickScoreExtractor", "HpsExtractor", "ImageRewardReader", "AestheticExtractor"):
        monkeypatch.setattr(f"metrics.features.learned.entries.{network}", refuse)
    assert main(command) == 0
    assert {path.name: path.read_bytes() for path in (run / "scores").glob("*.parquet")} == before


def test_one_image_is_scored_without_an_interval(
    tmp_path: Path, folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    run = _drawn(tmp_path, 1, 1)
    assert main(["score", str(run), "--protocol", _all(folders)]) == 0
    for protocol in _names(folders).values():
        assert all(np.isfinite(each["value"]) for each in _overall(run, protocol).values())
        assert all(each["interval"] == "not available" for each in _overall(run, protocol).values())


def test_learned_stands_for_those_that_are_here_and_names_the_others(
    run: Path, folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "weights").mkdir()
    shutil.copy(folders["pick-score"] / "model.safetensors", tmp_path / "weights" / PICK_SCORE.file)
    assert main(["score", str(run), "--protocol", "learned", "--json"]) == 0
    printed = capsys.readouterr()
    assert [file["protocol"]["name"] for file in json.loads(printed.out)] == ["pick-score"]
    assert [path.name for path in (run / "scores").glob("*.json")] == ["pick-score.json"]
    for name in set(LEARNED) - {"pick-score"}:
        (line,) = [line for line in printed.err.splitlines() if line.startswith(f"no {name}:")]
        assert f"`drawbench weights fetch {name}`" in line
    assert json.loads(printed.out)[0]["environment"]["weights pick-score"] == "unverified"


def test_where_none_is_here_learned_is_an_error(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["score", str(run), "--protocol", "learned"]) == 2
    assert "the weights of no learned scorer are here" in capsys.readouterr().err
    assert not (run / "scores").exists()


@pytest.mark.parametrize("name", list(LEARNED))
def test_one_that_is_asked_for_by_name_and_absent_is_an_error(
    name: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", str(run), "--protocol", name]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert f"the weights file {LEARNED[name][0].file}" in said
    assert "run `drawbench weights fetch" in said
    assert not list(run.glob("scores/*.json"))


def test_a_wrong_file_is_an_error_also_among_others(
    run: Path, folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "weights").mkdir()
    shutil.copy(folders["hps-v2.1"] / "HPS_v2.1_compressed.pt", tmp_path / "weights")
    for protocol in ("hps-v2.1", "learned"):
        assert main(["score", str(run), "--protocol", protocol]) == 2
        assert "HPS_v2.1_compressed.pt is not the published file" in capsys.readouterr().err.splitlines()[-1]
    assert not list(run.glob("scores/*.json"))


def test_one_protocol_is_asked_for_where_one_is_taken(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, several in (("learned", LEARNED), ("bundled,offline", ["bundled", "offline"])):
        assert main(["compare", str(run), str(run), "--protocol", name]) == 2
        assert f"{name} stands for several protocols: name one of {', '.join(several)}" in capsys.readouterr().err
    assert main(["score", str(run), "--protocol", "pick-score,bundel"]) == 2
    assert "there is no protocol 'bundel'" in capsys.readouterr().err


def test_a_name_with_a_comma_stands_in_quotation_marks(
    run: Path, folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(folders["pick-score"], tmp_path / "one, two")
    named = f"pick-score:{tmp_path / 'one, two'}"
    assert main(["score", str(run), "--protocol", f'bundled, "{named}"', "--json"]) == 0
    names = [file["protocol"]["name"].rpartition("-")[0] or "bundled" for file in json.loads(capsys.readouterr().out)]
    assert names == ["bundled", "pick-score"]
    assert main(["score", str(run), "--protocol", f"bundled,{named}"]) == 2
    assert main(["compare", str(run), str(run), "--protocol", quoted(named)]) == 0
    assert main(["score", str(run), "--protocol", "bundled\nx"]) == 2


def test_run_draws_once_and_scores_under_each(
    run: Path, folders: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"run {FOLDER} --samples 2 --out runs/x"
    protocols = f"image-reward:{folders['image-reward']},aesthetic:{folders['aesthetic']}"
    capsys.readouterr()
    assert main([*words.split(), "--protocol", protocols, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    names = _names(folders)
    assert [each["protocol"]["name"] for each in facts["results"]] == [names["image-reward"], names["aesthetic"]]
    assert facts["result"] == facts["results"][0]
    page = (Path("runs/x/report") / "index.html").read_text()
    assert "ImageReward" in page
    assert "LAION aesthetic" in page
    assert main([*words.split(), "--protocol", protocols, "--dry-run", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["scoring_seconds"] == 0  # all is kept


def test_absent_weights_of_a_later_protocol_stop_a_run_before_it_draws(
    run: Path, folders: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    words = f"run {FOLDER} --samples 2 --out runs/y"
    assert main([*words.split(), "--protocol", f"aesthetic:{folders['aesthetic']},hps-v2.1"]) == 2
    assert "HPS_v2.1_compressed.pt" in capsys.readouterr().err
    assert not list(Path("runs").glob("y/images/*/*.png"))


def test_python_scores_and_compares(run: Path, folders: dict[str, Path]) -> None:
    protocol = f"image-reward:{folders['image-reward']}"
    scores = drawbench.score(run, protocol=protocol)
    assert scores["image_reward"].n == len(PROMPTS)
    assert drawbench.compare(run, run, protocol=protocol)["image_reward"].difference == 0


def test_licences_are_shown_before_all_files_of_a_scorer_are_fetched(
    run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    content = "\n".join(WORDS).encode()
    with serving(content) as server:
        files = [replace(file, source=server.url, sha256="", size=0) for file in LEARNED["image-reward"]]
        monkeypatch.setitem(LEARNED, "image-reward", tuple(files))
        capsys.readouterr()
        assert main(["weights", "fetch", "image-reward"]) == 0
    printed = capsys.readouterr()
    assert printed.out.splitlines() == [str(run.parent / "weights" / file.file) for file in files]
    lines = printed.err.splitlines()
    assert [f"{file.file}: licence {file.licence}; from {server.url}" for file in files] == lines[:2]


def test_doctor_says_which_are_here(
    run: Path, folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "weights").mkdir()
    shutil.copy(folders["pick-score"] / "model.safetensors", tmp_path / "weights" / PICK_SCORE.file)
    capsys.readouterr()
    assert main(["doctor", "--json"]) == 0
    found = {each["name"]: each for each in json.loads(capsys.readouterr().out)["Protocols, for --protocol"]}
    assert found["pick-score"]["state"] == "ready"
    assert found["aesthetic"]["state"] == "missing"
    assert found["aesthetic"]["next"] == "drawbench weights fetch sac+logos+ava1-l14-linearMSE ViT-L-14"


def test_a_scorer_that_was_not_compared_with_its_published_code_says_so_and_has_no_rank() -> None:
    kind = replace(AESTHETIC, unverified=True)
    images = ImageSet(np.ones((2, 1), dtype=np.float32), np.array([0, 1]))
    assert kind.cautions(images, 0) == [UNVERIFIED]
    assert AESTHETIC.cautions(images, 0) == []
    rows = [
        result(name, scores=[score("aesthetic", value, note=note)])
        for name, value, note in (("a", 5.0, f"x; {UNVERIFIED}"), ("b", 4.0, f"x; {UNVERIFIED}"), ("c", 3.0, ""))
    ]
    (table,) = build_tables(rows)
    assert {row.label: row.rank for row in table.rows} == {"a": None, "b": None, "c": 1}
