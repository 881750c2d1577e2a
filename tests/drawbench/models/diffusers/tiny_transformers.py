"""Tiny random pipelines of transformers, beside those of `tiny_published`: one function for each class of diffusers."""

from typing import Any

import torch

from tests.drawbench.models.diffusers.tiny_encoders import (
    NARROW,
    language_model,
    plain_tokenizer,
    quantizer,
    qwen_3,
    sana_autoencoder,
)
from tests.drawbench.models.diffusers.tiny_pipelines import (
    SYMBOLS,
    WIDTH,
    autoencoder,
    clip_projected,
    clip_tokenizer,
    deep_autoencoder,
    pixart,
    seeded,
    t5,
    t5_tokenizer,
)
from tests.drawbench.models.diffusers.tiny_published import bert, bert_tokenizer, flux, stable_diffusion_3


def flow() -> Any:
    """The scheduler of flow matching."""
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler()


def assembled(name: str, transformer: str, shape: dict[str, Any], **parts: Any) -> Any:
    """A pipeline by its class, around a transformer by its class; the VAE and the scheduler unless they are given."""
    import diffusers

    network = seeded(lambda: getattr(diffusers, transformer)(**shape))
    parts.setdefault("scheduler", flow())
    if "vae" not in parts:
        parts["vae"] = seeded(lambda: autoencoder(shift_factor=0.06))
    return getattr(diffusers, name)(transformer=network, **{key: part for key, part in parts.items() if part != ""})


def under_t5(**more: Any) -> dict[str, Any]:
    """T5 as the text encoder."""
    return {"text_encoder": seeded(t5), "tokenizer": t5_tokenizer()} | more


def aura_flow() -> Any:
    shape = {"sample_size": 16, "in_channels": 4, "out_channels": 4, "num_mmdit_layers": 1, "num_single_dit_layers": 1}
    shape |= {"attention_head_dim": 8, "num_attention_heads": 2, "caption_projection_dim": 16}
    shape |= {"joint_attention_dim": WIDTH, "pos_embed_max_size": 256}
    encoder = umt5()
    return assembled(
        "AuraFlowPipeline", "AuraFlowTransformer2DModel", shape, text_encoder=encoder, tokenizer=t5_tokenizer()
    )


def umt5() -> Any:
    from transformers import UMT5Config, UMT5EncoderModel

    size = {"d_model": WIDTH, "d_kv": 8, "d_ff": 32, "num_layers": 1, "num_heads": 2}
    return seeded(lambda: UMT5EncoderModel(UMT5Config(vocab_size=len(SYMBOLS) + 4, **size)))


def bria() -> Any:
    shape = {"in_channels": 16, "num_layers": 1, "num_single_layers": 1, "attention_head_dim": 8}
    shape |= {"num_attention_heads": 2, "joint_attention_dim": WIDTH, "axes_dims_rope": (0, 4, 4)}
    return assembled("BriaPipeline", "BriaTransformer2DModel", shape, **under_t5())


def chroma() -> Any:
    shape = {"in_channels": 16, "num_layers": 1, "num_single_layers": 1, "attention_head_dim": 16}
    shape |= {"num_attention_heads": 2, "joint_attention_dim": WIDTH, "axes_dims_rope": (4, 4, 8)}
    shape |= {"approximator_hidden_dim": 32, "approximator_layers": 1, "approximator_num_channels": 16}
    return assembled("ChromaPipeline", "ChromaTransformer2DModel", shape, **under_t5())


def cogview_3() -> Any:
    from diffusers import CogVideoXDDIMScheduler

    shape = {"in_channels": 4, "out_channels": 4, "num_layers": 1, "attention_head_dim": 4, "num_attention_heads": 2}
    shape |= {"text_embed_dim": WIDTH, "time_embed_dim": 8, "condition_dim": 2, "pos_embed_max_size": 16}
    shape |= {"sample_size": 16}
    parts = under_t5(scheduler=CogVideoXDDIMScheduler())
    return assembled("CogView3PlusPipeline", "CogView3PlusTransformer2DModel", shape, **parts)


def flux_kontext() -> Any:
    from diffusers import FluxKontextPipeline

    parts = dict(flux(guidance_embeds=True).components)
    return FluxKontextPipeline(**parts)


def hidream() -> Any:
    shape = {"patch_size": 2, "in_channels": 4, "out_channels": 4, "num_layers": 1, "num_single_layers": 1}
    shape |= {"attention_head_dim": 8, "num_attention_heads": 2, "caption_channels": (WIDTH, NARROW)}
    shape |= {"text_emb_dim": 2 * WIDTH, "num_routed_experts": 2, "num_activated_experts": 1}
    shape |= {"axes_dims_rope": (4, 2, 2), "max_resolution": (32, 32), "llama_layers": (0, 1)}
    parts: dict[str, Any] = {}
    for end in ("", "_2"):
        parts |= {
            f"text_encoder{end}": seeded(lambda: clip_projected(max_position_embeddings=128)),
            f"tokenizer{end}": clip_tokenizer(),
        }
    parts |= {"text_encoder_3": seeded(t5), "tokenizer_3": t5_tokenizer()}
    parts |= {"text_encoder_4": language_model("Llama", "LlamaForCausalLM"), "tokenizer_4": plain_tokenizer()}
    return assembled("HiDreamImagePipeline", "HiDreamImageTransformer2DModel", shape, **parts)


def hunyuan_dit(name: str = "HunyuanDiTPipeline") -> Any:
    from diffusers import DDPMScheduler

    shape = {"sample_size": 16, "num_layers": 4, "patch_size": 2, "attention_head_dim": 8, "num_attention_heads": 2}
    shape |= {"in_channels": 4, "cross_attention_dim": WIDTH, "cross_attention_dim_t5": WIDTH, "hidden_size": 16}
    shape |= {"pooled_projection_dim": 16, "activation_fn": "gelu-approximate", "text_len": 77, "text_len_t5": 256}
    parts = {"text_encoder": bert(), "tokenizer": bert_tokenizer(), "scheduler": DDPMScheduler()}
    parts |= {"text_encoder_2": seeded(t5), "tokenizer_2": t5_tokenizer(), "safety_checker": None}
    parts |= {"feature_extractor": None, "requires_safety_checker": False, "vae": seeded(deep_autoencoder)}
    return assembled(name, "HunyuanDiT2DModel", shape, **parts)


def lumina() -> Any:
    shape = {"sample_size": 16, "in_channels": 4, "hidden_size": 16, "num_layers": 1, "num_attention_heads": 2}
    shape |= {"num_kv_heads": 2, "multiple_of": 16, "cross_attention_dim": NARROW}
    parts = {
        "text_encoder": language_model("Gemma", "GemmaModel"),
        "tokenizer": gemma_tokenizer(),
        "vae": seeded(deep_autoencoder),
    }
    pipeline = assembled("LuminaPipeline", "LuminaNextDiT2DModel", shape, **parts)
    torch.nn.init.ones_(pipeline.transformer.pad_token)  # which is made without values
    return pipeline


def lumina_2() -> Any:
    shape = {"sample_size": 16, "in_channels": 4, "hidden_size": 16, "num_layers": 1, "num_refiner_layers": 1}
    shape |= {"num_attention_heads": 2, "num_kv_heads": 2, "multiple_of": 16, "axes_dim_rope": (4, 2, 2)}
    shape |= {"axes_lens": (300, 64, 64), "cap_feat_dim": NARROW}
    parts = {"text_encoder": language_model("Gemma2", "Gemma2Model"), "tokenizer": gemma_tokenizer()}
    parts |= {"vae": seeded(lambda: deep_autoencoder(shift_factor=0.06))}
    return assembled("Lumina2Pipeline", "Lumina2Transformer2DModel", shape, **parts)


def gemma_tokenizer() -> Any:
    """Gemma's tokenizer with a vocabulary of single characters."""
    from transformers import GemmaTokenizer

    words = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *plain_tokenizer().get_vocab()]
    vocabulary = {word: number for number, word in enumerate(dict.fromkeys(words))}
    return GemmaTokenizer(vocab=vocabulary, merges=[], add_bos_token=True, model_max_length=64)


def pixart_sigma(name: str = "PixArtSigmaPipeline") -> Any:
    import diffusers

    return getattr(diffusers, name)(**pixart(layers=4).components)


def prx() -> Any:
    shape = {"patch_size": 1, "in_channels": 4, "context_in_dim": NARROW, "hidden_size": 8, "mlp_ratio": 2.0}
    shape |= {"num_heads": 2, "depth": 1, "axes_dim": (2, 2)}
    parts = {"text_encoder": qwen_3(), "tokenizer": gemma_tokenizer()}
    return assembled("PRXPipeline", "PRXTransformer2DModel", shape, default_sample_size=32, **parts)


def sana(name: str = "SanaPipeline", **more: Any) -> Any:
    shape = {"patch_size": 1, "in_channels": 4, "out_channels": 4, "num_layers": 2, "num_attention_heads": 2}
    shape |= {"attention_head_dim": 4, "num_cross_attention_heads": 2, "cross_attention_head_dim": 4}
    shape |= {"cross_attention_dim": 8, "caption_channels": NARROW, "sample_size": 16}
    parts = {"text_encoder": language_model("Gemma2", "Gemma2Model"), "tokenizer": gemma_tokenizer()}
    return assembled(name, "SanaTransformer2DModel", shape | more, vae=sana_autoencoder(), **parts)


def sana_sprint() -> Any:
    from diffusers import SanaSprintPipeline, SCMScheduler

    parts = sana(qk_norm="rms_norm_across_heads", guidance_embeds=True).components
    return SanaSprintPipeline(**parts | {"scheduler": SCMScheduler()})


def stable_diffusion_3_pag() -> Any:
    from diffusers import StableDiffusion3PAGPipeline

    parts = {name: part for name, part in stable_diffusion_3(layers=2).components.items() if part is not None}
    return StableDiffusion3PAGPipeline(**parts)


def amused() -> Any:
    from diffusers import AmusedScheduler

    shape = {"hidden_size": 8, "cond_embed_dim": WIDTH, "micro_cond_encode_dim": 2, "micro_cond_embed_dim": 10}
    shape |= {"encoder_hidden_size": WIDTH, "vocab_size": 16, "codebook_size": 12, "in_channels": 8}
    shape |= {"block_out_channels": 8, "num_res_blocks": 1, "block_num_heads": 1, "num_hidden_layers": 1}
    shape |= {"num_attention_heads": 1, "intermediate_size": 16, "sample_size": 16}
    parts = {"text_encoder": seeded(clip_projected), "tokenizer": clip_tokenizer(), "vae": ""}
    parts |= {
        "vqvae": quantizer(norm_type="group", lookup_from_codebook=True),
        "scheduler": AmusedScheduler(mask_token_id=15),
    }
    return assembled("AmusedPipeline", "UVit2DModel", shape, **parts)
