"""The paper's findings in small, as one reproducible run with plots.

    python -m experiments.findings --out DIR --minutes 10 --seeds 3

Everything trained and measured is kept in DIR: the same command resumes, and more seeds add to what is there. Every
training has the same budget. See `claims` for what is compared and `small_world` for the reduced world.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import torch

from drawbench.files import write_text_atomically
from experiments.findings.claims import FINDINGS, Laboratory, findings_named
from experiments.findings.report import Results, write_report
from experiments.findings.training import BATCH, Budget, measure_budget


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, sample, measure, report."""
    parser = argparse.ArgumentParser(
        prog="python -m experiments.findings", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [finding.name for finding in FINDINGS]
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10, help="CPU minutes of one core per training (10)")
    parser.add_argument("--seeds", type=int, default=3, help="how many (3)")
    parser.add_argument("--images", type=int, default=200, help="generated per arm and seed (200)")
    parser.add_argument("--references", type=int, default=1000, help="real images they are measured against (1000)")
    parser.add_argument("--batch", type=int, default=BATCH, help=f"of trainings ({BATCH})")
    parser.add_argument("--only", choices=names, nargs="+", default=[], help="some findings instead of all")
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args(arguments)
    if min(args.seeds, args.minutes, args.batch) <= 0 or min(args.images, args.references) < 2:
        parser.error("--seeds, --minutes and --batch are above 0; --images and --references at least 2")
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    try:
        budget = _fixed_budget(args.out / "budget.json", args.minutes, args.batch, args.images, args.references)
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    lab, seeds = Laboratory(args.out, budget, args.images, args.references), range(args.seeds)
    findings, results = findings_named(args.only), {}
    for finding in findings:
        found: dict[tuple[str, int], dict[str, float]] = {}
        for seed in seeds:
            for arm in finding.arms:
                found[arm, seed] = lab.values(finding, arm, seed)
                print(f"{finding.name}, {arm}, seed {seed}: {found[arm, seed]}", file=sys.stderr)
        results[finding.name] = found
    typed: dict[str, Results] = dict(results)
    page = write_report(findings, typed, lab, seeds)
    print(page.read_text())
    print(f"written: {page}")
    return 0


def _fixed_budget(path: Path, minutes: float, batch: int, images: int, references: int) -> Budget:
    """Measured on the first call, read again on later ones. Raises ValueError when other options made what is there."""
    asked = {"minutes": minutes, "batch": batch, "images": images, "references": references}
    if path.is_file():
        kept = json.loads(path.read_text())
        if kept["asked"] != asked:
            raise ValueError(
                f"{path.parent} was begun with {kept['asked']}, not {asked}: name another folder with --out"
            )
        return Budget(**kept["budget"])
    budget = measure_budget(minutes, batch)
    write_text_atomically(path, json.dumps({"asked": asked, "budget": asdict(budget)}, indent=2) + "\n")
    return budget


if __name__ == "__main__":
    sys.exit(main())
