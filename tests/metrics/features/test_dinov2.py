"""DINOv2: Meta's files and transformers' folders give the equations' features, with positions by DINOv2's rule."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from metrics.errors import MetricInputError
from metrics.features.dinov2 import Dinov2Extractor, dinov2_fingerprint, resample_positions

WIDTH, DEPTH, SIDE = 64, 2, 37
IMAGES = [np.random.default_rng(n).integers(0, 256, (250 + 40 * n, 250, 3), dtype=np.uint8) for n in range(2)]


def _meta_state() -> dict[str, torch.Tensor]:
    """Random weights under the names and shapes of dinov2_vit*14_pretrain.pth."""
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int, scale: float = 0.2) -> torch.Tensor:
        return torch.randn(*shape, generator=generator) * scale

    state = {
        "cls_token": draw(1, 1, WIDTH),
        "mask_token": draw(1, WIDTH),
        "pos_embed": draw(1, 1 + SIDE**2, WIDTH, scale=1.0),
        "patch_embed.proj.weight": draw(WIDTH, 3, 14, 14, scale=0.05),
        "patch_embed.proj.bias": draw(WIDTH),
        "norm.weight": 1 + draw(WIDTH),
        "norm.bias": draw(WIDTH),
    }
    for block in range(DEPTH):
        shapes = {
            "norm1": (WIDTH,),
            "attn.qkv": (3 * WIDTH, WIDTH),
            "attn.proj": (WIDTH, WIDTH),
            "norm2": (WIDTH,),
            "mlp.fc1": (4 * WIDTH, WIDTH),
            "mlp.fc2": (WIDTH, 4 * WIDTH),
        }
        for name, shape in shapes.items():
            state[f"blocks.{block}.{name}.weight"] = draw(*shape) + (1 if name.startswith("norm") else 0)
            state[f"blocks.{block}.{name}.bias"] = draw(shape[0])
        for name in ("ls1", "ls2"):
            state[f"blocks.{block}.{name}.gamma"] = draw(WIDTH, scale=1.0)
    return state


def _positions_by_coordinates(positions: torch.Tensor, grid: int) -> torch.Tensor:
    """The resampling by its coordinates: output i is read at (i + 0.5) * 37 / 16.1 - 0.5."""
    side = round((positions.shape[1] - 1) ** 0.5)
    centres = (torch.arange(grid, dtype=torch.float64) + 0.5) * side / (grid + 0.1)
    line = centres / side * 2 - 1  # grid_sample's units
    places = torch.stack(torch.meshgrid(line, line, indexing="ij")[::-1], dim=-1)[None]
    patches = positions[:, 1:].double().reshape(1, side, side, -1).permute(0, 3, 1, 2)
    read = F.grid_sample(patches, places, mode="bicubic", padding_mode="border", align_corners=False)
    return torch.cat([positions[:, :1].double(), read.flatten(2).transpose(1, 2)], dim=1)


def _forward_by_hand(state: dict[str, torch.Tensor], images: list[np.ndarray]) -> np.ndarray:
    """The network in float64, from the equations: pre-norm blocks with layer scale, GELU by erf, class token."""
    w = {name: value.double() for name, value in state.items()}
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    squashed = [np.asarray(Image.fromarray(image).resize((224, 224), Image.Resampling.BICUBIC)) for image in images]
    pixels = ((torch.tensor(np.stack(squashed)) / 255 - mean) / std).permute(0, 3, 1, 2).double()
    x = F.conv2d(pixels, w["patch_embed.proj.weight"], w["patch_embed.proj.bias"], stride=14).flatten(2).transpose(1, 2)
    x = torch.cat([w["cls_token"].expand(len(images), -1, -1), x], dim=1) + _positions_by_coordinates(
        w["pos_embed"], 16
    )

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        return F.layer_norm(x, (WIDTH,), w[f"{name}.weight"], w[f"{name}.bias"], eps=1e-6)

    def linear(x: torch.Tensor, name: str) -> torch.Tensor:
        return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    for block in range(DEPTH):
        at = f"blocks.{block}"
        query, key, value = linear(norm(x, f"{at}.norm1"), f"{at}.attn.qkv").chunk(3, dim=-1)  # one head of 64
        mixed = torch.softmax(query @ key.transpose(1, 2) / WIDTH**0.5, dim=-1) @ value
        x = x + w[f"{at}.ls1.gamma"] * linear(mixed, f"{at}.attn.proj")
        hidden = F.gelu(linear(norm(x, f"{at}.norm2"), f"{at}.mlp.fc1"))
        x = x + w[f"{at}.ls2.gamma"] * linear(hidden, f"{at}.mlp.fc2")
    return norm(x, "norm")[:, 0].numpy()


def write_meta_file(path: Path) -> Path:
    """Random weights in Meta's file format."""
    torch.save(_meta_state(), path)
    return path


@pytest.fixture(scope="module")
def meta_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in Meta's file format."""
    return write_meta_file(tmp_path_factory.mktemp("meta") / "dinov2_vitx14_pretrain.pth")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same weights in transformers' layout, under the names of the hub's files."""
    path = tmp_path_factory.mktemp("hub")
    names = {
        "patch_embed.proj": "embeddings.patch_embeddings.projection",
        "pos_embed": "embeddings.position_embeddings",
        "cls_token": "embeddings.cls_token",
        "mask_token": "embeddings.mask_token",
        "blocks": "encoder.layer",
        "attn.proj": "attention.output.dense",
        "ls1.gamma": "layer_scale1.lambda1",
        "ls2.gamma": "layer_scale2.lambda1",
    }
    state = {}
    for name, value in _meta_state().items():
        for old, new in names.items():
            name = name.replace(old, new)
        name = f"layer{name}" if name.startswith("norm.") else name
        if "attn.qkv" in name:
            for part, rows in zip(("query", "key", "value"), value.chunk(3), strict=True):
                state[name.replace("attn.qkv", f"attention.attention.{part}")] = rows.contiguous()
        else:
            state[name] = value
    save_file(state, path / "model.safetensors", metadata={"format": "pt"})
    settings = {
        "model_type": "dinov2",
        "architectures": ["Dinov2Model"],
        "hidden_size": WIDTH,
        "num_hidden_layers": DEPTH,
        "num_attention_heads": 1,
        "mlp_ratio": 4,
        "patch_size": 14,
        "image_size": 518,
    }
    (path / "config.json").write_text(json.dumps(settings))
    return path


def test_features_of_metas_file_and_of_a_folder_are_those_of_the_equations(meta_file: Path, folder: Path) -> None:
    expected = _forward_by_hand(_meta_state(), IMAGES)
    for source in (meta_file, folder):
        extractor = Dinov2Extractor(source)
        found = extractor(IMAGES)
        assert found.dtype == np.float32
        assert found.shape == (2, extractor.dimension) == (2, WIDTH)
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_transformers_own_resampling_of_positions_would_give_other_features(folder: Path) -> None:
    from transformers import Dinov2Model

    from metrics.features.dinov2 import TRANSFORM

    with torch.no_grad():
        plain = Dinov2Model.from_pretrained(folder).eval()(TRANSFORM(IMAGES)).pooler_output.numpy()
    difference = np.abs(plain - Dinov2Extractor(folder)(IMAGES)).max()
    assert difference > 1e-3


def test_positions_are_read_at_dinov2s_coordinates() -> None:
    positions = torch.randn(1, 1 + SIDE**2, 5, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(
        resample_positions(positions, 16).double(), _positions_by_coordinates(positions, 16), rtol=1e-4, atol=1e-5
    )
    assert resample_positions(positions, SIDE) is positions


def test_an_images_features_do_not_depend_on_its_batch(meta_file: Path) -> None:
    extractor = Dinov2Extractor(meta_file)
    alone = np.concatenate([extractor([image]) for image in IMAGES])
    np.testing.assert_allclose(extractor(IMAGES), alone, rtol=1e-4, atol=1e-5)


def test_the_fingerprint_follows_the_weights(meta_file: Path) -> None:
    extractor = Dinov2Extractor(meta_file)
    assert extractor.fingerprint == dinov2_fingerprint(extractor.weights_sha256) != dinov2_fingerprint("a" * 64)


def test_other_files_are_refused(meta_file: Path, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(MetricInputError, match="missing"):
        Dinov2Extractor(tmp_path / "none.pth")
    with pytest.raises(MetricInputError, match="not the published file"):
        Dinov2Extractor(meta_file, sha256="0" * 64)
    (tmp_path / "bad.pth").write_bytes(b"no weights")
    with pytest.raises(MetricInputError, match="not a readable weights file"):
        Dinov2Extractor(tmp_path / "bad.pth")
    cases = {
        "registers": {"register_tokens": torch.zeros(1, 4, WIDTH)},
        "extra": {"head.weight": torch.zeros(2, WIDTH)},
    }
    for name, more in cases.items():
        torch.save({**_meta_state(), **more}, tmp_path / f"{name}.pth")
        with pytest.raises(MetricInputError, match="holds no DINOv2 network"):
            Dinov2Extractor(tmp_path / f"{name}.pth")
    state = {name: value for name, value in _meta_state().items() if "ls1" not in name}
    torch.save(state, tmp_path / "lacking.pth")
    with pytest.raises(MetricInputError, match="holds no DINOv2 network"):
        Dinov2Extractor(tmp_path / "lacking.pth")
    code = tmp_path / "code.pth"
    torch.save(nn.Linear(1, 1), code)
    with pytest.raises(MetricInputError, match="not a readable weights file"):
        Dinov2Extractor(code)


def test_other_folders_are_refused(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(MetricInputError, match=r"config\.json"):
        Dinov2Extractor(tmp_path)
    settings = json.loads((folder / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**settings, "model_type": "vit"}))
    with pytest.raises(MetricInputError, match="its type is vit"):
        Dinov2Extractor(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({**settings, "num_hidden_layers": 3}))
    with pytest.raises(MetricInputError, match="do not fit"):
        Dinov2Extractor(tmp_path)
