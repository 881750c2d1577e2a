"""The bundled scorer's text tower as a text encoder of transformers: what CLIP's is in Imagen's comparison (fig. A.5).

It has as many parameters as the bundled T5 and learnt from pairs of images and captions instead of captions alone.
"""

from pathlib import Path
from typing import Any

import torch

from metrics.features.clip.byte_tokenizer import END, FIRST_BYTE, PAD, START
from metrics.features.clip.open_clip import load_folder
from metrics.features.registry import BUNDLED_FOLDER
from reference_model.files import atomic_path
from reference_model.text.encoder import TextEncoder, load_text_encoder

SPECIAL = {"<pad>": PAD, "<start>": START, "<end>": END}


def save_tower(folder: Path, scorer: Path = BUNDLED_FOLDER) -> TextEncoder:
    """Write the text tower of a scorer with byte tokens as transformers saves one; what is there already is loaded.

    Raises ReferenceModelError when the folder holds something else.
    """
    if not folder.exists():
        extractor = load_folder(scorer)
        with atomic_path(folder) as partial:
            _tower(extractor.network, extractor.config.model["text_cfg"]).save_pretrained(partial)
            _tokenizer(extractor.config.context_length).save_pretrained(partial)
    return load_text_encoder(folder)


def _tower(network: Any, config: dict[str, Any]) -> Any:
    """open_clip's text transformer under transformers' names; the weights are the same numbers."""
    from transformers import CLIPTextConfig, CLIPTextModel

    width = config["width"]
    with torch.device("meta"):
        tower = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=config["vocab_size"],
                hidden_size=width,
                intermediate_size=4 * width,
                num_hidden_layers=config["layers"],
                num_attention_heads=config["heads"],
                max_position_embeddings=config["context_length"],
                hidden_act="gelu",
                pad_token_id=PAD,
                bos_token_id=START,
                eos_token_id=END,
            )
        )
    weights = {
        "embeddings.token_embedding.weight": network.token_embedding.weight,
        "embeddings.position_embedding.weight": network.positional_embedding,
        "final_layer_norm.weight": network.ln_final.weight,
        "final_layer_norm.bias": network.ln_final.bias,
    }
    for number, block in enumerate(network.transformer.resblocks):
        weights.update({f"encoder.layers.{number}.{name}": tensor for name, tensor in _layer(block).items()})
    prefix = "text_model." if any(name.startswith("text_model.") for name in tower.state_dict()) else ""
    tower.load_state_dict({prefix + name: tensor.detach() for name, tensor in weights.items()}, assign=True)
    return tower


def _layer(block: Any) -> dict[str, torch.Tensor]:
    """One residual block of open_clip, whose projections of queries, keys and values are one matrix."""
    parts = {
        "self_attn.out_proj": block.attn.out_proj,
        "layer_norm1": block.ln_1,
        "layer_norm2": block.ln_2,
        "mlp.fc1": block.mlp.c_fc,
        "mlp.fc2": block.mlp.c_proj,
    }
    layer = {f"{name}.{kind}": getattr(part, kind) for name, part in parts.items() for kind in ("weight", "bias")}
    for kind, joined in (("weight", block.attn.in_proj_weight), ("bias", block.attn.in_proj_bias)):
        for name, part in zip("qkv", joined.chunk(3), strict=True):
            layer[f"self_attn.{name}_proj.{kind}"] = part.contiguous()
    return layer


def _tokenizer(context_length: int) -> Any:
    """The scorer's byte tokens as a tokenizer without merges: byte b is token b + 1, between start and end."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    vocabulary = {letter: byte + FIRST_BYTE for byte, letter in bytes_to_unicode().items()} | SPECIAL
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    ends = [(name, SPECIAL[name]) for name in ("<start>", "<end>")]
    tokenizer.post_processor = processors.TemplateProcessing(single="<start> $A <end>", special_tokens=ends)
    # None of the three is named to transformers, which would find them in texts, too.
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=context_length)
