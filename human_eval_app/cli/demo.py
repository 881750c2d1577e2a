"""`drawbench study demo`: a small study of the bundled model against itself, served on this machine."""

import argparse
import shlex
import sys
from pathlib import Path

from drawbench.cli.generate import resumable
from drawbench.cli.progress import shown_progress
from drawbench.models.registry import resolve_model
from drawbench.prompts.registry import load_prompt_set
from drawbench.runs.generate import Request, generate

PROMPTS, SAMPLES, SIZE, SLICE = 2, 8, 64, 16  # prompts of each category; images a side; their pixels; drawn at once
GUIDANCES = ("2", "1")  # what the two compared runs differ in

EPILOGUE = """example:
  drawbench study demo        two small runs, a study of them, and the raters' app with links to try it (minutes)
The same command goes on where it was stopped, and serves again what is there.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOGUE
    parser.add_argument("--out", type=Path, default=Path("runs/study-demo"), metavar="DIR", help="(%(default)s)")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--no-serve", action="store_true", help="only make the study and print links to it")


def run(args: argparse.Namespace) -> int:
    """Make what is missing, print links, serve."""
    from human_eval_app.app.invitations import invitations

    study = make_demo(args)
    url = f"http://127.0.0.1:{args.port}"
    print("Open one of these as a rater; each is one person's place in one category:")
    for row in invitations(study, url, n=1):
        print(f"  {row['category']:<20} {row['link']}")
    password = shlex.join(["drawbench", "study", "password", str(study)])
    print(f"The lab's own pages: {url}/admin, after `{password}`.", flush=True)
    if args.no_serve:
        return 0
    from human_eval_app.app.server import serve

    print("Ctrl-C stops the server.", file=sys.stderr)
    serve(study, None, "127.0.0.1", args.port)
    return 0


def make_demo(args: argparse.Namespace) -> Path:
    """The demo study's folder, made now where it is missing."""
    from human_eval_app.study.create import create_study
    from human_eval_app.study.options import Options

    study: Path = args.out / "study"
    if study.exists():
        return study
    prompt_set, runs = load_prompt_set("open"), []
    with resumable(args):
        for guidance in GUIDANCES:
            model = resolve_model("reference", {"guidance": guidance}, "auto")
            out = args.out / f"guidance-{guidance}"
            request = Request(model, prompt_set, out, samples=SAMPLES, size=SIZE, limit=PROMPTS, slice_size=SLICE)
            runs.append(generate(request, shown_progress()).path)
        create_study(runs, study, Options(type="drawbench", name="demo", training=1), shown_progress())
    return study
