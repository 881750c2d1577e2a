"""Captions: cleaning, the published rule of choice, files of several kinds, refusals."""

import hashlib
import json
import random
import subprocess
import sys
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from drawbench.errors import UserError
from drawbench.prompts.captions import Caption, Choice, choose, clean, read_caption_file, take, to_list
from drawbench.prompts.files import LARGEST
from tests.drawbench.prompts.coco_files import content

# 4,000 captions of 900 images with ids that are neither dense nor ordered; the file's text is never looked at
SYNTHETIC = [(n * 7919 % 100_003, n * 37 % 900, f"caption {n}") for n in range(4000)]
SEED, N = 7, 500
# of the ids that the rule in docs/prompts.md gives, by hashlib alone
PINNED = "90c423feb3e30782428c9ef3d569e0d09c3890cf3ec8e1c75b2f0ccd83c7be7c"


def _choice_by_hashlib() -> list[int]:
    """The rule, written again from its description alone."""
    chosen: list[int] = []
    images: set[int] = set()
    for id_, image, _ in sorted(SYNTHETIC, key=lambda row: hashlib.sha256(b"%d:%d" % (SEED, row[0])).hexdigest()):
        if image not in images:
            images.add(image)
            chosen.append(id_)
    return chosen[:N]


def _ids_hash(ids: list[int]) -> str:
    return hashlib.sha256("".join(f"{id_}\n" for id_ in ids).encode()).hexdigest()


def _file(tmp_path: Path, text: str, name: str = "captions.json") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_white_space_is_all_that_cleaning_changes() -> None:
    assert clean(" A  dog\non a\r\n\tmat .\n") == "A dog on a mat ."
    assert clean("É la-la,  “X”\u00a0!") == "É la-la, “X” !"


def test_the_choice_is_the_published_rule() -> None:
    captions = [Caption(str(id_), image, text) for id_, image, text in SYNTHETIC]
    chosen = [int(caption.id) for caption in choose(captions, N, SEED)]
    assert chosen == _choice_by_hashlib()
    assert _ids_hash(chosen) == PINNED
    assert len({caption.image_id for caption in choose(captions, N, SEED)}) == N


def test_the_choice_needs_no_numpy_and_does_not_see_the_order_of_the_file(tmp_path: Path) -> None:
    """No random library, so no version of one can change the ids: numpy cannot even be imported here."""
    rows = list(SYNTHETIC)
    random.Random(1).shuffle(rows)
    path = _file(tmp_path, content(random.Random(2).sample(range(900), 900), rows))
    program = f"""
import sys
sys.modules["numpy"] = None
from drawbench.prompts.captions import Choice
from drawbench.prompts.coco import load_coco
from pathlib import Path
print(load_coco(Path({str(path)!r}), Choice({N}, {SEED})).ids_sha256)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == PINNED, done.stderr


def test_a_smaller_choice_is_the_beginning_of_a_larger_one() -> None:
    captions = [Caption(str(id_), image, text) for id_, image, text in SYNTHETIC]
    assert choose(captions, 20, SEED) == choose(captions, N, SEED)[:20]
    assert choose(captions, 20, SEED + 1) != choose(captions, 20, SEED)


def test_no_people_is_a_part_of_the_same_choice() -> None:
    texts = ("A man.", "A mango.", "Two dogs.", "Boys play.")
    captions = [Caption(str(n), n, texts[n % 4]) for n in range(40)]
    everybody, nobody = (take(captions, Choice(30, people=people), "here") for people in (True, False))
    assert len(everybody) == 30
    assert nobody == [caption for caption in everybody if caption.text in ("A mango.", "Two dogs.")]


def test_a_choice_with_nobody_left_is_refused() -> None:
    with pytest.raises(UserError, match="speak of people"):
        take([Caption("1", 1, "A man.")], Choice(people=False), "here")


@pytest.mark.parametrize("n", [-1, 0, 11])
def test_exactly_as_many_as_asked_for_or_none(n: int) -> None:
    with pytest.raises(UserError, match="1 to 10"):
        take([Caption(str(n), n % 10, "x") for n in range(30)], Choice(n), "here")


def test_the_default_is_thirty_thousand_or_all_images() -> None:
    captions = [Caption(str(n), n // 2, "x") for n in range(60_020)]
    assert len(take(captions, Choice(), "here")) == 30_000
    assert len(take(captions[:100], Choice(), "here")) == 50


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("training.tsv", 'image_id\tid\tcaption\n9\t30\tA dog\n8\t20\t"A ""red"" cat "\n'),
        (
            "inference.tsv",
            "id\timage_id\tcaption\theight\twidth\tfile_name\tcoco_url\n"
            "30\t9\tA dog\t6\t8\tCOCO_val2014_000000000009.jpg\thttp://x/9.jpg\n"
            '20\t8\t"A ""red""  cat"\t6\t8\tCOCO_val2014_000000000008.jpg\thttp://x/8.jpg\n',
        ),
        ("plain.csv", 'Image_ID,Caption,ID\n9,A dog,30\n8,"A ""red"" cat",20\n'),
    ],
)
def test_lists_of_other_benchmarks_are_read_by_their_columns(tmp_path: Path, name: str, text: str) -> None:
    read = read_caption_file(_file(tmp_path, text, name))
    assert read.captions == (Caption("30", 9, "A dog"), Caption("20", 8, 'A "red" cat'))
    assert list(read.images) == [9, 8]
    assert read.images[9].file_name == ("COCO_val2014_000000000009.jpg" if name == "inference.tsv" else "")


def test_without_ids_a_caption_goes_by_its_image(tmp_path: Path) -> None:
    assert read_caption_file(_file(tmp_path, "image_id,caption\n0012,A dog\n", "a.csv")).captions == (
        Caption("12", 12, "A dog"),
    )


def test_a_written_list_reads_back(tmp_path: Path) -> None:
    captions = (Caption("3", 1, 'A "red", round cat'), Caption("2", 5, "Ünder a tree"))
    assert read_caption_file(_file(tmp_path, to_list(captions), "a.csv")).captions == captions


GOOD = {"images": [{"id": 1, "file_name": "1.jpg"}], "annotations": [{"id": 3, "image_id": 1, "caption": "a"}]}


def _annotation(**changes: Any) -> str:
    return json.dumps(GOOD | {"annotations": [GOOD["annotations"][0] | changes]})


def _image(**changes: Any) -> str:
    return json.dumps(GOOD | {"images": [{"id": 1}, {"id": 2} | changes]})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", ["not valid JSON"]),
        ("", ["not valid JSON"]),
        ("\x00\x01", ["not valid JSON"]),
        ("[" * 100_000, ["not valid JSON"]),
        ("[]", ["COCO captions format", "'images'"]),
        ('{"images": []}', ["COCO captions format", "'annotations'"]),
        ('{"images": {}, "annotations": []}', ["'images'"]),
        ('{"images": [], "annotations": []}', ["no captions"]),
        (_annotation(image_id=2), ["caption 3", "image 2"]),
        (_annotation(caption=" \n"), ["annotation 3", "empty"]),
        (_annotation(caption=None), ["annotation 1", "'caption'"]),
        (_annotation(caption=7), ["annotation 1", "'caption'"]),
        (_annotation(id="3"), ["annotation 1", "'id'"]),
        (_annotation(id=3.0), ["annotation 1", "'id'"]),
        (_annotation(id=True), ["annotation 1", "'id'"]),
        (_annotation(id=-3), ["annotation 1", "'id'"]),
        (_annotation(image_id=[1]), ["annotation 1", "'image_id'"]),
        (json.dumps(GOOD | {"annotations": ["a"]}), ["annotation 1"]),
        (json.dumps(GOOD | {"annotations": GOOD["annotations"] * 2}), ["annotation 3", "twice"]),
        (_image(id=1), ["image 2", "id 1"]),
        (_image(id=None), ["image 2", "'id'"]),
        (_image(file_name="../2.jpg"), ["image 2", "file_name"]),
        (_image(file_name=2), ["image 2", "file_name"]),
    ],
)
def test_a_broken_captions_file_is_one_sentence(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(UserError) as refusal:
        read_caption_file(_file(tmp_path, text))
    assert all(word in str(refusal.value) for word in [*words, "captions.json"])
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ["column names"]),
        ("image_id,text\n1,a\n", ["'caption'"]),
        ("caption\na\n", ["'image_id'"]),
        ("image_id,caption\n", ["no captions"]),
        ("image_id,caption\n1\n", ["row 1", "fields"]),
        ("image_id,caption\n1,a\nx,b\n", ["row 2", "image_id"]),
        ("image_id,caption\n1,a\n,b\n", ["row 2", "image_id"]),
        ("image_id,caption,id\n1,a,3.5\n", ["row 1", "id"]),
        ("image_id,caption\n1,a\n1,b\n", ["caption 1", "twice"]),
        ("image_id,caption\n1, \n", ["caption 1", "empty"]),
        ("image_id,caption,file_name\n1,a,x/1.jpg\n", ["row 1", "file_name"]),
    ],
)
def test_a_broken_list_is_one_sentence(tmp_path: Path, text: str, words: list[str]) -> None:
    with pytest.raises(UserError) as refusal:
        read_caption_file(_file(tmp_path, text, "list.csv"))
    assert all(word in str(refusal.value) for word in [*words, "list.csv"])


@pytest.mark.parametrize("name", ["val2014.zip", "captions"])
def test_another_kind_of_file_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"\.json, \.csv, \.tsv"):
        read_caption_file(_file(tmp_path, "{}", name))


@pytest.mark.parametrize("name", ["captions.json", "captions.csv"])
def test_a_huge_file_is_refused_without_being_read(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with path.open("wb") as file:
        file.truncate(3_000_000_000)  # sparse: it takes no room
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(UserError, match=f"{LARGEST >> 20} MB"):
        read_caption_file(path)
    taken, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert taken < 0.5
    assert peak < 2**20


def test_a_missing_file_and_a_folder_are_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    for name in ("no.json", "folder.json"):
        with pytest.raises(UserError, match=name):
            read_caption_file(tmp_path / name)
