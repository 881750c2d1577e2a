"""`drawbench generate`: make, resume or extend a run. `drawbench run` shares its options."""

import argparse
import json
import shlex
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

from drawbench.cli.dry_run import add_dry_run, dry_run
from drawbench.errors import StoppedError, UserError
from drawbench.interface import TextToImage
from drawbench.launcher import is_member, launched
from drawbench.models.registry import Recipe, model_specs, resolve_model
from drawbench.prompts.prompt_set import PromptSet
from drawbench.prompts.registry import ACCEPTED, load_prompt_set
from drawbench.remote.object_store import StoreUrl, parse_place
from drawbench.runs.claim import parse_shard
from drawbench.runs.cluster import Cluster
from drawbench.runs.cluster_connection import connected
from drawbench.runs.cluster_model import ClusterModel
from drawbench.runs.directory import RunDirectory
from drawbench.runs.failures import CHOICES, STOP, parse_on_error
from drawbench.runs.generate import RUNS, Request, draw_shard, generate, help_drawing
from drawbench.runs.into_store import draw_stored
from drawbench.runs.plan import DEFAULT_SLICE_SIZE
from drawbench.runs.ranks import Ranks, gathered
from drawbench.runs.stored import StoredRun
from drawbench.terminal_progress import shown_progress, terminated_like_interrupted, waiting

EPILOGUE = """examples:
  drawbench generate --model reference --prompts open --samples 1 --size 64
  drawbench generate --model python:my_model:make --prompts my_prompts.csv --set steps=20 --out runs/mine
The same command resumes a run that was stopped, and does nothing to a finished one.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `generate`."""
    parser.epilog = EPILOGUE
    add_generate_options(parser)
    add_engine(parser)
    words = "every N-th slice, from the I-th on (0 to N - 1): for jobs that cannot meet; `drawbench merge` ends it"
    parser.add_argument("--shard", metavar="I/N", help=words)


def run(args: argparse.Namespace) -> int:
    """Generate, then print where the run is and what it holds."""
    if args.dry_run and is_member():
        return 0
    if args.shard is not None:
        return _run_shard(args)
    with resumable(args), ranks_of(args) as ranks, cluster_of(args) as cluster:
        url = store_of(args)
        request = request_from(args, cluster)
        if args.dry_run:
            return dry_run(request, args.json)
        if ranks and ranks.is_member:
            help_drawing(request, ranks, url)
            return 0
        if url:
            return _told_stored(args, draw_stored(request, url, shown_progress(), ranks=ranks))
        finished = generate(request, shown_progress(), ranks=ranks)
    print(json.dumps(run_facts(finished), indent=2) if args.json else facts_text(finished))
    return 0


def _run_shard(args: argparse.Namespace) -> int:
    shard = parse_shard(args.shard)
    if args.dry_run or launched() or args.engine:
        others = "--engine's processes" if args.engine else "a launcher's ranks"
        what = "--dry-run looks at whole runs" if args.dry_run else f"{others} share a run by themselves"
        raise UserError(f"--shard {shard} cannot be: {what}; leave --shard out.")
    with resumable(args):
        if url := store_of(args):
            return _told_stored(args, draw_stored(request_from(args), url, shown_progress(), shard))
        run = draw_shard(request_from(args), shard, shown_progress())
    samples = sum(len(part.samples) for part in shard.of(run.slices()))
    if args.json:
        facts = {"run": str(run.path), "shard": str(shard), "samples": samples, "plan_sha256": run.plan.sha256}
        print(json.dumps(facts, indent=2))
    else:
        print(f"{run.path}: shard {shard} is drawn, {samples} of {len(run.samples())} samples")
        print(f"when all {shard.count} are: {shlex.join(['drawbench', 'merge', str(run.path)])}")
    return 0


def store_of(args: argparse.Namespace) -> StoreUrl | None:
    """The place in object storage that `--out` names, if it does."""
    if not isinstance(args.out, StoreUrl):
        return None
    if args.dry_run:
        raise UserError(f"--dry-run looks at directories: leave out --out {args.out}.")
    return args.out


def _told_stored(args: argparse.Namespace, run: StoredRun) -> int:
    url, total = run.store.url, len(run.slices())
    there = len(run.slices_there())
    if args.json:
        facts = {"run": str(url), "slices": there, "planned": total, "plan_sha256": run.held.plan_sha256}
        print(json.dumps(facts, indent=2))
    else:
        print(f"{url}: {there} of {total} slices are there")
        print(f"to score them: {shlex.join(['drawbench', 'runs', 'pull', str(url), str(RUNS / url.name)])}")
    return 0


def add_generate_options(parser: argparse.ArgumentParser) -> None:
    """The options that decide a run, common to `generate` and `run`."""
    parser.add_argument("--model", required=True, metavar="SPEC", help=", ".join(model_specs()))
    parser.add_argument("--prompts", required=True, metavar="SET", help=ACCEPTED)
    parser.add_argument(
        "--samples", type=int, metavar="N", help="images per prompt (what is usual for the set: DrawBench 8, COCO 1)"
    )
    parser.add_argument(
        "--size", type=int, metavar="PX", help="side of the images (the model's own; 256 where it has none)"
    )
    parser.add_argument("--seed", type=int, metavar="S", help="seed of the run (0)")
    parser.add_argument(
        "--out", type=parse_place, metavar="DIR", help="run directory, or s3://BUCKET/PREFIX (runs/MODEL--SET--PLAN)"
    )
    parser.add_argument(
        "--limit", type=int, metavar="N", help="only the first N prompts of each category; results are marked partial"
    )
    parser.add_argument(
        "--set", action="append", metavar="KEY=VALUE", help="a setting of the model; may be given several times"
    )
    parser.add_argument("--device", metavar="D", help="auto, cpu, cuda, cuda:1, mps (auto)")
    parser.add_argument(
        "--slice", dest="slice_size", type=int, metavar="N", help=f"images drawn as one batch ({DEFAULT_SLICE_SIZE})"
    )
    add_drawing_options(parser)
    add_dry_run(parser)
    parser.add_argument("--config", metavar="FILE", help="a TOML file of options; those typed here come first")
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_drawing_options(parser: argparse.ArgumentParser) -> None:
    """The options that are no part of a plan, common to all that draw runs of any model."""
    words = f"a sample at which the model fails: {CHOICES} (N more tries, then refuse) (stop)"
    parser.add_argument("--on-error", metavar="WHAT", help=words)
    add_workers(parser)


def add_workers(parser: argparse.ArgumentParser) -> None:
    """The option, common to all that draw runs."""
    words = "processes that draw, each with one thread (1; the bundled model on a CPU: one a core)"
    parser.add_argument("--workers", type=int, metavar="N", help=words)


def add_engine(parser: argparse.ArgumentParser) -> None:
    """The options of a run that a cluster's processes draw and score."""
    words = "ray: processes of a Ray cluster, a GPU each where it has some, else a core (as many as there is room for)"
    parser.add_argument("--engine", choices=("ray",), help=words)
    words = "of the Ray cluster: HOST:PORT, or auto on a machine of it (one of this machine, for this command)"
    parser.add_argument("--address", metavar="ADDRESS", help=words)


def request_from(args: argparse.Namespace, cluster: Cluster | None = None) -> Request:
    """Load the prompt set and the model. Raises UserError for options that name none."""
    progress = shown_progress()
    prompt_set = load_prompt_set(args.prompts, progress)
    settings, device = parse_settings(args.set or []), args.device or "auto"
    with waiting(f"loading {args.model}", progress):
        if cluster:
            model: TextToImage = ClusterModel(cluster, Recipe(args.model, settings, device))
        else:
            model = resolve_model(args.model, settings, device)
    return requested(args, prompt_set, model)


def requested(args: argparse.Namespace, prompt_set: PromptSet, model: TextToImage) -> Request:
    """The run that the options ask of a model, with what they left open decided."""
    return Request(
        model=model,
        prompt_set=prompt_set,
        out=args.out if isinstance(args.out, Path) else None,
        samples=args.samples if args.samples is not None else int(model.held_samples(prompt_set)),
        size=args.size if args.size is not None else int(model.native_size),
        seed=args.seed or 0,
        limit=args.limit,
        slice_size=args.slice_size if args.slice_size is not None else DEFAULT_SLICE_SIZE,
        on_error=parse_on_error(args.on_error) if args.on_error is not None else STOP,
        workers=args.workers,
    )


def parse_settings(pairs: Sequence[str]) -> dict[str, str]:
    """`key=value` texts as a dictionary. Raises UserError for one without `=`, and for a key given twice."""
    settings: dict[str, str] = {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not (key.strip() and equals):
            raise UserError(f"--set {pair} is no setting: write --set KEY=VALUE.")
        if key.strip() in settings:
            raise UserError(f"--set {key.strip()} is given twice: keep one of them.")
        settings[key.strip()] = value.strip()
    return settings


@contextmanager
def resumable(args: argparse.Namespace) -> Iterator[None]:
    """Inside, Ctrl-C and SIGTERM end in an StoppedError that repeats the command line, which resumes."""
    try:
        with terminated_like_interrupted():
            yield
    except KeyboardInterrupt:
        if getattr(args, "dry_run", False):
            raise StoppedError(f"stopped; nothing was written: {args.typed}") from None
        raise StoppedError(f"stopped; what is drawn is kept, and this resumes: {args.typed}") from None


def ranks_of(args: argparse.Namespace) -> AbstractContextManager[Ranks | None]:
    """The processes that draw together, where a launcher started several."""
    return nullcontext() if args.dry_run else gathered()


def cluster_of(args: argparse.Namespace) -> AbstractContextManager[Cluster | None]:
    """The cluster that `--engine` asks for. Raises UserError for options that contradict each other."""
    if args.engine is None:
        if args.address is not None:
            raise UserError(f"--address {args.address} needs --engine ray: add it, or leave --address out.")
        return nullcontext()
    if launched():
        raise UserError("--engine ray cannot be: a launcher's ranks share a run by themselves; leave one of them out.")
    return connected(args.address, args.workers, args.device or "auto", shown_progress().note)


def run_facts(finished: RunDirectory) -> dict[str, Any]:
    """What a sealed run holds, for --json."""
    plan, seal = finished.plan, finished.require_seal()
    usage = finished.usage()
    return {
        "run": str(finished.path),
        "images": seal.images,
        "refused": seal.refused,
        "model": plan.model.name,
        "prompt_set": plan.prompt_set_name,
        "complete": plan.complete,
        "samples": plan.samples,
        "size": plan.size,
        "plan_sha256": plan.sha256,
        "pixels_sha256": seal.pixels_sha256,
    } | ({"usage": usage.facts()} if usage else {})


def facts_text(finished: RunDirectory) -> str:
    """What a sealed run holds, in one line."""
    plan, seal = finished.plan, finished.require_seal()
    part = "" if plan.complete else f", partial: {plan.n_prompts} of {plan.prompt_set_n} prompts"
    refused = f", {seal.refused} refused" if seal.refused else ""
    usage = finished.usage()
    took = f"; {usage.words()}" if usage else ""
    drawn = f"{seal.images} images of {plan.size} px{refused}{part}"
    return f"{finished.path}: {drawn}, pixels {seal.pixels_sha256[:12]}{took}"
