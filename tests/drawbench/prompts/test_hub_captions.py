"""Captions and images of Hugging Face data sets: from local files, as no test opens a connection."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.prompts.captions import Caption, choose
from drawbench.prompts.registry import load_prompt_set
from metrics.images.folders import CACHE_VARIABLE

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of ours, and one of the library's."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "hub")
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    return tmp_path / "cache"


def _encoded(colour: int, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), (colour, 0, 0)).save(buffer, format=kind)
    return buffer.getvalue()


def _parquet(folder: Path, captions: list[Any], images: list[bytes], split: str = "train", **more: list[Any]) -> Path:
    folder.mkdir(exist_ok=True)
    rows = datasets.Dataset.from_dict({"image": [{"bytes": one, "path": None} for one in images], "caption": captions})
    for name, values in more.items():
        rows = rows.add_column(name, values)
    rows.cast_column("image", datasets.Image()).to_parquet(folder / f"{split}-0.parquet")
    return folder


class Counted(Progress):
    """How many rows were read."""

    rows = 0

    def advance(self, count: int) -> None:
        self.rows += count


def test_captions_are_cleaned_and_chosen_and_images_kept_as_they_are(tmp_path: Path) -> None:
    images = [_encoded(n, "JPEG" if n % 2 else "PNG") for n in range(5)]
    folder = _parquet(tmp_path / "birds", [f" bird \n {n}" for n in range(5)], images)
    prompt_set = load_prompt_set(f"hf:{folder},n=3,seed=2")
    expected = choose([Caption(str(n), n, f"bird {n}") for n in range(5)], 3, 2)
    assert [(prompt.id, prompt.text) for prompt in prompt_set.prompts] == [(c.id, c.text) for c in expected]
    assert prompt_set.name == "hf-birds"
    assert prompt_set.reference_images is not None
    kept = sorted(prompt_set.reference_images.iterdir())
    assert [path.name for path in kept] == ["000000.png", "000001.jpg", "000002.png", "000003.jpg", "000004.png"]
    assert [path.read_bytes() for path in kept] == images


def test_only_the_first_use_writes_images(tmp_path: Path) -> None:
    folder = _parquet(tmp_path / "birds", ["a", "b"], [_encoded(1), _encoded(2)])
    first, second = Counted(), Counted()
    assert load_prompt_set(f"hf:{folder}", first) == load_prompt_set(f"hf:{folder}", second)
    assert (first.rows, second.rows) == (2, 0)


def test_one_image_with_several_captions_is_one_reference_and_one_prompt(tmp_path: Path) -> None:
    lists = _parquet(tmp_path / "lists", [["a", "b"], ["c"]], [_encoded(1), _encoded(2)])
    rows = _parquet(tmp_path / "rows", ["a", "b", "c"], [_encoded(1), _encoded(1), _encoded(2)])
    for folder, ids in ((lists, {"0-0", "0-1", "1-0"}), (rows, {"0", "1", "2"})):
        prompt_set = load_prompt_set(f"hf:{folder}")
        assert len(prompt_set.prompts) == 2
        assert {prompt.id for prompt in prompt_set.prompts} < ids
        assert prompt_set.reference_images is not None
        assert len(list(prompt_set.reference_images.iterdir())) == 2


def test_an_image_folder_and_a_single_file_will_do(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in range(2):
        (folder / f"{n}.png").write_bytes(_encoded(n))
    (folder / "metadata.jsonl").write_text('{"file_name": "0.png", "text": "a"}\n{"file_name": "1.png", "text": "b"}\n')
    assert {prompt.text for prompt in load_prompt_set(f"hf:{folder}").prompts} == {"a", "b"}
    parquet = _parquet(tmp_path / "birds", ["a"], [_encoded(1)]) / "train-0.parquet"
    assert load_prompt_set(f"hf:{parquet}").prompts[0].text == "a"


def test_splits_and_columns_are_named_where_there_are_several(tmp_path: Path) -> None:
    folder = _parquet(tmp_path / "birds", ["a"], [_encoded(1)], "train", text=["x"])
    _parquet(folder, ["b"], [_encoded(2)], "test", text=["y"])
    with pytest.raises(UserError, match="the splits train, test"):
        load_prompt_set(f"hf:{folder}")
    with pytest.raises(UserError, match="caption=COLUMN"):
        load_prompt_set(f"hf:{folder}:test")
    assert load_prompt_set(f"hf:{folder}:test,caption=text").prompts[0].text == "y"
    for wrong, words in (
        (f"hf:{folder}:val", "no split 'val'"),
        (f"hf:{folder}:test,caption=nothing", "no column 'nothing'"),
        (f"hf:{folder}:test,caption=text,image=caption", "holds no images"),
    ):
        with pytest.raises(UserError, match=words):
            load_prompt_set(wrong)


def test_without_people_there_are_no_references(tmp_path: Path) -> None:
    folder = _parquet(tmp_path / "birds", ["a man", "a bird"], [_encoded(1), _encoded(2)])
    prompt_set = load_prompt_set(f"hf:{folder},no-people")
    assert (prompt_set.name, [p.text for p in prompt_set.prompts]) == ("hf-birds-no-people", ["a bird"])
    assert prompt_set.reference_images is None


@pytest.mark.parametrize(
    ("captions", "images", "words"),
    [
        (["a", " "], [_encoded(1), _encoded(2)], "row 1 .* empty caption"),
        (["a", None], [_encoded(1), _encoded(2)], "row 1 .* empty caption"),
        (["a", "b"], [_encoded(1), _encoded(2)[:60]], "row 1 .* truncated"),
        (["a", "b"], [_encoded(1), b"GIF89a and so on"], "row 1 .* not a PNG"),
        (["a", "b"], [_encoded(1), b""], "row 1 .* no image"),
    ],
)
def test_what_cannot_be_used_names_the_row_and_leaves_nothing(
    tmp_path: Path, cache: Path, captions: list[Any], images: list[bytes], words: str
) -> None:
    folder = _parquet(tmp_path / "birds", captions, images)
    with pytest.raises(UserError, match=words):
        load_prompt_set(f"hf:{folder}")
    if "caption" not in words:
        assert list(cache.iterdir()) == []


@pytest.mark.parametrize("spec", ["hf:nobody/no-such-set", "hf:nobody/no-such-set:test"])
def test_a_data_set_that_is_not_there_is_one_sentence(spec: str) -> None:
    with pytest.raises(UserError, match="cannot be loaded") as refusal:
        load_prompt_set(spec)
    assert "\n" not in str(refusal.value)


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _parquet(tmp_path / "birds", ["a"], [_encoded(1)])
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file/below"))
    with pytest.raises(UserError, match=f"another folder in {CACHE_VARIABLE}"):
        load_prompt_set(f"hf:{folder}")
