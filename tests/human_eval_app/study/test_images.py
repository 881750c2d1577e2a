"""Images as raters load them: the picture and nothing else, under names and times that tell nothing."""

import re
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawbench.errors import UserError
from drawbench.progress import Progress
from human_eval_app.study.images import Encoder, ImageJob, image_token, mosaic, prepared, write_images
from metrics.images.decode import read_image

SECRET = bytes(range(32))


class Pictures:
    """A model whose images are noise from its own number; notes what it is asked for."""

    def __init__(self, number: int, size: int = 32) -> None:
        self.number = number
        self.size = size
        self.asked: list[int] = []

    def pixels(self, prompt_id: str, index: int) -> np.ndarray:
        """The picture of an index, whatever the prompt."""
        self.asked.append(index)
        random = np.random.default_rng([self.number, index])
        return random.integers(0, 256, (self.size, self.size, 3), dtype=np.uint8)


def jobs(label: str, count: int) -> list[ImageJob]:
    """The images 0 to count - 1 of one prompt."""
    return [ImageJob(image_token(SECRET, label, "p", index, ""), label, "p", index, "") for index in range(count)]


def chunks(content: bytes) -> list[bytes]:
    """The names of a WebP file's chunks, read by the container's rules."""
    assert content[:4] == b"RIFF"
    assert content[8:12] == b"WEBP"
    assert struct.unpack("<I", content[4:8])[0] == len(content) - 8, "nothing may follow the container"
    names, place = [], 12
    while place < len(content):
        names.append(content[place : place + 4])
        length = struct.unpack("<I", content[place + 4 : place + 8])[0]
        place += 8 + length + length % 2
    return names


@pytest.mark.parametrize(("encoder", "chunk"), [("webp-lossless", b"VP8L"), ("webp-90", b"VP8 ")])
def test_a_file_holds_one_image_and_no_metadata(tmp_path: Path, encoder: str, chunk: bytes) -> None:
    total = write_images(
        jobs("a", 3), {"a": Pictures(1)}, tmp_path, size=32, encoder=Encoder.named(encoder), progress=Progress()
    )
    files = sorted(tmp_path.iterdir())
    assert len(files) == 3
    assert total == sum(file.stat().st_size for file in files)
    for file in files:
        assert chunks(file.read_bytes()) == [chunk]
        with Image.open(file) as image:
            assert (image.mode, image.size) == ("RGB", (32, 32))
            assert not image.getexif()


def test_a_lossless_file_holds_the_very_pixels(tmp_path: Path) -> None:
    source = Pictures(1)
    made = jobs("a", 4)
    write_images(made, {"a": source}, tmp_path, size=32, encoder=Encoder(None), progress=Progress())
    for job in made:
        assert np.array_equal(read_image(tmp_path / f"{job.token}.webp"), source.pixels("p", job.index))


def test_bytes_are_of_the_pixels_alone(tmp_path: Path) -> None:
    """Two models that draw the same picture have the same file but for its name."""
    write_images(
        [*jobs("a", 1), *jobs("b", 1)],
        {"a": Pictures(1), "b": Pictures(1)},
        tmp_path,
        size=32,
        encoder=Encoder(None),
        progress=Progress(),
    )
    one, other = (file.read_bytes() for file in tmp_path.iterdir())
    assert one == other


def test_times_and_order_of_writing_tell_nothing(tmp_path: Path) -> None:
    sources = {"a": Pictures(1), "b": Pictures(1)}
    sources["b"].asked = sources["a"].asked  # one list of what is asked for in all
    made = [*jobs("a", 6), *jobs("b", 6)]
    write_images(made, dict(sources), tmp_path, size=32, encoder=Encoder(None), progress=Progress(), workers=1)
    by_token = sorted(made, key=lambda job: job.token)
    assert sources["a"].asked == [job.index for job in by_token]
    assert {(file.stat().st_mtime, file.stat().st_atime) for file in tmp_path.iterdir()} == {(946684800, 946684800)}
    assert {file.name for file in tmp_path.iterdir()} == {f"{job.token}.webp" for job in made}


def test_tokens_are_opaque_and_depend_on_everything() -> None:
    tokens = {
        image_token(secret, label, prompt, index, alteration)
        for secret in (SECRET, bytes(32))
        for label in ("a", "b")
        for prompt in ("p", "q")
        for index in (0, 1)
        for alteration in ("", "mosaic and noise")
    }
    assert len(tokens) == 32
    assert all(re.fullmatch("[0-9a-f]{32}", token) for token in tokens)


def test_images_are_shown_at_one_size_from_their_middle() -> None:
    wide = np.zeros((40, 80, 3), np.uint8)
    wide[:, 20:60] = 200
    assert np.array_equal(prepared(wide, 40, "", seed=0), np.full((40, 40, 3), 200, np.uint8))
    assert prepared(Pictures(1, size=64).pixels("p", 0), 32, "", seed=0).shape == (32, 32, 3)


@pytest.mark.parametrize("size", [32, 64, 256])
@pytest.mark.parametrize("colour", [0, 128, 255, None])
def test_a_mosaic_is_plainly_worse(size: int, colour: int | None) -> None:
    """Also of a picture of one colour, it is flat in 16 x 16 tiles that differ."""
    pixels = Pictures(3, size).pixels("p", 0) if colour is None else np.full((size, size, 3), colour, np.uint8)
    worse = mosaic(pixels, seed=5)
    assert worse.shape == pixels.shape
    assert worse.dtype == np.uint8
    tiles = worse.reshape(16, size // 16, 16, size // 16, 3)
    assert np.array_equal(tiles, np.broadcast_to(tiles[:, :1, :, :1], tiles.shape))
    assert tiles[:, 0, :, 0].astype(float).std() > 10
    assert np.array_equal(worse, mosaic(pixels, seed=5))


@pytest.mark.parametrize("name", ["webp-0", "webp-101", "webp-9.5", "webp-²", "webp", "png", "", "webp-"])
def test_unknown_encoders_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="is unknown: give webp-lossless"):
        Encoder.named(name)


@pytest.mark.parametrize("name", ["webp-lossless", "webp-1", "webp-100"])
def test_encoders_keep_their_names(name: str) -> None:
    assert Encoder.named(name).name == name
