"""`drawbench push`: a run as a data set on the Hugging Face hub."""

import argparse
from pathlib import Path

EPILOGUE = """examples:
  drawbench push runs/mine --to me/my-model-on-open
  drawbench push runs/mine --to me/my-model-on-drawbench --private

Images, table of images, plan, seal, journals and scores, in one commit; a page with the scores. DrawBench's text stays
here unless --with-prompt-text is given. HF_TOKEN or `hf auth login` says who you are, HF_ENDPOINT another hub.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.epilog = EPILOGUE
    parser.add_argument("run", type=Path, metavar="RUN", help="a finished run directory")
    parser.add_argument("--to", required=True, metavar="OWNER/NAME", help="the data set, made where it is not there")
    parser.add_argument("--private", action="store_true", help="make it for yourself alone")
    parser.add_argument("--with-prompt-text", action="store_true", help="with DrawBench's text, which is Google's")


def run(args: argparse.Namespace) -> int:
    """Upload, and print the address."""
    from drawbench.sharing.hub import push_run

    print(push_run(args.run, args.to, with_prompt_text=args.with_prompt_text, private=args.private))
    return 0
