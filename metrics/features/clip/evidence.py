"""Whether a file holds the weights that its tag names: what can be told without a network.

The weights of most tags of a model have the same shapes, so that a wrong tag loads and scores wrongly. What tells is
the digest that open_clip knows of some files, a file's folder in the hub's cache, and the configuration beside it.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

from metrics.errors import MetricInputError
from metrics.features.clip.published import OWN_TAG, published_settings

CONFIG_FILE = "open_clip_config.json"
READ_BY_TAG = ("mean", "std", "interpolation", "resize_mode")


def evidence(name: str, weights: Path, sha256: str) -> str:
    """What says that the file holds the weights of `MODEL/TAG`, in words; empty where nothing does.

    name: a tag of one's own, or no tag, claims nothing: what says how the file is read is held to it all the same.
    sha256: of the file. Raises MetricInputError where something says that the file is another's.
    """
    return _of_digest(name, weights, sha256) or _of_hub_folder(name, weights) or _of_config(name, weights)


def claims_a_tag(name: str) -> bool:
    """Whether the name says of which published weights a file is."""
    return "/" in name and not name.endswith(f"/{OWN_TAG}")


@cache
def _published() -> tuple[dict[str, list[str]], dict[str, str], dict[str, list[str]]]:
    """Of open_clip's table: names by the beginning of a digest, digest by file name, names by folder of the hub."""
    import open_clip

    by_digest, of_file, by_folder = defaultdict(list), {}, defaultdict(list)
    for model, tag in open_clip.list_pretrained():
        published, name = open_clip.get_pretrained_cfg(model, tag), f"{model}/{tag}"
        url = published.get("url") or ""
        file = url.rpartition("/")[2]
        # OpenAI's addresses hold the digest as a folder, open_clip's own as the end of the file's name.
        found = re.search(r"/([0-9a-f]{64})/[^/]+$", url) or re.search(r"-([0-9a-f]{8})\.pth?$", url)
        if found:
            by_digest[found[1]].append(name)
            of_file[file] = found[1]
        if folder := (published.get("hf_hub") or "").strip("/"):
            by_folder[folder].append(name)
    return dict(by_digest), of_file, dict(by_folder)


def _of_digest(name: str, weights: Path, sha256: str) -> str:
    by_digest, of_file, _ = _published()
    expected = of_file.get(weights.name, "")
    if not sha256.startswith(expected):
        raise MetricInputError(
            f"{weights} is named as a published file and is not that file (its SHA-256 begins {sha256[:8]}, and "
            f"{expected[:8]} is expected): fetch it again, or give it a name of its own"
        )
    held = [each for digest, names in by_digest.items() if sha256.startswith(digest) for each in names]
    return _held(name, weights, held, "SHA-256") if held else ""


def _of_hub_folder(name: str, weights: Path) -> str:
    """By `models--ORG--NAME` in the file's path: the hub's cache names folders so."""
    folders = [part.removeprefix("models--").replace("--", "/", 1) for part in weights.absolute().parts]
    held = [each for folder in folders for each in _published()[2].get(folder, [])]
    return _held(name, weights, held, "folder in the hub's cache") if held else ""


def _held(name: str, weights: Path, held: list[str], by: str) -> str:
    """The file is of these names. Raises MetricInputError unless `name` is one, or is read alike without naming any."""
    if name in held:
        return f"weights known by their {by}"
    if claims_a_tag(name) or all(_reading(name) != _reading(each) for each in held):
        raise MetricInputError(
            f"{weights} holds the weights of {held[0]} by its {by}, not of {name}: name them as clip:{held[0]}=FILE"
        )
    return ""


def _of_config(name: str, weights: Path) -> str:
    """By the configuration beside the file, which says how it is read."""
    path = weights.parent / CONFIG_FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        model, preprocess = found["model_cfg"], found.get("preprocess_cfg", {})
        said = {"activation": _activation(model)} | {key: preprocess[key] for key in READ_BY_TAG if key in preprocess}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # none, or none of open_clip's
        return ""
    ours = _reading(name)
    different = [f"{key} {said[key]} where {name} has {ours[key]}" for key in said if said[key] != ours[key]]
    if different:
        raise MetricInputError(
            f"{path}, beside the weights, says {'; '.join(different)}: name the tag of these weights, or move them away"
        )
    return f"weights read as the {CONFIG_FILE} beside them says"


def _reading(name: str) -> dict[str, object]:
    model, preprocess = published_settings(name)
    values = {key: list(value) if isinstance(value := preprocess[key], tuple) else value for key in READ_BY_TAG}
    return {"activation": _activation(model), **values}


def _activation(model: dict[str, object]) -> str:
    return "QuickGELU" if model.get("quick_gelu", False) else "GELU"
