"""`drawbench study create`: a study's folder from sealed runs."""

import argparse
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from drawbench.errors import StoppedError, UserError
from drawbench.terminal_progress import shown_progress, terminated_like_interrupted
from human_eval_app.study.design import Stopping, StudyType
from human_eval_app.study.stopping import PAUSE_MINUTES

if TYPE_CHECKING:
    from human_eval_app.study.create import Created

EPILOGUE = """examples:
  drawbench study create runs/a runs/b --type drawbench --out studies/a-b
  drawbench study create runs/a --type coco-photorealism --references coco --out studies/a-real
  drawbench study create runs/a runs/b --type drawbench --gold 4 --mirrored 3 --out studies/c
  drawbench study create runs/a runs/b --type drawbench --name runs/a=Ours --name runs/b=Theirs --out studies/d
The defaults are the paper's protocol for the type of study: every departure is named in the design and in the tables.
drawbench: 25 raters per category and pair of models, 8 images a side, no controls. coco-photorealism: 73 raters per
image, coco-alignment: 51; 200 prompts at random, batches of 50, with 10 control trials of which 80% must be right.
Control and training trials are made of the runs' own images: look at them before launch. Or FILE gives them, a line
each: {"caption": TEXT, "better": [IMAGES], "worse": [IMAGES], "questions": ["fidelity"]}, in a coco-alignment study
{"caption": TEXT, "image": IMAGE, "answer": "no"}; "kind": "training" makes it a training trial.
"""

HEAVY_BYTES = 5_000_000
HEAVY = (
    "That is much for a rater at home: --encoder webp-90 takes about an eighth, and --size 512 a quarter, of 1024 px."
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `study create`."""
    parser.epilog = EPILOGUE
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="a sealed run directory")
    parser.add_argument("--type", required=True, choices=get_args(StudyType), help="what raters are asked")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="the study's folder, to be made")
    parser.add_argument(
        "--name",
        action="append",
        default=[],
        metavar="[RUN=]NAME",
        help="what tables call the study (the folder's name), or a run's model (its own); may be given again",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of all that is random (0)")
    parser.add_argument("--raters", type=int, metavar="N", help="of each trial (25, 73 or 51, by type)")
    parser.add_argument("--samples", type=int, metavar="N", help="images on a side (8; 1 in a COCO study)")
    parser.add_argument(
        "--limit", type=int, metavar="N", help="prompts of each category; in a COCO study: prompts, at random (200)"
    )
    parser.add_argument(
        "--references", type=Path, metavar="DIR", help="the photographs of a COCO study: COCO's root, or images by id"
    )
    parser.add_argument(
        "--stop",
        choices=get_args(Stopping.model_fields["at_decision"].annotation),
        help="when raters' preference for this prompt set is known at any look: the study closes itself, or the admin "
        "page advises to (when every seat is filled)",
    )
    parser.add_argument(
        "--pause-minutes",
        type=int,
        metavar="N",
        help=f"with --stop: sittings with a longer pause between two answers have no say in it ({PAUSE_MINUTES})",
    )
    parser.add_argument("--leave-out-refused", action="store_true", help="leave out prompts that a model refused")
    controls = parser.add_argument_group("controls")
    controls.add_argument("--gold", type=int, metavar="N", help="control trials per rater (0; 10 in a COCO study)")
    controls.add_argument(
        "--minimum-gold-correct",
        type=float,
        metavar="F",
        help="share of right controls below which a rater is screened out (none; 0.8 in a COCO study)",
    )
    controls.add_argument(
        "--mirrored", type=int, default=0, metavar="N", help="trials that a rater meets again, sides exchanged (0)"
    )
    controls.add_argument("--training", type=int, metavar="N", help="trials with known answers before the others (0)")
    controls.add_argument(
        "--gold-file",
        type=Path,
        metavar="FILE",
        help="control and training trials of your own",
    )
    controls.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="RULE=THRESHOLD",
        help="votes left out of a second version of every number: gold=0.8, too_fast=1500, straight_lining=0.95",
    )
    images = parser.add_argument_group("images")
    images.add_argument(
        "--encoder", default="webp-lossless", metavar="NAME", help="webp-lossless, or with losses webp-1 to webp-100"
    )
    images.add_argument("--size", type=int, metavar="PX", help="side of all images as shown (that of the runs)")
    parser.add_argument("--simulated", action="store_true", help="raters will be simulated; results are marked so")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Make the study, then print what it is and what it can detect."""
    from human_eval_app.study.create import create_study
    from human_eval_app.study.images import Encoder
    from human_eval_app.study.options import Options, parse_exclusions, parse_names

    if args.pause_minutes is not None and args.stop is None:
        raise UserError("--pause-minutes is for studies that may stop at a decision: give --stop as well.")
    pause_minutes = PAUSE_MINUTES if args.pause_minutes is None else args.pause_minutes
    name, model_names = parse_names(args.name, args.runs)
    options = Options(
        type=args.type,
        name=name,
        model_names=model_names,
        seed=args.seed,
        raters=args.raters,
        samples=args.samples,
        limit=args.limit,
        gold=args.gold,
        gold_file=args.gold_file,
        mirrored=args.mirrored,
        minimum_gold_correct=args.minimum_gold_correct,
        training=args.training,
        exclusions=parse_exclusions(args.exclude),
        simulated=args.simulated,
        encoder=Encoder.named(args.encoder),
        size=args.size,
        references=args.references,
        leave_out_refused=args.leave_out_refused,
        stopping=Stopping(at_decision=args.stop, pause_minutes=pause_minutes) if args.stop else None,
    )
    try:
        with terminated_like_interrupted():
            created = create_study(args.runs, args.out, options, shown_progress())
    except KeyboardInterrupt:
        raise StoppedError(f"stopped, and {args.out} was not made: the same command makes it.") from None
    print(json.dumps(study_facts(created), indent=2) if args.json else facts_text(created))
    return 0


def study_facts(created: "Created") -> dict[str, Any]:
    """The study in numbers, for --json."""
    from human_eval_app.study.expected import expected_rows
    from human_eval_app.study.power import SHOWN, power_table

    design = created.design
    expected = [
        {
            "preference": row.preference,
            "raters": row.raters,
            "9 of 10 studies within": row.most,
            "decided": row.decided,
            "seats": row.seats,
            "power": _number(row.power),
        }
        for row in expected_rows(design)
    ]
    shown = [f"power at {shift:g}" for shift in SHOWN[design.type]]
    return {
        "study": str(created.path),
        "design_sha256": design.sha256,
        "type": design.type,
        "raters": design.raters,
        "models": [model.label for model in design.models],
        "panels": len(design.panels),
        "seats": sum(len(panel.seats) for panel in design.panels),
        "images": created.images,
        "image_bytes": created.image_bytes,
        "screen_bytes": created.screen_bytes,
        "departures": list(design.departures),
        "power": [
            {
                "scope": row.scope,
                "prompts": row.prompts,
                "raters": row.raters,
                "votes": row.votes,
                **{name: _number(value) for name, value in zip(shown, row.powers, strict=True)},
                "detectable": row.detectable,
            }
            for row in power_table(design)
        ],
        **({"until_decided": expected} if expected else {}),
    }


def facts_text(created: "Created") -> str:
    """The study in words."""
    from human_eval_app.study import folder_texts
    from human_eval_app.study.expected import detection_text

    design, serve = created.design, ["drawbench", "study", "serve", str(created.path)]
    seats = [seat for panel in design.panels for seat in panel.seats]
    return "\n".join(
        [
            f"{created.path}: {folder_texts.facts_text(design)}",
            f"{len(design.panels)} panel{'' if len(design.panels) == 1 else 's'}, {len(seats)} raters, "
            f"{folder_texts.screens_text(design)}, {created.screen_bytes / 1e6:.2g} MB a screen; "
            f"design {design.sha256[:12]}.",
            *([HEAVY] if created.screen_bytes > HEAVY_BYTES else []),
            "",
            *(["Departures from the paper's protocol:"] if design.departures else ["As in the paper."]),
            *(f"- {departure}" for departure in design.departures),
            "",
            detection_text(design),
            "",
            f"Next: set the contact in {created.path / 'settings.toml'}, then {shlex.join(serve)}",
        ]
    )


def _number(value: float) -> float | None:
    """JSON has no way to write `not a number`."""
    return value if value == value else None
