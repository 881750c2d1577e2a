"""`drawbench study SUBCOMMAND`: finds the subcommand and hands over."""

import argparse
from importlib import import_module

from human_eval_app.cli.agree import study_agreements as study_agreements  # for `drawbench.agree`

# name -> (module, one line of help). A module has `configure(parser)` and `run(args) -> int`.
SUBCOMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("human_eval_app.cli.demo", "a small study of the bundled model, to try the app"),
    "create": ("human_eval_app.cli.create", "a study's folder from sealed runs: everything raters will see"),
    "serve": ("human_eval_app.cli.serve", "the raters' app"),
    "status": ("human_eval_app.cli.status", "how far a study is: seats by panel, raters by stage"),
    "export": ("human_eval_app.cli.export", "the votes as CSV, JSON lines or parquet"),
    "payments": ("human_eval_app.cli.payments", "whom to pay: time, ending and code of every rater"),
    "analyse": (
        "human_eval_app.cli.analyse",
        "what raters preferred: rates with intervals, tests, charts, result files",
    ),
    "agree": ("human_eval_app.cli.agree", "which metric sides with raters: votes beside scores of the runs"),
    "simulate": ("human_eval_app.cli.simulate", "votes of simulated raters, to try a study before launch"),
    "backup": ("human_eval_app.cli.backup", "the study and its votes as one file, while raters are at work"),
    "restore": ("human_eval_app.cli.restore", "a study from its backup, in SQLite or PostgreSQL"),
    "invite": ("human_eval_app.cli.invite", "links for raters"),
    "password": ("human_eval_app.cli.password", "who may open the admin page at /admin"),
    "control": ("human_eval_app.cli.control", "pause, resume or close a study"),
}

EPILOGUE = """examples:
  drawbench study create runs/a runs/b --type drawbench --out studies/a-b    what raters will see
  drawbench study serve studies/a-b                                          the raters' app
  drawbench study analyse studies/a-b                                        preference rates with intervals
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the subcommands and their options."""
    parser.epilog = EPILOGUE
    subparsers = parser.add_subparsers(title="subcommands", metavar="SUBCOMMAND", required=True)
    for name, (module, summary) in SUBCOMMANDS.items():
        subparser = subparsers.add_parser(
            name, help=summary, description=summary, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        loaded = import_module(module)
        loaded.configure(subparser)
        subparser.set_defaults(subcommand=loaded.run)


def run(args: argparse.Namespace) -> int:
    """Run the chosen subcommand."""
    return int(args.subcommand(args))
