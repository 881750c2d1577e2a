"""Tiny random pipelines of U-Nets, beside those of `tiny_published`, and of priors with their decoders."""

from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from typing import Any

import torch

from tests.drawbench.models.diffusers.tiny_encoders import quantizer
from tests.drawbench.models.diffusers.tiny_pipelines import (
    SYMBOLS,
    WIDTH,
    autoencoder,
    clip_projected,
    clip_text,
    clip_tokenizer,
    seeded,
    stable_diffusion,
    t5,
    t5_tokenizer,
    unet,
)
from tests.drawbench.models.diffusers.tiny_published import stable_diffusion_xl

UNCHECKED = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}


def like_stable_diffusion(name: str, **more: Any) -> Any:
    """A pipeline of the parts of Stable Diffusion."""
    import diffusers

    parts = {name: part for name, part in stable_diffusion().components.items() if part is not None}
    return getattr(diffusers, name)(**parts | UNCHECKED | more)


def latent_consistency(name: str = "LatentConsistencyModelPipeline") -> Any:
    """Of a U-Net that is told the guidance."""
    from diffusers import LCMScheduler

    network = seeded(lambda: unet(channels=4, sample_size=16, time_cond_proj_dim=8))
    scheduler = LCMScheduler(num_train_timesteps=1000, original_inference_steps=50)
    return like_stable_diffusion(name, unet=network, scheduler=scheduler)


def stable_diffusion_xl_pag() -> Any:
    from diffusers import StableDiffusionXLPAGPipeline

    parts = {name: part for name, part in stable_diffusion_xl().components.items() if part is not None}
    return StableDiffusionXLPAGPipeline(**parts, add_watermarker=False)


def kandinsky_3() -> Any:
    from diffusers import DDPMScheduler, Kandinsky3Pipeline, Kandinsky3UNet

    def network() -> Any:
        widths = {"block_out_channels": (8, 16), "cross_attention_dim": 4, "encoder_hid_dim": WIDTH}
        return Kandinsky3UNet(
            in_channels=4, time_embedding_dim=4, groups=2, attention_head_dim=4, layers_per_block=3, **widths
        )

    scheduler = DDPMScheduler(clip_sample=True)
    parts = {"unet": seeded(network), "scheduler": scheduler, "movq": kandinsky_quantizer()}
    return Kandinsky3Pipeline(tokenizer=t5_tokenizer(), text_encoder=seeded(t5), **parts)


def kandinsky_quantizer() -> Any:
    """MoVQ, of an eighth of the side as published."""
    down = (*("DownEncoderBlock2D",) * 3, "AttnDownEncoderBlock2D")
    up = ("AttnUpDecoderBlock2D", *("UpDecoderBlock2D",) * 3)
    return quantizer(block_out_channels=(32,) * 4, down_block_types=down, up_block_types=up)


def image_encoder() -> Any:
    """CLIP's, with a projection."""
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    size = {"hidden_size": WIDTH, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    size |= {"image_size": 32, "patch_size": 16, "projection_dim": WIDTH}
    return seeded(lambda: CLIPVisionModelWithProjection(CLIPVisionConfig(**size)))


def image_prior(**more: Any) -> Any:
    """From the text's features to those of an image; unscaled, where zeros would be all that it draws."""
    from diffusers import PriorTransformer

    size = {"num_attention_heads": 2, "attention_head_dim": 8, "embedding_dim": WIDTH, "num_layers": 1} | more
    network = seeded(lambda: PriorTransformer(**size))
    torch.nn.init.ones_(network.clip_std)
    return network


def kandinsky_2(name: str) -> Any:
    """Kandinsky 2.1 or 2.2: a prior and a decoder, joined."""
    import diffusers
    from transformers import CLIPImageProcessor

    older = name == "KandinskyCombinedPipeline"
    kind = "text_image" if older else "image"
    network = seeded(
        lambda: unet(
            channels=4,
            sample_size=4,
            kandinsky=True,
            addition_embed_type=kind,
            encoder_hid_dim_type=f"{kind}_proj",
        )
    )
    prior = {
        "prior_prior": image_prior(),
        "prior_image_encoder": image_encoder(),
        "prior_text_encoder": seeded(clip_projected),
        "prior_tokenizer": clip_tokenizer(),
        "prior_scheduler": diffusers.UnCLIPScheduler(prediction_type="sample", clip_sample_range=10.0),
        "prior_image_processor": CLIPImageProcessor(crop_size=32, size=32),
    }
    scheduler = diffusers.DDIMScheduler(num_train_timesteps=100) if older else diffusers.DDPMScheduler()
    text = {"text_encoder": many_languages(), "tokenizer": roberta_tokenizer()} if older else {}
    decoder = {"unet": network, "scheduler": scheduler, "movq": kandinsky_quantizer(), **text}
    return getattr(diffusers, name)(**decoder, **prior)


def many_languages() -> Any:
    """The text encoder of Kandinsky 2.1."""
    from diffusers.pipelines.kandinsky.text_encoder import MCLIPConfig, MultilingualCLIP

    size = {"hidden_size": WIDTH, "intermediate_size": 32, "num_attention_heads": 2, "num_hidden_layers": 1}
    config = MCLIPConfig(numDims=WIDTH, transformerDimensions=WIDTH, vocab_size=128, **size)
    return seeded(lambda: MultilingualCLIP(config))


def roberta_tokenizer() -> Any:
    """XLM-RoBERTa's tokenizer with a vocabulary of single characters."""
    from transformers import XLMRobertaTokenizer

    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -1.0)]
    return XLMRobertaTokenizer(vocab=[*pieces, *((symbol, -2.0) for symbol in SYMBOLS), ("<mask>", 0.0)])


def paella(size: int = 8) -> Any:
    """The VQ-GAN of Wuerstchen and Stable Cascade."""
    from diffusers.pipelines.deprecated.wuerstchen.modeling_paella_vq_model import PaellaVQModel

    return seeded(lambda: PaellaVQModel(bottleneck_blocks=1, num_vq_embeddings=16, embed_dim=size))


def stable_cascade() -> Any:
    """Prior and decoder of Stable Cascade, joined."""
    from diffusers import DDPMWuerstchenScheduler, StableCascadeCombinedPipeline
    from diffusers.models import StableCascadeUNet

    text = {"clip_text_pooled_in_channels": WIDTH, "down_num_layers_per_block": (1, 1), "conditioning_dim": 16}
    text |= {"up_num_layers_per_block": (1, 1), "block_out_channels": (16, 16), "num_attention_heads": (2, 2)}

    def prior() -> Any:
        images = {"clip_image_in_channels": 16, "clip_text_in_channels": WIDTH, "switch_level": (False,)}
        return StableCascadeUNet(in_channels=16, out_channels=16, effnet_in_channels=None, **text, **images)

    def decoder() -> Any:
        blocks = (("SDCascadeResBlock", "SDCascadeTimestepBlock"), ("SDCascadeResBlock", "SDCascadeAttnBlock"))
        return StableCascadeUNet(
            in_channels=4, out_channels=4, effnet_in_channels=16, patch_size=2, block_types_per_layer=blocks, **text
        )

    return StableCascadeCombinedPipeline(
        tokenizer=clip_tokenizer(),
        text_encoder=seeded(clip_projected),
        decoder=seeded(decoder),
        scheduler=DDPMWuerstchenScheduler(),
        vqgan=paella(),
        prior_prior=seeded(prior),
        prior_text_encoder=seeded(clip_projected),
        prior_tokenizer=clip_tokenizer(),
        prior_scheduler=DDPMWuerstchenScheduler(),
    )


def wuerstchen() -> Any:
    """Prior and decoder of Wuerstchen, joined."""
    from diffusers import DDPMWuerstchenScheduler, WuerstchenCombinedPipeline
    from diffusers.pipelines.deprecated.wuerstchen import WuerstchenDiffNeXt, WuerstchenPrior

    def decoder() -> Any:
        levels = {"c_hidden": [8, 8], "nhead": [-1, 2], "blocks": [1, 1], "level_config": ["CT", "CTA"]}
        return WuerstchenDiffNeXt(c_cond=WIDTH, inject_effnet=[False, True], clip_embd=WIDTH, **levels)

    prior = seeded(lambda: WuerstchenPrior(c_in=16, c=16, c_cond=WIDTH, depth=1, nhead=2))
    return WuerstchenCombinedPipeline(
        tokenizer=clip_tokenizer(),
        text_encoder=seeded(clip_text),
        decoder=seeded(decoder),
        scheduler=DDPMWuerstchenScheduler(),
        vqgan=paella(),
        prior_tokenizer=clip_tokenizer(),
        prior_text_encoder=seeded(clip_text),
        prior_prior=prior,
        prior_scheduler=DDPMWuerstchenScheduler(),
    )


def stable_unclip() -> Any:
    """Stable unCLIP: a prior, then Stable Diffusion told of an image's features."""
    import diffusers
    from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import StableUnCLIPImageNormalizer

    network = seeded(
        lambda: unet(
            channels=4,
            sample_size=16,
            class_embed_type="projection",
            projection_class_embeddings_input_dim=2 * WIDTH,
        )
    )
    return diffusers.StableUnCLIPPipeline(
        prior_tokenizer=clip_tokenizer(),
        prior_text_encoder=seeded(clip_projected),
        prior=image_prior(),
        prior_scheduler=diffusers.DDPMScheduler(prediction_type="sample", variance_type="fixed_small_log"),
        image_normalizer=StableUnCLIPImageNormalizer(embedding_dim=WIDTH),
        image_noising_scheduler=diffusers.DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        tokenizer=clip_tokenizer(),
        text_encoder=seeded(clip_text),
        unet=network,
        scheduler=diffusers.DDIMScheduler(num_train_timesteps=100),
        vae=seeded(autoencoder),
    )


def kolors(name: str = "KolorsPipeline") -> Any:
    """Kolors: SDXL under a chat model."""
    import diffusers
    from diffusers.pipelines.kolors import ChatGLMModel
    from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig

    tokenizer = chat_glm_tokenizer()
    size = {"num_layers": 2, "hidden_size": 16, "ffn_hidden_size": 16, "kv_channels": 8, "num_attention_heads": 2}
    config = ChatGLMConfig(padded_vocab_size=tokenizer.vocab_size, original_rope=True, **size)

    encoder = seeded(lambda: ChatGLMModel(config))
    for weights in encoder.parameters():  # which are made without values
        torch.nn.init.normal_(weights, std=0.1, generator=torch.Generator().manual_seed(0))

    def network() -> Any:
        # the width of the text, of its last token, and six sizes of eight numbers each
        text = {"cross_attention_dim": 16, "projection_class_embeddings_input_dim": 16 + 6 * 8}
        return unet(channels=4, sample_size=16, addition_embed_type="text_time", addition_time_embed_dim=8, **text)

    return getattr(diffusers, name)(
        vae=seeded(autoencoder),
        text_encoder=encoder,
        tokenizer=tokenizer,
        unet=seeded(network),
        scheduler=diffusers.EulerDiscreteScheduler(num_train_timesteps=100),
    )


def chat_glm_tokenizer() -> Any:
    """Kolors' tokenizer, which reads a model of sentencepiece's; of single characters."""
    from diffusers.pipelines.kolors import ChatGLMTokenizer
    from sentencepiece import SentencePieceTrainer

    with TemporaryDirectory() as folder:
        SentencePieceTrainer.train(
            sentence_iterator=iter([*SYMBOLS, "a b"]),
            model_prefix=f"{folder}/tokenizer",
            model_type="char",
            vocab_size=len(SYMBOLS) + 4,
            hard_vocab_limit=False,
            minloglevel=2,
        )
        kept = Path(mkdtemp()) / "tokenizer.model"  # it reads the file again when it is saved
        kept.write_bytes(Path(f"{folder}/tokenizer.model").read_bytes())
    return ChatGLMTokenizer(str(kept))
