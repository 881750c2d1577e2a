"""Decoding: every kind of file is converted by the stated rule or refused in one sentence that names it."""

import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from metrics.errors import MetricInputError
from metrics.images import decode
from metrics.images.decode import centre_square, decoded, pixel_hash, read_image

PIXELS = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
RGB = Image.fromarray(PIXELS)


def _png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _write_rgb16(path: Path) -> None:
    """Pillow cannot write 16-bit RGB, so the file is put together here."""
    header = struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)
    data = zlib.compress(b"\0" + b"\x12\x34" * 6)
    chunks = _png_chunk(b"IHDR", header) + _png_chunk(b"IDAT", data) + _png_chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)


def test_rgb_comes_back_as_stored(tmp_path: Path) -> None:
    for name, options in (("a.png", {}), ("a.webp", {"lossless": True})):
        RGB.save(tmp_path / name, **options)
        read = read_image(tmp_path / name)
        assert read.dtype == np.uint8
        np.testing.assert_array_equal(read, PIXELS)
    RGB.save(tmp_path / "a.jpg", quality=95)
    with Image.open(tmp_path / "a.jpg") as image:
        np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), np.asarray(image))


def test_greyscale_and_opaque_palettes_become_rgb_without_loss(tmp_path: Path) -> None:
    grey = RGB.convert("L")
    grey.save(tmp_path / "grey.png")
    np.testing.assert_array_equal(read_image(tmp_path / "grey.png"), np.repeat(np.asarray(grey)[..., None], 3, axis=2))
    grey.convert("1").save(tmp_path / "bits.png")
    assert set(np.unique(read_image(tmp_path / "bits.png"))) == {0, 255}
    palette = RGB.quantize(16)
    palette.save(tmp_path / "palette.png")
    np.testing.assert_array_equal(read_image(tmp_path / "palette.png"), np.asarray(palette.convert("RGB")))


def _with_alpha(mode: str) -> Image.Image:
    """One pixel is not quite opaque."""
    image = RGB.convert(mode)
    alpha = Image.new("L", RGB.size, 255)
    alpha.putpixel((3, 4), 254)
    image.putalpha(alpha)
    return image


def _opaque_palette(path: Path) -> None:
    """A palette in which every entry has an opacity, and all are full, as optimisers write it."""
    RGB.quantize(16).save(path, transparency=bytes([255] * 16))


OPAQUE: dict[str, Callable[[Path], object]] = {
    "rgba.png": lambda p: RGB.convert("RGBA").save(p),
    "grey-alpha.png": lambda p: RGB.convert("LA").save(p),
    "palette.png": _opaque_palette,
    "unused-colour.png": lambda p: RGB.save(p, transparency=(1, 2, 3)),
}


@pytest.mark.parametrize("name", OPAQUE)
def test_alpha_without_a_transparent_pixel_is_lost_without_loss(tmp_path: Path, name: str) -> None:
    assert (1, 2, 3) not in {tuple(pixel) for row in PIXELS.tolist() for pixel in row}
    OPAQUE[name](tmp_path / name)
    with Image.open(tmp_path / name) as image:
        assert image.has_transparency_data
        expected = np.asarray(image.convert("RGBA"))[..., :3]
    np.testing.assert_array_equal(read_image(tmp_path / name), expected)


def test_the_first_picture_of_a_cameras_file_is_read(tmp_path: Path) -> None:
    RGB.save(tmp_path / "one.jpg", quality=95)
    RGB.save(tmp_path / "two.jpg", format="MPO", save_all=True, append_images=[RGB.rotate(180)], quality=95)
    with Image.open(tmp_path / "two.jpg") as image:
        assert getattr(image, "n_frames", 1) == 2
    np.testing.assert_array_equal(read_image(tmp_path / "two.jpg"), read_image(tmp_path / "one.jpg"))


def _truncated(path: Path) -> None:
    RGB.resize((300, 200)).save(path)
    path.write_bytes(path.read_bytes()[:-2000])


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "alpha.png": (lambda p: _with_alpha("RGBA").save(p), "transparent pixels (mode RGBA)"),
    "grey-alpha.png": (lambda p: _with_alpha("LA").save(p), "transparent pixels (mode LA)"),
    "alpha.webp": (lambda p: _with_alpha("RGBA").save(p, lossless=True), "transparent pixels (mode RGBA)"),
    "transparent-palette.png": (lambda p: RGB.quantize(16).save(p, transparency=3), "transparent"),
    "transparent-colour.png": (lambda p: RGB.save(p, transparency=tuple(PIXELS[0, 0].tolist())), "transparent"),
    "cmyk.jpg": (lambda p: RGB.convert("CMYK").save(p), "mode CMYK"),
    "grey16.png": (lambda p: Image.fromarray(np.zeros((4, 4), np.uint16)).save(p), "16 bits"),
    "rgb16.png": (_write_rgb16, "16 bits"),
    "animated.png": (lambda p: RGB.save(p, save_all=True, append_images=[RGB.rotate(90)]), "animated"),
    "animated.webp": (lambda p: RGB.save(p, save_all=True, append_images=[RGB.rotate(90)]), "animated"),
    "gif-inside.png": (lambda p: RGB.save(p, format="GIF"), "not a PNG, JPEG or WebP"),
    "text.png": (lambda p: p.write_text("no image at all"), "not a PNG, JPEG or WebP"),
    "empty.png": (lambda p: p.write_bytes(b""), "empty"),
    "truncated.png": (_truncated, "damaged or truncated"),
    "truncated.jpg": (_truncated, "damaged or truncated"),
    "absent.png": (lambda p: None, "missing"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_needs_a_choice_or_is_broken_is_refused_by_name(tmp_path: Path, name: str) -> None:
    make, reason = REFUSED[name]
    make(tmp_path / name)
    with pytest.raises(MetricInputError) as caught:
        read_image(tmp_path / name)
    message = str(caught.value)
    assert name in message
    assert reason in message
    assert "\n" not in message


@pytest.mark.parametrize("keep", [1, 8, 20, 33, 60])
def test_a_file_cut_anywhere_is_refused(tmp_path: Path, keep: int) -> None:
    RGB.save(tmp_path / "whole.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "whole.png").read_bytes()[:keep])
    with pytest.raises(MetricInputError, match=r"cut\.png"):
        read_image(tmp_path / "cut.png")


@pytest.mark.parametrize("missing", range(1, 17))
def test_a_png_without_its_last_bytes_is_refused(tmp_path: Path, missing: int) -> None:
    """All pixels are there when only the last chunk (12 bytes) is cut; the file is still not the one that was made."""
    RGB.save(tmp_path / "cut.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "cut.png").read_bytes()[:-missing])
    with pytest.raises(MetricInputError, match=r"cut\.png is damaged or truncated"):
        read_image(tmp_path / "cut.png")


def test_bytes_after_a_png_do_not_matter(tmp_path: Path) -> None:
    RGB.save(tmp_path / "longer.png")
    with (tmp_path / "longer.png").open("ab") as file:
        file.write(b"left by some other program")
    np.testing.assert_array_equal(read_image(tmp_path / "longer.png"), PIXELS)


def _numbered(folder: Path, n: int) -> list[Path]:
    """Files whose first pixel is their number."""
    paths = [folder / f"{number}.png" for number in range(n)]
    for number, path in enumerate(paths):
        Image.new("RGB", (2, 2), (number, 0, 0)).save(path)
    return paths


@pytest.mark.parametrize("workers", [1, 3, None])
def test_batches_keep_the_files_order_whatever_the_workers(tmp_path: Path, workers: int | None) -> None:
    batches = list(decoded(_numbered(tmp_path, 11), 4, workers))
    assert [[int(image[0, 0, 0]) for image in batch] for batch in batches] == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10]]
    assert list(decoded([], 4, workers)) == []


def test_two_batches_at_most_are_decoded_ahead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []
    monkeypatch.setattr(decode, "read_image", lambda path: read.append(path) or read_image(path))
    batches = decoded(_numbered(tmp_path, 30), 3)
    for used in range(1, 4):
        next(batches)
        time.sleep(0.1)  # for whoever would run further ahead
        assert 3 * used <= len(read) <= 3 * (used + 2)
    batches.close()
    assert len(read) <= 15


def test_the_first_refused_file_is_named_after_all_batches_before_it(tmp_path: Path) -> None:
    paths = _numbered(tmp_path, 9)
    for number in (4, 8):
        paths[number].write_bytes(b"")
    batches = decoded(paths, 2)
    assert [len(next(batches)), len(next(batches))] == [2, 2]
    with pytest.raises(MetricInputError, match=r"4\.png is empty"):
        next(batches)


def test_pixel_hash_covers_shape_and_every_pixel() -> None:
    changed = PIXELS.copy()
    changed[3, 4, 1] ^= 1
    hashes = {pixel_hash(PIXELS), pixel_hash(changed), pixel_hash(PIXELS.reshape(30, 20, 3))}
    assert len(hashes) == 3
    assert pixel_hash(PIXELS[:, ::-1][:, ::-1]) == pixel_hash(PIXELS)


def test_centre_square_crops_before_it_resizes() -> None:
    image = np.zeros((10, 30, 3), dtype=np.uint8)
    image[:, 10:20] = 200  # the central square
    assert (centre_square(image, 10) == 200).all()
    assert (centre_square(image, 4) == 200).all()
    assert centre_square(PIXELS[:20, :20], 20).tobytes() == np.ascontiguousarray(PIXELS[:20, :20]).tobytes()
    tall = np.swapaxes(image, 0, 1)
    assert (centre_square(tall, 7) == 200).all()
