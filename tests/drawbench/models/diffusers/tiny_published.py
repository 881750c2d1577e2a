"""Tiny random pipelines of the kinds that papers compare, beside those of `tiny_pipelines`."""

from typing import Any

from tests.drawbench.models.diffusers.tiny_pipelines import (
    SYMBOLS,
    WIDTH,
    autoencoder,
    clip_projected,
    clip_text,
    clip_tokenizer,
    deep_autoencoder,
    seeded,
    t5,
    t5_tokenizer,
    unet,
)

BERT_WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *SYMBOLS, *(f"##{symbol}" for symbol in SYMBOLS)]


def stable_diffusion_xl() -> Any:
    """SDXL at 32 px: two text encoders, and sizes among what the U-Net is told."""
    from diffusers import EulerDiscreteScheduler, StableDiffusionXLPipeline

    def network() -> Any:
        return unet(
            channels=4,
            sample_size=16,
            cross_attention_dim=2 * WIDTH,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            projection_class_embeddings_input_dim=6 * 8 + WIDTH,
        )

    return StableDiffusionXLPipeline(
        vae=seeded(autoencoder),
        text_encoder=seeded(clip_text),
        text_encoder_2=seeded(clip_projected),
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        unet=seeded(network),
        scheduler=EulerDiscreteScheduler(num_train_timesteps=100),
        add_watermarker=False,
    )


def stable_diffusion_3(layers: int = 1) -> Any:
    """Stable Diffusion 3 at 32 px: a transformer under two CLIPs and T5."""
    from diffusers import FlowMatchEulerDiscreteScheduler, SD3Transformer2DModel, StableDiffusion3Pipeline

    def transformer() -> Any:
        return SD3Transformer2DModel(
            sample_size=16,
            in_channels=4,
            out_channels=4,
            num_layers=layers,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=2 * WIDTH,
            caption_projection_dim=16,
            pooled_projection_dim=2 * WIDTH,
            pos_embed_max_size=16,
        )

    return StableDiffusion3Pipeline(
        transformer=seeded(transformer),
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=seeded(lambda: autoencoder(shift_factor=0.06)),
        text_encoder=seeded(clip_projected),
        text_encoder_2=seeded(clip_projected),
        text_encoder_3=seeded(lambda: t5(2 * WIDTH)),
        tokenizer=clip_tokenizer(),
        tokenizer_2=clip_tokenizer(),
        tokenizer_3=t5_tokenizer(),
    )


def flux(*, guidance_embeds: bool = False) -> Any:
    """Flux: a transformer under CLIP and T5, which is told guidance (dev) or not (schnell)."""
    from diffusers import FlowMatchEulerDiscreteScheduler, FluxPipeline, FluxTransformer2DModel

    def transformer() -> Any:
        return FluxTransformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            pooled_projection_dim=WIDTH,
            axes_dims_rope=(4, 4, 8),
            guidance_embeds=guidance_embeds,
        )

    return FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=seeded(lambda: autoencoder(shift_factor=0.06)),
        text_encoder=seeded(clip_text),
        tokenizer=clip_tokenizer(),
        text_encoder_2=seeded(t5),
        tokenizer_2=t5_tokenizer(),
        transformer=seeded(transformer),
    )


def qwen_image() -> Any:
    """Qwen-Image: a transformer under a language model; without --size it draws 1024 px."""
    from diffusers import (
        AutoencoderKLQwenImage,
        FlowMatchEulerDiscreteScheduler,
        QwenImagePipeline,
        QwenImageTransformer2DModel,
    )
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2Tokenizer

    words = [*SYMBOLS, "Ġ", "Ċ", "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    text = {"vocab_size": len(words), "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    text |= {"num_attention_heads": 2, "num_key_value_heads": 2, "max_position_embeddings": 2048}
    text |= {"rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}}
    vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 16}
    language = Qwen2_5_VLConfig(text_config=text, vision_config=vision)

    def transformer() -> Any:
        return QwenImageTransformer2DModel(
            in_channels=16,
            out_channels=4,
            num_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=16,
            axes_dims_rope=(4, 6, 6),
        )

    def coder() -> Any:
        spread = {"latents_mean": [0.0] * 4, "latents_std": [1.0] * 4}
        return AutoencoderKLQwenImage(
            base_dim=8, z_dim=4, dim_mult=[1, 1], num_res_blocks=1, temperal_downsample=[False], **spread
        )

    return QwenImagePipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=seeded(coder),
        text_encoder=seeded(lambda: Qwen2_5_VLForConditionalGeneration(language)),
        tokenizer=Qwen2Tokenizer(vocab={word: number for number, word in enumerate(words)}, merges=[]),
        transformer=seeded(transformer),
    )


def latent_diffusion() -> Any:
    """LDM's text-to-image pipeline, whose latents have an eighth of the side; it draws 128 px."""
    from diffusers import DDIMScheduler, LDMTextToImagePipeline
    from diffusers.pipelines.latent_diffusion.pipeline_latent_diffusion import LDMBertConfig, LDMBertModel

    def encoder() -> Any:
        size = {"encoder_layers": 1, "encoder_ffn_dim": 32, "encoder_attention_heads": 2, "head_dim": 8}
        return LDMBertModel(LDMBertConfig(vocab_size=len(BERT_WORDS), d_model=WIDTH, **size))

    return LDMTextToImagePipeline(
        vqvae=seeded(deep_autoencoder),
        bert=seeded(encoder),
        tokenizer=bert_tokenizer(),
        unet=seeded(lambda: unet(channels=4, sample_size=16)),
        scheduler=DDIMScheduler(num_train_timesteps=100, clip_sample=False),
    )


def bert() -> Any:
    """BERT."""
    from transformers import BertConfig, BertModel

    size = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "hidden_size": WIDTH}
    return seeded(lambda: BertModel(BertConfig(vocab_size=len(BERT_WORDS), **size)))


def bert_tokenizer() -> Any:
    """BERT's tokenizer with a vocabulary of single characters, at the begin of a word or not."""
    from transformers import BertTokenizer

    return BertTokenizer(vocab={word: number for number, word in enumerate(BERT_WORDS)}, model_max_length=77)
