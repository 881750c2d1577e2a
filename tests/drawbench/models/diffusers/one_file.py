"""A tiny Stable Diffusion in one file, under the names of the program that it was first trained with."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

# What a residual block's parts are called there, in the U-Net and in the VAE.
UNET_BLOCK = {
    "norm1": "in_layers.0",
    "conv1": "in_layers.2",
    "time_emb_proj": "emb_layers.1",
    "norm2": "out_layers.0",
    "conv2": "out_layers.3",
    "conv_shortcut": "skip_connection",
}
VAE_BLOCK = {"conv_shortcut": "nin_shortcut"}
VAE_ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}
UNET = "model.diffusion_model."
VAE = "first_stage_model."
TEXT = "cond_stage_model.transformer."


def save_in_one_file(pipeline: Any, file: Path) -> Path:
    """A pipeline of `tiny_pipelines.stable_diffusion`: two levels of one block a side."""
    tensors = {
        **dict(renamed(pipeline.unet, unet_places(), UNET_BLOCK, {}, UNET)),
        **dict(renamed(pipeline.vae, vae_places(), VAE_BLOCK, VAE_ATTENTION, VAE)),
        **{f"{TEXT}{text_name(name)}": value for name, value in pipeline.text_encoder.state_dict().items()},
    }
    save_file({name: value.contiguous() for name, value in tensors.items()}, file)
    return file


def text_name(name: str) -> str:
    """Below `text_model.` there, whatever transformers calls it."""
    return name if name.startswith("text_model.") else f"text_model.{name}"


def renamed(
    network: Any, places: dict[str, str], block: dict[str, str], attention: dict[str, str], begin: str
) -> Iterator[tuple[str, torch.Tensor]]:
    """Every weight by its name there: the longest place that it begins with, then the part of a block."""
    for name, value in network.state_dict().items():
        ours = max((place for place in places if name.startswith(f"{place}.")), key=len)
        rest = name.removeprefix(f"{ours}.")
        parts = attention if "attentions" in ours else block if "resnets" in ours else {}
        ending = next((part for part in parts if rest.startswith(f"{part}.")), None)
        rest = rest if ending is None else parts[ending] + rest.removeprefix(ending)
        square = attention and "attentions" in ours and value.ndim == 2  # there, a convolution of one pixel
        yield f"{begin}{places[ours]}.{rest}", value[:, :, None, None] if square else value


def unet_places() -> dict[str, str]:
    """Where the parts of the U-Net stand there."""
    return {
        "time_embedding.linear_1": "time_embed.0",
        "time_embedding.linear_2": "time_embed.2",
        "conv_in": "input_blocks.0.0",
        "down_blocks.0.resnets.0": "input_blocks.1.0",
        "down_blocks.0.downsamplers.0.conv": "input_blocks.2.0.op",
        "down_blocks.1.resnets.0": "input_blocks.3.0",
        "down_blocks.1.attentions.0": "input_blocks.3.1",
        "mid_block.resnets.0": "middle_block.0",
        "mid_block.attentions.0": "middle_block.1",
        "mid_block.resnets.1": "middle_block.2",
        "up_blocks.0.resnets.0": "output_blocks.0.0",
        "up_blocks.0.attentions.0": "output_blocks.0.1",
        "up_blocks.0.resnets.1": "output_blocks.1.0",
        "up_blocks.0.attentions.1": "output_blocks.1.1",
        "up_blocks.0.upsamplers.0.conv": "output_blocks.1.2.conv",
        "up_blocks.1.resnets.0": "output_blocks.2.0",
        "up_blocks.1.resnets.1": "output_blocks.3.0",
        "conv_norm_out": "out.0",
        "conv_out": "out.2",
    }


def vae_places() -> dict[str, str]:
    """Where the parts of the VAE stand there; its decoder counts levels from the other end."""
    places = {name: name for name in ("quant_conv", "post_quant_conv")}
    for side in ("encoder", "decoder"):
        places |= {f"{side}.conv_in": f"{side}.conv_in", f"{side}.conv_out": f"{side}.conv_out"}
        places |= {f"{side}.conv_norm_out": f"{side}.norm_out"}
        places |= {f"{side}.mid_block.resnets.{n}": f"{side}.mid.block_{n + 1}" for n in (0, 1)}
        places |= {f"{side}.mid_block.attentions.0": f"{side}.mid.attn_1"}
    for level in (0, 1):
        places |= {f"encoder.down_blocks.{level}.resnets.{n}": f"encoder.down.{level}.block.{n}" for n in range(2)}
        places |= {f"decoder.up_blocks.{level}.resnets.{n}": f"decoder.up.{1 - level}.block.{n}" for n in range(3)}
    places |= {"encoder.down_blocks.0.downsamplers.0.conv": "encoder.down.0.downsample.conv"}
    return places | {"decoder.up_blocks.0.upsamplers.0.conv": "decoder.up.1.upsample.conv"}
