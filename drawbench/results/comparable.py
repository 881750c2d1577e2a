"""Whether two results compare, and in which fields they differ if not."""

from dataclasses import dataclass

from drawbench.results.files import Result


@dataclass(frozen=True)
class ComparisonKey:
    """Two numbers compare only when all of this is equal."""

    kind: str
    prompt_set_sha256: str
    prompts: int
    protocol_fingerprint: str
    reference_sha256: str | None
    size: int
    samples: int
    complete: bool


def comparison_key(result: Result) -> ComparisonKey:
    """The key under which a result may stand beside another one."""
    return ComparisonKey(
        kind=result.kind,
        prompt_set_sha256=result.prompt_set.sha256,
        prompts=result.prompt_set.n,
        protocol_fingerprint=result.protocol.fingerprint,
        reference_sha256=result.reference.sha256 if result.reference else None,
        size=result.size,
        samples=result.samples,
        complete=result.complete,
    )


def differences(a: Result, b: Result) -> tuple[str, ...]:
    """Every reason why two results do not compare, in words, with both values; empty when they do."""
    pairs = {
        "kind": (a.kind, b.kind),
        "prompt set": (
            f"{a.prompt_set.name} {a.prompt_set.sha256[:12]}",
            f"{b.prompt_set.name} {b.prompt_set.sha256[:12]}",
        ),
        "number of prompts": (a.prompt_set.n, b.prompt_set.n),
        "protocol": (_protocol_words(a), _protocol_words(b)),
        "reference set": (_reference_words(a), _reference_words(b)),
        "evaluated size": (f"{a.size} px", f"{b.size} px"),
        "samples per prompt": (a.samples, b.samples),
        "completeness": ("complete" if a.complete else "partial", "complete" if b.complete else "partial"),
    }
    keys = (comparison_key(a), comparison_key(b))
    same = [getattr(keys[0], field) == getattr(keys[1], field) for field in _FIELD_ORDER]
    return tuple(
        f"{field} ({one} against {other})"
        for (field, (one, other)), equal in zip(pairs.items(), same, strict=True)
        if not equal
    )


_FIELD_ORDER = (
    "kind",
    "prompt_set_sha256",
    "prompts",
    "protocol_fingerprint",
    "reference_sha256",
    "size",
    "samples",
    "complete",
)


def _protocol_words(result: Result) -> str:
    protocol = result.protocol
    return f"{protocol.name} version {protocol.version}, {protocol.fingerprint[:12]}"


def _reference_words(result: Result) -> str:
    reference = result.reference
    return f"{reference.name} {reference.sha256[:12]}" if reference else "none"
