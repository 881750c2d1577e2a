"""`drawbench study simulate`: votes of raters that are not people, to try a study and its analysis before launch."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from drawbench.errors import UserError
from drawbench.terminal import terminal_width

if TYPE_CHECKING:
    from drawbench.tables.layout import Sheet
    from human_eval_app.simulate import Truth
    from human_eval_app.study.design import Design

UTILITY = "MODEL[:QUESTION[:CATEGORY]]=VALUE"
EPILOGUE = """examples:
  drawbench study simulate studies/a-b --out votes.csv --utility A=0.12
  drawbench study simulate studies/a-b --out votes.csv --utility "Imagen tiny:alignment=0.3"
  drawbench study analyse studies/a-b --votes votes.csv --out tried
A utility of 0.12 makes a model win about 55 to 45 of the decided votes. Every vote is marked as simulated, and so is
everything made from it. A is the run that `study create` was given first.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `study simulate`."""
    parser.epilog = EPILOGUE
    parser.add_argument("study", type=Path, metavar="STUDY", help="the study's folder")
    parser.add_argument("--out", required=True, type=Path, metavar="FILE", help="the votes, as a CSV export")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of all chance (0)")
    parser.add_argument(
        "--utility",
        action="append",
        default=[],
        metavar=UTILITY,
        help="how much better a model (its name, A or B) is, in standard deviations of a vote's noise (0; repeatable)",
    )
    for name, default, text in (
        ("prompt-sd", 0.4, "how much models' difference varies between prompts"),
        ("rater-sd", 0.3, "how much it varies between raters"),
        ("indifference", 0.4, "half the zone in which raters are indifferent"),
        ("indifference-sd", 0.5, "how much the logarithm of that zone varies between raters"),
        ("left-bias", 0.0, "what the left side is given on top"),
        ("careless", 0.0, "share of raters who answer at random"),
    ):
        parser.add_argument(f"--{name}", type=float, default=default, metavar="X", help=f"{text} ({default:g})")


def run(args: argparse.Namespace) -> int:
    """Write the votes and print the true shares they were drawn from."""
    from drawbench.tables.text import sheet_text
    from human_eval_app.simulate import Truth, simulate_votes
    from human_eval_app.store.export import COLUMNS, with_total, write_rows
    from human_eval_app.study.design import read_design

    design = read_design(args.study)
    truth = Truth(
        utility=dict(_utility(text, design) for text in args.utility),
        prompt_sd=_not_negative(args.prompt_sd, "--prompt-sd"),
        rater_sd=_not_negative(args.rater_sd, "--rater-sd"),
        indifference=_not_negative(args.indifference, "--indifference"),
        indifference_sd=_not_negative(args.indifference_sd, "--indifference-sd"),
        left_bias=args.left_bias,
        careless=_not_negative(args.careless, "--careless", 1.0),
    )
    votes = simulate_votes(design, truth, args.seed)
    rows, columns = with_total([vars(vote) for vote in votes], COLUMNS, len(votes), design)
    write_rows(rows, columns, args.out, "csv", design)
    print(sheet_text(_true_shares(design, truth), terminal_width()))
    print(f"drawbench: {len(votes)} simulated answers are in {args.out}", file=sys.stderr)
    return 0


def _true_shares(design: "Design", truth: "Truth") -> "Sheet":
    """What an endless number of such raters and prompts would say, so that an analysis can be compared with it."""
    from drawbench.tables.layout import Block, Cell, Column, Sheet

    names = ("A", "indifferent", "B") if design.paired else ("yes", "somewhat", "no")
    columns = [Column(name, numeric=False) for name in ("models", "category", "question")]
    rows = []
    for panel in design.panels:
        for question in design.questions:
            who, what = panel.models, (question.id, panel.category)
            shares = truth.shares(who[0], who[1], *what) if design.paired else truth.caption_shares(who[0], *what)
            cells = (" against ".join(who), panel.category, question.id, *(f"{100 * share:.1f}" for share in shares))
            rows.append(tuple(Cell(text) for text in cells))
    block = Block("", (*columns, *(Column(name, "% of votes") for name in names)), tuple(dict.fromkeys(rows)))
    return Sheet("the truth that SIMULATED raters were given", (block,), (), ())


def _utility(text: str, design: "Design") -> tuple[tuple[str, str, str], float]:
    """One of `UTILITY`; a model's own name may hold colons. Raises UserError that names the choices."""
    from human_eval_app.simulate import ANY

    names, equals, number = text.rpartition("=")
    try:
        value = float(number)
    except ValueError:
        equals = ""
    if not equals:
        raise UserError(f"--utility {text} is no {UTILITY}; the models are {_choices(design)}.")
    model, rest = _named_model(names, design)
    question, _, category = rest.partition(":")
    for name, known, what in (
        (question, [each.id for each in design.questions], "questions"),
        (category, list(dict.fromkeys(panel.category for panel in design.panels)), "categories"),
    ):
        if name and name != ANY and name not in known:
            raise UserError(f"--utility {text} names no part of this study: its {what} are {', '.join(known)}.")
    return (model, question or ANY, category or ANY), value


def _named_model(names: str, design: "Design") -> tuple[str, str]:
    """The model's label, and what follows it: by its name, by how only its name begins, or by its letter."""
    labels = [model.label for model in design.models]
    whole = [each for each in labels if f"{names}:".casefold().startswith(f"{each}:".casefold())]
    if whole:
        label = max(whole, key=len)
        return label, names[len(label) + 1 :]
    begin, _, rest = names.partition(":")
    found = [each for each in labels if begin and each.casefold().startswith(begin.casefold())]
    if begin.upper() in (letters := _letters(design)):
        found = [letters[begin.upper()]]
    if len(found) != 1:
        what = "may be several models" if found else "is no model"
        raise UserError(f"--utility: {begin!r} {what} of this study; write {_choices(design)}, or how one begins.")
    return found[0], rest


def _letters(design: "Design") -> dict[str, str]:
    """A and B of a study that compares two models, as its tables call them."""
    compared = {panel.models for panel in design.panels}
    return dict(zip("AB", compared.pop(), strict=True)) if design.paired and len(compared) == 1 else {}


def _choices(design: "Design") -> str:
    letters = {label: f" ({letter})" for letter, label in _letters(design).items()}
    return ", ".join(model.label + letters.get(model.label, "") for model in design.models)


def _not_negative(value: float, option: str, most: float = float("inf")) -> float:
    if not 0 <= value <= most:
        raise UserError(f"{option} {value:g} is out of range: give a number from 0 to {most:g}.")
    return value
