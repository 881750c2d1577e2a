"""CLIP score of several samples a prompt, ours against torchmetrics, the same random ViT-B/32 weights on both sides.

The weights are drawn once as transformers' CLIPModel, saved, and read by both; images are crops of real photographs.
The bare image tower is the same network on tensors that are ready.
"""

import platform
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from open_clip.tokenizer import SimpleTokenizer
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.utils import logging

from benchmarks.timing import in_turns
from drawbench.doctor.peer_networks import torchmetrics_clip_scorer
from drawbench.prompts.registry import load_open
from metrics.alignment import sample_cosines
from metrics.features.clip.transformers import TransformersClipExtractor
from metrics.features.streams import in_streams
from tests.metrics.photographs import crops

PROMPTS, SAMPLES, SIZE = 8, 8, 256  # PROMPTS divides 200
REPEATS = 5
BATCH = 32


@dataclass(frozen=True)
class _Work:
    folder: Path
    images: list[np.ndarray]  # sample-major: SAMPLES images of each prompt
    prompts: list[str]
    captions: list[str]  # of each image


def report() -> str:
    """Seconds of each side, interleaved in one run, as a small table."""
    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as name:
        work = _make_work(Path(name) / "clip")
        sides = {"ours": _ours(work), "ours, image path": _image_path(work)}
        sides |= {"bare image tower": _bare_tower(work, False), "bare, in streams": _bare_tower(work, True)}
        sides["torchmetrics"] = _torchmetrics(work)
        in_turns(sides, 1)  # warms each side up
        found = in_turns(sides, REPEATS)
    ours, peer = found["ours"], found["torchmetrics"]
    rows = [
        f"{side:<20} {t.wall:7.2f} s  {len(work.images) / t.wall:6.1f} images/s  {t.cpu:7.2f} s of processor time"
        for side, t in found.items()
    ]
    bare = [found[side] for side in ("bare image tower", "bare, in streams")]
    tower_wall = found["ours, image path"].wall / min(t.wall for t in bare)
    tower_cpu = found["ours, image path"].cpu / min(t.cpu for t in bare)
    return "\n".join(
        [
            f"CLIP score, random ViT-B/32, {PROMPTS} prompts x {SAMPLES} samples at {SIZE} px, "
            f"{torch.get_num_threads()} threads, {platform.machine()}, torch {torch.__version__}",
            *rows,
            f"ours against torchmetrics: {peer.wall / ours.wall:.2f}x (processor time {peer.cpu / ours.cpu:.2f}x)",
            f"image path against the faster bare tower: {tower_wall - 1:+.1%} (processor time {tower_cpu - 1:+.1%})",
            f"100 x mean cosine: ours {100 * ours.value:.4f}, torchmetrics {peer.value:.4f}",
        ]
    )


def _make_work(folder: Path) -> _Work:
    tokenizer = SimpleTokenizer()
    merges = sorted(tokenizer.bpe_ranks, key=lambda pair: tokenizer.bpe_ranks[pair])
    vocab = {
        piece: number
        for piece, number in tokenizer.encoder.items()
        if "_of_text>" not in piece and "start>" not in piece
    }
    vocab |= {"<|startoftext|>": 49406, "<|endoftext|>": 49407}
    CLIPTokenizer(vocab=vocab, merges=merges).save_pretrained(folder)
    torch.manual_seed(0)
    text = {"vocab_size": 49408, "bos_token_id": 49406, "eos_token_id": 49407, "pad_token_id": 49407}
    model = CLIPModel(CLIPConfig(text_config=text))  # the defaults are ViT-B/32's
    model.visual_projection.weight.data.neg_()  # a mean above 0, which torchmetrics does not clamp
    model.save_pretrained(folder)
    CLIPImageProcessorPil().save_pretrained(folder)
    prompts = [prompt.text for prompt in load_open().prompts[:: 200 // PROMPTS]]  # of all categories and lengths
    captions = [prompt for prompt in prompts for _ in range(SAMPLES)]
    return _Work(folder, list(crops(len(captions), SIZE)), prompts, captions)


def _batches(items: Sequence[Any]) -> list[Sequence[Any]]:
    return [items[i : i + BATCH] for i in range(0, len(items), BATCH)]


def _ours(work: _Work) -> Callable[[], float]:
    extractor = TransformersClipExtractor(work.folder)

    def run() -> float:
        images = np.concatenate([extractor(batch) for batch in _batches(work.images)])
        texts = extractor.encode_texts(work.prompts)
        return float(sample_cosines(images, np.repeat(texts, SAMPLES, axis=0)).mean())

    return run


def _image_path(work: _Work) -> Callable[[], float]:
    extractor = TransformersClipExtractor(work.folder)
    return lambda: sum(float(extractor(batch).sum()) for batch in _batches(work.images))


def _bare_tower(work: _Work, streams: bool) -> Callable[[], float]:
    """The network alone: as it comes, with threads inside its operators, or one stream per core."""
    pixels = list(TransformersClipExtractor(work.folder).processor(work.images)["pixel_values"].contiguous())
    network = CLIPModel.from_pretrained(work.folder).eval()  # transformers' own, all layers whole

    @torch.inference_mode()
    def compute(part: Sequence[torch.Tensor]) -> np.ndarray:
        return network.get_image_features(torch.stack(list(part))).pooler_output.numpy()

    return lambda: sum(
        float((in_streams(compute, part) if streams else compute(part)).sum()) for part in _batches(pixels)
    )


def _torchmetrics(work: _Work) -> Callable[[], float]:
    """Its functional clip_score over batches; a caption is given with each image, as its interface asks."""
    score = torchmetrics_clip_scorer(work.folder)
    batches = list(zip(_batches(work.images), _batches(work.captions), strict=True))
    return lambda: float(np.mean([score(*batch) for batch in batches]))


if __name__ == "__main__":
    print(report())
