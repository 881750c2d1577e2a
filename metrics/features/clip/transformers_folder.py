"""Networks from folders in transformers' layout: safetensors only, float32, every name and shape matched."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from metrics.errors import MetricInputError

_LEFT_OVER = ("missing_keys", "unexpected_keys", "mismatched_keys")


def load_exactly(model: Any, folder: Path) -> Any:
    """`model`, a class of transformers, with exactly the folder's weights, for evaluation; nothing is downloaded.

    Raises MetricInputError when the weights cannot be read, or a name or shape is left over on either side.
    """
    from safetensors import SafetensorError

    try:
        with torch.random.fork_rng(devices=[]):  # making a network draws random numbers that belong to the caller
            network, found = model.from_pretrained(
                folder, dtype=torch.float32, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
    except (OSError, RuntimeError, ValueError, SafetensorError) as error:
        raise MetricInputError(
            f"the weights in {folder} cannot be loaded with its config.json: fetch them again"
        ) from error
    for kind in _LEFT_OVER:
        if found[kind]:
            raise MetricInputError(
                f"the weights in {folder} do not fit its config.json ({kind.replace('_', ' ')}: "
                f"{min(map(str, found[kind]))}): fetch them again"
            )
    return network.eval().requires_grad_(False)


@contextmanager
def reading_processor(folder: Path) -> Iterator[None]:
    """Inside, what transformers says of a folder without a usable processor becomes a MetricInputError."""
    try:
        yield
    except (OSError, ValueError, KeyError, TypeError, ImportError) as error:
        raise MetricInputError(
            f"{folder} has no usable processor of images and texts: add the model's processor and tokenizer files"
        ) from error
