"""Tiny random vision-language models of true architectures, saved as their folders are: they prove reading alone."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

_SEEN = 'Does this figure show "a red circle on a blue square"? Please answer Yes or No. yes no two three cats dogs'
_CHAT = (
    "{% for message in messages %}USER: {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE\n{% else %}{{ part['text'] }}{% endif %}{% endfor %} {% endfor %}"
    "{% if add_generation_prompt %}ASSISTANT:{% endif %}"
)
_LANGUAGE = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
_VISION = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "image_size": 28,
    "patch_size": 14,
}


def write_llava(folder: Path, seed: int = 0) -> Path:
    """LLaVA: a chat model that is read on from the end of its prompt."""
    from transformers import LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    words = _tokenizer(["<pad>", "<s>", "</s>", "<image>"], eos_token="</s>", pad_token="<pad>", bos_token="<s>")
    image = words.convert_tokens_to_ids("<image>")
    config = LlavaConfig(
        text_config={"model_type": "llama", **_LANGUAGE, "vocab_size": len(words), "max_position_embeddings": 256},
        vision_config={"model_type": "clip_vision_model", **_VISION, "projection_dim": 16},
        image_token_index=image,
    )
    _save(LlavaForConditionalGeneration, config, folder, seed)
    pixels = CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    LlavaProcessor(
        pixels,
        words,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=_CHAT.replace("IMAGE", "<image>"),
    ).save_pretrained(folder)
    return folder


def write_qwen2_vl(folder: Path, seed: int = 0) -> Path:
    """Qwen2-VL: images of any size, positions of three axes."""
    from transformers import (
        Qwen2VLConfig,
        Qwen2VLForConditionalGeneration,
        Qwen2VLProcessor,
        Qwen2VLVideoProcessor,
    )
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    special = ["<|endoftext|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"]
    words = _tokenizer(special, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    pad, end, begin, stop, image, video = words.convert_tokens_to_ids(special)
    text = {
        **_LANGUAGE,
        "num_key_value_heads": 2,
        "vocab_size": len(words),
        "max_position_embeddings": 256,
        "rope_parameters": {"rope_type": "default", "mrope_section": [1, 1, 2], "rope_theta": 10000.0},
        "bos_token_id": pad,
        "eos_token_id": end,
    }
    config = Qwen2VLConfig(
        text_config=text,
        vision_config={"depth": 1, "embed_dim": 32, "hidden_size": 32, "num_heads": 2, "mlp_ratio": 2},
        image_token_id=image,
        video_token_id=video,
        vision_start_token_id=begin,
        vision_end_token_id=stop,
    )
    _save(Qwen2VLForConditionalGeneration, config, folder, seed)
    pixels = Qwen2VLImageProcessorPil(min_pixels=56 * 56, max_pixels=112 * 112)
    chat = _CHAT.replace("IMAGE", "<|vision_start|><|image_pad|><|vision_end|>")
    Qwen2VLProcessor(pixels, words, Qwen2VLVideoProcessor(), chat_template=chat).save_pretrained(folder)
    return folder


def write_instruct_blip(folder: Path, seed: int = 0) -> Path:
    """InstructBLIP on FLAN-T5: no chat template, an encoder of the question and a decoder of the answer."""
    from transformers import InstructBlipConfig, InstructBlipForConditionalGeneration, InstructBlipProcessor
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    words = _tokenizer(["<pad>", "</s>", "<unk>", "<image>"], eos_token="</s>", pad_token="<pad>", ended="</s>")
    asked = _bert_tokenizer()
    config = InstructBlipConfig(
        vision_config=_VISION,
        qformer_config={
            **_LANGUAGE,
            "vocab_size": len(asked),
            "encoder_hidden_size": 32,
            "cross_attention_frequency": 1,
            "max_position_embeddings": 128,
        },
        text_config={
            "model_type": "t5",
            "vocab_size": len(words),
            "d_model": 32,
            "d_kv": 8,
            "d_ff": 64,
            "num_layers": 1,
            "num_heads": 4,
            "decoder_start_token_id": 0,
            "pad_token_id": 0,
            "eos_token_id": 1,
        },
        num_query_tokens=4,
        image_token_index=words.convert_tokens_to_ids("<image>"),
    )
    _save(InstructBlipForConditionalGeneration, config, folder, seed)
    pixels = BlipImageProcessorPil(size={"height": 28, "width": 28})
    InstructBlipProcessor(pixels, words, asked, num_query_tokens=4).save_pretrained(folder)
    return folder


def write_blip(folder: Path, seed: int = 0) -> Path:
    """BLIP for visual question answering."""
    from transformers import BlipConfig, BlipForQuestionAnswering, BlipProcessor
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    words = _bert_tokenizer()
    begin, end = words.cls_token_id, words.sep_token_id
    text = {"vocab_size": len(words), "encoder_hidden_size": 32, "max_position_embeddings": 128, "projection_dim": 16}
    ids = {"bos_token_id": begin, "eos_token_id": end, "sep_token_id": end, "pad_token_id": words.pad_token_id}
    config = BlipConfig(text_config={**_LANGUAGE, **text, **ids}, vision_config=_VISION, projection_dim=16)
    _save(BlipForQuestionAnswering, config, folder, seed)
    BlipProcessor(BlipImageProcessorPil(size={"height": 28, "width": 28}), words).save_pretrained(folder)
    return folder


WRITERS = {
    "llava": write_llava,
    "qwen2_vl": write_qwen2_vl,
    "instructblip": write_instruct_blip,
    "blip": write_blip,
}


def _save(model: Any, config: Any, folder: Path, seed: int) -> None:
    """Weights that are large enough for answers to differ by image."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = model(config)
        with torch.no_grad():
            for weight in network.parameters():
                if weight.ndim > 1:
                    weight.normal_(0, 0.15)
        network.save_pretrained(folder)


def _tokenizer(special: Sequence[str], ended: str = "", **tokens: str) -> Any:
    """A byte-level tokenizer with a few words; `ended`: the token that it puts behind every text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=list(special),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator([_SEEN] * 2, trainer)
    if ended:
        made.post_processor = processors.TemplateProcessing(
            single=f"$A {ended}", special_tokens=[(ended, made.token_to_id(ended))]
        )
    return PreTrainedTokenizerFast(tokenizer_object=made, **tokens)


def _bert_tokenizer() -> Any:
    from transformers import BertTokenizer

    letters = "abcdefghijklmnopqrstuvwxyz0123456789\"?.,'"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{letter}" for letter in letters)]
    vocab = {piece: number for number, piece in enumerate([*pieces, "yes", "no"])}
    return BertTokenizer(vocab=vocab, do_lower_case=True)
