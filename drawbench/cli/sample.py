"""`drawbench sample`: images of one prompt, as one picture, without a run."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from drawbench.cli.generate import parse_settings
from drawbench.errors import UserError
from drawbench.files import atomic_file
from drawbench.interface import Refused, Sample, TextToImage, sample_seed
from drawbench.models.registry import model_specs, resolve_model
from drawbench.runs.drawing import Manner, draw, pixels_of
from drawbench.terminal_progress import shown_progress, waiting

COLUMNS, GAP = 4, 4  # images side by side, and pixels between them
PAPER, REFUSED = 255, 225

EPILOGUE = """examples:
  drawbench sample "a red cup left of a blue car" -n 4 --out cups.png
  drawbench sample "a green star" --stages --size 1024 --out stages.png        64, 256 and 1024 px of the same image
  drawbench sample "a green star" --low star.png --size 256 --out large.png    super-resolution of an image of yours
Nothing of it is a run: to keep images and score them, use `drawbench run`. Neither inpainting nor images made from
images of the same size are offered.
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options of `sample`."""
    parser.epilog = EPILOGUE
    parser.add_argument("text", metavar="TEXT", help="the prompt")
    parser.add_argument("--out", type=Path, required=True, metavar="PNG", help="the picture")
    parser.add_argument("-n", type=int, default=4, help="images (4)")
    parser.add_argument("--model", default="reference", metavar="SPEC", help=f"{', '.join(model_specs())} (reference)")
    parser.add_argument("--size", type=int, metavar="PX", help="side of each image (256)")
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the images (0)")
    parser.add_argument("--set", action="append", metavar="KEY=VALUE", help="a setting of the model")
    parser.add_argument("--device", default="auto", metavar="D", help="auto, cpu, cuda, cuda:1, mps (auto)")
    parser.add_argument("--stages", action="store_true", help="also what each stage made, a row for each (reference)")
    parser.add_argument("--low", type=Path, metavar="PNG", help="start from this low-resolution image (reference)")


def run(args: argparse.Namespace) -> int:
    """Draw, write the picture, and say where it is."""
    if args.n < 1:
        raise UserError(f"-n {args.n} is no number of images: use 1 or more.")
    if args.out.suffix.lower() != ".png":
        raise UserError(f"--out {args.out} is no name for a PNG file: let it end in .png.")
    low = None if args.low is None else _read_low(args.low)
    with waiting(f"loading {args.model}", shown_progress()):
        model = resolve_model(args.model, parse_settings(args.set or []), args.device)
    staged = _stages_of(model) if args.stages or low is not None else None
    size = args.size if args.size is not None else model.native_size
    samples = [Sample("sample", "", args.text, i, sample_seed(args.seed, "sample", i)) for i in range(args.n)]
    model.check_plan(samples, size)
    rows: list[list[np.ndarray | Refused]]
    if staged is None:
        rows = [[pixels_of(output) for output in draw(model, samples, Manner(size)).taken()]]
    else:
        made = staged(samples, size, low)
        rows = [list(images) for side, images in made.items() if args.stages or side == size]
    picture = _picture(rows, size)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(args.out) as file:
        picture.save(file, format="PNG")
    print(f"{args.out}: {args.n} image{'s' if args.n > 1 else ''} of {size} px")
    return 0


def _stages_of(model: TextToImage) -> Callable[[Sequence[Sample], int, np.ndarray | None], dict[int, np.ndarray]]:
    from drawbench.models.reference import ReferenceAdapter

    if not isinstance(model, ReferenceAdapter):
        raise UserError("--stages and --low are of the reference model's cascade: use them with --model reference.")
    return model.generate_stages


def _read_low(path: Path) -> np.ndarray:
    """uint8 (S, S, 3). Raises UserError for a file that is no square image."""
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except OSError as error:
        raise UserError(f"{path} cannot be read as an image ({error}): give --low a PNG file.") from None
    if pixels.shape[0] != pixels.shape[1]:
        raise UserError(f"{path} is {pixels.shape[1]} x {pixels.shape[0]} pixels: give --low a square image.")
    return pixels


def _picture(rows: Sequence[Sequence[np.ndarray | Refused]], size: int) -> Image.Image:
    """All images in rows of COLUMNS, smaller stages enlarged by whole pixels; a refused one is a grey square."""
    tiles = [[_tile(image, size) for image in images] for images in rows]
    lines = [line[start : start + COLUMNS] for line in tiles for start in range(0, len(line), COLUMNS)]
    wide = max(len(line) for line in lines)
    picture = Image.new("RGB", (wide * (size + GAP) - GAP, len(lines) * (size + GAP) - GAP), (PAPER,) * 3)
    for y, line in enumerate(lines):
        for x, tile in enumerate(line):
            picture.paste(tile, (x * (size + GAP), y * (size + GAP)))
    return picture


def _tile(image: np.ndarray | Refused, size: int) -> Image.Image:
    if isinstance(image, Refused):
        return Image.new("RGB", (size, size), (REFUSED,) * 3)
    return Image.fromarray(image).resize((size, size), Image.Resampling.NEAREST)
