"""Tiny random encoders of each family with real tokenizers, saved as transformers saves them."""

from pathlib import Path

import torch

from reference_model.text.byte_t5 import ByteT5Config, ByteT5Encoder
from reference_model.text.encoder import TextEncoder

WIDTH = 32
WORDS = ["a", "red", "blue", "car", "cup", "of", "left", "##s"]
SHAPE = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": WIDTH, "intermediate_size": 48}


def random_byte_encoder(seed: int = 0) -> TextEncoder:
    """The bundled kind, without transformers."""
    torch.manual_seed(seed)
    encoder = ByteT5Encoder(ByteT5Config(384, WIDTH, d_kv=16, d_ff=48, num_layers=1, num_heads=2))
    for parameter in encoder.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return TextEncoder(encoder)


def save_t5(folder: Path, decoder: bool = False) -> Path:
    """A T5 with a unigram tokenizer; with its decoder, as published checkpoints have it."""
    from transformers import T5Config, T5EncoderModel, T5ForConditionalGeneration, T5Tokenizer

    pieces = ["<pad>", "</s>", "<unk>", *(f"▁{word}" for word in WORDS[:-1]), "▁", *"abcdefghijklmnopqrstuvwxyz"]
    T5Tokenizer(vocab=[(piece, -float(i)) for i, piece in enumerate(pieces)], extra_ids=0).save_pretrained(folder)
    config = T5Config(
        vocab_size=64, d_model=WIDTH, d_kv=16, d_ff=48, num_layers=2, num_heads=2, feed_forward_proj="gated-gelu"
    )
    torch.manual_seed(0)
    (T5ForConditionalGeneration if decoder else T5EncoderModel)(config).save_pretrained(folder)
    return folder


def save_bert(folder: Path, positions: int = 16) -> Path:
    """A BERT with a word-piece tokenizer, for `positions` tokens at most."""
    from transformers import BertConfig, BertModel, BertTokenizer

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
    BertTokenizer(vocab={word: i for i, word in enumerate(vocabulary)}).save_pretrained(folder)
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=len(vocabulary), max_position_embeddings=positions, **SHAPE)).save_pretrained(
        folder
    )
    return folder


def save_clip(folder: Path, image_tower: bool = False) -> Path:
    """CLIP's text tower with a byte-pair tokenizer, for 20 tokens at most; alone or in a whole CLIP."""
    from transformers import CLIPConfig, CLIPModel, CLIPTextModel, CLIPTokenizer

    letters = [*"abcdefghijklmnopqrstuvwxyz", *(f"{letter}</w>" for letter in "abcdefghijklmnopqrstuvwxyz")]
    vocabulary = ["<|startoftext|>", "<|endoftext|>", *letters, "re", "red</w>"]
    merges = [("r", "e"), ("re", "d</w>")]
    ids = {token: i for i, token in enumerate(vocabulary)}
    CLIPTokenizer(vocab=ids, merges=merges).save_pretrained(folder)
    text = {"vocab_size": 64, "max_position_embeddings": 20, "bos_token_id": 0, "eos_token_id": 1, **SHAPE}
    config = CLIPConfig(text_config=text, vision_config={"image_size": 32, "patch_size": 16, **SHAPE})
    torch.manual_seed(0)
    (CLIPModel(config) if image_tower else CLIPTextModel(config.text_config)).save_pretrained(folder)
    return folder
