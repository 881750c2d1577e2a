"""What marks of scorers are worth, on images: docs/images/bribes.png and guidance_bias.png.

python -m experiments.bribes docs/images
"""

import sys
from pathlib import Path
from textwrap import fill

from matplotlib import rc_context
from matplotlib.figure import Figure

from drawbench.auditing.changes import BRIBES
from drawbench.auditing.examples import Example, trials
from drawbench.auditing.guidance import HIGH, LOW, guided_trials
from drawbench.auditing.scorers import scorer_named
from drawbench.plot_style import INK, SERIES, SOFT, STYLE, write_figure
from drawbench.progress import Progress

SCORERS = ("saturation", "ocr-rapidocr", "bundled")
IN_A_ROW = 4  # images
PLACE = 1  # of the trial among those of words, seed 0
GUIDED = 20  # scenes, of which the first that are right at either guidance are shown


def bribes() -> Figure:
    """The right image, the wrong one, and the wrong one bribed; where that makes it as good as the right one,
    in colour."""
    trial = trials("word", PLACE + 1, 0)[PLACE]
    shown: dict[str, Example] = {"right": trial.right, "wrong": trial.wrong}
    for name, bribe in BRIBES.items():
        shown[name] = trial.bribed(bribe(trial.wrong.caption)).wrong
    marks = {name: scorer_named(name).marks(list(shown.values()), Progress()) for name in SCORERS}
    made = Figure(figsize=(8, 5.5))
    made.text(0.01, 0.975, f"Asked for: {trial.right.caption}", fontsize=11, color=INK, va="center")
    for number, (name, example) in enumerate(shown.items()):
        left, top = 0.155 + number % IN_A_ROW * 0.213, 0.925 - number // IN_A_ROW * 0.49
        axes = made.add_axes((left, top - 0.315, 0.2, 0.29))
        axes.imshow(example.image)
        axes.set_axis_off()
        axes.set_title(name, fontsize=10, pad=3)
        for row, (scorer, found) in enumerate(marks.items()):
            height = top - 0.345 - 0.035 * row
            paid = number > 1 and found[1] < found[number] >= found[0]
            style = {"color": SERIES[1], "weight": "bold"} if paid else {"color": INK}
            made.text(left + 0.1, height, f"{found[number]:.2f}", fontsize=10, ha="center", va="center", **style)
            if number % IN_A_ROW == 0:
                made.text(0.01, height, scorer, fontsize=10, color=SOFT, va="center")
    return made


def guidance_bias() -> Figure:
    """Scenes at low and at high guidance, all of both right; the mark in colour where the one at high is higher."""
    tried = guided_trials(GUIDED, 0, Progress())
    found = [each for each in tried if each.right.truth and each.right.truth(each.right.image) == 1]
    chosen = found[: IN_A_ROW - 1]
    shown = [example for trial in chosen for example in (trial.right, trial.wrong)]
    scorers = [name for name in SCORERS if name != "ocr-rapidocr"]  # nothing is written here
    marks = {name: scorer_named(name).marks(shown, Progress()) for name in scorers}
    made = Figure(figsize=(8, 2.3))
    for number, example in enumerate(shown):
        left = 0.125 + number // 2 * 0.295 + number % 2 * 0.14
        axes = made.add_axes((left, 0.3, 0.135, 0.47))
        axes.imshow(example.image)
        axes.set_axis_off()
        axes.set_title(f"guidance {HIGH if number % 2 else LOW:g}", fontsize=9, pad=3)
        if number % 2 == 0:
            made.text(left, 0.98, fill(example.caption, 38), fontsize=8, color=INK, va="top")
        for row, (scorer, found) in enumerate(marks.items()):
            height = 0.21 - 0.13 * row
            higher = number % 2 and found[number] > found[number - 1]
            style = {"color": SERIES[1], "weight": "bold"} if higher else {"color": INK}
            made.text(left + 0.067, height, f"{found[number]:.2f}", fontsize=10, ha="center", va="center", **style)
            if number == 0:
                made.text(0.01, height, scorer, fontsize=10, color=SOFT, va="center")
    return made


if __name__ == "__main__":
    with rc_context(STYLE):  # type: ignore[arg-type]  # plain text is no Literal
        for figure in (bribes, guidance_bias):
            write_figure(figure(), Path(sys.argv[1]), figure.__name__)
