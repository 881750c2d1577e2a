"""Prompt sets from COCO's files: layouts, lists beside them, references whole or refused."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from drawbench.errors import UserError
from drawbench.prompts import coco
from drawbench.prompts.captions import Choice
from drawbench.prompts.coco import ANNOTATIONS, IMAGES, load_coco, load_coco_spec, load_world
from metrics.images.decode import SUFFIXES
from tests.drawbench.prompts.coco_files import content, draw, many, write

LAYOUT_2017 = Path("annotations") / "captions_val2017.json"


def test_ids_are_annotation_ids_and_text_is_cleaned(tmp_path: Path) -> None:
    prompt_set = load_coco(write(tmp_path, content([7], [(2960, 7, " A  dog\non a\r\n\tmat. \n")])))
    (prompt,) = prompt_set.prompts
    assert (prompt.id, prompt.category, prompt.text) == ("2960", "", "A dog on a mat.")
    assert prompt_set.name == "coco"
    assert prompt_set.default_samples == 1


def test_a_limit_is_the_beginning_of_the_choice(tmp_path: Path) -> None:
    whole = load_coco(many(tmp_path), Choice(seed=5))
    assert len(whole.prompts) == 10
    assert whole.limited(6) == load_coco(tmp_path, Choice(6, 5))
    assert load_coco(tmp_path, Choice(6, 6)) != load_coco(tmp_path, Choice(6, 5))


def test_options_stand_after_the_root(tmp_path: Path) -> None:
    root = many(tmp_path / "a, b")
    assert load_coco_spec(f"{root},n=6,seed=5") == load_coco(root, Choice(6, 5))
    assert load_coco_spec(str(root)) == load_coco(root)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("n=x", "whole number"),
        ("n=6,n=5", "twice"),
        ("seed=", "no value"),
        ("year=2015", "2014 or 2017"),
        ("n=11", "1 to 10"),
        ("captions=no.csv", "no.csv"),
    ],
)
def test_options_that_make_no_choice_are_refused(tmp_path: Path, options: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        load_coco_spec(f"{many(tmp_path)},{options}")


def test_references_are_the_whole_folder_or_none(tmp_path: Path) -> None:
    root = many(tmp_path)
    assert load_coco(root).reference_images is None
    (root / IMAGES).mkdir()
    (root / IMAGES / ".DS_Store").touch()
    assert load_coco(root).reference_images is None
    draw(root, [f"{n}.jpg" for n in range(10)])
    assert load_coco(root, Choice(3)).reference_images == root / IMAGES


def test_a_folder_with_a_part_of_the_images_is_refused(tmp_path: Path) -> None:
    """A distance to 40,503 of 40,504 images would look right."""
    root = many(tmp_path)
    draw(root, [f"{n}.jpg" for n in range(10) if n != 4])
    with pytest.raises(UserError, match=r"lacks 1 of the 10 images .*4\.jpg.*complete it"):
        load_coco(root)


def test_captions_without_people_bring_no_references_because_the_photographs_show_people(tmp_path: Path) -> None:
    root = write(tmp_path, content([1, 2], [(1, 1, "A man."), (2, 2, "A dog.")]))
    draw(root, ["1.jpg", "2.jpg"])
    nobody = load_coco_spec(f"{root},no-people")
    assert (nobody.name, [prompt.text for prompt in nobody.prompts]) == ("coco-no-people", ["A dog."])
    assert nobody.reference_images is None


def test_the_layout_of_2017(tmp_path: Path) -> None:
    write(tmp_path, content([1], [(5, 1, "a dog")]), LAYOUT_2017)
    draw(tmp_path, ["1.jpg"], Path("val2017"))
    prompt_set = load_coco(tmp_path)
    assert (prompt_set.name, prompt_set.reference_images) == ("coco2017", tmp_path / "val2017")


def test_where_both_years_are_2014_is_meant(tmp_path: Path) -> None:
    write(many(tmp_path), content([1], [(5, 1, "a dog")]), LAYOUT_2017)
    assert load_coco(tmp_path).name == "coco"
    assert load_coco_spec(f"{tmp_path},year=2017").name == "coco2017"


def test_a_captions_file_needs_no_root(tmp_path: Path) -> None:
    root = many(tmp_path)
    alone = load_coco(root / ANNOTATIONS)
    assert (alone.name, alone.sha256, alone.reference_images) == ("coco", load_coco(root).sha256, None)
    (root / ANNOTATIONS).rename(root / "captions_mine.json")
    assert load_coco(root / "captions_mine.json").name == "coco-mine"


def _list(root: Path, text: str) -> Path:
    path = root / "subset.tsv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_list_is_taken_as_it_is_with_the_roots_images(tmp_path: Path) -> None:
    root = many(tmp_path)
    draw(root, [f"{n}.jpg" for n in range(10)])
    path = _list(root, "image_id\tid\tcaption\n9\t30\tA  dog\n8\t20\tA cat\n")
    prompt_set = load_coco_spec(f"{root},captions={path}")
    assert [(prompt.id, prompt.text) for prompt in prompt_set.prompts] == [("30", "A dog"), ("20", "A cat")]
    assert (prompt_set.name, prompt_set.reference_images) == ("coco-subset", root / IMAGES)
    assert load_coco_spec(f"{root},captions={path},n=1").prompts[0] in prompt_set.prompts
    assert load_coco(path).prompts == prompt_set.prompts


def test_a_list_of_other_images_than_the_roots_is_refused(tmp_path: Path) -> None:
    path = _list(many(tmp_path), "image_id\tcaption\n9\tA dog\n77\tA cat\n")
    with pytest.raises(UserError, match=r"caption 77 .*subset\.tsv is of image 77"):
        load_coco(tmp_path, captions=path)


def test_a_list_beside_images_alone_goes_by_the_official_names(tmp_path: Path) -> None:
    path = _list(tmp_path, "image_id\tcaption\n9\tA dog\n")
    draw(tmp_path, ["COCO_val2014_000000000009.jpg"])
    assert load_coco(tmp_path, captions=path).reference_images == tmp_path / IMAGES
    path.write_text("image_id\tcaption\n9\tA dog\n8\tA cat\n")
    with pytest.raises(UserError, match=r"COCO_val2014_000000000008\.jpg"):
        load_coco(tmp_path, captions=path)


@pytest.mark.parametrize("text", ["{", json.dumps({"images": [], "annotations": []})])
def test_broken_captions_name_the_file(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match=str(ANNOTATIONS)):
        load_coco(write(tmp_path, text))


def test_a_root_without_captions_names_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=str(ANNOTATIONS)):
        load_coco(tmp_path)
    with pytest.raises(UserError, match="there is no folder"):
        load_coco(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"val2014, val2017"):
        load_coco(tmp_path, captions=_list(tmp_path, "image_id\tcaption\n9\tA dog\n"))


def test_options_of_a_root_do_not_fit_a_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="belong to a root"):
        load_coco(many(tmp_path) / ANNOTATIONS, year="2014")


def test_images_are_those_that_metrics_reads() -> None:
    assert set(coco.IMAGE_SUFFIXES) == set(SUFFIXES)


def test_the_world_is_its_whole_file_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("reference_model.world.coco_set")
    root = write(tmp_path, content([1, 2], [(900, 2, "a red ball"), (901, 1, "a blue cup")]))
    monkeypatch.setattr(module, "ensure_world_set", lambda: root, raising=False)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    world = load_world()
    assert world.name == "world"
    assert [prompt.id for prompt in world.prompts] == ["900", "901"]
