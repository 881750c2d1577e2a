"""The model of the golden runs. Its plans hold the hash of this file: not one byte of it may change."""

import os
from pathlib import Path

import numpy as np


def make(hue=0):
    def draw(prompt, seed, size):
        if "GOLDEN_DRAWN" in os.environ:
            with Path(os.environ["GOLDEN_DRAWN"]).open("a", encoding="utf-8") as drawn:
                drawn.write(f"{hue} {prompt}\n")
        rows, columns = np.mgrid[0:size, 0:size]
        red = (rows * (1 + seed % 5) + 40 * hue) % 256
        green = (columns * (1 + seed // 5 % 7) + 3 * len(prompt)) % 256
        blue = (rows // 8 + columns // 8 + seed // 35) % 2 * 200
        return np.stack([red, green, blue], axis=-1).astype(np.uint8)

    return draw
