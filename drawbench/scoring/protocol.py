"""What a protocol is: a named, versioned list of metric definitions. Scores compare only under equal fingerprints."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from drawbench.results.scores import ProtocolRef
from drawbench.scoring.kinds.kind import MetricKind
from metrics.features.registry import ExtractorEntry


@dataclass(frozen=True)
class MetricDefinition:
    """One metric of a protocol.

    metric: its name; for kinds that give several numbers, the name of the family.
    kind: what is computed, and all that is known of it.
    statistics: how an .npz of reference statistics for it must be marked in its file name; empty: any .npz will do.
    definition: one line with every choice that changes the number.
    blind: category -> what it depends on that the extractor is known not to see; for the note of that category's score.
    """

    metric: str
    kind: MetricKind
    extractor: ExtractorEntry
    definition: str
    statistics: str = ""
    blind: Mapping[str, str] = field(default_factory=dict, compare=False)

    def name_of(self, number: str) -> str:
        """What a number of the kind is called in score files."""
        return self.metric if number == self.kind.name else number


@dataclass(frozen=True)
class Protocol:
    """A list of metric definitions and the size at which images are evaluated.

    size: pixels, or None for the run's own size. Larger images, and reference images of any shape, are centre-cropped
    and resized to it. published_n: images behind the published numbers it is nearest to; 0 when there are none. spec:
    as a command takes it, where that is not its name.
    """

    name: str
    version: int
    label: str
    size: int | None
    metrics: tuple[MetricDefinition, ...]
    published_n: int = 0
    spec: str = ""

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over the version, the size and every definition with its extractor's fingerprint."""
        parts = [[m.metric, m.kind.name, m.definition, m.extractor.fingerprint()] for m in self.metrics]
        content = json.dumps([self.name, self.version, self.size, parts], ensure_ascii=False)
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def ref(self) -> ProtocolRef:
        """As it stands in score files."""
        return ProtocolRef(name=self.name, version=self.version, fingerprint=self.fingerprint, spec=self.spec)
