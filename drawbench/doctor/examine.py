"""What is on this machine and what it makes possible: devices, packages, weights, prompt sets, caches."""

import os
import platform
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Literal

from drawbench import __version__
from drawbench.errors import UserError
from metrics.errors import MetricInputError
from metrics.features.packaged import INSTALL
from metrics.features.weights import PUBLISHED, check_weights, located

EXTRAS = {  # what the optional packages are for
    "diffusers": "models diffusers:PATH_OR_ID",
    "http": "models http:URL",
    "offline": "protocols offline and ocr-rapidocr",
    "postgres": "studies on PostgreSQL",
    "dev": "tests, and the peers of drawbench doctor --metrics",
}
REQUIREMENT = re.compile(r"^(?P<name>[\w.-]+)[^;]*(?:;\s*extra\s*==\s*[\"'](?P<extra>[\w-]+)[\"'])?$")
THREADS_VARIABLE = "OMP_NUM_THREADS"
TELLING = ("torch", "torchvision", "open_clip_torch", "transformers", "clean-fid", "numpy", "scipy", "pillow")
State = Literal["found", "ready", "empty", "missing", "wrong"]


@dataclass(frozen=True)
class Finding:
    """One thing looked for. detail: what was found, or what is wrong. enables: what it is for. next: what to do."""

    name: str
    state: State
    detail: str
    enables: str = ""
    next: str = ""


@dataclass(frozen=True)
class Section:
    """Findings of one kind."""

    title: str
    findings: tuple[Finding, ...]


def examine() -> list[Section]:
    """Everything, in the order in which it is shown. Opens no network connection."""
    return [
        Section("Machine", tuple(_machine())),
        Section("Packages", tuple(_packages())),
        Section("Weights", tuple(_weights())),
        Section("Prompt sets", tuple(_prompt_sets())),
        Section("Caches", tuple(_caches())),
        Section("Protocols, for --protocol", tuple(_protocols())),
    ]


def machine_data(sections: Sequence[Section]) -> dict[str, Any]:
    """The sections for JSON, by title."""
    return {
        "drawbench": __version__,
        **{section.title: [asdict(finding) for finding in section.findings] for section in sections},
    }


def size_text(count: float) -> str:
    """Bytes as people read them: 1.7 GB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 10 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def folder_size(folder: Path) -> int:
    """Bytes of the files under a folder; what cannot be read counts as 0. Links are not followed."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).lstat().st_size
            except OSError:  # gone, or not ours to read
                continue
    return total


def _machine() -> Iterator[Finding]:
    import torch

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    named = os.environ.get(THREADS_VARIABLE)
    why = f" ({THREADS_VARIABLE}={named})" if named else ""
    threads = f"{cores} cores, {torch.get_num_threads()} threads for torch{why}"
    yield Finding("python", "found", f"{platform.python_version()}, {platform.system()} {platform.machine()}")
    yield Finding("cpu", "found", threads, "everything, large models slowly")
    cuda = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    for number, device in enumerate(cuda):
        yield Finding(f"cuda:{number}", "found", f"{device.name}, {size_text(device.total_memory)}", "large models")
    if torch.backends.mps.is_available():
        yield Finding("mps", "found", "Apple's graphics processor", "large models")
    elif not cuda:
        remedy = (
            "" if torch.version.cuda else "if there is a GPU, install torch for it: this one is for processors only"
        )
        yield Finding("gpu", "missing", "none that torch can use", "large models", remedy)


def _packages() -> Iterator[Finding]:
    for extra, requirements in _requirements().items():
        states = {name: _installed(requirement) for name, requirement in requirements.items()}
        wrong = [f"{name} {what}" for name, (fits, what) in states.items() if not fits]
        told = [
            f"{name} {what}" for name, (fits, what) in states.items() if fits and (name in TELLING or len(states) < 8)
        ]
        more = len(states) - len(wrong) - len(told)
        yield Finding(
            extra or "required",
            "wrong" if wrong else "found",
            ", ".join([*wrong, *told, *([f"{more} {'more' if told else 'packages'}"] if more else [])]),
            EXTRAS.get(extra, ""),
            f"pip install 'drawbench{f'[{extra}]' if extra else ''}'" if wrong else "",
        )


def _requirements() -> dict[str, dict[str, str]]:
    """Per extra ("" for what is always needed): the package's name and its requirement as it is written."""
    found: dict[str, dict[str, str]] = {}
    for line in requires("drawbench") or []:
        match = REQUIREMENT.match(line)
        if match:
            found.setdefault(match["extra"] or "", {})[match["name"]] = line.partition(";")[0].strip()
    return {extra: packages for extra, packages in found.items() if extra in ("", *EXTRAS)}


def _installed(requirement: str) -> tuple[bool, str]:
    """Whether the package is installed in a version that is asked for; and its version, or what is wrong."""
    from packaging.requirements import Requirement

    asked = Requirement(requirement)
    try:
        found = version(asked.name)
    except PackageNotFoundError:
        return False, "is missing"
    if not asked.specifier.contains(found, prereleases=True):
        return False, f"{found} is not {asked.specifier}"
    return True, found


def _weights() -> Iterator[Finding]:
    from metrics.features.clip.open_clip import WEIGHTS_FILE
    from metrics.features.registry import BUNDLED_FOLDER, scorer_folder

    try:
        digest = check_weights(BUNDLED_FOLDER / WEIGHTS_FILE, scorer_folder().weights_sha256)
    except (MetricInputError, OSError) as error:
        yield Finding("bundled scorer", "wrong", str(error), "protocol bundled", "install drawbench again")
    else:
        size = size_text(folder_size(BUNDLED_FOLDER))
        yield Finding("bundled scorer", "found", f"{size}, SHA-256 {digest[:12]} as it should be", "protocol bundled")
    for weights in PUBLISHED:
        path = located(weights)
        if path is None:
            remedy = f"drawbench weights fetch {weights.name}"
            yield Finding(weights.name, "missing", weights.size_text, weights.used_for, remedy)
        else:
            size = size_text(path.stat().st_size)
            yield Finding(weights.name, "found", f"{path}, {size}, digest checked on use", weights.used_for)


def _prompt_sets() -> Iterator[Finding]:
    from drawbench.prompts import drawbench_set
    from drawbench.prompts.registry import load_open

    yield Finding("open", "found", f"embedded, {len(load_open().prompts)} prompts", "--prompts open")
    yield Finding("world", "found", "embedded, drawn on first use", "--prompts world, with reference images")
    local, enables = drawbench_set.local_file(), "--prompts drawbench"
    if local is None:
        remedy = f"set {drawbench_set.FILE_VARIABLE}=FILE; without it the first use asks the hub"
        yield Finding("drawbench", "missing", f"not at {drawbench_set.cached_file()}", enables, remedy)
        return
    named = bool(os.environ.get(drawbench_set.FILE_VARIABLE))
    try:
        prompts = drawbench_set.load_drawbench(local).prompts
    except UserError as error:
        remedy = f"correct or unset {drawbench_set.FILE_VARIABLE}" if named else f"delete {local}"
        yield Finding("drawbench", "wrong", str(error), enables, remedy)
    else:
        origin = f" named by {drawbench_set.FILE_VARIABLE}" if named else ""
        yield Finding("drawbench", "found", f"{local}{origin}, the {len(prompts)} published prompts", enables)


def _caches() -> Iterator[Finding]:
    from huggingface_hub.constants import HF_HUB_CACHE

    from metrics.images.folders import cache_folder

    ours, hub = cache_folder(), Path(HF_HUB_CACHE)
    worlds = [*ours.glob("world-*"), *ours.glob("rich-*")]
    yield _cache("features", ours / "features", [ours / "features"], "scoring again without reading images again")
    yield _cache("world", ours, worlds, "references of the set world")
    yield _cache("hub", hub, [hub], "models and prompt sets of Hugging Face")


def _cache(name: str, where: Path, folders: list[Path], use: str) -> Finding:
    """Where it is, how much is there, and how much more the disk takes."""
    there = next(parent for parent in [where, *where.parents] if parent.is_dir())
    free = f"{size_text(shutil.disk_usage(there).free)} free"
    size = sum(map(folder_size, folders))
    held = size_text(size) if size else "nothing yet"
    return Finding(name, "found" if size else "empty", f"{where}, {held}, {free}", use)


def _protocols() -> Iterator[Finding]:
    from drawbench.scoring.protocols import NAMED, OF_THIS_MACHINE

    for name, make in NAMED.items():
        try:
            protocol = make()
        except MetricInputError as error:
            yield Finding(name, "missing" if name in OF_THIS_MACHINE else "wrong", str(error))
            continue
        packaged = dict.fromkeys(file for metric in protocol.metrics for file in metric.extractor.packaged)
        if absent := dict.fromkeys(file.package for file in packaged if file.located() is None):
            yield Finding(name, "missing", f"{' and '.join(absent)} not installed", next=INSTALL)
            continue
        files = dict.fromkeys(file for metric in protocol.metrics for file in metric.extractor.files)
        missing = [file.name for file in files if located(file) is None]
        if missing:
            remedy = f"drawbench weights fetch {' '.join(missing)}"
            yield Finding(name, "missing", f"{len(missing)} of its weights files are not here", next=remedy)
        else:
            yield Finding(name, "ready", protocol.label)
