"""A random FID Inception in the peers' own file formats: it proves loading and arithmetic, not the published weights.

Its parts are written plainly, batch norm and all: an oracle for the folded network.
"""

import warnings
from collections import OrderedDict
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from metrics.features.inception.weights import torchscript_names
from metrics.features.weights import INCEPTION, INCEPTION_PYTORCH, WeightsFile

PYTORCH = WeightsFile(INCEPTION_PYTORCH.file, "", INCEPTION_PYTORCH.source)
TORCHSCRIPT = WeightsFile(INCEPTION.file, "", INCEPTION.source)


def random_state(seed: int = 0) -> "OrderedDict[str, torch.Tensor]":
    """Weights that keep activations in range, by the names and shapes of pytorch-fid's own network."""
    from pytorch_fid import inception as peer

    network = peer._inception_v3(num_classes=1008, aux_logits=False, weights=None)
    network.Mixed_5b = peer.FIDInceptionA(192, pool_features=32)
    network.Mixed_5c, network.Mixed_5d = (peer.FIDInceptionA(inputs, pool_features=64) for inputs in (256, 288))
    for block, inner in {"6b": 128, "6c": 160, "6d": 160, "6e": 192}.items():
        setattr(network, f"Mixed_{block}", peer.FIDInceptionC(768, channels_7x7=inner))
    network.Mixed_7b, network.Mixed_7c = peer.FIDInceptionE_1(1280), peer.FIDInceptionE_2(2048)
    generator = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            module.weight.data.normal_(0, (2 / module.weight[0].numel()) ** 0.5, generator=generator)
        if isinstance(module, nn.BatchNorm2d):  # the published factors are 1, and TorchScript has none
            module.running_mean.normal_(0, 0.1, generator=generator)  # type: ignore[union-attr]
            module.running_var.uniform_(0.5, 1.5, generator=generator)  # type: ignore[union-attr]
            module.bias.data.normal_(0, 0.1, generator=generator)
    network.fc.weight.data.normal_(0, 0.02, generator=generator)
    return OrderedDict(network.state_dict())


def write_files(folder: Path, state: "OrderedDict[str, torch.Tensor]") -> Path:
    """Both files under the real ones' names, in the layout of torch's hub folder (hub/checkpoints); the folder."""
    folder = folder / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save(state, folder / PYTORCH.file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and the format of the real file
        torch.jit.script(_named(state)).save(str(folder / TORCHSCRIPT.file))
    return folder


def _named(state: "OrderedDict[str, torch.Tensor]") -> nn.Module:
    network = TorchScriptInception().eval()
    ours = {name: state[theirs] for name, theirs in torchscript_names().items()}
    network.load_state_dict(ours)
    return network


class _Layer(nn.Module):
    def __init__(self, inputs: int, outputs: int, height: int, width: int, stride: int = 1, same: bool = True) -> None:
        super().__init__()
        self.stride = stride
        self.padding = [height // 2, width // 2] if same else [0, 0]
        self.register_buffer("weight", torch.zeros(outputs, inputs, height, width))
        for name in ("beta", "mean", "var"):
            self.register_buffer(name, torch.zeros(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.conv2d(x, self.weight, None, self.stride, self.padding)
        return F.relu(F.batch_norm(x, self.mean, self.var, None, self.beta, False, 0.1, 0.001))


def _mean() -> nn.Module:
    return nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False)


def _chain(**modules: nn.Module) -> nn.Sequential:
    return nn.Sequential(OrderedDict(modules))


class _BlockA(nn.Module):
    def __init__(self, n: int, pool: int) -> None:
        super().__init__()
        self.conv = _Layer(n, 64, 1, 1)
        self.tower = _chain(conv=_Layer(n, 48, 1, 1), conv_1=_Layer(48, 64, 5, 5))
        self.tower_1 = _chain(conv=_Layer(n, 64, 1, 1), conv_1=_Layer(64, 96, 3, 3), conv_2=_Layer(96, 96, 3, 3))
        self.tower_2 = _chain(pool=_mean(), conv=_Layer(n, pool, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.conv(x), self.tower(x), self.tower_1(x), self.tower_2(x)], 1)


class _BlockB(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.conv = _Layer(n, 384, 3, 3, 2, same=False)
        self.tower = _chain(
            conv=_Layer(n, 64, 1, 1), conv_1=_Layer(64, 96, 3, 3), conv_2=_Layer(96, 96, 3, 3, 2, same=False)
        )
        self.pool = nn.MaxPool2d(3, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.conv(x), self.tower(x), self.pool(x)], 1)


class _BlockC(nn.Module):
    def __init__(self, n: int, m: int) -> None:
        super().__init__()
        self.conv = _Layer(n, 192, 1, 1)
        self.tower = _chain(conv=_Layer(n, m, 1, 1), conv_1=_Layer(m, m, 1, 7), conv_2=_Layer(m, 192, 7, 1))
        self.tower_1 = _chain(
            conv=_Layer(n, m, 1, 1),
            conv_1=_Layer(m, m, 7, 1),
            conv_2=_Layer(m, m, 1, 7),
            conv_3=_Layer(m, m, 7, 1),
            conv_4=_Layer(m, 192, 1, 7),
        )
        self.tower_2 = _chain(pool=_mean(), conv=_Layer(n, 192, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.conv(x), self.tower(x), self.tower_1(x), self.tower_2(x)], 1)


class _BlockD(nn.Module):
    def __init__(self, n: int) -> None:
        super().__init__()
        self.tower = _chain(conv=_Layer(n, 192, 1, 1), conv_1=_Layer(192, 320, 3, 3, 2, same=False))
        self.tower_1 = _chain(
            conv=_Layer(n, 192, 1, 1),
            conv_1=_Layer(192, 192, 1, 7),
            conv_2=_Layer(192, 192, 7, 1),
            conv_3=_Layer(192, 192, 3, 3, 2, same=False),
        )
        self.pool = nn.MaxPool2d(3, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self.tower(x), self.tower_1(x), self.pool(x)], 1)


class _BlockE(nn.Module):
    def __init__(self, n: int, pool: nn.Module) -> None:
        super().__init__()
        self.conv = _Layer(n, 320, 1, 1)
        self.tower_conv = _Layer(n, 384, 1, 1)
        self.tower_mixed_conv, self.tower_mixed_conv_1 = _Layer(384, 384, 1, 3), _Layer(384, 384, 3, 1)
        self.tower_1_conv, self.tower_1_conv_1 = _Layer(n, 448, 1, 1), _Layer(448, 384, 3, 3)
        self.tower_1_mixed_conv, self.tower_1_mixed_conv_1 = _Layer(384, 384, 1, 3), _Layer(384, 384, 3, 1)
        self.tower_2_pool = pool
        self.tower_2_conv = _Layer(n, 192, 1, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        a, b = self.tower_conv(x), self.tower_1_conv_1(self.tower_1_conv(x))
        left, right = self.tower_mixed_conv(a), self.tower_mixed_conv_1(a)
        right_most = self.tower_2_conv(self.tower_2_pool(x))
        return torch.cat(
            [self.conv(x), left, right, self.tower_1_mixed_conv(b), self.tower_1_mixed_conv_1(b), right_most], 1
        )


class TorchScriptInception(nn.Module):
    """The names, tensors and calling convention of NVIDIA's inception-2015-12-05.pt."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = _chain(
            conv=_Layer(3, 32, 3, 3, 2, same=False),
            conv_1=_Layer(32, 32, 3, 3, same=False),
            conv_2=_Layer(32, 64, 3, 3),
            pool0=nn.MaxPool2d(3, stride=2),
            conv_3=_Layer(64, 80, 1, 1),
            conv_4=_Layer(80, 192, 3, 3, same=False),
            pool1=nn.MaxPool2d(3, stride=2),
            mixed=_BlockA(192, 32),
            mixed_1=_BlockA(256, 64),
            mixed_2=_BlockA(288, 64),
            mixed_3=_BlockB(288),
            mixed_4=_BlockC(768, 128),
            mixed_5=_BlockC(768, 160),
            mixed_6=_BlockC(768, 160),
            mixed_7=_BlockC(768, 192),
            mixed_8=_BlockD(768),
            mixed_9=_BlockE(1280, _mean()),
            mixed_10=_BlockE(2048, nn.MaxPool2d(3, stride=1, padding=1)),
            pool2=nn.AvgPool2d(8),
        )
        self.output = nn.Linear(2048, 1008)

    def forward(self, img: torch.Tensor, return_features: bool = False) -> torch.Tensor:
        """Pixels (B, 3, H, W) in 0..255 to features (B, 2048), or to class probabilities."""
        x = img.to(torch.float32)
        theta = torch.eye(2, 3, device=x.device)
        theta[0, 2] += theta[0, 0] / x.size(3) - theta[0, 0] / 299
        theta[1, 2] += theta[1, 1] / x.size(2) - theta[1, 1] / 299
        grid = F.affine_grid(theta.unsqueeze(0).repeat([x.size(0), 1, 1]), [x.size(0), 3, 299, 299], False)
        x = F.grid_sample(x, grid, "bilinear", "border", False)
        features = self.layers((x - 128) / 128).reshape(-1, 2048)
        if return_features:
            return features
        return self.output(features).softmax(dim=1)
