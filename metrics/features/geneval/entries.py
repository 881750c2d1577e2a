"""The entry of a protocol that judges images by GenEval's rules: described before its networks are loaded."""

from functools import partial
from pathlib import Path

from metrics.errors import MetricInputError
from metrics.features.geneval.owlv2 import QUERY, THRESHOLDS, Owlv2Detector, Owlv2Folder
from metrics.features.geneval.reader import ClipColours, GenevalReader, geneval_fingerprint
from metrics.features.geneval.rules import RuleFile
from metrics.features.registry import ExtractorEntry


def geneval(path: Path, spec: str, clip: ExtractorEntry | None) -> ExtractorEntry:
    """The rules of a file, by an OWLv2 of transformers and, for colours, a CLIP.

    Raises MetricInputError for a file or a model that is none, and for rules of colours without a CLIP.
    """
    rules, found = RuleFile.read(path), Owlv2Folder.find(spec)
    if rules.colours and clip is None:
        raise MetricInputError(f"{path} has rules of colours, which a CLIP tells: name one, as in DETECTOR+CLIP")
    clip = clip if rules.colours else None
    sure = f"surer than {THRESHOLDS.confidence}"
    if THRESHOLDS.counting != THRESHOLDS.confidence:
        sure += f", for counting {THRESHOLDS.counting}"
    seen = f"; colours of what is in a box by {clip.description}" if clip else ""
    colours = f"-{clip.name}" if clip else ""
    return ExtractorEntry(
        f"geneval-{path.stem}-{rules.sha256[:8]}-{found.name.replace('/', '--')}-{found.weights_sha256[:8]}{colours}",
        f"rules of {rules.name} ({rules.sha256[:12]}), objects by transformers owlv2 {found.name} "
        f"({found.weights_sha256[:12]}) in float32, asked for as {QUERY!r} among all classes of the file, {sure}, "
        f"{THRESHOLDS.most} of a class at most, overlapping by less than {THRESHOLDS.overlap}{seen}",
        found.weights_sha256,
        lambda: geneval_fingerprint(rules, found, clip.fingerprint() if clip else ""),
        partial(_load, rules, found, clip),
        origin=clip.origin if clip else "",
        caution=clip.caution if clip else "",
        reads_prompts=True,
        applies_to=rules.of,
    )


def _load(rules: RuleFile, found: Owlv2Folder, clip: ExtractorEntry | None, device: str) -> GenevalReader:
    fingerprint = geneval_fingerprint(rules, found, clip.fingerprint() if clip else "")
    colours = ClipColours(clip.load(device)) if clip else _colourless
    return GenevalReader(rules, Owlv2Detector(found, rules.classes, device), colours, THRESHOLDS, fingerprint)


def _colourless(image: object, name: str, found: object) -> list[str]:
    raise AssertionError(f"no rule asks for the colour of {name}")
