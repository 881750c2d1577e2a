"""`drawbench merge`: verify and seal a run that several jobs drew with --shard."""

import argparse
import json
from pathlib import Path

from drawbench.cli.generate import facts_text, resumable, run_facts
from drawbench.runs.generate import merge
from drawbench.terminal_progress import shown_progress

EPILOGUE = """examples:
  drawbench generate --model reference --prompts open --out runs/x --shard 0/2     in one job
  drawbench generate --model reference --prompts open --out runs/x --shard 1/2     in another
  drawbench merge runs/x
  drawbench score runs/x --protocol bundled
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.epilog = EPILOGUE
    parser.add_argument("run", metavar="RUN", type=Path, help="a run directory whose shards are drawn")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Seal it, then print what it holds."""
    with resumable(args):
        finished = merge(args.run, shown_progress())
    print(json.dumps(run_facts(finished), indent=2) if args.json else facts_text(finished))
    return 0
