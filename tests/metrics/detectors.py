"""A tiny random OWLv2, saved as its folders are: it proves reading alone."""

from pathlib import Path

import torch


def write_owlv2(folder: Path, seed: int = 0) -> Path:
    """Every name and layer of the architecture, with CLIP's kind of tokenizer (bytes only, no merges)."""
    from transformers import CLIPTokenizer, Owlv2Config, Owlv2ForObjectDetection, Owlv2Processor
    from transformers.models.owlv2.image_processing_pil_owlv2 import Owlv2ImageProcessorPil

    alphabet = [chr(code) for code in range(33, 127)] + [chr(code) for code in range(256, 256 + 162)]
    vocab = {piece: number for number, piece in enumerate([*alphabet, *(f"{letter}</w>" for letter in alphabet)])}
    vocab |= {"<|startoftext|>": 512, "<|endoftext|>": 513}
    words = CLIPTokenizer(vocab=vocab, merges=[], model_max_length=32, pad_token="!")
    tower = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 2}
    text = {"vocab_size": 514, "max_position_embeddings": 32, "bos_token_id": 512, "eos_token_id": 513}
    config = Owlv2Config(
        text_config={**tower, **text, "pad_token_id": 0},
        vision_config={**tower, "image_size": 32, "patch_size": 8},
        projection_dim=32,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Owlv2ForObjectDetection(config)
        with torch.no_grad():
            for weight in network.parameters():
                if weight.ndim > 1:
                    weight.normal_(0, 0.15)
        network.save_pretrained(folder)
    pixels = Owlv2ImageProcessorPil(size={"height": 32, "width": 32})
    Owlv2Processor(pixels, words).save_pretrained(folder)
    return folder
