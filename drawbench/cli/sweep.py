"""`drawbench sweep`: a model at many settings, as one job that can be resumed, with its FID-CLIP curve."""

import argparse
import hashlib
import json
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from drawbench.cli.dry_run import add_dry_run, dry_runs
from drawbench.cli.generate import add_drawing_options, parse_settings, requested, resumable
from drawbench.cli.run import DEFAULT_PROTOCOL
from drawbench.errors import UserError
from drawbench.files import write_text_atomically
from drawbench.interface import TextToImage
from drawbench.models.registry import LoadedModels, choose_device, model_specs
from drawbench.prompts.prompt_set import category_slug
from drawbench.prompts.registry import ACCEPTED, load_prompt_set
from drawbench.remote.fetched import fetched, parse_reference
from drawbench.remote.object_store import parse_directory
from drawbench.sweeps import GUIDANCE, PAPER_GUIDANCE
from drawbench.terminal import terminal_width
from drawbench.terminal_progress import shown_progress, waiting

if TYPE_CHECKING:
    from drawbench.sweeps.sweep import Sweep

SWEEPS = Path("sweeps")
TEXTS = "texts"
EPILOGUE = """examples:
  drawbench sweep --model reference --prompts world
  drawbench sweep --model reference --prompts world --guidance 1,2,4,8 --vary thresholding=static,dynamic
  drawbench sweep --model diffusers:my/pipeline --prompts coco:coco --protocol imagen --with sweeps/another
Every point has the same seeds. The same command resumes; of a finished point no image is read again.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Options of `drawbench sweep`."""
    parser.epilog = EPILOGUE
    parser.add_argument("--model", required=True, action="append", metavar="SPEC", help=", ".join(model_specs()))
    parser.add_argument("--prompts", required=True, metavar="SET", help=ACCEPTED)
    parser.add_argument(
        "--guidance", metavar="W,W,...", help=f"guidance weights of the base (the paper's: {','.join(PAPER_GUIDANCE)})"
    )
    parser.add_argument("--sr-guidance", metavar="W,W,...", help="also those of the super-resolution stages")
    parser.add_argument("--thresholding", metavar="T,T,...", help="also none, static, dynamic")
    parser.add_argument("--aug-level", metavar="A,A,...", help="also noise levels of the low-resolution image")
    parser.add_argument(
        "--vary", action="append", metavar="KEY=V,V,...", help="also any other setting; may be given several times"
    )
    parser.add_argument(
        "--set",
        action="append",
        metavar="KEY=VALUE",
        help="a setting that all points share; may be given several times",
    )
    parser.add_argument(
        "--protocol", default=DEFAULT_PROTOCOL, metavar="P", help=f"what is measured, and how ({DEFAULT_PROTOCOL})"
    )
    parser.add_argument(
        "--reference", type=parse_reference, metavar="DIR", help="reference images, where the set brings none"
    )
    parser.add_argument("--samples", type=int, metavar="N", help="images per prompt (what is usual for the set)")
    parser.add_argument("--size", type=int, metavar="PX", help="side of the images (the model's own)")
    parser.add_argument("--seed", type=int, metavar="S", help="seed of all points (0)")
    parser.add_argument("--limit", type=int, metavar="N", help="only the first N prompts of each category")
    parser.add_argument("--slice", dest="slice_size", type=int, metavar="N", help="images drawn as one batch")
    parser.add_argument("--device", metavar="D", help="auto, cpu, cuda, cuda:1, mps (auto)")
    parser.add_argument(
        "--with", dest="others", action="append", type=Path, metavar="SWEEP", help="draw another sweep's curves, too"
    )
    parser.add_argument(
        "--out", type=parse_directory, metavar="DIR", help="the sweep's folder (sweeps/MODEL--SET--HASH)"
    )
    add_drawing_options(parser)
    add_dry_run(parser)
    parser.add_argument("--config", metavar="FILE", help="a TOML file of options; those typed here come first")
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Draw and score every point, write sweep.json, sweep.csv and the plots, and print the table."""
    from drawbench.scoring.estimate import FeatureTimes
    from drawbench.scoring.extractors import Extractors
    from drawbench.sweeps.pareto_plot import write_plots
    from drawbench.sweeps.sweep import read_sweep, run_sweep
    from drawbench.sweeps.table import sweep_csv, sweep_text

    progress = shown_progress()
    others = {folder: read_sweep(folder) for folder in args.others or []}
    with resumable(args):
        device = choose_device(args.device or "auto")
        axes, fixed = axes_of(args), parse_settings(args.set or [])
        first = {name: values[0] for name, values in axes.items()}
        models = LoadedModels(device, lambda spec: waiting(f"loading {spec}", progress))
        sweep = _sweep(args, axes, fixed, models(args.model[0], {**fixed, **first}))
        out = args.out or _default_folder(sweep)
        if args.dry_run:
            extractors = Extractors([metric.extractor for metric in sweep.protocol.metrics], device, progress.note)
            times = FeatureTimes(sweep.protocol, sweep.reference, extractors)
            planned = ((request, times) for request in sweep.requests(models, out))
            return dry_runs(planned, args.json, progress)
        points = run_sweep(
            sweep,
            out,
            models,
            others=others,
            begin=lambda: models.keep_texts(out / TEXTS),
            device=device,
            progress=progress,
        )
    write_text_atomically(out / "sweep.csv", sweep_csv(points))
    plots = write_plots([*points, *chain(*others.values())], out)
    if not plots:
        progress.note("no reference images, so no distance and no FID-CLIP curve: sweep.csv holds the CLIP scores")
    if args.json:
        print(json.dumps({"folder": str(out), "points": [point.model_dump(mode="json") for point in points]}, indent=2))
        return 0
    print(sweep_text(points, terminal_width()), end="")
    for path in [out / "sweep.csv", *plots]:
        print(path)
    return 0


def axes_of(args: argparse.Namespace) -> dict[str, tuple[str, ...]]:
    """Setting -> values, in the order in which they vary. Raises UserError for one without values, or named twice."""
    given = {"guidance": args.guidance, "sr_guidance": args.sr_guidance}
    given |= {"thresholding": args.thresholding, "aug_level": args.aug_level}
    pairs = [f"{name}={values}" for name, values in given.items() if values is not None] + (args.vary or [])
    axes = {name: _values(name, text) for name, text in parse_settings(pairs).items()}
    if not axes:
        axes = {GUIDANCE: PAPER_GUIDANCE}
    repeated = [name for name in parse_settings(args.set or []) if name in axes]
    if repeated:
        raise UserError(
            f"{repeated[0]} is both fixed and swept: leave out --set {repeated[0]}, or sweep other settings."
        )
    return axes


def _sweep(
    args: argparse.Namespace, axes: Mapping[str, tuple[str, ...]], fixed: Mapping[str, str], model: TextToImage
) -> "Sweep":
    from drawbench.scoring.protocols import get_protocol
    from drawbench.sweeps.sweep import Sweep

    first = requested(args, load_prompt_set(args.prompts, shown_progress()), model)
    return Sweep(
        models=tuple(args.model),
        axes=_slow_first(axes, model),
        fixed=fixed,
        prompt_set=first.prompt_set,
        samples=first.samples,
        size=first.size,
        seed=first.seed,
        limit=first.limit,
        slice_size=first.slice_size,
        on_error=first.on_error,
        workers=first.workers,
        protocol=get_protocol(args.protocol, first.size),
        reference=fetched(args.reference, shown_progress()) or first.prompt_set.reference_images,
    )


def _slow_first(axes: Mapping[str, tuple[str, ...]], model: TextToImage) -> dict[str, tuple[str, ...]]:
    """Settings that need other networks loaded come first, and so change as seldom as they can."""
    return dict(sorted(axes.items(), key=lambda axis: axis[0] not in model.settings_of_networks))


def _values(name: str, text: str) -> tuple[str, ...]:
    values = tuple(value.strip() for value in text.split(","))
    if "" in values or len(set(values)) < len(values):
        raise UserError(f"{name} cannot be swept over '{text}': give different values separated by commas.")
    return values


def _default_folder(sweep: "Sweep") -> Path:
    """Another model, set, protocol or fixed setting gives another folder; more values of a setting do not."""
    facts = [sweep.models, sorted(sweep.axes), sorted(sweep.fixed.items()), sweep.prompt_set.sha256, sweep.samples]
    facts += [sweep.size, sweep.seed, sweep.limit, sweep.slice_size, sweep.protocol.name, str(sweep.reference)]
    digest = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:8]
    model = category_slug("-".join(sweep.models)) or "model"
    return SWEEPS / f"{model}--{category_slug(sweep.prompt_set.name) or 'prompts'}--{digest}"
