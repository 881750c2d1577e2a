"""Tiny random pipelines of transformers that a language model reads the prompt for: one function for each class."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch

from tests.drawbench.models.diffusers.tiny_encoders import (
    BATCH_CHAT,
    NARROW,
    flux_2_autoencoder,
    language_config,
    language_model,
    plain_tokenizer,
    qwen_3,
    qwen_3_vl,
    qwen_25_vl,
    qwen_autoencoder,
    qwen_processor,
    qwen_tokenizer,
)
from tests.drawbench.models.diffusers.tiny_pipelines import (
    WIDTH,
    autoencoder,
    clip_text,
    clip_tokenizer,
    deep_autoencoder,
    seeded,
    t5,
)
from tests.drawbench.models.diffusers.tiny_transformers import assembled

FIBO_BEGIN = 128000  # the token that Fibo's code takes for an empty text


def cogview_4() -> Any:
    shape = {"in_channels": 4, "out_channels": 4, "num_layers": 1, "attention_head_dim": 4, "num_attention_heads": 2}
    shape |= {"text_embed_dim": NARROW, "time_embed_dim": 8, "condition_dim": 4, "sample_size": 16}
    parts = {"text_encoder": language_model("Glm", "GlmModel"), "tokenizer": plain_tokenizer()}
    return assembled("CogView4Pipeline", "CogView4Transformer2DModel", shape, **parts)


def ernie_image() -> Any:
    shape = {"hidden_size": 32, "num_attention_heads": 2, "num_layers": 1, "ffn_hidden_size": 32, "in_channels": 16}
    shape |= {"out_channels": 16, "text_in_dim": NARROW, "rope_axes_dim": (4, 6, 6)}
    parts = {"text_encoder": qwen_3(), "tokenizer": plain_tokenizer(), "vae": flux_2_autoencoder()}
    return assembled("ErnieImagePipeline", "ErnieImageTransformer2DModel", shape, **parts)


def flux_2_shape(layers: int, **more: Any) -> dict[str, Any]:
    """layers: of the text encoder whose states are read."""
    shape: dict[str, Any] = {"in_channels": 16, "num_layers": 1, "num_single_layers": 1, "attention_head_dim": 16}
    shape |= {"num_attention_heads": 2, "joint_attention_dim": layers * NARROW, "axes_dims_rope": (4, 4, 4, 4)}
    return shape | more


def flux_2() -> Any:
    from transformers import Mistral3Config, Mistral3ForConditionalGeneration, PixtralImageProcessor, PixtralProcessor

    vision = {"model_type": "pixtral", "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    vision |= {"intermediate_size": 16, "image_size": 32, "patch_size": 16}
    text = {"model_type": "mistral"} | language_config(num_hidden_layers=30)  # of layers 10, 20 and 30
    config = Mistral3Config(text_config=text, vision_config=vision, image_token_index=1, vision_feature_layer=-1)
    processor = PixtralProcessor(PixtralImageProcessor(), plain_tokenizer(), chat_template=BATCH_CHAT)
    parts = {"text_encoder": seeded(lambda: Mistral3ForConditionalGeneration(config)), "tokenizer": processor}
    return assembled("Flux2Pipeline", "Flux2Transformer2DModel", flux_2_shape(3), vae=flux_2_autoencoder(), **parts)


def flux_2_klein() -> Any:
    encoder = qwen_3("Qwen3ForCausalLM", num_hidden_layers=28)  # of layers 9, 18 and 27
    parts = {"text_encoder": encoder, "tokenizer": qwen_tokenizer(), "vae": flux_2_autoencoder()}
    shape = flux_2_shape(3, guidance_embeds=False)
    return assembled("Flux2KleinPipeline", "Flux2Transformer2DModel", shape, **parts)


def hunyuan_image() -> Any:
    from diffusers import AutoencoderKLHunyuanImage
    from transformers import ByT5Tokenizer

    shape = {"in_channels": 4, "out_channels": 4, "num_attention_heads": 2, "attention_head_dim": 8, "num_layers": 1}
    shape |= {"num_single_layers": 1, "num_refiner_layers": 1, "patch_size": (1, 1), "text_embed_dim": NARROW}
    shape |= {"text_embed_2_dim": WIDTH, "rope_axes_dim": (4, 4), "guidance_embeds": True}

    def coder() -> Any:
        widths = {"latent_channels": 4, "block_out_channels": (32, 32), "layers_per_block": 1}
        sizes = {"spatial_compression_ratio": 2, "sample_size": 32, "scaling_factor": 0.5}
        return AutoencoderKLHunyuanImage(in_channels=3, out_channels=3, **widths, **sizes)

    parts = {"text_encoder": qwen_25_vl(), "tokenizer": qwen_tokenizer(), "vae": seeded(coder)}
    parts |= {"text_encoder_2": seeded(lambda: t5(vocabulary=400)), "tokenizer_2": ByT5Tokenizer()}
    return assembled("HunyuanImagePipeline", "HunyuanImageTransformer2DModel", shape, **parts)


def ideogram_4() -> Any:
    from diffusers import Ideogram4Transformer2DModel

    shape = {"in_channels": 16, "num_layers": 1, "attention_head_dim": 16, "num_attention_heads": 2}
    shape |= {"intermediate_size": 32, "adaln_dim": 8, "llm_features_dim": 13 * NARROW, "mrope_section": (4, 2, 2)}
    parts = {"text_encoder": qwen_3_vl("Qwen3VLModel", layers=36), "tokenizer": qwen_tokenizer(BATCH_CHAT)}
    parts |= {"vae": flux_2_autoencoder()}
    parts |= {"unconditional_transformer": seeded(lambda: Ideogram4Transformer2DModel(**shape))}
    return assembled("Ideogram4Pipeline", "Ideogram4Transformer2DModel", shape, **parts)


def kandinsky_5() -> Any:
    shape = {"in_visual_dim": 4, "in_text_dim": NARROW, "in_text_dim2": WIDTH, "time_dim": 16, "out_visual_dim": 4}
    shape |= {"patch_size": (1, 2, 2), "model_dim": 16, "ff_dim": 32, "num_text_blocks": 1, "num_visual_blocks": 1}
    shape |= {"axes_dims": (1, 1, 2), "visual_cond": False, "attention_type": "regular"}
    parts = {"text_encoder": qwen_25_vl(), "tokenizer": qwen_processor(), "vae": seeded(deep_autoencoder)}
    parts |= {"text_encoder_2": seeded(clip_text), "tokenizer_2": clip_tokenizer()}
    return assembled("Kandinsky5T2IPipeline", "Kandinsky5Transformer3DModel", shape, **parts)


def krea_2() -> Any:
    shape = {"in_channels": 16, "num_layers": 1, "attention_head_dim": 8, "num_attention_heads": 4}
    shape |= {"num_key_value_heads": 2, "intermediate_size": 32, "timestep_embed_dim": 8, "text_hidden_dim": NARROW}
    shape |= {"num_text_layers": 2, "text_num_attention_heads": 2, "text_num_key_value_heads": 1}
    shape |= {"text_intermediate_size": 16, "num_layerwise_text_blocks": 1, "num_refiner_text_blocks": 1}
    shape |= {"axes_dims_rope": (4, 2, 2)}
    parts = {"text_encoder": qwen_3_vl("Qwen3VLModel"), "tokenizer": qwen_tokenizer(), "vae": qwen_autoencoder()}
    return assembled(
        "Krea2Pipeline",
        "Krea2Transformer2DModel",
        shape,
        text_encoder_select_layers=(1, 2),
        is_distilled=False,
        **parts,
    )


def longcat_image() -> Any:
    shape = {"in_channels": 64, "num_layers": 1, "num_single_layers": 1, "attention_head_dim": 16}
    shape |= {"num_attention_heads": 2, "joint_attention_dim": NARROW, "pooled_projection_dim": NARROW}
    shape |= {"axes_dims_rope": (4, 6, 6)}
    parts = {"text_encoder": qwen_25_vl(), "tokenizer": qwen_tokenizer(), "text_processor": qwen_processor()}
    parts |= {"vae": seeded(lambda: autoencoder(latent_channels=16, shift_factor=0.06))}
    return assembled("LongCatImagePipeline", "LongCatImageTransformer2DModel", shape, **parts)


def nucleus_image() -> Any:
    shape = {"in_channels": 16, "out_channels": 4, "num_layers": 1, "attention_head_dim": 16, "num_attention_heads": 2}
    shape |= {"joint_attention_dim": NARROW, "axes_dims_rope": (4, 6, 6), "moe_enabled": False}
    shape |= {"capacity_factors": (8.0,)}
    parts = {"text_encoder": qwen_3_vl("Qwen3VLForConditionalGeneration", layers=8), "processor": qwen_processor(3)}
    return assembled(
        "NucleusMoEImagePipeline", "NucleusMoEImageTransformer2DModel", shape, vae=qwen_autoencoder(), **parts
    )


def omnigen() -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler

    shape = {"in_channels": 4, "hidden_size": 16, "num_attention_heads": 4, "num_key_value_heads": 4}
    shape |= {"intermediate_size": 32, "num_layers": 1, "time_step_dim": 4, "vocab_size": 128, "pad_token_id": 0}
    shape |= {"rope_scaling": {"long_factor": [1, 2], "short_factor": [1, 2]}}
    scheduler = FlowMatchEulerDiscreteScheduler(invert_sigmas=True, num_train_timesteps=1)
    parts = {"tokenizer": plain_tokenizer(), "scheduler": scheduler, "vae": seeded(deep_autoencoder)}
    return assembled("OmniGenPipeline", "OmniGenTransformer2DModel", shape, **parts)


def ovis_image() -> Any:
    shape = {"in_channels": 16, "out_channels": 16, "num_layers": 1, "num_single_layers": 1, "attention_head_dim": 16}
    shape |= {"num_attention_heads": 2, "joint_attention_dim": NARROW, "axes_dims_rope": (4, 4, 8)}
    return assembled(
        "OvisImagePipeline",
        "OvisImageTransformer2DModel",
        shape,
        text_encoder=qwen_3(),
        tokenizer=qwen_tokenizer(BATCH_CHAT.replace("message['content']", "[{'text': message['content']}]")),
    )


def prx_pixel() -> Any:
    shape = {"patch_size": 2, "in_channels": 3, "context_in_dim": NARROW, "hidden_size": 8, "mlp_ratio": 2.0}
    shape |= {"num_heads": 2, "depth": 1, "axes_dim": (2, 2), "bottleneck_size": 8, "resolution_embeds": True}
    parts = {"text_encoder": qwen_3(), "tokenizer": qwen_tokenizer(), "vae": ""}
    return assembled(
        "PRXPixelPipeline", "PRXTransformer2DModel", shape, default_sample_size=32, prompt_max_tokens=64, **parts
    )


def z_image(
    name: str = "ZImagePipeline", more: Mapping[str, Any] = MappingProxyType({}), siglip: int | None = None
) -> Any:
    shape = {"all_patch_size": (2,), "all_f_patch_size": (1,), "in_channels": 4, "dim": 32, "n_layers": 1}
    shape |= {"n_refiner_layers": 1, "n_heads": 2, "n_kv_heads": 2, "cap_feat_dim": NARROW, "axes_dims": (8, 4, 4)}
    shape |= {"axes_lens": (256, 32, 32), "siglip_feat_dim": siglip}
    parts = {"text_encoder": qwen_3(), "tokenizer": qwen_tokenizer()} | dict(more)
    pipeline = assembled(name, "ZImageTransformer2DModel", shape, **parts)
    for name in ("x_pad_token", "cap_pad_token"):  # which are made without values
        torch.nn.init.ones_(getattr(pipeline.transformer, name))
    return pipeline


def z_image_omni() -> Any:
    from transformers import Siglip2ImageProcessor, Siglip2VisionConfig, Siglip2VisionModel

    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    eyes = seeded(lambda: Siglip2VisionModel(Siglip2VisionConfig(num_patches=16, **size)))
    pipeline = z_image("ZImageOmniPipeline", {"siglip": eyes, "siglip_processor": Siglip2ImageProcessor()}, 16)
    torch.nn.init.ones_(pipeline.transformer.siglip_pad_token)
    return pipeline


def bria_fibo() -> Any:
    from diffusers import AutoencoderKLWan

    shape = {"in_channels": 16, "num_layers": 1, "num_single_layers": 1, "attention_head_dim": 8}
    shape |= {"num_attention_heads": 2, "joint_attention_dim": 2 * NARROW, "text_encoder_dim": NARROW}
    shape |= {"axes_dims_rope": (0, 4, 4)}

    def coder() -> Any:
        deep = {"dim_mult": [1, 1, 1, 1], "temperal_downsample": [False, True, True], "scale_factor_spatial": 16}
        return AutoencoderKLWan(
            base_dim=8, z_dim=16, num_res_blocks=1, out_channels=12, in_channels=12, patch_size=2, **deep
        )

    parts = {
        "text_encoder": language_model("SmolLM3", "SmolLM3ForCausalLM", vocab_size=FIBO_BEGIN + 1),
        "tokenizer": plain_tokenizer(),
    }
    return assembled("BriaFiboPipeline", "BriaFiboTransformer2DModel", shape, vae=seeded(coder), **parts)


def qwen_image_21() -> Any:
    from diffusers import AutoencoderKLQwenImage21

    shape = {"in_channels": 4, "out_channels": 4, "num_layers": 1, "attention_head_dim": 16, "num_attention_heads": 2}
    shape |= {"context_in_dim": NARROW, "axes_dims_rope": (4, 6, 6)}

    def coder() -> Any:
        spread = {"latents_mean": [0.0] * 4, "latents_std": [1.0] * 4}
        deep = {"dim_mult": [1, 1, 1, 1, 1], "temperal_downsample": [False, True, True, True], "num_res_blocks": 1}
        return AutoencoderKLQwenImage21(
            base_dim=8, decoder_base_dim=8, z_dim=4, in_channels=3, out_channels=3, **deep, **spread
        )

    parts = {"text_encoder": qwen_3_vl("Qwen3VLForConditionalGeneration"), "processor": qwen_processor(3)}
    return assembled("QwenImage21Pipeline", "QwenImage21Transformer2DModel", shape, vae=seeded(coder), **parts)
