"""Bribes of a wrong image with the marks of scorers below: docs/images/bribes.png.

python -m experiments.bribes docs/images
"""

import sys
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from drawbench.auditing.changes import BRIBES
from drawbench.auditing.examples import Example, trials
from drawbench.auditing.scorers import scorer_named
from drawbench.plot_style import INK, SERIES, SOFT, STYLE, write_figure
from drawbench.progress import Progress

SCORERS = ("saturation", "ocr-rapidocr", "bundled")
IN_A_ROW = 4  # images
PLACE = 1  # of the trial among those of words, seed 0


def figure() -> Figure:
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


if __name__ == "__main__":
    with rc_context(STYLE):  # type: ignore[arg-type]  # plain text is no Literal
        write_figure(figure(), Path(sys.argv[1]), "bribes")
