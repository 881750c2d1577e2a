"""Fingerprints of the named protocols: with another one, no score that people have compares with a new one any more.

A fingerprint that changes needs a version that is raised, and a line of its own here; the old line goes with the old
version. What open_clip says about its networks is part of a fingerprint, so under another open_clip only our own part
of it is held.
"""

import hashlib
import json
from importlib.metadata import version

import pytest

from drawbench.scoring.protocols import PROTOCOLS, get_protocol

OPEN_CLIP = "3.3.0"  # under which the fingerprints were taken

FINGERPRINTS = {
    ("bundled", 2): "93b567eaea8fd0618fc361719f7dd871a0e11422fd44b5cad2c9002d3b6b33c1",
    ("bundled-extended", 3): "60fcb50265b74d0421bafa5b6e0eda9466bc7ef4f8817bb8395bd65f65d175b8",
    ("imagen", 1): "45a16d49a6ec3085082c28537dd09414a7ce6e56514fb031ff5bc8b67c16c8ba",
    ("extended", 2): "331f9182931e69ba6f7f1ceaf516048717f9d2d0876d3482728b62f97f9e9feb",
}
DEFINITIONS = {
    ("bundled", 2): "34d2e8ef974c3e4f28af262bd39521ce03e9f395ea6a7d4e2a0ffeaaf38b2aba",
    ("bundled-extended", 3): "5c8bff10e551f874ca07caa9e9e3210105dca147766570f40de53dfa8032da4f",
    ("imagen", 1): "4a22b7921334eda949e2f50aec69bfb90d982ff427514a9a4882ec25bde8f2dd",
    ("extended", 2): "dc1c2d807b54097758eee5f92fe6de790b2288ffb88bbc565f2df4188629db3d",
}
EXTRACTORS = {
    "inception-legacy_tensorflow": "f65472b59e9d26a09e42ffa2eacd4680fecfa8f66e4d74b344a38a0673188390",
    "inception-clean": "e5a222156dec77ab0f3eee2b3243c85192621ffd7b62c747090b6f1675a6d953",
    "inception-legacy_pytorch": "d8aa9179ddcea1f3c27c92dccf080a467046f4ea80209862f8effbb05f033e40",
    "dinov2-vit-l-14": "b65b7e381415c89ddaa4583d58b7b28ab4a2d70ec672c5c22a660a0c364f61e8",
}


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_keeps_its_fingerprint(name: str) -> None:
    protocol = get_protocol(name)
    if version("open_clip_torch") != OPEN_CLIP:
        pytest.skip(f"the fingerprints were taken under open_clip {OPEN_CLIP}")
    assert (name, protocol.fingerprint) == (name, FINGERPRINTS[name, protocol.version])


@pytest.mark.parametrize("name", PROTOCOLS)
def test_a_protocol_keeps_its_definitions(name: str) -> None:
    protocol = get_protocol(name)
    metrics = [[m.metric, m.kind.name, m.definition, m.statistics, m.extractor.name] for m in protocol.metrics]
    facts = [protocol.name, protocol.version, protocol.size, metrics]
    digest = hashlib.sha256(json.dumps(facts, ensure_ascii=False).encode()).hexdigest()
    assert (name, digest) == (name, DEFINITIONS[name, protocol.version])


def test_extractors_that_are_all_our_own_keep_their_fingerprints() -> None:
    entries = {m.extractor.name: m.extractor for name in ("imagen", "extended") for m in get_protocol(name).metrics}
    found = {name: entry.fingerprint() for name, entry in entries.items() if name in EXTRACTORS}
    assert found == EXTRACTORS
