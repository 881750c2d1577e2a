"""`drawbench models`: the kinds of models that --model takes, and what one of them is."""

import argparse
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import entry_points
from typing import Any

from drawbench.cli.generate import parse_settings
from drawbench.models.registry import BUILT_IN, ENTRY_POINT_GROUP, resolve_model
from drawbench.terminal import UNFOLDED, listed, terminal_width
from drawbench.terminal_progress import shown_progress, waiting

EPILOGUE = """examples:
  drawbench models list
  drawbench models describe reference
  drawbench models describe diffusers:my_checkpoint --set steps=30
`describe` loads the model as a run would, and draws nothing.
"""

SUMMARIES = {
    "reference": "the bundled Imagen cascade, or a checkpoint of it",
    "world": "the true renderings of the prompt set `world`: a ceiling",
    "folder": "images that you have: a folder, or tar files",
    "python": "a function or class in your own Python file",
    "diffusers": "a text-to-image pipeline of diffusers (extra `diffusers`)",
    "http": "a server with OpenAI's images API (extra `http`)",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands list and describe."""
    parser.epilog = EPILOGUE
    subparsers = parser.add_subparsers(dest="action", metavar="list|describe", required=True)
    list_ = subparsers.add_parser("list", help="the kinds of models, those of installed packages too")
    describe = subparsers.add_parser("describe", help="a model's settings, defaults, size and networks")
    describe.add_argument("spec", metavar="SPEC", help="as for --model")
    describe.add_argument("--set", action="append", metavar="KEY=VALUE", help="a setting of the model")
    describe.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, mps (auto)")
    for subparser in (list_, describe):
        subparser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print what is asked."""
    if args.action == "list":
        kinds = _kinds()
        rows = [(kind["spec"], kind["summary"]) for kind in kinds]
        print(json.dumps(kinds, indent=2) if args.json else "\n".join(listed(rows, terminal_width(UNFOLDED))))
        return 0
    from drawbench.models.describe import description

    with waiting(f"loading {args.spec}", shown_progress()):
        facts = description(resolve_model(args.spec, parse_settings(args.set or []), args.device))
    print(json.dumps(facts, indent=2) if args.json else "\n".join(_lines(facts)))
    return 0


def _kinds() -> list[dict[str, str]]:
    """Other packages' by their entry points alone, which are not imported for it."""
    kinds = [
        {"name": name, "spec": spec, "summary": SUMMARIES[name], "package": "drawbench"}
        for name, (_, spec) in BUILT_IN.items()
    ]
    for point in sorted(entry_points(group=ENTRY_POINT_GROUP), key=lambda point: point.name):
        if point.name not in BUILT_IN:
            package = point.dist.name if point.dist else point.value
            summary = f"from the package {package}"
            kinds.append({"name": point.name, "spec": f"{point.name}:...", "summary": summary, "package": package})
    return kinds


def _lines(facts: Mapping[str, Any]) -> list[str]:
    size = f"{facts['size']} px, unless --size says otherwise" if facts["size"] else "to be given with --size"
    several = f", {facts['at_once']} at once" if facts["at_once"] > 1 else ""
    rows = [
        ("model", facts["name"]),
        ("spec", f"{facts['adapter']}: {facts['spec']}"),
        ("revision", facts["revision"]),
        ("weights", facts["weights_sha256"]),
        ("size", size),
        ("device", facts["device"]),
        ("draws", f"one image at a time{several}" if facts["one_at_a_time"] else "a slice as one batch"),
    ]
    lines = _block("", [row for row in rows if row[1]])
    lines += _block("settings in the plan, with their defaults", [(k, _shown(v)) for k, v in facts["settings"].items()])
    lines += _block("--set takes", list(facts["takes"].items()))
    networks = [
        (
            n["name"],
            f"{n['kind']}, {n['parameters'] / 1e6:,.1f} million parameters, {n['dtype']}, {n['bytes'] / 1e6:,.0f} MB",
        )
        for n in facts["networks"]
    ]
    return lines + _block("networks", networks)


def _block(title: str, rows: Sequence[tuple[str, str]]) -> list[str]:
    lines = listed(rows, terminal_width(UNFOLDED)) if rows else []
    return ["", f"{title}:", *(f"  {line}" for line in lines)] if title and lines else lines


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return "none" if value is None or value == "" else str(value)
