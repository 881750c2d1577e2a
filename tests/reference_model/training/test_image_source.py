"""Streams of images with captions: every form is read whole, in an order that stops and goes on anywhere."""

import tarfile
from itertools import islice
from pathlib import Path
from typing import Any

import datasets
import pytest

from reference_model.errors import ReferenceModelError
from reference_model.training import image_source
from reference_model.training.image_source import ImageSource, Stream
from tests.reference_model.training.captioned import FORMS, caption, jpeg, saved, shards

COUNT = 14
CONTENTS = [jpeg(number) for number in range(COUNT)]


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr(image_source, "BLOCK", 4)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_whole_once_an_epoch(form: str, tmp_path: Path) -> None:
    source = ImageSource(FORMS[form](tmp_path / "source", CONTENTS))
    first = [drawn for number in range(2) for drawn in epoch(Stream(source, number, 2, "x"))]
    captions = [drawn.caption for drawn in first]
    assert {(drawn.content, drawn.caption) for drawn in first} == {
        (content, caption(number)) for number, content in enumerate(CONTENTS)
    }
    assert len(first) == COUNT
    assert captions != sorted(captions)


def epoch(stream: Stream) -> list[image_source.Drawn]:
    """What a stream gives until it begins again."""
    drawn = []
    while True:
        each = next(stream)
        if stream.epoch:
            return drawn
        drawn.append(each)


@pytest.mark.parametrize("form", ["tar", "saved", "parquet"])
def test_a_stream_goes_on_from_any_example(form: str, tmp_path: Path) -> None:
    source = ImageSource(FORMS[form](tmp_path / "source", CONTENTS))
    whole = Stream(source, 1, 2, "x")
    order, positions = [], []
    for _ in range(2 * COUNT):
        positions.append(whole.position())
        order.append(next(whole).caption)
    assert order[:7] != order[7:14]  # another order in each epoch
    for at in (0, 1, 3, 4, 6, 7, 8, 13, 15):
        stream = Stream(source, 1, 2, "x")
        stream.go_to(positions[at])
        assert [drawn.caption for drawn in islice(stream, 5)] == order[at : at + 5]


def test_an_archive_that_ends_too_soon_is_one_sentence(tmp_path: Path) -> None:
    source = ImageSource(shards(tmp_path / "source", CONTENTS, each=20))
    archive = tmp_path / "source" / "00000.tar"
    with tarfile.open(archive) as tar:
        inside = tar.getmember("0009.jpg").offset_data + 100
    archive.write_bytes(archive.read_bytes()[:inside])
    with pytest.raises(ReferenceModelError, match="cannot be read to its end"):
        epoch(Stream(source, 0, 1, "x"))


@pytest.mark.parametrize("streams", [1, 2, 3])
def test_every_file_is_read_for_one_stream(streams: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = ImageSource(shards(tmp_path / "source", CONTENTS, each=4))
    opened: list[str] = []
    load = datasets.load_dataset

    def counted(kind: str, **options: Any) -> Any:
        opened.extend(options["data_files"])
        return load(kind, **options)

    monkeypatch.setattr(datasets, "load_dataset", counted)
    captions = [row["caption"] for number in range(streams) for row in source.part(number, streams)]
    assert sorted(captions) == sorted(caption(number) for number in range(COUNT))
    assert len(opened) == len(set(opened)) == 4


def test_the_order_depends_on_the_seed(tmp_path: Path) -> None:
    source = ImageSource(shards(tmp_path / "source", CONTENTS))
    orders = [[drawn.caption for drawn in islice(Stream(source, 0, 1, seed), COUNT)] for seed in ("x", "x", "y")]
    assert orders[0] == orders[1] != orders[2]


def test_columns_are_found_or_named(tmp_path: Path) -> None:
    table = datasets.load_from_disk(saved(tmp_path / "source", CONTENTS[:2]))
    table.rename_columns({"image": "photo", "text": "words"}).save_to_disk(tmp_path / "named")
    named = ImageSource(str(tmp_path / "named"), "photo", "words")
    assert {row["caption"] for row in named.part(columns=("caption",))} == {caption(0), caption(1)}
    with pytest.raises(ReferenceModelError, match=r"no column with the images among photo, words: .*--image-column"):
        ImageSource(str(tmp_path / "named")).part()


@pytest.mark.parametrize("spec", ["{}/none", "{}/*.tar", "{}/{{0..3}}.tar", "{}/a.parquet"])
def test_what_is_not_there_is_one_sentence(spec: str, tmp_path: Path) -> None:
    with pytest.raises(ReferenceModelError, match="check the path"):
        ImageSource(spec.format(tmp_path)).part()


def test_what_is_no_source_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(b"no archive")
    with pytest.raises(ReferenceModelError, match="cannot be read as images with captions"):
        ImageSource(str(tmp_path / "a.tar")).part()


def test_more_streams_than_examples_are_one_sentence(tmp_path: Path) -> None:
    source = ImageSource(shards(tmp_path / "source", CONTENTS[:2]))
    with pytest.raises(ReferenceModelError, match="lower --accumulate"):
        next(Stream(source, 2, 3, "x"))
