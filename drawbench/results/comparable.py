"""Whether two numbers compare, and in what they differ if not."""

from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from drawbench.results.files import Result
from drawbench.results.scores import PromptSetRef, ProtocolRef, ReferenceRef


@dataclass(frozen=True)
class Conditions:
    """What decides whether a number compares with another, for one that is measured now or later."""

    prompt_set: PromptSetRef
    protocol: ProtocolRef
    reference: ReferenceRef | None
    size: int
    samples: int
    complete: bool
    kind: ClassVar[str] = "measured"


Measured = Result | Conditions


class ComparisonKey(NamedTuple):
    """Two numbers compare only when all of this is equal."""

    kind: str
    prompt_set_sha256: str
    prompts: int
    protocol_fingerprint: str
    reference_sha256: str | None
    size: int
    samples: int
    complete: bool


def comparison_key(measured: Measured) -> ComparisonKey:
    """The key under which a number may stand beside another one."""
    return ComparisonKey(
        kind=measured.kind,
        prompt_set_sha256=measured.prompt_set.sha256,
        prompts=measured.prompt_set.n,
        protocol_fingerprint=measured.protocol.fingerprint,
        reference_sha256=measured.reference.sha256 if measured.reference else None,
        size=measured.size,
        samples=measured.samples,
        complete=measured.complete,
    )


def differences(a: Measured, b: Measured) -> tuple[str, ...]:
    """Every reason why two numbers do not compare, in words, with both values; empty when they do."""
    keys, words = (comparison_key(a), comparison_key(b)), (_in_words(a), _in_words(b))
    return tuple(
        f"{name} ({words[0][name]} against {words[1][name]})"
        for name, mine, other in zip(words[0], *keys, strict=True)
        if mine != other
    )


def _in_words(measured: Measured) -> dict[str, object]:
    """The fields of the key, in their order, as a reader knows them."""
    prompts, protocol, reference = measured.prompt_set, measured.protocol, measured.reference
    return {
        "kind": measured.kind,
        "prompt set": f"{prompts.name} {prompts.sha256[:12]}",
        "number of prompts": prompts.n,
        "protocol": f"{protocol.name} version {protocol.version}, {protocol.fingerprint[:12]}",
        "reference set": f"{reference.name} {reference.sha256[:12]}" if reference else "none",
        "evaluated size": f"{measured.size} px",
        "samples per prompt": measured.samples,
        "completeness": "complete" if measured.complete else "partial",
    }
