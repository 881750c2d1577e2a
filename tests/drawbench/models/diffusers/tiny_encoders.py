"""Tiny random text encoders with their tokenizers, and autoencoders, that several kinds of pipelines share."""

from typing import Any

from tests.drawbench.models.diffusers.tiny_pipelines import SYMBOLS, seeded

NARROW = 16  # of every language model here
QWEN_SPECIAL = (
    "<|endoftext|>",
    "<|im_start|>",
    "<|im_end|>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
)
CHAT = "{% for message in messages %}<|im_start|>{{ message['content'] }}<|im_end|>{% endfor %}"
BATCH_CHAT = (  # for pipelines whose messages hold a list of parts, some of them texts
    "{% for message in messages %}<|im_start|>"
    "{% for part in message['content'] %}{{ part['text'] }}{% endfor %}{% endfor %}"
)


def qwen_tokenizer(template: str = CHAT) -> Any:
    """Qwen's tokenizer with a vocabulary of single bytes."""
    from transformers import Qwen2Tokenizer

    words = [*SYMBOLS, "Ġ", "Ċ", *QWEN_SPECIAL]
    tokenizer = Qwen2Tokenizer(vocab={word: number for number, word in enumerate(words)}, merges=[])
    tokenizer.add_special_tokens({"additional_special_tokens": list(QWEN_SPECIAL[1:])})
    tokenizer.chat_template = template
    return tokenizer


def plain_tokenizer(template: str = CHAT) -> Any:
    """A tokenizer of single characters, as language models of no certain family have it."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = ["<pad>", "<s>", "</s>", "<unk>", *SYMBOLS, " ", "\n", "[IMG]", "[IMG_BREAK]", "[IMG_END]"]
    inner = Tokenizer(models.WordLevel({word: number for number, word in enumerate(words)}, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.Split(Regex("."), "isolated")
    inner.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=inner, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    tokenizer.chat_template = template
    return tokenizer


def qwen_processor(generation: int = 2) -> Any:
    """What prepares texts, images and films for Qwen; here only texts."""
    import transformers

    images, films = transformers.Qwen2VLImageProcessor(), getattr(transformers, f"Qwen{generation}VLVideoProcessor")()
    kind = getattr(transformers, f"Qwen{generation}VLProcessor")
    return kind(images, qwen_tokenizer(), films, chat_template=BATCH_CHAT)


def language_config(**more: Any) -> dict[str, Any]:
    """What the configurations of most language models have in common; the vocabulary is the larger of the above."""
    config: dict[str, Any] = {"vocab_size": len(SYMBOLS) + 16, "hidden_size": NARROW, "intermediate_size": NARROW}
    config |= {"num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 2, "head_dim": 8}
    return config | {"max_position_embeddings": 2048, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2} | more


def qwen_3(name: str = "Qwen3Model", **more: Any) -> Any:
    """Qwen 3 without images."""
    import transformers

    config = transformers.Qwen3Config(**language_config(**more))
    return seeded(lambda: getattr(transformers, name)(config))


def qwen_3_vl(name: str, layers: int = 2) -> Any:
    """Qwen 3 with eyes, which stay closed here."""
    import transformers

    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": NARROW}
    vision |= {"deepstack_visual_indexes": [0], "patch_size": 4, "num_position_embeddings": 16}
    text = language_config(rope_parameters=rope, num_hidden_layers=layers)
    config = transformers.Qwen3VLConfig(text_config=text, vision_config=vision)
    return seeded(lambda: getattr(transformers, name)(config))


def qwen_25_vl() -> Any:
    """Qwen 2.5 with eyes."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    rope = {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0}
    vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": NARROW}
    config = Qwen2_5_VLConfig(text_config=language_config(rope_parameters=rope), vision_config=vision)
    return seeded(lambda: Qwen2_5_VLForConditionalGeneration(config))


def language_model(family: str, name: str, **more: Any) -> Any:
    """A model of transformers by the names of its family's configuration and its own class."""
    import transformers

    config = getattr(transformers, f"{family}Config")(**language_config(**more))
    return seeded(lambda: getattr(transformers, name)(config))


def flux_2_autoencoder() -> Any:
    """Flux 2's: four times four latent channels of half the side are packed into one cell."""
    from diffusers import AutoencoderKLFlux2

    return seeded(
        lambda: AutoencoderKLFlux2(
            down_block_types=("DownEncoderBlock2D",) * 2,
            up_block_types=("UpDecoderBlock2D",) * 2,
            block_out_channels=(8, 16),
            latent_channels=4,
            norm_num_groups=4,
        )
    )


def qwen_autoencoder() -> Any:
    """Qwen-Image's, for films of one frame."""
    from diffusers import AutoencoderKLQwenImage

    spread = {"latents_mean": [0.0] * 4, "latents_std": [1.0] * 4}
    return seeded(
        lambda: AutoencoderKLQwenImage(
            base_dim=8, z_dim=4, dim_mult=[1, 1], num_res_blocks=1, temperal_downsample=[False], **spread
        )
    )


def sana_autoencoder() -> Any:
    """Sana's deep one, here of half the side."""
    from diffusers import AutoencoderDC

    blocks = ("ResBlock", "EfficientViTBlock")
    return seeded(
        lambda: AutoencoderDC(
            in_channels=3,
            latent_channels=4,
            attention_head_dim=2,
            encoder_block_types=blocks,
            decoder_block_types=blocks,
            encoder_block_out_channels=(8, 8),
            decoder_block_out_channels=(8, 8),
            encoder_layers_per_block=(1, 1),
            decoder_layers_per_block=(1, 1),
            encoder_qkv_multiscales=((), (5,)),
            decoder_qkv_multiscales=((), (5,)),
            downsample_block_type="conv",
            upsample_block_type="interpolate",
        )
    )


def quantizer(**more: Any) -> Any:
    """A VQ-VAE whose latents have half the side; Kandinsky's MoVQ, with spatial norms."""
    from diffusers import VQModel

    return seeded(
        lambda: VQModel(
            **{
                "block_out_channels": (8, 16),
                "down_block_types": ("DownEncoderBlock2D", "AttnDownEncoderBlock2D"),
                "up_block_types": ("AttnUpDecoderBlock2D", "UpDecoderBlock2D"),
                "latent_channels": 4,
                "norm_num_groups": 4,
                "num_vq_embeddings": 12,
                "vq_embed_dim": 4,
                "norm_type": "spatial",
            }
            | more
        )
    )
