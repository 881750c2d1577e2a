"""`drawbench verify`: whether a result holds against its run, its images and its model."""

import argparse
import json
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

from drawbench.cli.generate import parse_settings
from drawbench.errors import UserError
from drawbench.terminal import terminal_width
from drawbench.terminal_progress import shown_progress

if TYPE_CHECKING:
    from drawbench.verifying.verify import Verified

EPILOGUE = """examples:
  drawbench verify runs/mine
  drawbench verify results/mine.json --run runs/mine --reference photographs
  drawbench verify runs/mine --regenerate 60 --model diffusers:my_checkpoint
  drawbench verify results/mine.json --signers allowed_signers

Looks at the numbers, the hash of every image, the table of samples, and scores the images anew. --regenerate draws some
samples again, chosen by fresh chance, with the model that you name: code that a result names is never run. To sign:
ssh-keygen -Y sign -n drawbench -f ~/.ssh/id_ed25519 results/mine.json. Exit codes: 0 holds, 3 does not.
"""
DOES_NOT_HOLD = 3


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = EPILOGUE
    parser.add_argument("result", metavar="RESULT", type=Path, help="a result file, or a scored run")
    parser.add_argument("--run", type=Path, metavar="DIR", help="the run that the result is of")
    parser.add_argument("--reference", type=Path, metavar="DIR", help="reference images of its distances")
    parser.add_argument(
        "--protocol", metavar="NAME", help="the protocol of your own that it was scored by, as you have it"
    )
    parser.add_argument("--signers", type=Path, metavar="FILE", help="who may have signed it: ssh's allowed_signers")
    parser.add_argument("--regenerate", type=int, metavar="K", help="samples to draw again, with --model")
    parser.add_argument("--model", metavar="SPEC", help="the model of the run, as you have it")
    parser.add_argument("--set", action="append", metavar="KEY=VALUE", help="a setting of the model")
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, mps (auto)")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print every check of every result; 3 where one fails."""
    from drawbench.models.registry import choose_device, resolve_model
    from drawbench.runs.directory import MANIFEST
    from drawbench.scoring.protocols import get_protocol
    from drawbench.scoring.references import own_references
    from drawbench.verifying.verify import Asked, results_of, verify

    if args.regenerate is not None and (args.regenerate < 1 or args.model is None):
        raise UserError(f"--regenerate {args.regenerate} needs a number of 1 or more, and --model to draw with")
    if args.model is not None and args.regenerate is None:
        raise UserError("--model draws nothing without --regenerate K: say how many samples")
    results, itself = results_of(args.result), (args.result / MANIFEST).is_file()
    if itself and args.run is not None:
        raise UserError(f"{args.result} is a run itself: leave --run out, or name the result file")
    directory = args.result if itself else args.run
    if args.regenerate is not None and directory is None:
        raise UserError("--regenerate draws samples of a run: give its directory with --run")
    asked = Asked(
        path=args.result,
        run=directory,
        reference=args.reference or (own_references(directory) if directory else None),
        protocol=get_protocol(args.protocol) if args.protocol else None,
        signers=args.signers,
        model=resolve_model(args.model, parse_settings(args.set or []), args.device) if args.model else None,
        regenerate=args.regenerate or 0,
        device=choose_device(args.device),
    )
    found = [verify(asked, result, shown_progress()) for result in results]
    if args.json:
        print(json.dumps([_facts(each) for each in found], indent=2))
    else:
        print("\n\n".join(_text(each) for each in found))
    return 0 if all(each.good for each in found) else DOES_NOT_HOLD


def _facts(found: "Verified") -> dict[str, object]:
    redrawn = found.redrawn.model_dump(mode="json") if found.redrawn else None
    checks = [check.model_dump() for check in found.checks]
    return {"result": _name(found), "holds": found.good, "checks": checks, "redrawn": redrawn}


def _text(found: "Verified") -> str:
    """A line for each check, wrapped under its outcome."""
    width, lead = max(len(check.what) for check in found.checks), len("not checkable") + 2
    lines = [_name(found)]
    for check in found.checks:
        head = f"  {check.what:<{width}}  {check.outcome:<{lead}}"
        lines += textwrap.wrap(check.words, terminal_width(), initial_indent=head, subsequent_indent=" " * len(head))
    return "\n".join([*lines, "HOLDS, as far as it was looked at." if found.good else "DOES NOT HOLD."])


def _name(found: "Verified") -> str:
    result = found.result
    return f"{result.model.name} on {result.prompt_set.name}, protocol {result.protocol.name}, {result.date}"
