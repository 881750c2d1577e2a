"""`drawbench study demo`: a small study of the bundled model against itself, served on this machine."""

import argparse
import logging
import shlex
import sys
import time
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from drawbench.cli.generate import resumable
from drawbench.models.registry import resolve_model
from drawbench.prompts.registry import load_prompt_set
from drawbench.runs.generate import Request, generate
from drawbench.terminal_progress import shown_progress

if TYPE_CHECKING:
    from human_eval_app.cli.crowd import Crowd

PROMPTS, SAMPLES, SIZE, SLICE = 3, 8, 64, 16  # prompts of each category; images a side; their pixels; drawn at once
GUIDANCES = ("2", "1")  # what the two compared runs differ in
LIKED = {"fidelity": 0.6, "alignment": 0.9}  # the first run by simulated raters, as utilities
PAUSE_MINUTES = 1  # its screens take seconds, and who goes away for good should not be waited for
TICK_SECONDS = 0.25
_log = logging.getLogger(__name__)

EPILOGUE = """examples:
  drawbench study demo          two small runs, a study of them, and the raters' app with links to try it (minutes)
  drawbench study demo --alone  without the simulated raters who take part meanwhile
The same command goes on where it was stopped, and serves again what is there. The study may stop at a decision, which
the admin page shows as it comes about. All of its results are marked as simulated.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOGUE
    parser.add_argument("--out", type=Path, default=Path("runs/study-demo"), metavar="DIR", help="(%(default)s)")
    parser.add_argument("--port", type=int, default=8501)
    parser.add_argument("--alone", action="store_true", help="no simulated raters come while it is served")
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

    if not args.alone:
        invite_crowd(study)
    print("Ctrl-C stops the server.", file=sys.stderr)
    serve(study, None, "127.0.0.1", args.port)
    return 0


def make_demo(args: argparse.Namespace) -> Path:
    """The demo study's folder, made now where it is missing."""
    from human_eval_app.study.create import create_study
    from human_eval_app.study.design import Stopping
    from human_eval_app.study.options import Options

    study: Path = args.out / "study"
    if study.exists():
        return study
    prompt_set, runs = load_prompt_set("open"), []
    stopping = Stopping(at_decision="advise", pause_minutes=PAUSE_MINUTES)
    names = {args.out / f"guidance-{guidance}": f"guidance {guidance}" for guidance in GUIDANCES}
    options = Options("drawbench", "demo", names, training=1, simulated=True, stopping=stopping)
    with resumable(args):
        for guidance, out in zip(GUIDANCES, names, strict=True):
            model = resolve_model("reference", {"guidance": guidance}, "auto")
            request = Request(model, prompt_set, out, samples=SAMPLES, size=SIZE, limit=PROMPTS, slice_size=SLICE)
            runs.append(generate(request, shown_progress()).path)
        create_study(runs, study, options, shown_progress())
    return study


def invite_crowd(study: Path) -> None:
    """Let simulated raters take part for as long as this process lives, in a study that says so."""
    from human_eval_app.app.service import default_database
    from human_eval_app.cli.crowd import Crowd
    from human_eval_app.simulate import ANY, Truth
    from human_eval_app.store.store import VoteStore
    from human_eval_app.study.design import read_design

    design = read_design(study)
    if design.raters != "simulated":
        print(f"drawbench: {study} is a study of people, so nobody is simulated in it.", file=sys.stderr)
        return
    label = design.models[0].label
    truth = Truth(utility={(label, question, ANY): utility for question, utility in LIKED.items()})
    crowd = Crowd(design, VoteStore.open(default_database(study), design), truth, seed=0)
    Thread(target=_keep_going, args=(crowd,), name="crowd", daemon=True).start()
    print("Simulated raters take part meanwhile; see /admin. Everything is marked as simulated.", file=sys.stderr)


def _keep_going(crowd: "Crowd") -> None:
    from human_eval_app.store.records import StoreRefusal

    going = True
    while going:
        try:
            going = crowd.step(time.monotonic())
        except StoreRefusal as refusal:
            _log.warning("simulated raters wait: %s", refusal)
        time.sleep(TICK_SECONDS)
