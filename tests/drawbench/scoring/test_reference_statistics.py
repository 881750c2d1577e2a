"""Statistics written from a folder: the distance of its images, in their own network and size only."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drawbench.cli.main import main
from drawbench.errors import UserError
from drawbench.scoring.protocols import Protocol, bundled_extended
from drawbench.scoring.reference_statistics import write_reference_statistics
from drawbench.scoring.score import score_run
from tests.drawbench.scoring.test_references import distance, save
from tests.drawbench.scoring.test_score import SIZE, make_run
from tests.metrics.stand_ins import write_scorer


def _protocol(folder: Path) -> Protocol:
    """CLIP score and Fréchet distance of a random scorer of 16 dimensions."""
    whole = bundled_extended(write_scorer(folder))
    wanted = ("clip_score", "frechet_distance")
    return replace(whole, metrics=tuple(metric for metric in whole.metrics if metric.metric in wanted))


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    return _protocol(tmp_path_factory.mktemp("scorer"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "noise", samples=2)


@pytest.mark.parametrize("n", [8, 40])
def test_they_give_the_distance_of_the_images(protocol: Protocol, run: Path, tmp_path: Path, n: int) -> None:
    folder, out = save(tmp_path / "refs", n), tmp_path / "x.npz"
    origin = write_reference_statistics(folder, protocol, out, size=SIZE)
    images, file = score_run(run, protocol, folder), score_run(run, protocol, out)
    assert images.reference is not None
    assert file.reference is not None
    assert (origin["n"], origin["size"], origin["sha256"]) == (n, SIZE, images.reference.sha256)
    assert file.reference.n == n
    assert distance(file)[0] == pytest.approx(distance(images)[0], rel=1e-5)


def test_pytorch_fid_and_clean_fid_read_them(protocol: Protocol, tmp_path: Path) -> None:
    from cleanfid.fid import frechet_distance as clean_fids
    from pytorch_fid.fid_score import calculate_frechet_distance, compute_statistics_of_path

    out = tmp_path / "x.npz"
    write_reference_statistics(save(tmp_path / "refs", 40), protocol, out, size=SIZE)
    mu, sigma = compute_statistics_of_path(str(out), None, 1, 16, "cpu")
    assert mu.shape == (16,)
    assert calculate_frechet_distance(mu, sigma, mu + 1, sigma) == pytest.approx(16, rel=1e-6)
    assert clean_fids(mu, sigma, mu + 1, sigma) == pytest.approx(16, rel=1e-6)


def test_another_size_network_or_name_is_refused(protocol: Protocol, run: Path, tmp_path: Path) -> None:
    folder, out = save(tmp_path / "refs", 20), tmp_path / "x.npz"
    write_reference_statistics(folder, protocol, out, size=SIZE + 8)
    with pytest.raises(UserError, match=f"made at {SIZE + 8} px, and these images are evaluated at {SIZE} px"):
        score_run(run, protocol, out)
    with np.load(out) as file:
        arrays = {name: file[name] for name in file}
    np.savez(tmp_path / "other.npz", **arrays | {"size": np.asarray(SIZE), "extractor": np.asarray("0" * 64)})
    with pytest.raises(UserError, match="were made with"):
        score_run(run, protocol, tmp_path / "other.npz")
    np.savez(tmp_path / "size-only.npz", **{name: arrays[name] for name in ("mu", "sigma", "size")})
    with pytest.raises(UserError, match=f"made at {SIZE + 8} px"):
        score_run(run, protocol, tmp_path / "size-only.npz")
    for path, size, message in (
        (out, SIZE, "exists already"),
        (tmp_path / "x.npy", SIZE, r"no \.npz"),
        (tmp_path / "y.npz", None, "--size"),
        (tmp_path / "y.npz", 0, "--size"),
    ):
        with pytest.raises(UserError, match=message):
            write_reference_statistics(folder, protocol, path, size=size)
    with pytest.raises(UserError, match="frechet_distance; name one with --metric"):
        write_reference_statistics(folder, protocol, tmp_path / "y.npz", metric="fid", size=SIZE)
    assert not (tmp_path / "y.npz").exists()


def test_the_command_writes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "x.npz"
    command = ["references", "write", str(save(tmp_path / "refs", 8)), "--out", str(out), "--size", str(SIZE), "--json"]
    assert main(command) == 0
    origin = json.loads(capsys.readouterr().out)
    with np.load(out, allow_pickle=False) as file:
        assert file["mu"].shape == (64,)
        assert file["sigma"].shape == (64, 64)
        assert {name: str(file[name]) for name in origin} == {name: str(value) for name, value in origin.items()}
    assert main(command) == 2
    assert "exists already" in capsys.readouterr().err
