"""`drawbench doctor --acceptance` with stand-ins: files of a real server, random networks, values by peers' code."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image

from drawbench.cli.main import main
from drawbench.doctor import acceptance
from drawbench.doctor.acceptance import Networks
from drawbench.doctor.published_examples import LABELS, PUBLISHED_FILES, Files
from metrics.features.clip.byte_tokenizer import ByteTokenizer
from metrics.features.inception.resize import Mode
from metrics.features.registry import BUNDLED_FOLDER, inception, scorer_folder
from metrics.features.weights import WeightsFile
from tests.drawbench.file_server import FileServer, serving
from tests.metrics.photographs import crops
from tests.metrics.random_inception import TORCHSCRIPT, random_state, write_files

N = 4
NOWHERE = "http://127.0.0.1:9/nothing"  # where nobody answers


@dataclass
class StandIns:
    """Of the published files: their bytes by name, a server of each, and the values that should come out."""

    content: dict[str, bytes]
    servers: dict[str, FileServer]
    values: dict[str, tuple[float, ...]]

    @property
    def files(self) -> Files:
        """As the program knows them."""
        return Files(**{name: self._file(name) for name in self.content})

    def _file(self, name: str) -> WeightsFile:
        content, published = self.content[name], getattr(PUBLISHED_FILES, name)
        digest = hashlib.sha256(content).hexdigest() if published.sha256 else ""
        return WeightsFile(published.file, digest, self.servers[name].url, len(content) if published.size else 0)


@pytest.fixture(scope="module")
def inception_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Inception in the published file's format."""
    return write_files(tmp_path_factory.mktemp("inception"), random_state())


def small_images(seed: int) -> list[np.ndarray]:
    """N images of CIFAR-10's size."""
    return [np.asarray(Image.fromarray(crop).resize((32, 32))) for crop in crops(2 * N, 64)[seed * N : (seed + 1) * N]]


def clean_fids_features(images: list[np.ndarray], mode: Mode, inception_folder: Path, folder: Path) -> np.ndarray:
    """As clean-fid computes them from the same network."""
    from cleanfid.fid import get_files_features
    from cleanfid.inception_torchscript import InceptionV3W

    folder.mkdir(parents=True)
    for number, image in enumerate(images):
        Image.fromarray(image).save(folder / f"{number}.png")
    network = InceptionV3W(str(inception_folder), download=False, resize_inside=mode == "legacy_tensorflow")
    with torch.inference_mode():
        return get_files_features(
            sorted(map(str, folder.iterdir())),
            model=network,
            num_workers=0,
            batch_size=N,
            device=torch.device("cpu"),
            mode=mode,
            verbose=False,
        )


def statistics(features: np.ndarray) -> bytes:
    """Mean and covariance, as clean-fid writes them."""
    buffer = io.BytesIO()
    np.savez(buffer, mu=features.mean(axis=0), sigma=np.cov(features, rowvar=False))
    return buffer.getvalue()


def encoded(image: Image.Image, kind: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


def archive(images: list[np.ndarray]) -> bytes:
    """The images as CIFAR-10's binary archive holds them."""
    records = b"".join(bytes([number]) + image.transpose(2, 0, 1).tobytes() for number, image in enumerate(images))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        entry = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
        entry.size = len(records)
        tar.addfile(entry, io.BytesIO(records))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory: pytest.TempPathFactory, inception_folder: Path) -> Iterator[StandIns]:
    """A picture with transparent parts, a photograph, and statistics by clean-fid."""
    folder = tmp_path_factory.mktemp("clean-fid")
    test, train = small_images(0), small_images(1)
    photograph = Image.fromarray(crops(1, 150)[0])
    diagram = photograph.resize((301, 120)).convert("RGBA")
    alpha = np.zeros((120, 301), np.uint8)
    alpha[20:90] = 255
    diagram.putalpha(Image.fromarray(alpha))
    sets: dict[str, tuple[list[np.ndarray], Mode]] = {
        "clean_test": (test, "clean"),
        "tensorflow_test": (test, "legacy_tensorflow"),
        "tensorflow_train": (train, "legacy_tensorflow"),
    }
    features = {
        name: clean_fids_features(images, mode, inception_folder, folder / name)
        for name, (images, mode) in sets.items()
    }
    content = {
        "diagram": encoded(diagram, "PNG"),
        "cat": encoded(photograph, "JPEG"),
        "cifar10": archive(test),
        **{name: statistics(rows) for name, rows in features.items()},
    }
    assert list(content) == [field.name for field in fields(Files)]
    odds = np.exp(open_clips_logits(content["diagram"]))
    values = {
        "PROBABILITIES": odds / odds.sum(),
        "COSINES": open_clips_logits(content["cat"]),
        "TEST_TO_TRAIN": [distance(features["tensorflow_test"], features["tensorflow_train"])],
    }
    told = {name: tuple(map(float, value)) for name, value in values.items()}
    with ExitStack() as stack:
        yield StandIns(content, {name: stack.enter_context(serving(part)) for name, part in content.items()}, told)


def open_clips_logits(content: bytes) -> np.ndarray:
    """100 times the cosines, by open_clip's own code: its transform sees the file as Pillow opens it."""
    network, transform = open_clip.create_model_from_pretrained(f"local-dir:{BUNDLED_FOLDER}")
    network.eval()
    with torch.inference_mode():
        image = network.encode_image(transform(Image.open(io.BytesIO(content)))[None], normalize=True)
        texts = network.encode_text(ByteTokenizer(network.context_length)(list(LABELS)), normalize=True)
    return np.asarray(100 * image @ texts.T)[0]


def distance(a: np.ndarray, b: np.ndarray) -> float:
    """The Fréchet distance of features, by its formula: the last trace is the nuclear norm of the product."""
    one, other = ((rows - rows.mean(axis=0)) / np.sqrt(len(rows) - 1) for rows in (a, b))
    means = ((a.mean(axis=0) - b.mean(axis=0)) ** 2).sum()
    return float(means + (one**2).sum() + (other**2).sum() - 2 * np.linalg.norm(one @ other.T, "nuc"))


@pytest.fixture(autouse=True)
def weights(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, inception_folder: Path, stand_ins: StandIns
) -> Iterator[Path]:
    """The user's folder of weights; the networks of the protocol are stand-ins, and the values theirs by the peers."""
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / TORCHSCRIPT.file).symlink_to(inception_folder / TORCHSCRIPT.file)
    monkeypatch.setenv("DRAWBENCH_WEIGHTS", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name, value in stand_ins.values.items():
        monkeypatch.setattr(acceptance, name, replace(getattr(acceptance, name), values=value))
    monkeypatch.setattr(acceptance, "SIDE", 64)  # the stand-in's
    monkeypatch.setattr(acceptance, "PUBLISHED_FILES", stand_ins.files)
    monkeypatch.setattr(acceptance, "PAUSE", 0.0)
    monkeypatch.setattr(Networks, "published", lambda: networks())
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield folder
    torch.set_num_threads(before)


def networks(tensorflow: Mode = "legacy_tensorflow") -> Networks:
    """The bundled scorer for both CLIPs, and a random Inception."""
    clip = scorer_folder()
    return Networks(clip, clip, inception(tensorflow, TORCHSCRIPT), inception("clean", TORCHSCRIPT), (TORCHSCRIPT,))


def test_the_peers_values_come_out(
    weights: Path, stand_ins: StandIns, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["doctor", "--acceptance", "--device", "cpu", "--out", str(tmp_path / "found.json")]) == 0
    said = capsys.readouterr()
    assert said.out.count("ok    ") == 5
    assert "all published examples come out" in said.out
    assert "fetching 6 files, at least" in said.err
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["passed"]
    assert all(example["source"].startswith("https://") for example in found["examples"])
    asked = {name: len(server.seen) for name, server in stand_ins.servers.items()}
    assert set(asked.values()) == {1}
    assert {path.name for path in weights.iterdir()} >= {file.file for file in vars(stand_ins.files).values()}


def test_another_resize_does_not_pass(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(Networks, "published", lambda: networks(tensorflow="clean"))
    assert main(["doctor", "--acceptance", "--device", "cpu"]) == 1
    shown = capsys.readouterr().out
    assert shown.count("FAIL  ") == 2
    assert "2 of 5 published examples do not come out" in shown


def test_without_a_network_one_sentence_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch, weights: Path, stand_ins: StandIns, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = {name: replace(file, source=NOWHERE) for name, file in vars(stand_ins.files).items()}
    monkeypatch.setattr(acceptance, "PUBLISHED_FILES", Files(**gone))
    assert main(["doctor", "--acceptance", "--device", "cpu"]) == 1
    said = capsys.readouterr()
    error = said.err.strip().splitlines()[-1]
    assert error.startswith("drawbench: --acceptance lacks CLIP.png, cat.jpg, cifar-10-binary.tar.gz, cifar10_")
    assert "put these files into" in error
    assert said.err.count("cat.jpg") == 1
    assert not said.out
    assert not [path for path in weights.iterdir() if path.suffix in (".png", ".jpg", ".gz", ".npz", ".part")]


def test_another_file_than_the_published_one_is_refused(
    weights: Path, stand_ins: StandIns, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, file in vars(stand_ins.files).items():
        (weights / file.file).write_bytes(stand_ins.content[name])
    (weights / stand_ins.files.cat.file).write_bytes(stand_ins.content["diagram"])
    assert main(["doctor", "--acceptance", "--device", "cpu"]) == 2
    assert "cat.jpg is not the published file" in capsys.readouterr().err


def test_every_published_file_has_a_source_that_can_be_checked() -> None:
    for file in vars(PUBLISHED_FILES).values():
        assert file.source.startswith("https://")
        assert file.source.endswith(file.file)
        assert bool(file.sha256) == bool(file.size)
