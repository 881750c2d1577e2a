"""What is done to an image that makes it no truer (bribes), and what leaves it as true as it was (invariances)."""

from collections.abc import Callable
from functools import partial
from io import BytesIO

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

BANNER = 0.14  # of the height, for what is written below a picture
FRAME = 0.06  # of a side
LEAST_LETTERS = 6  # pixels
Change = Callable[[np.ndarray], np.ndarray]


def saturated(image: np.ndarray) -> np.ndarray:
    """Colours 1.8 times as saturated."""
    return np.array(ImageEnhance.Color(Image.fromarray(image)).enhance(1.8))


def contrasted(image: np.ndarray) -> np.ndarray:
    """Contrast 1.5 times as high, about the image's mean grey."""
    return np.array(ImageEnhance.Contrast(Image.fromarray(image)).enhance(1.5))


def sharpened(image: np.ndarray) -> np.ndarray:
    """Unsharp masking: radius 2 pixels at 256, 200%."""
    radius = 2 * len(image) / 256
    return np.array(Image.fromarray(image).filter(ImageFilter.UnsharpMask(radius, 200, 0)))


def framed(image: np.ndarray) -> np.ndarray:
    """A dark frame with a golden edge over the image's border."""
    height, width = image.shape[:2]
    border = round(min(height, width) * FRAME)
    picture = Image.fromarray(image)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, width - 1, height - 1), outline=(38, 26, 18), width=border)
    draw.rectangle((border, border, width - 1 - border, height - 1 - border), outline=(198, 160, 74), width=2)
    return np.array(picture)


def written(text: str) -> Change:
    """The text in black on a white banner over the image's lower edge, as large as it goes in two lines."""

    def with_text(image: np.ndarray) -> np.ndarray:
        picture = Image.fromarray(image)
        height, width = image.shape[:2]
        band = round(height * BANNER)
        draw = ImageDraw.Draw(picture)
        draw.rectangle((0, height - band, width, height), fill="white")
        for size in range(max(band - 2, LEAST_LETTERS), LEAST_LETTERS - 1, -1):
            font = ImageFont.load_default(size)
            lines = _lines(text, width - 8, partial(draw.textlength, font=font))
            if len(lines) * size * 1.2 <= band - 2:
                break
        draw.multiline_text((4, height - band + 1), "\n".join(lines), fill="black", font=font, spacing=size * 0.1)
        return np.array(picture)

    return with_text


def jpeg(image: np.ndarray) -> np.ndarray:
    """Through a JPEG file of quality 75."""
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=75)
    return np.array(Image.open(file).convert("RGB"))


def resized(image: np.ndarray) -> np.ndarray:
    """Halved and doubled again, by Pillow's bicubic filter."""
    picture = Image.fromarray(image)
    width, height = picture.size
    half = picture.resize((width // 2, height // 2), Image.Resampling.BICUBIC)
    return np.array(half.resize((width, height), Image.Resampling.BICUBIC))


def mirrored(image: np.ndarray) -> np.ndarray:
    """Left and right exchanged."""
    return np.array(ImageOps.mirror(Image.fromarray(image)))


BRIBES: dict[str, Callable[[str], Change]] = {  # by name; made for a caption
    "saturation": lambda _: saturated,
    "contrast": lambda _: contrasted,
    "sharpening": lambda _: sharpened,
    "frame": lambda _: framed,
    "prompt written in": written,
    "10/10 written in": lambda _: written("10/10"),
}


def _lines(text: str, width: float, length: Callable[[str], float]) -> list[str]:
    """The text's words in lines no wider than that, where a word allows."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and length(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines
