"""CLIP score of several samples a prompt, ours against torchmetrics, the same random ViT-B/32 weights on both sides.

The weights are drawn once as transformers' CLIPModel, saved, and read by both; images are crops of real photographs.
The bare image tower is the same network on tensors that are ready.
"""

from __future__ import annotations

import platform
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

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
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        work = _make_work(Path(name) / "clip")
        sides = {"ours": _ours(work), "ours, image path": _image_path(work)}
        sides |= {"bare image tower": _bare_tower(work, False), "bare, in streams": _bare_tower(work, True)}
        sides["torchmetrics"] = _torchmetrics(work)
        scores = {side: run() for side, run in sides.items()}  # also warms each side up
        seconds = _measure(sides)
    ours, peer = scores["ours"], scores["torchmetrics"]
    rows = [
        f"{side:<20} {wall:7.2f} s  {len(work.images) / wall:6.1f} images/s  {cpu:7.2f} s of processor time"
        for side, (wall, cpu) in seconds.items()
    ]
    peer_ratio = [seconds["torchmetrics"][clock] / seconds["ours"][clock] for clock in (0, 1)]
    bare = [min(seconds[side][clock] for side in ("bare image tower", "bare, in streams")) for clock in (0, 1)]
    tower_ratio = [seconds["ours, image path"][clock] / bare[clock] for clock in (0, 1)]
    return "\n".join(
        [
            f"CLIP score, random ViT-B/32, {PROMPTS} prompts x {SAMPLES} samples at {SIZE} px, "
            f"{torch.get_num_threads()} threads, {platform.machine()}, torch {torch.__version__}",
            *rows,
            f"ours against torchmetrics: {peer_ratio[0]:.2f}x (processor time {peer_ratio[1]:.2f}x)",
            f"image path against the faster bare tower: {tower_ratio[0] - 1:+.1%} "
            f"(processor time {tower_ratio[1] - 1:+.1%})",
            f"100 x mean cosine: ours {100 * ours:.4f}, torchmetrics {peer:.4f}",
        ]
    )


def _measure(sides: dict[str, Callable[[], float]]) -> dict[str, tuple[float, float]]:
    """The fastest of several runs of each side, in seconds and in seconds of processor time.

    Taken in turns, so that a busy machine is busy for all; on one, processor time is the steadier of the two.
    """
    seconds = dict.fromkeys(sides, (float("inf"), float("inf")))
    for _ in range(REPEATS):
        for side, run in sides.items():
            wall, cpu = time.perf_counter(), time.process_time()
            run()
            taken = (time.perf_counter() - wall, time.process_time() - cpu)
            seconds[side] = (min(seconds[side][0], taken[0]), min(seconds[side][1], taken[1]))
    return seconds


def _make_work(folder: Path) -> _Work:
    import torch
    from open_clip.tokenizer import SimpleTokenizer
    from transformers import CLIPConfig, CLIPModel, CLIPTokenizer
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    from drawbench.prompts.registry import load_open

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
    return _Work(folder, _crops(len(captions)), prompts, captions)


def _crops(count: int) -> list[np.ndarray]:
    """Square crops of the photographs inside scikit-image's package."""
    from skimage import data

    photographs = [data.astronaut(), data.chelsea(), data.coffee(), data.rocket()]
    generator = np.random.default_rng(0)
    crops = []
    for number in range(count):
        photograph = photographs[number % len(photographs)]
        top, left = (int(generator.integers(0, length - SIZE + 1)) for length in photograph.shape[:2])
        crops.append(np.ascontiguousarray(photograph[top : top + SIZE, left : left + SIZE]))
    return crops


def _ours(work: _Work) -> Callable[[], float]:
    from metrics.clip_score import sample_cosines
    from metrics.features.clip.transformers import TransformersClipExtractor

    extractor = TransformersClipExtractor(work.folder)

    def run() -> float:
        images = np.concatenate([extractor(work.images[i : i + BATCH]) for i in range(0, len(work.images), BATCH)])
        texts = extractor.encode_texts(work.prompts)
        return float(sample_cosines(images, np.repeat(texts, SAMPLES, axis=0)).mean())

    return run


def _image_path(work: _Work) -> Callable[[], float]:
    from metrics.features.clip.transformers import TransformersClipExtractor

    extractor = TransformersClipExtractor(work.folder)

    def run() -> float:
        return sum(float(extractor(work.images[i : i + BATCH]).sum()) for i in range(0, len(work.images), BATCH))

    return run


def _bare_tower(work: _Work, streams: bool) -> Callable[[], float]:
    """The network alone: as it comes, with threads inside its operators, or one stream per core."""
    import torch
    from transformers import CLIPModel

    from metrics.features.clip.transformers import TransformersClipExtractor
    from metrics.features.streams import in_streams

    pixels = list(TransformersClipExtractor(work.folder).processor(work.images)["pixel_values"].contiguous())
    network = CLIPModel.from_pretrained(work.folder).eval()  # transformers' own, all layers whole

    def compute(part: Sequence[torch.Tensor]) -> np.ndarray:
        with torch.inference_mode():
            return network.get_image_features(torch.stack(list(part))).pooler_output.numpy()

    def run() -> float:
        batches = [pixels[i : i + BATCH] for i in range(0, len(pixels), BATCH)]
        return sum(float((in_streams(compute, part) if streams else compute(part)).sum()) for part in batches)

    return run


class _Peer:
    """A CLIPModel as torchmetrics expects one: since transformers 5 its features come wrapped in an output."""

    def __init__(self, network: Any) -> None:
        self.network, self.config = network, network.config

    def to(self, device: object) -> _Peer:
        """torchmetrics moves the model before every update."""
        self.network.to(device)
        return self

    def get_image_features(self, pixels: Any) -> Any:
        """(B, D)."""
        return self.network.get_image_features(pixels).pooler_output

    def get_text_features(self, ids: Any, mask: Any) -> Any:
        """(B, D)."""
        return self.network.get_text_features(ids, mask).pooler_output


def _torchmetrics(work: _Work) -> Callable[[], float]:
    """Its functional clip_score over batches; a caption is given with each image, as its interface asks."""
    import torch
    from torchmetrics.functional.multimodal import clip_score
    from transformers import CLIPModel, CLIPProcessor, CLIPTokenizer
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    model = _Peer(CLIPModel.from_pretrained(work.folder).eval())
    tokenizer = CLIPTokenizer.from_pretrained(work.folder)
    processor = CLIPProcessor(CLIPImageProcessorPil.from_pretrained(work.folder), tokenizer)
    tensors = [torch.from_numpy(image.transpose(2, 0, 1).copy()) for image in work.images]

    def run() -> float:
        with torch.inference_mode():
            means = [
                float(clip_score(tensors[i : i + BATCH], work.captions[i : i + BATCH], lambda: (model, processor)))
                for i in range(0, len(tensors), BATCH)
            ]
        return float(np.mean(means))

    return run


if __name__ == "__main__":
    print(report())
