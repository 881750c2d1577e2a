"""`drawbench protocols list`: what each protocol measures, and what it needs."""

import argparse
import json
from contextlib import suppress
from typing import Any

from drawbench.errors import UserError
from drawbench.terminal import UNFOLDED, listed, terminal_width
from metrics.errors import MetricInputError

EPILOGUE = """examples:
  drawbench protocols list
  drawbench protocols list --json
A protocol is named by --protocol of run, score, compare, same and sweep; docs/protocol.md says when to use which.
"""


OF_YOURS = [
    ("clip:MODEL", "CLIP score of a model of yours"),
    ("vqa:MODEL", "VQAScore by a vision-language model of yours"),
    ("qa:FILE@MODEL", "a file's questions (TIFA, DSG), answered by such a model"),
    ("geneval:FILE@DETECTOR+CLIP", "GenEval's rules, by a detector and a CLIP of yours"),
]


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand."""
    parser.epilog = EPILOGUE
    subparsers = parser.add_subparsers(dest="action", metavar="list", required=True)
    list_ = subparsers.add_parser("list", help="the protocols, their versions and what they measure")
    list_.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print them."""
    protocols = [_facts(name) for name in _names()]
    if args.json:
        print(json.dumps(protocols, indent=2))
        return 0
    rows = []
    for facts in protocols:
        size = f"{facts['size']} px" if facts["size"] else "the images' own size"
        version = f"version {facts['version']}, {size}: " if facts["version"] else ""
        said = f"{version}{', '.join(facts['metrics'])}" if facts["metrics"] else facts["missing"]
        rows.append((str(facts["name"]), str(said)))
    rows += OF_YOURS
    print("\n".join(listed(rows, terminal_width(UNFOLDED))))
    return 0


def _names() -> list[str]:
    from drawbench.scoring.protocols import NAMED

    return list(NAMED)


def _facts(name: str) -> dict[str, Any]:
    """metrics: as tables call them. missing: why the protocol cannot be told here, else empty."""
    from drawbench.scoring.protocols import get_protocol
    from drawbench.tables.headers import measure_of

    try:
        protocol = get_protocol(name)
    except (UserError, MetricInputError) as error:
        return {"name": name, "version": None, "fingerprint": None, "size": None, "metrics": [], "missing": str(error)}
    fingerprint = None
    with suppress(MetricInputError):  # it covers digests that only the files tell, and these are not here
        fingerprint = protocol.fingerprint
    return {
        "name": name,
        "version": protocol.version,
        "fingerprint": fingerprint,
        "size": protocol.size,
        "metrics": [measure_of(metric.metric).title for metric in protocol.metrics],
        "missing": "",
    }
