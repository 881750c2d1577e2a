"""docs/scale_on_paper.md: every figure follows from the unit costs in its own table."""

import re
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[1] / "docs/scale_on_paper.md").read_text()
UNITS = {
    name.strip(): float(value) for name, value in re.findall(r"^\| (.+?) \| ([\d.]+) (?:KiB|ms|s) \|$", PAGE, re.M)
}
COCO, REFERENCES, MODELS = 30_000, 40_504, 1_000
IMAGES = 200 * 8 + COCO
MIB, GIB = 2**10, 2**20  # in KiB
PNG, ENCODING, DECODING, INCEPTION, CLIP, FID, BESIDE = UNITS.values()


def row(name: str) -> list[float]:
    """The numbers of a row of the second table."""
    line = next(line for line in PAGE.splitlines() if line.startswith(f"| {name}"))
    return [float(each.replace(",", "")) for each in re.findall(r"([\d.,]+)(?: [GT]iB)? \|", line)[-2:]]


def said(pattern: str) -> float:
    """The number in the text at the group of a pattern."""
    found = re.search(pattern, " ".join(PAGE.split()))
    assert found, pattern
    return float(found[1].replace(",", ""))


def test_the_table_of_units_is_whole() -> None:
    assert len(UNITS) == 7


@pytest.mark.parametrize(
    ("name", "kib"),
    [("images", PNG), ("features in the cache", 3 + 2 * 8 * COCO / IMAGES), ("journals, tables, scores", BESIDE)],
)
def test_storage_follows(name: str, kib: float) -> None:
    one, all_of_them = row(name)
    assert one == pytest.approx(IMAGES * kib / GIB, rel=0.03)
    assert all_of_them == pytest.approx(MODELS * IMAGES * kib / GIB / 1024, rel=0.03)


def test_objects_are_slices() -> None:
    one, all_of_them = row("objects at")
    assert one == -(-IMAGES // 32)
    assert all_of_them == MODELS * one


def test_time_follows() -> None:
    scoring = (IMAGES * (DECODING + CLIP) + COCO * 2 * INCEPTION) / 1000
    assert said(r"takes ([\d.]+) hours a model") == pytest.approx(scoring / 3600, rel=0.02)
    assert said(r"([\d.]+)% of them CLIP") == pytest.approx(IMAGES * CLIP / 10 / scoring, abs=1)
    assert said(r"references take ([\d.]+) hours once") == pytest.approx(REFERENCES * 2 * INCEPTION / 3.6e6, rel=0.03)
    assert said(r"on one GPU, ([\d.]+) GPU hours a model") == pytest.approx(IMAGES / 3600, rel=0.01)
    assert said(r"and ([\d,]+) for all\.") == pytest.approx(MODELS * IMAGES / 3600, rel=0.01)
    in_depth = (Path(__file__).parents[1] / "docs/metrics_in_depth.md").read_text()
    measured = re.search(r"distance and interval take (\d+) s of one CPU core", in_depth)
    assert measured
    assert said(r"takes ([\d.]+) seconds of one core") == float(measured[1])
    assert said(r"a core writes ([\d.]+) images of 256 px") == pytest.approx(1000 / ENCODING, rel=0.02)
    assert said(r"and ([\d.]+) GiB kept") == pytest.approx((IMAGES * (PNG + 3 + BESIDE) + COCO * 16) / GIB, rel=0.03)
