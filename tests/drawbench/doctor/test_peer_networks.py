"""Our networks beside the peers' from the same random weights in the published files' formats."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from drawbench.doctor.peer_networks import PeerFiles, compare_networks
from drawbench.doctor.peers import THEIRS
from metrics.features.inception.extractor import InceptionExtractor
from metrics.features.inception.resize import Mode
from metrics.features.weights import INCEPTION, INCEPTION_PYTORCH, WeightsFile
from tests.metrics.random_inception import PYTORCH, TORCHSCRIPT, random_state, write_files
from tests.metrics.stand_ins import write_transformers_clip

CAPTIONS = ["a red cat", "two dogs", "a house by the sea"]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Peers run threads inside operators, which crawl where other work shares the cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both forms of one random Inception."""
    return write_files(tmp_path_factory.mktemp("inception"), random_state())


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No weights but those of a test, and no connection to fetch any."""

    def refuse(*_: object) -> None:
        raise AssertionError("a connection was tried")

    for variable in ("DRAWBENCH_WEIGHTS", "XDG_CACHE_HOME", "HF_HUB_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path / "nothing"))
    monkeypatch.setattr(socket.socket, "connect", refuse)


def _images() -> list[np.ndarray]:
    random = np.random.default_rng(0)
    coarse = random.integers(0, 256, (3, 8, 8, 3), dtype=np.uint8)
    return [image.repeat(16, axis=0).repeat(16, axis=1) for image in coarse]


def test_every_peers_network_agrees_from_the_same_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: Path
) -> None:
    clip = write_transformers_clip(tmp_path / "tiny-clip")
    monkeypatch.setenv("DRAWBENCH_WEIGHTS", str(folder))
    monkeypatch.setenv("TORCH_HOME", "as it was")
    found = compare_networks(_images(), CAPTIONS, PeerFiles(TORCHSCRIPT, PYTORCH, [str(clip)]))
    assert {each.peer for each in found} == set(THEIRS)
    assert {each.what.rpartition(", ")[2] for each in found} == {
        "clean",
        "legacy_tensorflow",
        "legacy_pytorch",
        "tiny-clip",
    }
    for each in found:
        assert each.difference is not None, each.note
        assert each.passed, each
    assert os.environ["TORCH_HOME"] == "as it was"


def test_what_is_not_here_is_named_and_not_fetched() -> None:
    found = compare_networks(_images(), CAPTIONS)
    assert {each.note for each in found} == {
        f"{INCEPTION.name} is not here",
        f"{INCEPTION_PYTORCH.name} is not here",
        "its model is not here",
    }
    assert all(each.difference is None and each.passed for each in found)


def test_a_file_that_is_not_the_published_one_is_read_by_no_peer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / INCEPTION_PYTORCH.file).write_bytes(b"a pickle that would run code")
    monkeypatch.setenv("DRAWBENCH_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("torch.load", lambda *_, **__: pytest.fail("the file was loaded"))
    found = [each for each in compare_networks(_images(), CAPTIONS) if each.what.endswith("legacy_pytorch")]
    assert "is not the published file" in found[0].note


def test_other_weights_are_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: Path) -> None:
    """Ours read one random network, pytorch-fid another: what a wrong file on one side would look like."""
    monkeypatch.setenv("DRAWBENCH_WEIGHTS", str(folder))
    torch.save(random_state(1), tmp_path / PYTORCH.file)
    load = InceptionExtractor.load

    def elsewhere(mode: Mode, weights: WeightsFile) -> InceptionExtractor:
        return load(mode, folder=tmp_path, weights=weights)

    monkeypatch.setattr(InceptionExtractor, "load", elsewhere)
    nothing = WeightsFile("absent.pt", "", "")
    found = compare_networks(_images()[:1], CAPTIONS[:1], PeerFiles(nothing, PYTORCH, []))
    (pytorch_fid,) = [each for each in found if each.peer == "pytorch-fid"]
    assert pytorch_fid.difference is not None
    assert not pytorch_fid.passed
