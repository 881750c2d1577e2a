"""Files of Inception weights are read strictly, and a TorchScript file is held to what it computes itself."""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from metrics.errors import MetricInputError
from metrics.features.inception.extractor import InceptionExtractor
from metrics.features.inception.resize import Mode, resized
from tests.metrics.photographs import crops
from tests.metrics.random_inception import PYTORCH, TORCHSCRIPT, TorchScriptInception
from tests.metrics.stand_ins import write_inception


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
