"""The `drawbench` program: finds the command, and turns errors into one sentence and an exit code."""

import argparse
import os
import shlex
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from drawbench import __version__
from drawbench.cli.config import told_where, with_config
from drawbench.errors import StageError, StoppedError, UserError, is_input_error
from drawbench.launcher import is_member, launched
from drawbench.terminal import degrade_streams, write_data

# name -> (module, one line of help). A module has `configure(parser)` and `run(args) -> int`;
# it is imported only when its command is the one asked for, so that help stays fast.
COMMANDS: dict[str, tuple[str, str]] = {
    "bench": ("drawbench.cli.bench", "the bundled model on the embedded prompt sets"),
    "run": ("drawbench.cli.run", "images, scores, table and report of a model, in one command"),
    "generate": ("drawbench.cli.generate", "make the images of a model for a prompt set, or resume making them"),
    "merge": ("drawbench.cli.merge", "seal a run that several jobs drew with --shard"),
    "sample": ("drawbench.cli.sample", "images of one prompt as a picture, without a run"),
    "score": ("drawbench.cli.score", "the numbers of finished runs under a protocol"),
    "compare": ("drawbench.cli.compare", "two runs, paired: which differences are more than noise"),
    "same": ("drawbench.cli.same", "two runs: the same model for all that matters, different, or undecided"),
    "agree": ("drawbench.cli.agree", "which metric sides with people: ratings beside scores of the same images"),
    "audit": ("drawbench.cli.audit", "which scorer to believe: images with one thing wrong, or dressed up"),
    "sweep": ("drawbench.cli.sweep", "a model at many settings, with its FID-CLIP curve"),
    "prompts": ("drawbench.cli.prompts", "the prompt sets: list them, show one, check a file"),
    "models": ("drawbench.cli.models", "the kinds of models: list them, describe one"),
    "leaderboard": ("drawbench.cli.leaderboard", "results as tables: text, Markdown, CSV, LaTeX, HTML or JSON"),
    "results": ("drawbench.cli.results", "a folder of results: add, check, what changed, export"),
    "verify": ("drawbench.cli.verify", "whether a result holds: its run, its images, its model, its signature"),
    "cite": ("drawbench.cli.cite", "BibTeX of all that a result stands on"),
    "push": ("drawbench.cli.push", "a run as a data set on the Hugging Face hub"),
    "runs": ("drawbench.cli.runs", "the runs of a folder, and how far each is"),
    "protocols": ("drawbench.cli.protocols", "what each protocol measures"),
    "references": ("drawbench.cli.references", "statistics of reference images as a file"),
    "weights": ("drawbench.cli.weights", "the published weights files of the metrics: list, fetch, check"),
    "report": ("drawbench.cli.report", "scored runs as a static page with their images"),
    "site": ("drawbench.cli.site", "results as a leaderboard of static pages, for any host"),
    "coco": ("drawbench.cli.coco", "COCO files: check them, choose captions, make sets in their layout"),
    "doctor": ("drawbench.cli.doctor", "what is on this machine and what it makes possible; checks of the metrics"),
}

SUMMARIES = {"study": "human evaluation: make a study, serve it to raters, analyse their votes"}
TOGETHER = ("run", "generate")  # commands that several processes of a launch do together
INTERRUPTED = 130  # as a shell reports it for Ctrl-C
OUTPUT_CUT_SHORT = 141  # what a shell reports for a program whose reader went away

EPILOGUE = """examples:
  drawbench run --model reference --prompts open            the bundled model on the embedded prompts
  drawbench run --model folder:my_images --prompts open     images you already have
  drawbench help COMMAND                                    options and examples of one command
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0 when done, 1 when a stage failed and can be resumed, 2 on the user's input.

    130 when it was interrupted, and can be resumed. 141 when whoever read the output has had enough, as in
    `drawbench prompts show open | head`.
    """
    arguments: list[str] = []
    try:
        arguments += sys.argv[1:] if argv is None else argv
        degrade_streams()
        _move_caches()
        try:
            return _exit_code(arguments)
        finally:
            print(end="", flush=True)  # here, and not at the interpreter's end, where no error could be caught
    except KeyboardInterrupt:
        print(f"drawbench: interrupted; the same command resumes: {as_typed(arguments)}", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        if not _reader_is_gone():
            raise
        return OUTPUT_CUT_SHORT


def _exit_code(arguments: list[str]) -> int:
    try:
        return _dispatch(arguments)
    except UserError as error:
        return _fail(error, 2)
    except StoppedError as error:
        return _fail(error, INTERRUPTED)
    except StageError as error:
        return _fail(error, 1)
    except ValueError as error:
        if not is_input_error(error):
            raise
        return _fail(error, 2)
    except BrokenPipeError:
        raise
    except OSError as error:
        return _fail(_no_such_place(error), 2)


def _dispatch(arguments: list[str]) -> int:
    if arguments[:1] == ["help"]:
        arguments = [*arguments[1:], "--help"]
    found = parse(arguments)
    if found is not None:
        module, options = found
        _refuse_ranks(arguments[0])
        if getattr(options, "json", False):
            write_data("json")
        with told_where(options.in_file):
            return int(module.run(options))
    commands = _commands()
    if arguments and not arguments[0].startswith("-"):
        raise UserError(f"there is no command {arguments[0]!r}: {_meant(arguments[0], [*commands, 'help'])}")
    overview = _overview(commands)
    overview.parse_args(arguments)
    overview.print_help()
    return 0


def parse(arguments: Sequence[str]) -> tuple[ModuleType, argparse.Namespace] | None:
    """The module of the command and its options, with `typed`, the line as it was typed, and `in_file`, the options of
    a file; None where no command is named."""
    name = arguments[0] if arguments else ""
    commands = COMMANDS if name in COMMANDS else _commands()
    if name not in commands:
        return None
    place, summary = commands[name]
    module = import_module(place)
    parser = argparse.ArgumentParser(
        prog=f"drawbench {name}", description=summary, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    module.configure(parser)
    _refuse_unknown(arguments[1:], parser)
    words, in_file = with_config(arguments[1:], parser)
    return module, parser.parse_args(words, argparse.Namespace(typed=as_typed(arguments), in_file=in_file))


def _refuse_unknown(words: Sequence[str], parser: argparse.ArgumentParser) -> None:
    """Raises UserError, with what may be meant, for the first option that the command does not have."""
    known = set(parser._option_string_actions)  # which argparse shows nowhere else
    for word in words:
        option = word.partition("=")[0]
        if word == "--":
            return
        if inner := _subcommands(parser).get(word):
            parser, known = inner, known | set(inner._option_string_actions)
        elif option.startswith("--") and not any(each.startswith(option) for each in known):
            raise UserError(f"{parser.prog} has no option {option}: {_meant(option, known, f'{parser.prog} --help')}")


def _subcommands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    return next((dict(each.choices) for each in parser._actions if isinstance(each, argparse._SubParsersAction)), {})


def _meant(word: str, known: Iterable[str], listing: str = "drawbench help") -> str:
    names = {each.lstrip("-"): each for each in sorted(known)}
    like = [names[each] for each in get_close_matches(word.lstrip("-"), names, n=2, cutoff=0.6)]
    asked = f"did you mean {' or '.join(like)}? " if like else ""
    return f"{asked}`{listing}` lists them."


def as_typed(arguments: Sequence[str]) -> str:
    """The command line, quoted for a shell."""
    return shlex.join(["drawbench", *arguments])


def _commands() -> dict[str, tuple[str, str]]:
    """All commands: ours, then those of other packages that have a name of their own."""
    points = [point for point in entry_points(group="drawbench.commands") if point.name not in COMMANDS]
    return COMMANDS | {p.name: (p.module, _summary(p)) for p in points}


def _summary(point: EntryPoint) -> str:
    """One line of help: SUMMARIES has those of our own packages, whose modules are not imported for it."""
    return SUMMARIES.get(point.name) or (f"from {point.dist.name}" if point.dist else "")


def _overview(commands: dict[str, tuple[str, str]]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="drawbench",
        description="Benchmark a text-to-image model: images, FID, CLIP score, tables.",
        epilog=EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"drawbench {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, (_, summary) in commands.items():
        subparsers.add_parser(name, help=summary)
    return parser


def _move_caches() -> None:
    """What other packages keep goes below $DRAWBENCH_HOME, too, unless their own variables say where."""
    if home := os.environ.get("DRAWBENCH_HOME"):
        for variable, folder in (("HF_HOME", "huggingface"), ("TORCH_HOME", "torch")):
            os.environ.setdefault(variable, str(Path(home) / folder))


def _reader_is_gone() -> bool:
    """Whether nobody reads stdout any more; if so, what is still written to it is dropped."""
    try:
        print(flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False


def _no_such_place(error: OSError) -> UserError:
    """A full disk, a folder that may not be written, a file where a folder is needed."""
    place = error.filename2 or error.filename or "a file"
    return UserError(f"{place} cannot be read or written ({error.strerror or error}): mend that and run it again.")


def _refuse_ranks(command: str) -> None:
    """Raises UserError where a launcher started several processes of a command that would do the same in each."""
    place = launched()
    if place is not None and command not in TOGETHER:
        raise UserError(
            f"drawbench {command} is one process, and a launcher started {place.size}: only {' and '.join(TOGETHER)} "
            "divide their work among ranks; start this one by itself."
        )


def _fail(error: Exception, code: int) -> int:
    if is_member():  # rank 0 speaks for all
        return code
    print(f"drawbench: {error}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
