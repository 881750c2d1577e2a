"""A vision-language model of transformers: how likely it thinks an answer to a question about an image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from metrics.errors import MetricInputError
from metrics.features.clip.transformers import (
    files_digest,
    find_model,
    network_settings,
    read_json,
    require_tokenizer,
    weights_digest,
)
from metrics.features.clip.transformers_folder import load_exactly, reading_processor
from metrics.features.extractor import exact_float32
from metrics.features.vision_language.templates import BLIP, CHAT, PLAIN, Template

_TEMPLATES = {"blip": BLIP, "blip-2": PLAIN, "instructblip": PLAIN}  # of models that hold no chat
_CHAT_TEMPLATES = ("chat_template.jinja", "chat_template.json", "processor_config.json", "tokenizer_config.json")


@dataclass(frozen=True)
class VisionLanguageFolder:
    """A model's folder, described before its network is loaded.

    name: as the user gave it, or the folder's own name. type: of transformers. template: how it is asked.
    """

    folder: Path
    name: str
    type: str
    template: Template
    weights_sha256: str

    @classmethod
    def find(cls, spec: str) -> "VisionLanguageFolder":
        """The folder of `spec`: a folder, or a hub id that is in the local hub cache.

        Raises MetricInputError when there is none, or it holds a model of another kind.
        """
        folder = find_model(spec)
        kind = read_json(folder / "config.json").get("model_type")
        template = _TEMPLATES.get(str(kind)) or (CHAT if _chats(folder) else None)
        if template is None or not (kind == "blip" or kind in _known_types()):
            raise MetricInputError(
                f"{folder} holds a model of type {kind}, which answers no questions about images: name a chat model "
                f"that sees images (with its chat template), or one of {', '.join(_TEMPLATES)}"
            )
        require_tokenizer(folder)
        name = folder.name if Path(spec).is_dir() else spec
        return cls(folder, name, str(kind), template, weights_digest(folder))

    @property
    def label(self) -> str:
        """For names of files: the model's, and the first digits of its weights' SHA-256."""
        return f"{self.name.replace('/', '--')}-{self.weights_sha256[:8]}"

    @property
    def description(self) -> str:
        """For a definition."""
        return f"transformers {self.type} {self.name} ({self.weights_sha256[:12]}) in float32"

    @property
    def parts(self) -> dict[str, object]:
        """All that can change an answer, for a fingerprint: network, weights, tokenizer, preprocessing, question."""
        return {
            "network": network_settings(read_json(self.folder / "config.json")),
            "weights": self.weights_sha256,
            "files": files_digest(self.folder),
            "preprocessing": "the folder's own, on Pillow where transformers can",
            "layer": "mean log-probability of an answer's tokens",
            "library": "transformers",
        }


class VisionLanguageModel:
    """One model. The answers to an image's question do not depend on what else is asked."""

    def __init__(self, found: VisionLanguageFolder, device: str = "cpu") -> None:
        """Load the network in float32; nothing is downloaded. Raises MetricInputError when it does not fit."""
        self.found, self.device = found, device
        self.network = load_exactly(_network_class(found.type), found.folder).to(device)

    def log_probabilities(self, image: np.ndarray, question: str, answers: Sequence[str]) -> np.ndarray:
        """The mean log-probability of the tokens of A answers to a question about an image, float64 (A,).

        image: uint8 (H, W, 3). Of a decoder that reads on from the prompt the answer's own tokens count; of one beside
        an encoder its end too, as VQAScore's authors have it.
        Raises MetricInputError for a question that is longer than what the model reads.
        """
        inputs = self._inputs(image, question)
        tokens = [self._answer(answer) for answer in answers]
        with torch.inference_mode(), exact_float32():
            if self.found.type == "blip":
                return np.array([_mean_log(_blip_logits(self.network, inputs, ids), ids) for ids in tokens])
            if self._encodes:
                return np.array([_mean_log(self._labelled(inputs, ids), ids) for ids in tokens])
            # Answers of one token share their prompt, and so one pass.
            passes = {ids[:-1]: self._read_on(inputs, ids[:-1]) for ids in tokens}
            return np.array([_mean_log(passes[ids[:-1]], ids) for ids in tokens])

    def _inputs(self, image: np.ndarray, question: str) -> dict[str, torch.Tensor]:
        from PIL import Image

        text = question
        if self.found.template is CHAT:
            content = [{"type": "image"}, {"type": "text", "text": question}]
            said = [{"role": "user", "content": content}]
            text = self._processor.apply_chat_template(said, add_generation_prompt=True, tokenize=False)
        made = self._processor(images=[Image.fromarray(image)], text=[text], return_tensors="pt")
        longest = max(made[name].shape[1] for name in ("input_ids", "qformer_input_ids") if name in made)
        if self._context and longest > self._context:
            raise MetricInputError(
                f"a prompt's question is {longest} tokens long and {self.found.name} reads {self._context}: "
                "leave that prompt out, or name a model with a longer context"
            )
        return {name: value.to(self.device) for name, value in made.items()}

    def _answer(self, answer: str) -> tuple[int, ...]:
        tokenizer = self._processor.tokenizer
        ids = tuple(tokenizer(answer, add_special_tokens=False).input_ids)
        if not ids:
            raise MetricInputError(f"{self.found.name} has no token for the answer {answer!r}: reword it")
        end = tokenizer.sep_token_id if self.found.type == "blip" else tokenizer.eos_token_id
        return (*ids, end) if self.found.type == "blip" or self._encodes else ids

    def _read_on(self, inputs: Mapping[str, torch.Tensor], answer: Sequence[int]) -> torch.Tensor:
        """Logits (T, V) of the tokens of an answer: those after the prompt, and after each of `answer`, all but one."""
        read = dict(inputs)
        length = inputs["input_ids"].shape[1]
        begun = torch.tensor([list(answer)], dtype=torch.long, device=self.device)
        for name, value in inputs.items():
            if value.ndim == 2 and value.shape[1] == length and not value.is_floating_point():
                more = begun if name == "input_ids" else torch.full_like(begun, name == "attention_mask")
                read[name] = torch.cat([value, more.to(value.dtype)], dim=1)
        logits: torch.Tensor = self.network(**read).logits[0]
        return logits[-1 - len(answer) :]

    def _labelled(self, inputs: Mapping[str, torch.Tensor], answer: Sequence[int]) -> torch.Tensor:
        """Logits (T, V) of a decoder beside an encoder, which is given the answer's tokens one behind."""
        logits: torch.Tensor = self.network(**inputs, labels=torch.tensor([list(answer)], device=self.device)).logits[0]
        return logits

    @cached_property
    def _encodes(self) -> bool:
        return bool(getattr(self._language, "is_encoder_decoder", False))

    @property
    def _language(self) -> Any:
        return getattr(self.network.config, "text_config", None) or self.network.config

    @cached_property
    def _context(self) -> int:
        """Tokens that it reads, 0 where positions are relative."""
        limits = [self._language, getattr(self.network.config, "qformer_config", None)]
        return min((n for config in limits if (n := getattr(config, "max_position_embeddings", 0))), default=0)

    @cached_property
    def _processor(self) -> Any:
        from transformers import AutoImageProcessor, AutoProcessor

        folder = self.found.folder
        with reading_processor(folder):
            processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
            processor.image_processor = AutoImageProcessor.from_pretrained(folder, backend="pil", local_files_only=True)
        return processor


def _mean_log(logits: torch.Tensor, answer: Sequence[int]) -> float:
    """Logits (T, V) that foretell an answer's T tokens to the mean of their log-probabilities."""
    logs = logits.double().log_softmax(dim=-1)
    return float(logs[torch.arange(len(answer)), torch.tensor(answer, device=logits.device)].mean())


def _blip_logits(network: Any, inputs: Mapping[str, torch.Tensor], answer: Sequence[int]) -> torch.Tensor:
    """Logits (T, V) of BLIP's answer decoder, which reads the question as its encoder saw it beside the image."""
    seen = network.vision_model(pixel_values=inputs["pixel_values"]).last_hidden_state  # (1, patches, D)
    asked = network.text_encoder(
        input_ids=inputs["input_ids"],
        attention_mask=inputs["attention_mask"],
        encoder_hidden_states=seen,
        encoder_attention_mask=torch.ones(seen.shape[:-1], dtype=torch.long, device=seen.device),
    ).last_hidden_state  # (1, L, D)
    begun = torch.tensor([[network.decoder_start_token_id, *answer[:-1]]], device=seen.device)
    decoded = network.text_decoder(
        input_ids=begun, encoder_hidden_states=asked, encoder_attention_mask=inputs["attention_mask"]
    )
    logits: torch.Tensor = decoded.logits[0]
    return logits


def _network_class(kind: str) -> Any:
    import transformers

    return transformers.BlipForQuestionAnswering if kind == "blip" else transformers.AutoModelForImageTextToText


def _known_types() -> Mapping[str, str]:
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

    return dict(MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES)


def _chats(folder: Path) -> bool:
    """Whether the folder says how a conversation is written."""
    for name in _CHAT_TEMPLATES:
        path = folder / name
        if path.is_file() and (path.suffix == ".jinja" or "chat_template" in read_json(path)):
            return True
    return False
