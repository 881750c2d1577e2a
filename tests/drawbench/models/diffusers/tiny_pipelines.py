"""Real diffusers pipelines with tiny random networks, built here and saved to disk as anybody's checkpoint is."""

import json
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

SYMBOLS = "".join(sorted(set(string.printable) - set(string.whitespace)))
WIDTH = 32  # of every text encoder


def save(pipeline: Any, folder: Path) -> Path:
    """The folder that `diffusers:` is given."""
    pipeline.save_pretrained(folder, safe_serialization=True)
    return folder


def seeded(build: Callable[[], Any]) -> Any:
    """A network with the same random weights every time, without touching the global random state."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build().eval()


def stable_diffusion(*, checker: float | None = None, **scheduler: Any) -> Any:
    """Stable Diffusion that draws 32 px. checker: how strict its safety checker is: -2 blanks all, 2 nothing."""
    from diffusers import DDIMScheduler, StableDiffusionPipeline
    from transformers import CLIPImageProcessor

    return StableDiffusionPipeline(
        vae=seeded(autoencoder),
        text_encoder=seeded(clip_text),
        tokenizer=clip_tokenizer(),
        unet=seeded(lambda: unet(channels=4, sample_size=16)),
        scheduler=DDIMScheduler(num_train_timesteps=100, clip_sample=False, **scheduler),
        safety_checker=None if checker is None else seeded(lambda: safety_checker(checker)),
        feature_extractor=CLIPImageProcessor(crop_size=32, size={"shortest_edge": 32}),
        requires_safety_checker=checker is not None,
    )


def pixart(layers: int = 1) -> Any:
    """PixArt, a transformer under T5, that draws 16 px."""
    from diffusers import DPMSolverMultistepScheduler, PixArtAlphaPipeline, PixArtTransformer2DModel

    def transformer() -> Any:
        return PixArtTransformer2DModel(
            sample_size=8,
            num_layers=layers,
            patch_size=2,
            attention_head_dim=8,
            num_attention_heads=2,
            caption_channels=WIDTH,
            in_channels=4,
            cross_attention_dim=16,
            out_channels=8,
            norm_num_groups=8,
            use_additional_conditions=False,
        )

    return PixArtAlphaPipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=seeded(t5),
        vae=seeded(autoencoder),
        transformer=seeded(transformer),
        scheduler=DPMSolverMultistepScheduler(num_train_timesteps=100),
    )


def if_stage_1(*, checker: float | None = None, watermark: bool = False) -> Any:
    """DeepFloyd IF's stage I at 16 px. checker: what its safety checker says of every image, above 0.5 is unsafe."""
    from diffusers import IFPipeline
    from diffusers.pipelines.deepfloyd_if import IFSafetyChecker
    from diffusers.pipelines.deepfloyd_if.watermark import IFWatermarker
    from transformers import CLIPImageProcessor

    def always() -> Any:
        network = IFSafetyChecker(clip_config())
        for head, value in ((network.p_head, checker), (network.w_head, 0.0)):
            torch.nn.init.zeros_(head.weight)
            torch.nn.init.constant_(head.bias, value)
        return network

    marker = IFWatermarker() if watermark else None
    if marker is not None:
        marker.watermark_image.fill_(255)
    return IFPipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=seeded(t5),
        unet=seeded(lambda: unet(channels=3, sample_size=16, if_style=True)),
        scheduler=if_scheduler(),
        safety_checker=None if checker is None else seeded(always),
        feature_extractor=CLIPImageProcessor(crop_size=32, size={"shortest_edge": 32}),
        watermarker=marker,
        requires_safety_checker=checker is not None,
    )


def if_stage_2() -> Any:
    """DeepFloyd IF's stage II, 16 to 32 px, with the text encoder that the published one also carries."""
    from diffusers import DDPMScheduler, IFSuperResolutionPipeline

    return IFSuperResolutionPipeline(
        tokenizer=t5_tokenizer(),
        text_encoder=seeded(t5),
        unet=seeded(lambda: unet(channels=6, sample_size=32, if_style=True, class_embed_type="timestep")),
        scheduler=if_scheduler(),
        image_noising_scheduler=DDPMScheduler(num_train_timesteps=1000),
        safety_checker=None,
        feature_extractor=None,
        watermarker=None,
        requires_safety_checker=False,
    )


def upscaler() -> Any:
    """The upscaler that follows IF's stage II, here twice the side."""
    from diffusers import DDIMScheduler, DDPMScheduler, StableDiffusionUpscalePipeline

    return StableDiffusionUpscalePipeline(
        vae=seeded(lambda: autoencoder(scaling_factor=0.08333)),
        text_encoder=seeded(clip_text),
        tokenizer=clip_tokenizer(),
        unet=seeded(lambda: unet(channels=7, sample_size=32, num_class_embeds=1000, out_channels=4)),
        low_res_scheduler=DDPMScheduler(),
        scheduler=DDIMScheduler(num_train_timesteps=100, prediction_type="v_prediction"),
        max_noise_level=350,
    )


def unet(*, channels: int, sample_size: int, if_style: bool = False, kandinsky: bool = False, **options: Any) -> Any:
    """A U-Net of two levels that attends to the text; those of IF and Kandinsky predict a variance, too."""
    from diffusers import UNet2DConditionModel

    kind = (
        ("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D")
        if if_style or kandinsky
        else ("DownBlock2D", "CrossAttnDownBlock2D")
    )
    back = (
        ("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D")
        if if_style or kandinsky
        else ("CrossAttnUpBlock2D", "UpBlock2D")
    )
    if if_style:
        options |= {
            "out_channels": 6,
            "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
            "encoder_hid_dim": WIDTH,
            "addition_embed_type": "text",
            "addition_embed_type_num_heads": 2,
            "resnet_time_scale_shift": "scale_shift",
            "only_cross_attention": False,
        }
    if kandinsky:
        options |= {
            "out_channels": 2 * channels,
            "mid_block_type": "UNetMidBlock2DSimpleCrossAttn",
            "encoder_hid_dim": WIDTH,
            "resnet_time_scale_shift": "scale_shift",
        }
    settings = {
        "sample_size": sample_size,
        "in_channels": channels,
        "out_channels": channels,
        "block_out_channels": (8, 16),
        "layers_per_block": 1,
        "down_block_types": kind,
        "up_block_types": back,
        "cross_attention_dim": WIDTH,
        "attention_head_dim": 4,
        "norm_num_groups": 4,
    }
    return UNet2DConditionModel(**settings | options)


def autoencoder(levels: int = 2, latent_channels: int = 4, **options: Any) -> Any:
    """A VAE whose latents have half the side of its images, or less: half again for each further level."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8,) * (levels - 1) + (16,),
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        latent_channels=latent_channels,
        norm_num_groups=4,
        **options,
    )


def deep_autoencoder(**options: Any) -> Any:
    """A VAE whose latents have an eighth of the side of its images, as some pipelines take for granted."""
    return autoencoder(levels=4, **options)


def if_scheduler() -> Any:
    """As published, but shorter."""
    from diffusers import DDPMScheduler

    return DDPMScheduler(
        num_train_timesteps=1000,
        beta_schedule="squaredcos_cap_v2",
        variance_type="learned_range",
        thresholding=True,
        dynamic_thresholding_ratio=0.95,
        sample_max_value=1.5,
    )


def clip_text() -> Any:
    """CLIP's text encoder."""
    from transformers import CLIPTextConfig, CLIPTextModel

    return CLIPTextModel(CLIPTextConfig(**_clip_text_config()))


def clip_projected(**more: Any) -> Any:
    """The same with a projection, as SDXL and Stable Diffusion 3 have it."""
    from transformers import CLIPTextConfig, CLIPTextModelWithProjection

    return CLIPTextModelWithProjection(CLIPTextConfig(**_clip_text_config() | more, projection_dim=WIDTH))


def clip_config() -> Any:
    """Of a safety checker's CLIP."""
    from transformers import CLIPConfig

    vision = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision |= {"image_size": 32, "patch_size": 16, "projection_dim": 8}
    return CLIPConfig(text_config=_clip_text_config(), vision_config=vision, projection_dim=8)


def safety_checker(threshold: float) -> Any:
    """Stable Diffusion's checker: a cosine above the threshold, -2 always and 2 never, means unsafe."""
    from diffusers.pipelines.stable_diffusion import StableDiffusionSafetyChecker

    network = StableDiffusionSafetyChecker(clip_config())
    network.concept_embeds_weights.data.fill_(threshold)
    network.special_care_embeds_weights.data.fill_(2.0)
    return network


def t5(width: int = WIDTH, vocabulary: int = len(SYMBOLS) + 4) -> Any:
    """T5's encoder."""
    from transformers import T5Config, T5EncoderModel

    return T5EncoderModel(T5Config(vocab_size=vocabulary, d_model=width, d_kv=8, d_ff=32, num_layers=1, num_heads=2))


def clip_tokenizer() -> Any:
    """CLIP's tokenizer with a vocabulary of single characters, at the end of a word or not."""
    from transformers import CLIPTokenizer

    words = [*SYMBOLS, *(f"{symbol}</w>" for symbol in SYMBOLS), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={word: number for number, word in enumerate(words)}, merges=[], model_max_length=77)


def t5_tokenizer() -> Any:
    """T5's tokenizer with a vocabulary of single characters."""
    from transformers import T5Tokenizer

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -1.0), *((symbol, -2.0) for symbol in SYMBOLS)]
    return T5Tokenizer(vocab=pieces, extra_ids=0)


def edit_json(path: Path, **changes: Any) -> None:
    """Change entries of a JSON file in place."""
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _clip_text_config() -> dict[str, Any]:
    words = 2 * len(SYMBOLS) + 2
    config = {"vocab_size": words, "hidden_size": WIDTH, "intermediate_size": 32, "num_hidden_layers": 1}
    return config | {"num_attention_heads": 2, "bos_token_id": words - 2, "eos_token_id": words - 1}
