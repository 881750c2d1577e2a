"""`drawbench doctor`: what is on this machine; whether the metrics do what they must, and published values come out."""

import argparse
import json
from pathlib import Path

from drawbench.errors import UserError
from drawbench.files import write_text_atomically, writing
from drawbench.terminal import terminal_width

DEFAULT_N = 192
WIDTH = 100  # columns, where stdout is no terminal
SUFFIXES = (".json", ".md")
METRICS_ONLY = {"--images": "images", "-n": "n"}
EPILOGUE = """examples:
  drawbench doctor                                     what is here, what is missing, what to do next
  drawbench doctor --metrics                           the metrics, on every extractor whose weights are here
  drawbench doctor --metrics --images photographs --out sanity.md
  drawbench doctor --acceptance                        protocol imagen against published values (needs a network once)

--metrics degrades photographs in known ways: each metric must move in the known direction, further at each level.
It also compares our numbers with those of the peers that are installed. Exit code 1 when a check fails.
--acceptance fetches the published weights of protocol imagen and the files of published examples (about 1.6 GB), and
compares what this machine finds with what others state.
Nothing else is written but --out.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = EPILOGUE
    checks = parser.add_mutually_exclusive_group()
    checks.add_argument("--metrics", action="store_true", help="check the metrics: sanity suite, and peers")
    checks.add_argument(
        "--acceptance",
        action="store_true",
        help="check protocol imagen against published values; fetches what it needs",
    )
    parser.add_argument("--images", type=Path, metavar="DIR", help="photographs to degrade (those of scikit-image)")
    parser.add_argument("-n", type=int, metavar="N", help=f"images in each set ({DEFAULT_N})")
    parser.add_argument("--device", metavar="D", help="auto, cpu, cuda, cuda:1, mps (auto)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write it: .json, or .md with --metrics")


def run(args: argparse.Namespace) -> int:
    """Look around, or check the metrics; 1 when a check fails."""
    _check(args)
    if args.acceptance:
        return _acceptance(args)
    return _metrics(args) if args.metrics else _machine(args)


def _check(args: argparse.Namespace) -> None:
    """Raises UserError for options that do not go together, before anything is computed."""
    if not args.metrics:
        given = [option for option, name in METRICS_ONLY.items() if getattr(args, name) is not None]
        if given:
            raise UserError(f"{given[0]} is an option of --metrics: write drawbench doctor --metrics {given[0]} ...")
    if args.device is not None and not (args.metrics or args.acceptance):
        raise UserError("--device is an option of --metrics and --acceptance: name one of them too")
    suffixes = SUFFIXES if args.metrics else SUFFIXES[:1]
    if args.out is not None and args.out.suffix not in suffixes:
        raise UserError(f"--out {args.out} must end in {' or '.join(suffixes)}")
    if args.out is not None and not args.out.absolute().parent.is_dir():
        raise UserError(f"the folder of --out {args.out} is not there: make it first")


def _machine(args: argparse.Namespace) -> int:
    from drawbench.doctor.examine import examine, machine_data
    from drawbench.doctor.text import sections_text

    sections = examine()
    data = json.dumps(machine_data(sections), ensure_ascii=False, indent=2)
    print(data if args.json else sections_text(sections, terminal_width(WIDTH)))
    if args.out is not None:
        _write(args.out, data)
    return 0


def _metrics(args: argparse.Namespace) -> int:
    from drawbench.doctor.metrics_check import check_metrics
    from drawbench.doctor.metrics_check_text import check_data, check_markdown, check_text
    from drawbench.doctor.suite_images import suite_images
    from drawbench.models.registry import choose_device
    from drawbench.terminal_progress import shown_progress

    images = suite_images(DEFAULT_N if args.n is None else args.n, args.images)
    found = check_metrics(images, choose_device(args.device or "auto"), shown_progress())
    data = json.dumps(check_data(found), ensure_ascii=False, indent=2)
    print(data if args.json else check_text(found, terminal_width(WIDTH)))
    if args.out is not None:
        _write(args.out, data if args.out.suffix == ".json" else check_markdown(found))
    return 0 if found.passed else 1


def _acceptance(args: argparse.Namespace) -> int:
    from drawbench.doctor.acceptance import accept
    from drawbench.doctor.text import examples_data, examples_text
    from drawbench.models.registry import choose_device
    from drawbench.terminal_progress import shown_progress, terminated_like_interrupted

    with terminated_like_interrupted():
        examples = accept(choose_device(args.device or "auto"), shown_progress())
    data = json.dumps(examples_data(examples), ensure_ascii=False, indent=2)
    print(data if args.json else examples_text(examples, terminal_width(WIDTH)))
    if args.out is not None:
        _write(args.out, data)
    return 0 if all(example.passed for example in examples) else 1


def _write(path: Path, text: str) -> None:
    with writing(path, "name another --out"):
        write_text_atomically(path, text + "\n")
