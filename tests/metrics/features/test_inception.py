"""The Inception extractor: files read strictly, resizes bit for bit, features that depend on nothing but the image."""

from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from metrics.errors import MetricInputError
from metrics.features.inception import InceptionExtractor, default_weights, inception_fingerprint
from metrics.features.inception_resize import MODES, PREPROCESSING, Mode, resized
from metrics.features.registry import inception
from metrics.features.weights import INCEPTION, INCEPTION_PYTORCH
from tests.metrics.photographs import crops
from tests.metrics.random_inception import PYTORCH, TORCHSCRIPT, TorchScriptInception
from tests.metrics.stand_ins import write_inception


@pytest.fixture(autouse=True)
def _two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def extractor(inception_folder: Path) -> InceptionExtractor:
    return InceptionExtractor.load("clean", folder=inception_folder, weights=PYTORCH)


@pytest.mark.parametrize("size", [(64, 64), (256, 256), (299, 299), (150, 400), (640, 480)])
@pytest.mark.parametrize("mode", ["clean", "legacy_pytorch"])
def test_resizes_equal_clean_fids_bit_for_bit(mode: Mode, size: tuple[int, int]) -> None:
    from cleanfid.resize import build_resizer

    images = np.random.default_rng(0).integers(0, 256, (3, *size, 3), dtype=np.uint8)
    theirs = np.stack([build_resizer(mode)(image).transpose(2, 0, 1) for image in images])
    np.testing.assert_array_equal(resized(images, mode).numpy(), theirs)


@pytest.mark.parametrize("size", [(64, 64), (256, 256), (299, 299), (150, 400), (640, 480)])
def test_the_tensorflow_resize_is_tensorflow_1s(size: tuple[int, int]) -> None:
    from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

    images = np.random.default_rng(0).integers(0, 256, (3, *size, 3), dtype=np.uint8)
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    theirs = interpolate_bilinear_2d_like_tensorflow1x(pixels, (299, 299), align_corners=False)
    assert (resized(images, "legacy_tensorflow") - theirs).abs().max() < 0.05  # of 255, on noise: positions are float32


@pytest.mark.parametrize("mode", MODES)
def test_both_files_give_the_same_features(inception_folder: Path, mode: Mode) -> None:
    images = crops(2, 64)
    script, state = (
        InceptionExtractor.load(mode, folder=inception_folder, weights=weights)(images)
        for weights in (TORCHSCRIPT, PYTORCH)
    )
    assert script.shape == (2, 2048)
    assert script.dtype == np.float32
    np.testing.assert_array_equal(script, state)


def test_an_images_features_depend_on_no_batch_no_order_and_no_number_of_threads(extractor: InceptionExtractor) -> None:
    images = crops(11, 96)
    together = extractor(images)
    torch.set_num_threads(1)
    order = np.random.default_rng(0).permutation(11)
    for size in (1, 3, 11):
        parts = [extractor(images[order[start : start + size]]) for start in range(0, 11, size)]
        np.testing.assert_allclose(np.concatenate(parts), together[order], rtol=1e-5, atol=1e-6)


def test_threads_are_as_many_as_before(extractor: InceptionExtractor) -> None:
    extractor(crops(4, 64))
    assert torch.get_num_threads() == 2


def test_logits_leave_the_bias_out(extractor: InceptionExtractor, inception_folder: Path) -> None:
    state = torch.load(inception_folder / PYTORCH.file, weights_only=True)
    pool = np.random.default_rng(0).random((5, 2048), dtype=np.float32)
    exact = pool.astype(np.float64) @ state["fc.weight"].double().numpy().T
    np.testing.assert_allclose(extractor.logits(pool), exact, rtol=1e-4, atol=1e-4)


def test_every_mode_takes_clean_fids_file_by_default_and_names_network_and_resize() -> None:
    assert [default_weights(mode) for mode in MODES] == [INCEPTION, INCEPTION_PYTORCH, INCEPTION]
    for mode in MODES:
        entry = inception(mode)
        assert entry.name == f"inception-{mode}"
        for said in (default_weights(mode).file, default_weights(mode).sha256[:12], PREPROCESSING[mode]):
            assert said in entry.description


def test_modes_have_fingerprints_of_their_own_and_the_digest_is_in_them(extractor: InceptionExtractor) -> None:
    assert len({inception_fingerprint(mode, extractor.weights_sha256) for mode in MODES}) == 3
    assert extractor.fingerprint == inception_fingerprint("clean", extractor.weights_sha256)
    assert extractor.fingerprint != inception_fingerprint("clean", INCEPTION_PYTORCH.sha256)
    assert not extractor.verified


def test_weights_are_never_downloaded_and_never_taken_for_others(inception_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MetricInputError, match="missing"):
        InceptionExtractor.load("clean", folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
    for mode in MODES:
        with pytest.raises(MetricInputError, match="not the published file"):
            InceptionExtractor.load(mode, folder=inception_folder)
    for weights in (TORCHSCRIPT, PYTORCH):
        (tmp_path / weights.file).write_bytes(b"no network")
        with pytest.raises(MetricInputError, match="neither a TorchScript network nor"):
            InceptionExtractor.load("clean", folder=tmp_path, weights=weights)


def _without_a_tensor(state: dict[str, torch.Tensor]) -> None:
    del state["Mixed_6c.branch7x7_2.bn.running_var"]


def _with_another_tensor(state: dict[str, torch.Tensor]) -> None:
    state["AuxLogits.conv0.conv.weight"] = torch.zeros(1)


def _with_torchvisions_classes(state: dict[str, torch.Tensor]) -> None:
    state["fc.weight"] = torch.zeros(1000, 2048)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_without_a_tensor, "lacks Mixed_6c.branch7x7_2.bn.running_var"),
        (_with_another_tensor, "unknown AuxLogits"),
        (_with_torchvisions_classes, r"fc.weight has shape \(1000, 2048\)"),
    ],
)
def test_another_networks_weights_are_refused(
    inception_folder: Path, tmp_path: Path, change: object, said: str
) -> None:
    state = torch.load(inception_folder / PYTORCH.file, weights_only=True)
    change(state)  # type: ignore[operator]
    torch.save(OrderedDict(state), tmp_path / PYTORCH.file)
    with pytest.raises(MetricInputError, match=said):
        InceptionExtractor.load("clean", folder=tmp_path, weights=PYTORCH)


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_torchscript_file_that_computes_something_else_is_refused(inception_folder: Path, tmp_path: Path) -> None:
    """The usual mistake: the last block's pool as a mean. Names and shapes are all right."""
    network = TorchScriptInception().eval()
    network.load_state_dict(torch.jit.load(str(inception_folder / TORCHSCRIPT.file)).state_dict())
    network.layers.mixed_10.tower_2_pool = nn.AvgPool2d(3, stride=1, padding=1)  # type: ignore[union-attr]
    torch.jit.script(network).save(str(tmp_path / TORCHSCRIPT.file))
    with pytest.raises(MetricInputError, match="computes other features"):
        InceptionExtractor.load("clean", folder=tmp_path, weights=TORCHSCRIPT)


@pytest.mark.parametrize("mode", ["clean", "legacy_tensorflow"])
def test_a_torchscript_file_of_unknown_names_runs_as_it_is(tmp_path: Path, mode: Mode) -> None:
    from cleanfid.inception_torchscript import InceptionV3W

    write_inception(tmp_path)
    extractor = InceptionExtractor.load(mode, folder=tmp_path, weights=TORCHSCRIPT)
    images = crops(3, 48)
    network = InceptionV3W(str(tmp_path), download=False, resize_inside=mode == "legacy_tensorflow")
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float()
    with torch.inference_mode():
        theirs = network(pixels if mode == "legacy_tensorflow" else resized(images, mode)).numpy()
    np.testing.assert_allclose(extractor(images), theirs, rtol=1e-5, atol=1e-6)
    with pytest.raises(MetricInputError, match="no classifier"):
        extractor.logits(theirs)
