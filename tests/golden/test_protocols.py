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
    ("bundled", 3): "98ec4c2a22bcbdf326512a388c94409f5a50db8a1771f7ee927c4101a4fe5f07",
    ("bundled-extended", 5): "8befac9bbd4e3f8c81f0f31091798dde124e5976b0265ea7f93ed61008673e2e",
    ("offline", 2): "55b862ce72188b443a6ae1b6ca4fb2cd901ff7b722f8b3f44bc3797450aa22dd",
    ("imagen", 1): "45a16d49a6ec3085082c28537dd09414a7ce6e56514fb031ff5bc8b67c16c8ba",
    ("extended", 3): "cb3ea9d996f3a11367c223ac3e281ed58cc8c451bf1399db63be7b25fad8bb29",
    ("ocr-rapidocr", 1): "669f66eb94b09b5e2884e844ca943f7ab868805ac41f29f862a7c73f69c54847",
    ("hps-v2.1", 1): "3f1fcf905be9dc5540958b134236a13f8981b3cc7c444980ee19a601296e2319",
    ("aesthetic", 1): "4f6e31c651b6ccb025a3003ac526a894fd19b44e81067dbe5a100e0e1617de51",
}
DEFINITIONS = {
    ("bundled", 3): "1e71df5d98671bb99ac405c3c7115091b5350876f6c050a07391a95f5ec99358",
    ("bundled-extended", 5): "3c0b4cf1fdee3dade396843e00c7add1e4487633e0960d581e011b2ffaa3d3b4",
    ("offline", 2): "e2edef879b5c1485d44a8203bfbfc062c7e1b632d64e50739afcef4fdf482736",
    ("imagen", 1): "4a22b7921334eda949e2f50aec69bfb90d982ff427514a9a4882ec25bde8f2dd",
    ("extended", 3): "d9a7fa363dbe4783bbbaf781ed92a0057fe595a2c17d26129a91ecfd42e8836e",
    ("ocr-rapidocr", 1): "f5b7697615099dd57caa3cad803c31d13f1b2ec2fbffb37ee1ecadb0466af24a",
    ("pick-score", 1): "7c7541caf160367f3f2fe3a03d45bac8fb174e7214f15e446db4aa211732fe4b",
    ("hps-v2.1", 1): "2239fbbbc16f0be52d85973aa7706a7849627564322d59c3428608eb46c04908",
    ("image-reward", 1): "6c10876b5479e34cc50bb3164a378ef16b159218ec80da4152ef9ed37610445e",
    ("aesthetic", 1): "5bd2f288591599e788447616d8e7510e7e70b328daead59fdd54ec24a9c7a03b",
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
    if any(not file.sha256 for metric in protocol.metrics for file in metric.extractor.files):
        pytest.skip("the digest of its weights is not published, so that only the file tells the fingerprint")
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
