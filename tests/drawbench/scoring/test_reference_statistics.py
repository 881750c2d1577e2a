"""Statistics written from a folder: the distance of its images, in their own network and size only."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from drawbench.cli.main import main
from drawbench.comparing.compare import compare_runs
from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.scoring.bundled import bundled_extended
from drawbench.scoring.extractors import Extractors
from drawbench.scoring.image_features import ReadSettings
from drawbench.scoring.protocol import Protocol
from drawbench.scoring.protocols import imagen
from drawbench.scoring.reference_statistics import write_reference_statistics
from drawbench.scoring.references import find_references, read_references
from drawbench.scoring.score import score_run
from metrics.errors import MetricInputError
from metrics.frechet.gaussian import read_notes
from tests.drawbench.scoring.test_kinds import Notes
from tests.drawbench.scoring.test_references import crop, distance, save
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
    with pytest.raises(UserError, match="has no Fréchet distance"):
        write_reference_statistics(
            folder, replace(protocol, metrics=protocol.metrics[:1]), tmp_path / "y.npz", size=SIZE
        )
    assert not (tmp_path / "y.npz").exists()


def test_the_command_writes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "x.npz"
    command = ["references", "write", str(save(tmp_path / "refs", 8)), "--out", str(out), "--json"]
    command += ["--size", str(SIZE + 8)]
    assert main(command) == 0
    origin = json.loads(capsys.readouterr().out)
    notes = origin.pop("notes")
    with np.load(out, allow_pickle=False) as file:
        assert file["mu"].shape == (64,)
        assert file["sigma"].shape == (64, 64)
        assert {name: str(file[name]) for name in origin} == {name: str(value) for name, value in origin.items()}
        assert notes == list(file["notes"]) == [f"8 of 8 references are smaller than {SIZE + 8} px and were enlarged"]
    assert main(command) == 2
    assert "exists already" in capsys.readouterr().err


def _odd_folder(folder: Path) -> Path:
    """24 references: 3 small JPEGs, 8 copies, a hidden file; no more different ones than their 16 dimensions."""
    save(folder, 13)
    for number in range(3):
        crop(50 + number, SIZE - 10).save(folder / f"small{number}.jpg")
    for number in range(8):
        shutil.copy(folder / "r00.png", folder / f"copy{number}.png")
    shutil.copy(folder / "r01.png", folder / "._r01.png")
    return folder


def test_what_is_odd_in_the_folder_is_said_of_its_statistics_too(protocol: Protocol, run: Path, tmp_path: Path) -> None:
    folder, out = _odd_folder(tmp_path / "refs"), tmp_path / "x.npz"
    write_reference_statistics(folder, protocol, out, size=SIZE)
    said = Notes()
    odd = [
        "1 hidden left out (._r01.png)",
        f"3 of 24 references are smaller than {SIZE} px and were enlarged",
        "8 of 24 references are copies of others and count again",
        "no more different references (16) than feature dimensions (16): strongly biased upwards",
        "3 of 24 references are JPEG or lossy WebP files and the images are not: that alone moves the distance",
    ]
    for references in (folder, out):
        notes = distance(score_run(run, protocol, references, progress=said))[1].split("; ")
        assert sorted(set(odd) & set(notes)) == sorted(odd)
    assert "references x.npz: 1 hidden left out (._r01.png)" in said.text
    assert compare_runs(run, run, protocol, out).notes == read_notes(out)


def test_images_of_less_quality_than_the_references_of_a_file_are_told(protocol: Protocol, tmp_path: Path) -> None:
    """Our files know that their images are lossless, those of other suites do not."""
    out = tmp_path / "x.npz"
    write_reference_statistics(save(tmp_path / "refs", 20), protocol, out, size=SIZE)
    with np.load(out) as file:
        np.savez(tmp_path / "others.npz", mu=file["mu"], sigma=file["sigma"])
    run = make_run(tmp_path / "run")
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["sources"] = {**manifest.get("sources", {}), "lossy": 5}
    (run / "manifest.json").write_text(json.dumps(manifest))
    words = "5 of 24 images are JPEG or lossy WebP files and the references are not: that alone moves the distance"
    assert words in distance(score_run(run, protocol, out))[1]
    assert "lossy" not in distance(score_run(run, protocol, tmp_path / "others.npz"))[1]


def test_files_without_notes_are_read_as_before(protocol: Protocol, run: Path, tmp_path: Path) -> None:
    out, older = tmp_path / "x.npz", tmp_path / "older.npz"
    write_reference_statistics(_odd_folder(tmp_path / "refs"), protocol, out, size=SIZE)
    with np.load(out) as file:
        np.savez(older, **{name: file[name] for name in file if name not in ("notes", "lossy")})
    value, note = distance(score_run(run, protocol, older))
    assert value == distance(score_run(run, protocol, out))[0]
    assert "JPEG" not in note


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("notes", np.array([{"a": 1}], dtype=object)),
        ("notes", np.array([1, 2])),
        ("notes", np.array(["\x1b[31mred"])),
        ("lossy", np.array(-4)),
        ("lossy", np.array(999)),
        ("mode", np.array([{"a": 1}], dtype=object)),
    ],
)
def test_what_a_file_of_statistics_says_is_checked(
    name: str, value: np.ndarray, protocol: Protocol, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "x.npz"
    write_reference_statistics(save(tmp_path / "refs", 20), protocol, out, size=SIZE)
    with np.load(out) as file:
        spoilt = {**file, name: value}
    np.savez(tmp_path / "spoilt.npz", **spoilt)
    with pytest.raises((UserError, MetricInputError), match=str(tmp_path / "spoilt.npz")):
        score_run(run, protocol, tmp_path / "spoilt.npz")


def test_statistics_say_that_they_do_not_tell_of_references_among_the_images(
    protocol: Protocol, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "x.npz"
    write_reference_statistics(save(tmp_path / "refs", 20), protocol, out, size=SIZE)
    assert "do not tell whether references are among the generated images" in distance(score_run(run, protocol, out))[1]


@pytest.mark.parametrize(
    ("file", "origin", "metrics"),
    [
        ("x.npz", {"mode": "clean"}, ["fid_clean"]),
        ("x_clean.npz", {"mode": "clean"}, ["fid_clean"]),
        ("x.npz", {"mode": "inception-legacy_tensorflow"}, ["fid_legacy_tensorflow"]),
        ("x_clean.npz", {}, ["fid_clean"]),
        ("x_clean.npz", {"mode": "legacy_tensorflow"}, []),
        ("x.npz", {"mode": "legacy_pytorch"}, []),
        ("x.npz", {"mode": "inception-clean", "extractor": "clean"}, ["fid_clean"]),
        ("x.npz", {"mode": "inception-clean", "extractor": "legacy_tensorflow"}, []),
    ],
)
def test_the_mode_that_statistics_state_is_held_against_the_network(
    file: str, origin: dict[str, str], metrics: list[str], tmp_path: Path
) -> None:
    """metrics: whose references they are; none where they are refused."""
    frechet = [metric for metric in imagen().metrics if metric.statistics]
    extractors = Extractors([metric.extractor for metric in frechet], "cpu", print)
    if "extractor" in origin:
        origin = {**origin, "extractor": extractors.fingerprint(f"inception-{origin['extractor']}")}
    np.savez(tmp_path / file, mu=np.zeros(4), sigma=np.eye(4), **origin)
    given = find_references(tmp_path / file), frechet, extractors, ReadSettings(256, 1), Progress()
    if metrics:
        assert list(read_references(*given).gaussians) == metrics
        return
    with pytest.raises(UserError, match=rf"{file} say that they were made with '{origin['mode']}', where .* is needed"):
        read_references(*given)
