"""The entries of protocols that ask a vision-language model: described before its network is loaded."""

from functools import partial
from pathlib import Path

from metrics.features.registry import ExtractorEntry
from metrics.features.vision_language.model import VisionLanguageFolder
from metrics.features.vision_language.questions import QuestionFile
from metrics.features.vision_language.readers import (
    QuestionReader,
    VqaReader,
    questions_fingerprint,
    vqa_fingerprint,
)


def vqa(spec: str) -> ExtractorEntry:
    """VQAScore by any vision-language model of transformers: a folder, or a hub id in the local hub cache.

    Raises MetricInputError when there is none, or it holds a model of another kind.
    """
    found = VisionLanguageFolder.find(spec)
    asked = found.template
    return ExtractorEntry(
        f"vqa-{found.label}",
        f"{found.description}, asked {asked.figure!r}, probability of {asked.yes!r}",
        found.weights_sha256,
        partial(vqa_fingerprint, found),
        partial(VqaReader, found),
        reads_prompts=True,
    )


def questions(path: Path, spec: str) -> ExtractorEntry:
    """The questions of a file, answered by a vision-language model. Raises MetricInputError for what is neither."""
    file, found = QuestionFile.read(path), VisionLanguageFolder.find(spec)
    asked = found.template
    loose = f"{file.loose} of its prompts depend on no question of theirs, and are taken without dependencies"
    said = f"asked {asked.yes_no!r} or {asked.choice!r}, the likeliest choice by the mean log-probability of its tokens"
    return ExtractorEntry(
        f"qa-{path.stem}-{file.sha256[:8]}-{found.label}",
        f"questions of {file.name} ({file.sha256[:12]}) to {found.description}, {said}",
        found.weights_sha256,
        partial(questions_fingerprint, found, file),
        partial(QuestionReader, found, file),
        caution=loose if file.loose else "",
        reads_prompts=True,
        applies_to=file.of,
    )
