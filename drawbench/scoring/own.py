"""Scorers of the user's own: what follows `clip:`, `vqa:`, `qa:` and `geneval:` in a protocol's name."""

import re
from dataclasses import dataclass
from pathlib import Path

from drawbench.errors import UserError
from drawbench.scoring.kinds.asked import GENEVAL, QA_SCORE, VQA_SCORE
from drawbench.scoring.kinds.kind import MetricKind
from metrics.features.clip.published import is_open_clip_model
from metrics.features.geneval.entries import geneval
from metrics.features.registry import ExtractorEntry, open_clip_model, transformers_clip
from metrics.features.vision_language.entries import questions, vqa

OWN_CLIP = "clip"  # begins the name of a protocol with a CLIP score of the user's own
FILE_AND_MODEL = re.compile(r"(.+?\.(?:json|jsonl|csv))@(.+)", re.IGNORECASE)  # a model may have an @REVISION


@dataclass(frozen=True)
class Asked:
    """One metric by one reader. words: what a table's label says before the reader's description."""

    kind: MetricKind
    entry: ExtractorEntry
    words: str


def clip_scorer(spec: str) -> ExtractorEntry:
    """A CLIP of the user's own.

    spec: a folder or hub id of a CLIP or SigLIP of transformers, or `NAME=FILE`, an open_clip configuration and weights
    for it. Raises MetricInputError when there is no such model.
    """
    name, equals, file = spec.partition("=")
    model = name.partition("/")[0]
    if equals and not (model and file):
        raise UserError(f"clip:{spec} names no {'file' if model else 'model'}: write clip:MODEL/TAG=FILE")
    if not equals and not Path(spec).is_dir() and is_open_clip_model(model):
        raise UserError(f"clip:{spec} is a model of open_clip without its weights: write clip:{spec}=FILE")
    return open_clip_model(name, Path(file)) if equals else transformers_clip(spec)


def own_vqa(spec: str) -> Asked:
    """VQAScore by a model of transformers that sees images."""
    return Asked(VQA_SCORE, vqa(spec), "VQAScore")


def own_questions(spec: str) -> Asked:
    """A file of questions, in DSG's or TIFA's format, answered by such a model: FILE@MODEL."""
    file, model = _parted("qa", spec, "FILE@MODEL")
    return Asked(QA_SCORE, questions(file, model), "faithfulness by question answering")


def own_geneval(spec: str) -> Asked:
    """A file of rules in GenEval's format, by a detector and a CLIP: FILE@DETECTOR+CLIP."""
    file, models = _parted("geneval", spec, "FILE@DETECTOR+CLIP")
    detector, plus, colours = models.partition("+")
    if plus and not colours:
        raise UserError(f"geneval:{spec} names no CLIP: write geneval:FILE@DETECTOR+CLIP")
    return Asked(GENEVAL, geneval(file, detector, clip_scorer(colours) if colours else None), "GenEval's rules")


ASKED = {"vqa": own_vqa, "qa": own_questions, "geneval": own_geneval}
FORMS = ("clip:MODEL", "vqa:MODEL", "qa:FILE@MODEL", "geneval:FILE@DETECTOR+CLIP")


def _parted(kind: str, spec: str, form: str) -> tuple[Path, str]:
    found = FILE_AND_MODEL.fullmatch(spec)
    if not found:
        raise UserError(f"{kind}:{spec} is not {kind}:{form}, with a .json, .jsonl or .csv file: write it so")
    return Path(found[1]).expanduser(), found[2]
