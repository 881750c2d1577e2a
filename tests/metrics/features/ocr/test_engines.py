"""The engines themselves, on signs that are right and wrong, on odd images, and where they are missing or others."""

import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from experiments.text_engines import FONTS, PHOTOGRAPHS, Sign, signs
from metrics.errors import MetricInputError
from metrics.features.ocr import entries, rapidocr, tesseract
from metrics.features.ocr.entries import RAPIDOCR_ITSELF, TESSERACT_ITSELF
from metrics.features.ocr.extractor import TextRenderingReader
from metrics.features.packaged import PackagedFile
from metrics.text_rendering import asked_texts, nearest_rendering
from tests.metrics.packaged_networks import loaded_rapidocr, with_extra

with_tesseract = pytest.mark.skipif(
    shutil.which("tesseract") is None, reason="the program tesseract is not installed: apt install tesseract-ocr"
)
TEXTS = ("Fresh Bread", "Ask Me", "SLOW", "Plum Jam 1987", "kindness is free")
ODD = {
    "one pixel": np.zeros((1, 1, 3), dtype=np.uint8),
    "a strip": np.full((16, 128, 3), 128, dtype=np.uint8),
    "blank": np.full((256, 256, 3), 255, dtype=np.uint8),
    "noise": np.random.default_rng(0).integers(0, 256, (128, 128, 3), dtype=np.uint8),
}


@with_extra
def test_true_signs_are_read_and_wrong_ones_are_not() -> None:
    engine = loaded_rapidocr()
    upright = [sign for sign in signs(FONTS, TEXTS, PHOTOGRAPHS) if sign.size >= 256 and not sign.turn][::16]
    assert {sign.size for sign in upright} == {256, 512, 1024}
    read = [engine(sign.image()) for sign in upright]
    right = [nearest_rendering([sign.text], each) for sign, each in zip(upright, read, strict=True)]
    wrong = [nearest_rendering([sign.wrong], each) for sign, each in zip(upright, read, strict=True)]
    assert np.mean([each.exact for each in right]) >= 0.9
    assert np.mean([each.error_rate for each in right]) < 0.05
    assert max(each.found for each in wrong) == 0
    assert np.mean([each.error_rate for each in wrong]) > 0.7


@with_extra
def test_patterns_of_photographs_are_no_text() -> None:
    """Where the engine sees an 8 or a 0 in a cup and a cat, it is less sure than the floor, or of another size."""
    for name in ("coffee.png", "chelsea.png"):
        picture = Sign(" ", " ", FONTS[0], 256, 0, name).scene()
        assert nearest_rendering(["0"], loaded_rapidocr()(picture)).exact == 0
        assert nearest_rendering(["8"], loaded_rapidocr()(picture)).exact == 0


@with_extra
@pytest.mark.parametrize("name", ODD)
def test_odd_images_hold_no_text(name: str) -> None:
    assert nearest_rendering(["Open"], loaded_rapidocr()(ODD[name])) == (0, 1, 0)


@with_extra
def test_a_large_image_is_read_whole() -> None:
    small = Sign("Plum Jam", "", FONTS[1], 256, 0, "brick.png").image()
    large = np.zeros((1000, 3000, 3), dtype=np.uint8)
    large[700:956, 2500:2756] = small
    assert nearest_rendering(["Plum Jam"], loaded_rapidocr()(large)).exact == 1


@with_extra
def test_a_narrow_strip_is_widened_and_takes_no_gigabytes(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, shapes = loaded_rapidocr(), []

    def seen(image: np.ndarray) -> SimpleNamespace:
        shapes.append(image.shape[:2])
        return SimpleNamespace(txts=None, scores=None)

    monkeypatch.setattr(engine, "_engine", seen)
    engine(np.zeros((1024, 2, 3), dtype=np.uint8))
    engine(np.zeros((1024, 1024, 3), dtype=np.uint8))
    assert shapes == [(256, 32), (736, 92), (1024, 128), (256, 256), (736, 736), (1024, 1024)]


@with_extra
def test_rows_do_not_depend_on_the_batch() -> None:
    reader = TextRenderingReader(loaded_rapidocr, rapidocr.rapidocr_parts())
    images = [Sign(text, "", FONTS[2], 128, 20, "moon.png").image() for text in TEXTS[:3]]
    prompts = [f'a sign that says "{text}"' for text in TEXTS[:3]]
    together = reader(images, prompts)
    apart = np.concatenate([reader([image], [prompt]) for image, prompt in zip(images, prompts, strict=True)])
    assert together.tolist() == apart.tolist()
    assert reader.fingerprint == entries.rapidocr().fingerprint()


def test_a_missing_package_is_named_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("metrics.features.packaged.find_spec", lambda module: None)
    with pytest.raises(MetricInputError, match=r"^the package rapidocr, .* run `pip install 'drawbench\[offline\]'`$"):
        rapidocr.RapidOcr()
    reader = entries.rapidocr().load("cpu")
    assert reader([ODD["blank"]], ["a dog"]).tolist() == [[0, 0, 0, 0]], "which is not needed for other prompts"


@with_extra
def test_another_digest_version_or_a_missing_runtime_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(rapidocr, "version", lambda package: "3.9.1")
    with pytest.raises(
        MetricInputError, match=r"rapidocr 3\.9\.1 is installed, .* run `pip install rapidocr==3\.10\.0`"
    ):
        rapidocr.RapidOcr()

    def no_runtime(package: str) -> str:
        if package == "onnxruntime":
            raise rapidocr.PackageNotFoundError
        return rapidocr.VERSION

    monkeypatch.setattr(rapidocr, "version", no_runtime)
    with pytest.raises(MetricInputError, match="the package onnxruntime, which reads text, is not installed"):
        rapidocr.RapidOcr()
    (tmp_path / "other_ocr").mkdir()
    (tmp_path / "other_ocr/__init__.py").touch()
    (tmp_path / "other_ocr/x.onnx").write_bytes(b"other")
    monkeypatch.syspath_prepend(str(tmp_path))
    wrong = PackagedFile("rapidocr", "other_ocr", "x.onnx", rapidocr.DETECTOR.sha256)
    monkeypatch.setattr(rapidocr, "FILES", (wrong, rapidocr.RECOGNISER))
    with pytest.raises(MetricInputError, match=r"x\.onnx is not the published file"):
        rapidocr.RapidOcr()


@with_tesseract
def test_tesseract_reads_a_plain_sign_and_no_odd_image() -> None:
    engine = tesseract.Tesseract()
    plain = Sign("Hello World", "", FONTS[1], 256, 0, "horse.png").board()
    assert nearest_rendering(["Hello World"], engine(plain)).exact == 1
    for name, image in ODD.items():
        assert nearest_rendering(["Open"], engine(image)).found == 0, name


@with_tesseract
def test_a_tesseract_that_fails_is_an_error_and_no_score(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken = tmp_path / "tesseract"
    broken.write_text("#!/bin/sh\necho out of order >&2\nexit 3\n")
    broken.chmod(0o755)
    engine = tesseract.Tesseract()
    monkeypatch.setattr(engine, "_program", str(broken))
    with pytest.raises(MetricInputError, match="tesseract failed on an image of 256x256 px: out of order"):
        engine(ODD["blank"])


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (None, r"^the program tesseract, which reads text, is not installed: run `sudo apt install tesseract-ocr`$"),
        ("echo tesseract 4.1.1", "is not tesseract 5 with its English model"),
        ("echo tesseract 5.3.0", "is not tesseract 5 with its English model"),
    ],
)
def test_a_missing_or_other_tesseract_is_told_in_one_sentence(
    script: str | None, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if script:
        (tmp_path / "tesseract").write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / "tesseract").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    tesseract.installed.cache_clear()
    try:
        with pytest.raises(MetricInputError, match=said):
            entries.tesseract()
    finally:
        tesseract.installed.cache_clear()


def test_the_texts_of_the_tests_can_be_asked_for() -> None:
    assert all(asked_texts(f'a sign: "{text}".') == (text,) for text in TEXTS)


@pytest.mark.parametrize(("said", "engine"), [(RAPIDOCR_ITSELF, "RapidOCR"), (TESSERACT_ITSELF, "Tesseract")])
def test_what_is_said_of_an_engine_itself_is_what_the_page_has(said: str, engine: str) -> None:
    page = (Path(__file__).parents[4] / "docs/text_rendering.md").read_text(encoding="utf-8")
    table = page.partition(f"| upright signs, {engine} |")[2].partition("\n\n")[0]
    rows = {cells[1].strip(): cells for line in table.splitlines() if len(cells := line.split("|")) == 10}
    exact = {name: float(cells[3]) for name, cells in rows.items() if name[0].isdigit()}
    smaller = (exact["64 px"] + exact["128 px"]) / 2
    assert f"exactly {exact['256 px and above']:.0%} of upright true signs" in said
    assert float(re.search(r"(\d+)% of smaller ones", said)[1]) == pytest.approx(100 * smaller, abs=1)
    assert all(cells[6].strip() == "0.00" for name, cells in rows.items() if name[0].isdigit())
