"""How well the engines of text rendering read signs that are right, and signs that are wrong.

python -m experiments.text_engines rapidocr            # tables of docs/text_rendering.md, about 5 minutes an engine
python -m experiments.text_engines rapidocr --floors   # what confidence to ask for, on other fonts, words, photographs
"""

import argparse
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps

from drawbench.prompts.registry import load_open
from metrics.features.ocr import rapidocr, tesseract
from metrics.text_rendering import Rendering, asked_texts, nearest_rendering, words_of

Readings = list[list[tuple[str, float]]]  # lines and the confidence in each, at each size

Engine = rapidocr.RapidOcr | tesseract.Tesseract
ENGINES: dict[str, tuple[Callable[[], Engine], float]] = {
    "rapidocr": (rapidocr.RapidOcr, rapidocr.FLOOR),
    "tesseract": (tesseract.Tesseract, tesseract.FLOOR),
}
SIZES = (64, 128, 256, 512, 1024)
TURNS = (10, 20, 45, 90, 180)  # degrees
FLOORS = (0.0, 0.3, 0.5, 0.6, 0.7, 0.75, 0.8, 0.9)
PER_FONT = 6  # signs of a font and size
PER_TURN = 8  # signs of a turn and size
FONTS = (  # of matplotlib's package; the first name stands for Pillow's own
    "Aileron",
    "DejaVuSans",
    "DejaVuSans-Bold",
    "DejaVuSansMono",
    "DejaVuSerif",
    "DejaVuSerif-Italic",
    "STIXGeneral",
    "STIXGeneralBolIta",
)
PHOTOGRAPHS = ("chelsea.png", "coffee.png", "moon.png", "brick.png", "horse.png", "retina.jpg")
OTHER_FONTS = ("DejaVuSans-Oblique", "DejaVuSansMono-Bold", "DejaVuSerif-Bold", "STIXGeneralItalic")
OTHER_PHOTOGRAPHS = ("astronaut.png", "camera.png", "rocket.jpg", "gravel.png", "grass.png", "hubble_deep_field.jpg")
OTHER_TEXTS = ("Gate 7", "River Boats", "Please Knock", "JAZZ", "Two for One", "Late Night Radio", "x = 12", "Museum")


@dataclass(frozen=True)
class Sign:
    """A text on a board before a photograph, and a text that is not on it."""

    text: str
    wrong: str
    font: str
    size: int
    turn: int
    photograph: str

    def scene(self) -> np.ndarray:
        """The photograph alone, uint8 (size, size, 3)."""
        return np.asarray(ImageOps.fit(_photograph(self.photograph), (self.size, self.size)))

    def board(self) -> np.ndarray:
        """The board alone, upright, uint8 (H, W, 3)."""
        return np.asarray(_board(self.text, self.font, round(0.86 * self.size)))

    def image(self) -> np.ndarray:
        """The board before the photograph, uint8 (size, size, 3)."""
        board, scene = Image.fromarray(self.board()), Image.fromarray(self.scene())
        mask = Image.new("L", board.size, 255)
        turned, mask = (each.rotate(self.turn, Image.Resampling.BICUBIC, expand=True) for each in (board, mask))
        if max(turned.size) > self.size:
            small = tuple(round(side * self.size / max(turned.size)) for side in turned.size)
            turned, mask = turned.resize(small), mask.resize(small)
        scene.paste(turned, ((self.size - turned.width) // 2, (self.size - turned.height) // 2), mask)
        return np.asarray(scene)


def signs(fonts: Sequence[str], texts: Sequence[str], photographs: Sequence[str]) -> Iterable[Sign]:
    """Every font at every size upright, and every turn at every size over the fonts."""
    number = 0
    for size in SIZES:
        of = [(font, 0) for font in fonts for _ in range(PER_FONT)]
        of += [(fonts[k % len(fonts)], turn) for turn in TURNS for k in range(PER_TURN)]
        for font, turn in of:
            text, wrong = (texts[(number + k) % len(texts)] for k in (0, 1))
            yield Sign(text, wrong, font, size, turn, photographs[number % len(photographs)])
            number += 1


@dataclass(frozen=True)
class Read:
    """A sign and all that was read on it."""

    sign: Sign
    readings: Readings

    def scored(self, text: str, floor: float) -> Rendering:
        """How a text is in what was read with some confidence."""
        return nearest_rendering([text], [[line for line, sure in lines if sure >= floor] for lines in self.readings])


def row(name: str, read: Sequence[Read], floor: float) -> str:
    """Exact, error rate and words found of the texts that the signs have, and of others."""
    cells = []
    for texts in ([each.sign.text for each in read], [each.sign.wrong for each in read]):
        found = [each.scored(text, floor) for each, text in zip(read, texts, strict=True)]
        exact, error, words = np.array(found).mean(axis=0)
        cells.append(f"{exact:.2f} | {error:.3f} | {words:.2f}")
    return f"| {name} | {len(read)} | {' | '.join(cells)} |"


def exact(read: Iterable[Read], floor: float) -> str:
    """The share of signs that were read exactly."""
    return f"{np.mean([each.scored(each.sign.text, floor).exact for each in read]):.2f}"


def tables(reader: Engine, floor: float) -> None:
    """Print what is measured by size, by font and by turn."""
    texts = [text for prompt in load_open().prompts for text in asked_texts(prompt.text)]
    read = [Read(sign, reader.with_confidence(sign.image())) for sign in signs(FONTS, texts, PHOTOGRAPHS)]
    upright = [each for each in read if not each.sign.turn]
    print("| upright signs | n | exact | error rate | words found | wrong exact | error rate | words found |")
    for size in SIZES:
        print(row(f"{size} px", [each for each in upright if each.sign.size == size], floor))
    print(row("256 px and above", [each for each in upright if each.sign.size >= 256], floor))
    alone = [each.sign for each in upright if each.sign.size == 256]
    print(row("boards alone", [Read(sign, reader.with_confidence(sign.board())) for sign in alone], floor))
    print("| exact | " + " | ".join(f"{size} px" for size in SIZES) + " |")
    of_rows = {font: [each for each in upright if each.sign.font == font] for font in FONTS}
    of_rows |= {f"turned by {turn}°": [each for each in read if each.sign.turn == turn] for turn in TURNS}
    for name, those in of_rows.items():
        cells = [exact([each for each in those if each.sign.size == size], floor) for size in SIZES]
        print(f"| {name} | {' | '.join(cells)} |")
    print(f"photographs without text: {false_lines(reader, PHOTOGRAPHS, [floor])[0]}")


def floors(reader: Engine) -> None:
    """Print what each confidence would lose of signs, and leave on photographs without text."""
    given = signs(OTHER_FONTS, OTHER_TEXTS, OTHER_PHOTOGRAPHS)
    read = [Read(sign, reader.with_confidence(sign.image())) for sign in given]
    print("| floor | upright signs exact | turned signs exact | photographs without text |")
    for floor, lines in zip(FLOORS, false_lines(reader, OTHER_PHOTOGRAPHS, FLOORS), strict=True):
        cells = [exact([each for each in read if bool(each.sign.turn) == turned], floor) for turned in (False, True)]
        print(f"| {floor} | {' | '.join(cells)} | {lines} |")


def false_lines(reader: Engine, photographs: Sequence[str], at: Sequence[float]) -> list[str]:
    """On how many pictures without text something is read, by floor."""
    pictures = []
    for name in photographs:
        whole = _photograph(name)
        corners = [(x * whole.width // 2, y * whole.height // 2) for x in (0, 1) for y in (0, 1)]
        parts = [whole, *(whole.crop((x, y, x + whole.width // 2, y + whole.height // 2)) for x, y in corners)]
        pictures += [np.asarray(ImageOps.fit(part, (size, size))) for part in parts for size in (256, 512)]
    read = [[line for lines in reader.with_confidence(picture) for line in lines] for picture in pictures]
    found = []
    for floor in at:
        words = [[word for text, sure in lines if sure >= floor for word in words_of(text)] for lines in read]
        longer = sum(any(len(word) > 1 for word in of) for of in words)
        found.append(f"{sum(map(bool, words))} of {len(pictures)}, more than one letter on {longer}")
    return found


def _photograph(name: str) -> Image.Image:
    import skimage

    return Image.open(Path(skimage.__file__).parent / "data" / name).convert("RGB")


def _board(text: str, font: str, width: int) -> Image.Image:
    """The text in lines on a plain board, drawn large and made small, as wide as asked."""
    words = text.split()
    rows = min(len(words), 1 + (len(words) > 1) + (len(words) > 3))
    lines = [" ".join(part) for part in np.array_split(words, rows)]
    scale = 4
    letters = _font(font, 100)
    widest = max(letters.getlength(line) for line in lines)
    letters = _font(font, min(100 * scale * width * 0.9 / widest, scale * width * 0.4))
    written = "\n".join(lines)
    left, top, right, bottom = ImageDraw.Draw(Image.new("RGB", (1, 1))).multiline_textbbox((0, 0), written, letters)
    board = Image.new("RGB", (scale * width, int((bottom - top) * 1.3)), (235, 230, 210))
    place = ((board.width - right - left) / 2, (board.height - bottom - top) / 2)
    ImageDraw.Draw(board).multiline_text(place, written, (30, 30, 80), letters, align="center")
    return board.resize((width, max(1, round(board.height / scale))), Image.Resampling.LANCZOS)


def _font(name: str, size: float) -> ImageFont.FreeTypeFont:
    import matplotlib

    if name == FONTS[0]:
        found = ImageFont.load_default(size)
        assert isinstance(found, ImageFont.FreeTypeFont)
        return found
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / f"fonts/ttf/{name}.ttf", size)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables of one engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("--floors", action="store_true")
    args = parser.parse_args(arguments)
    load, floor = ENGINES[args.engine]
    if args.floors:
        floors(load())
    else:
        tables(load(), floor)


if __name__ == "__main__":
    main()
