"""`drawbench cite`: BibTeX of all that a result stands on."""

import argparse
from pathlib import Path

EPILOGUE = """examples:
  drawbench cite runs/mine > drawbench.bib
  drawbench cite results/my-model--drawbench--imagen.json
The suite, the prompt set, the metrics and the networks of the scores, each once. CITATION.cff cites the suite alone.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = EPILOGUE
    parser.add_argument("paths", nargs="+", type=Path, metavar="RESULT", help="result files, or scored runs")


def run(args: argparse.Namespace) -> int:
    """Print the entries."""
    from drawbench.sharing.cite import citations
    from drawbench.tables.loading import load_results

    found = [entry for result in load_results(args.paths) for entry in citations(result)]
    print("\n\n".join(dict.fromkeys(found)))
    return 0
