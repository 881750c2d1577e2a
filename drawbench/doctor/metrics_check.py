"""`drawbench doctor --metrics`: the sanity suite and the peers, on every extractor whose weights are here."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from drawbench.doctor.peer_networks import compare_networks
from drawbench.doctor.peers import PeerComparison, compare_numbers
from drawbench.progress import Progress
from drawbench.scoring.kinds import kinds
from drawbench.scoring.protocols import PROTOCOLS
from metrics.errors import MetricInputError
from metrics.features.extractor import Extractor
from metrics.features.registry import ExtractorEntry
from metrics.features.weights import LEARNED, located
from metrics.image_set import ImageSet
from metrics.sanity.suite import Check, SuiteImages, run_suite

LOGIT_SCALE = 20.0  # makes classes of cosines: as spread as a classifier's


@dataclass(frozen=True)
class SuiteResult:
    """The suite on one extractor."""

    extractor: str
    description: str
    fingerprint: str
    checks: tuple[Check, ...]

    @property
    def failures(self) -> tuple[Check, ...]:
        """The checks that did not pass."""
        return tuple(check for check in self.checks if not check.passed)


@dataclass(frozen=True)
class MetricsCheck:
    """All that was checked.

    numbers, networks: beside the peers', from the same features and from the same weights. missing: extractors that
    could not be checked, by name, each with the name of the weights it lacks. refused: those whose weights are here and
    wrong, with the sentence that says how.
    """

    images: SuiteImages
    suites: tuple[SuiteResult, ...]
    numbers: tuple[PeerComparison, ...]
    networks: tuple[PeerComparison, ...]
    missing: dict[str, str]
    refused: dict[str, str]

    @property
    def passed(self) -> bool:
        """Whether every check passed, and no weights were refused."""
        failed = any(suite.failures for suite in self.suites)
        return not failed and all(each.passed for each in (*self.numbers, *self.networks)) and not self.refused


def check_metrics(
    images: SuiteImages, device: str, progress: Progress, entries: Sequence[ExtractorEntry] | None = None
) -> MetricsCheck:
    """Everything that can be checked here. entries: those tried, by default all that are known."""
    suites: list[SuiteResult] = []
    numbers: list[PeerComparison] = []
    missing: dict[str, str] = {}
    refused: dict[str, str] = {}
    for entry in known_entries() if entries is None else entries:
        if lacking := _lacking(entry):
            missing[entry.name] = lacking
            continue
        try:
            extractor = entry.load(device)
        except MetricInputError as error:
            refused[entry.name] = str(error)
            continue
        suites.append(_suite(entry, extractor, images, progress))
        if not numbers:
            numbers = compare_numbers(_sets(extractor, images))
    networks = compare_networks(images.pool, images.captions)
    return MetricsCheck(images, tuple(suites), tuple(numbers), tuple(networks), missing, refused)


def known_entries() -> list[ExtractorEntry]:
    """The extractors of all protocols, each once, but for those from packages (docs/protocol.md says what they do) and
    the learned scorers, whose tests are their published codes."""
    found = (metric.extractor for name, make in PROTOCOLS.items() if name not in LEARNED for metric in make().metrics)
    entries = [entry for entry in found if not entry.packaged]
    return list({entry.name: entry for entry in entries}.values())


def _lacking(entry: ExtractorEntry) -> str:
    """The name of published weights that are not here, or an empty text."""
    return next((weights.name for weights in entry.files if located(weights) is None), "")


def _suite(entry: ExtractorEntry, extractor: Extractor, images: SuiteImages, progress: Progress) -> SuiteResult:
    with progress.counted(entry.name, 0, images.passes(hasattr(extractor, "encode_texts"))):
        checks = run_suite(extractor, images, [kind.suite_metric for kind in kinds()], progress.advance)
    return SuiteResult(entry.name, entry.description, extractor.fingerprint, tuple(checks))


def _sets(extractor: Extractor, images: SuiteImages) -> ImageSet:
    """Features of an undegraded set and of its references; as logits, the features themselves, spread out."""
    pairs = [np.asarray(extractor(part), dtype=np.float64) for part in (images.pool[: images.n], images.references)]
    return ImageSet(pairs[0], np.arange(images.n), logits=LOGIT_SCALE * pairs[0], references=pairs[1])
