"""folder:DIR: each layout that people have, and every picture under the prompt that it was drawn for.

A picture's red tells its prompt, its green its sample; so a wrong pair shows, whatever the rule that made it.
"""

import csv
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawbench.errors import UserError
from drawbench.models.folder.adapter import FolderAdapter
from drawbench.prompts.prompt_set import Prompt, PromptSet, category_slug
from drawbench.runs.generate import Request, generate

SIZE = 4
TEXTS = (
    "A red cube.",
    "Zebras in the snow.",
    "A blue ball: it's small, isn't it?",
    "Many cats.",
    "A very long description of a lighthouse at dawn, painted in oil.",
    "A very long description of a lighthouse at dusk, painted in oil.",
)
PROMPTS = PromptSet("mine", tuple(Prompt(f"prompt-{n:05d}", "", text) for n, text in enumerate(TEXTS, start=1)))
CAPTIONS = PromptSet(
    "coco",
    tuple(Prompt(str(770 + 3 * n), "", text) for n, text in enumerate(TEXTS)),
    image_ids={str(770 + 3 * n): 500 - 7 * n for n in range(len(TEXTS))},
)
STYLES = PromptSet(
    "styles",
    tuple(Prompt(f"{category_slug(c)}-{n:03d}", c, f"{c} {n}") for c in ("Oil", "Comic Art") for n in (1, 2, 3)),
)

Names = Callable[[int, int], str]


def draw(root: Path, name: str, prompt: int, sample: int, size: int = SIZE, suffix: str = ".png") -> None:
    path = root / f"{name}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((size, size, 3), (10 + 20 * prompt, 5 + 40 * sample, 0), np.uint8)
    Image.fromarray(pixels).save(path, lossless=True)


def fill(root: Path, name: Names, samples: int, prompts: int = len(TEXTS)) -> Path:
    for prompt in range(prompts):
        for sample in range(samples):
            draw(root, name(prompt, sample), prompt, sample)
    return root


def met(root: Path, prompt_set: PromptSet, **settings: str) -> tuple[str, int]:
    """The rule and the number of samples, once every image has been found under its prompt."""
    model = FolderAdapter(str(root), settings, "cpu")
    samples = model.held_samples(prompt_set)
    run = generate(Request(model, prompt_set, root.parent / f"{root.name}-run", samples=samples, size=SIZE))
    places = {prompt.id: place for place, prompt in enumerate(prompt_set.prompts)}
    for sample in run.samples():
        pixel = np.asarray(Image.open(run.image_path(sample)))[0, 0].tolist()
        assert pixel == [10 + 20 * places[sample.prompt_id], 5 + 40 * sample.index, 0], (sample, pixel)
    return str(run.plan.model.settings["matched_by"]), samples


def rows(prompts: Sequence[Prompt], **more: object) -> list[dict[str, object]]:
    """Of an image folder whose files are in another order than the prompts."""
    return [
        {"file_name": f"{(5 * n + 2) % len(prompts):04d}.png", "text": p.text, **more} for n, p in enumerate(prompts)
    ]


def shuffled(root: Path) -> Path:
    return fill(root, lambda prompt, _: f"{(5 * prompt + 2) % len(TEXTS):04d}", 1)


def test_a_table_of_texts_in_jsonl_and_csv(tmp_path: Path) -> None:
    for suffix in ("jsonl", "csv"):
        root = shuffled(tmp_path / suffix)
        table = rows(PROMPTS.prompts)
        with (root / f"metadata.{suffix}").open("w", newline="") as file:
            if suffix == "jsonl":
                file.writelines(json.dumps(row) + "\n" for row in table)
            else:
                writer = csv.DictWriter(file, ["file_name", "text"])
                writer.writeheader()
                writer.writerows(table)
        assert met(root, PROMPTS) == ("metadata text", 1)


def test_another_table_makes_another_plan(tmp_path: Path) -> None:
    root = shuffled(tmp_path / "images")
    table = root / "metadata.jsonl"
    cards = []
    for lines in (rows(PROMPTS.prompts), rows(tuple(reversed(PROMPTS.prompts)))):
        table.write_text("".join(json.dumps(row) + "\n" for row in lines))
        model = FolderAdapter(str(root), {}, "cpu")
        model.take_prompt_set(PROMPTS)
        model.held_samples(PROMPTS)
        model.check_plan(_samples(PROMPTS), SIZE)
        cards.append(model.card())
    assert cards[0].revision == cards[1].revision
    assert cards[0] != cards[1]


def _samples(prompt_set: PromptSet, samples: int = 1) -> list:
    from drawbench.runs.plan import plan_samples

    return plan_samples(prompt_set.prompts, samples, seed=0)


def test_prompts_of_one_text_take_its_rows_in_turn(tmp_path: Path) -> None:
    twice = replace(PROMPTS, prompts=(Prompt("a", "", "cat"), Prompt("b", "", "cat"), Prompt("c", "", "dog")))
    root = fill(tmp_path / "images", lambda prompt, _: f"{prompt}", 1, prompts=3)
    table = [{"file_name": f"{n}.png", "text": text} for n, text in enumerate(("cat", "cat", "dog"))]
    (root / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in table))
    assert met(root, twice) == ("metadata text", 1)


def test_geneval(tmp_path: Path) -> None:
    root = fill(tmp_path / "images", lambda prompt, sample: f"{prompt:05d}/samples/{sample:04d}", 3)
    for n, prompt in enumerate(reversed(PROMPTS.prompts)):  # as its own table says, not as the numbers do
        folder = root / f"{len(TEXTS) - 1 - n:05d}"
        (folder / "metadata.jsonl").write_text(json.dumps({"tag": "single_object", "prompt": prompt.text}))
        draw(folder, "grid", 0, 0, size=2 * SIZE)
    assert met(root, PROMPTS) == ("metadata text", 3)
    model = FolderAdapter(str(root), {}, "cpu")
    model.held_samples(PROMPTS)
    assert model.sources().notes == ("6 files grid.png left out: overviews of the images beside them",)
    for folder in root.iterdir():
        (folder / "metadata.jsonl").unlink()
    assert met(root.rename(tmp_path / "bare"), PROMPTS) == ("folder per prompt", 3)


def test_imagenhub(tmp_path: Path) -> None:
    root = fill(tmp_path / "bench/Model", lambda prompt, _: f"sample_{(5 * prompt + 2) % 6}", 1)
    table = {f"sample_{(5 * n + 2) % 6}.png": {"prompt": p.text, "category": ""} for n, p in enumerate(PROMPTS.prompts)}
    (tmp_path / "bench/dataset_lookup.json").write_text(json.dumps(table))
    assert met(root, PROMPTS) == ("metadata text", 1)


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("id", lambda p, s: f"prompt-{p + 1:05d}-{s}"),
        ("id", lambda p, s: f"prompt-{p + 1:05d}_{s + 1}"),
        ("id", lambda p, s: f"seed_{40 + s}/prompt-{p + 1:05d}"),
        ("id", lambda p, s: f"prompt-{p + 1:05d}/{s}"),
        ("prompt text", lambda p, s: f"samples/{TEXTS[p]}_{s:06d}"),
        ("prompt text", lambda p, s: f"{TEXTS[p]} ({s + 1})"),
        ("prompt text", lambda p, s: f"{TEXTS[p]}_{2 * p + s:06d}"),
        ("prompt text", lambda p, s: f"{2 * p + s:05d}-{category_slug(TEXTS[p])}"),
        ("prompt text", lambda p, s: f"{category_slug(TEXTS[p])}/{s:03d}"),
        ("prompt text", lambda p, s: f"seed{s}/{TEXTS[p].replace(' ', '_')[:45]}"),
        ("prompt text", lambda p, s: f"DALL·E 2022-07-15 12.30.4{s} - {TEXTS[p][:45]}_{s}"),
        ("folder per seed", lambda p, s: f"seed{s}/{p:03d}"),
        ("folder per seed", lambda p, s: f"{s}/image_{p + 1}"),
        ("folder per prompt", lambda p, s: f"{p}/{s + 100}"),
        ("folder per prompt", lambda p, s: f"prompt_{p + 1}/x{s}"),
    ],
)
def test_names_and_folders_of_two_samples(tmp_path: Path, rule: str, name: Names) -> None:
    assert met(fill(tmp_path / "images", name, 2), PROMPTS) == (rule, 2)


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        ("id", lambda p, _: f"{770 + 3 * p}"),
        ("coco annotation id", lambda p, _: f"{770 + 3 * p:012d}"),
        ("coco image id", lambda p, _: f"{500 - 7 * p:012d}"),
        ("coco image id", lambda p, _: f"COCO_val2014_{500 - 7 * p:012d}"),
    ],
)
def test_coco_ids(tmp_path: Path, rule: str, name: Names) -> None:
    assert met(fill(tmp_path / "images", name, 1), CAPTIONS) == (rule, 1)


def test_numbers_that_are_ids_of_captions_and_of_images_are_refused(tmp_path: Path) -> None:
    ids = [prompt.id for prompt in CAPTIONS.prompts]
    both = replace(CAPTIONS, image_ids=dict(zip(ids, map(int, reversed(ids)), strict=True)))
    for digits in (1, 12):
        root = fill(tmp_path / f"images{digits}", lambda p, _, digits=digits: ids[p].zfill(digits), 1)  # type: ignore[misc]
        with pytest.raises(UserError, match=r"captions and of COCO images too: .*match=id or --set match=coco-image"):
            met(root, both)
    assert met(tmp_path / "images1", both, match="id") == ("id", 1)


def test_hpsv2(tmp_path: Path) -> None:
    names = [f"{folder}/{n:05d}" for folder in ("oil", "comic-art") for n in range(3)]
    assert met(fill(tmp_path / "images", lambda p, _: names[p], 1), STYLES) == ("category and number", 1)
    (tmp_path / "images/oil/00002.png").unlink()
    (tmp_path / "images-run").rename(tmp_path / "old")
    with pytest.raises(UserError, match="nothing tells which prompt"):
        met(tmp_path / "images", STYLES)


def test_folders_that_may_be_of_prompts_or_of_seeds_are_refused(tmp_path: Path) -> None:
    root = fill(tmp_path / "images", lambda p, s: f"{p}/{s}", len(TEXTS))
    with pytest.raises(UserError, match=r"6 folders of 6 images for 6 prompts: .*prompt_0 or seed_0"):
        met(root, PROMPTS)


def test_counts_with_two_readings_or_a_gap_match_nothing(tmp_path: Path) -> None:
    root = fill(tmp_path / "images", lambda p, s: f"seed{s}/{p:03d}", 2)
    (root / "seed1/003.png").unlink()
    with pytest.raises(UserError, match="holds 11 images, and nothing tells which prompt one is of"):
        met(root, PROMPTS)


def test_two_prompts_for_one_name_are_both_named(tmp_path: Path) -> None:
    for name in ("A very long description of a lighthouse", "Many cats."):
        alike = replace(PROMPTS, prompts=(*PROMPTS.prompts, Prompt("twin", "", "Many cats!")))
        root = tmp_path / name[:4]
        draw(root, name, 0, 0)
        expected = ("prompt-00005", "prompt-00006") if "long" in name else ("prompt-00004", "twin")
        if name == "Many cats.":
            draw(root, "many_cats", 0, 1)
        with pytest.raises(UserError, match=rf"could be {expected[0]} sample 0 or {expected[1]} sample 0"):
            met(root, alike)


def test_ids_that_look_like_samples_of_others_are_taken_whole_where_that_serves_all(tmp_path: Path) -> None:
    cats = PromptSet("cats", tuple(Prompt(name, "", name) for name in ("cat", "cat-2", "cat-3")))
    root = fill(tmp_path / "images", lambda p, _: ("cat", "cat-2", "cat-3")[p], 1, prompts=3)
    assert met(root, cats) == ("id", 1)


def test_what_matches_nothing_is_counted_and_named(tmp_path: Path) -> None:
    root = fill(tmp_path / "images", lambda p, s: f"{TEXTS[p]}_{s}", 1)
    for name in ("overview", "my cat", "IMG_77"):
        draw(root, name, 0, 0)
    assert met(root, PROMPTS) == ("prompt text", 1)
    model = FolderAdapter(str(root), {}, "cpu")
    model.held_samples(PROMPTS)
    model.check_plan(_samples(PROMPTS), SIZE)
    note = "3 of 9 images match no prompt (IMG_77.png, my cat.png, overview.png) and are left out"
    assert model.sources().notes == (note,)
    (root / f"{TEXTS[1]}_0.png").unlink()
    model = FolderAdapter(str(root), {}, "cpu")
    with pytest.raises(UserError, match=r"lacks 1 of 6 images \(prompt-00002 sample 0\), .*3 of 8 images match no"):
        model.check_plan(_samples(PROMPTS), SIZE)


def test_a_limit_reads_numbers_as_those_of_the_whole_set(tmp_path: Path) -> None:
    root = fill(tmp_path / "images", lambda p, s: f"seed{s}/{p:03d}", 2)
    run = generate(
        Request(FolderAdapter(str(root), {}, "cpu"), PROMPTS, tmp_path / "run", samples=1, size=SIZE, limit=2)
    )
    reds = [int(np.asarray(Image.open(run.image_path(sample)))[0, 0, 0]) for sample in run.samples()]
    assert reds == [10, 30]


def test_numbers_and_order_stand_in_the_notes(tmp_path: Path) -> None:
    root = fill(tmp_path / "images", lambda p, s: f"seed{s}/{p:03d}", 1)
    model = FolderAdapter(str(root), {}, "cpu")
    run = generate(Request(model, PROMPTS, tmp_path / "run", samples=1, size=SIZE))
    assert run.manifest.sources.notes == ("images met prompts by the numbers of folders and files (folder per seed)",)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"match": "luck"}, "there is no rule match=luck: use one of metadata, id, coco, text, layout, order"),
        ({"match": "order", "order": "any"}, "there is no order=any"),
        ({"order": "sample"}, "add --set match=order"),
    ],
)
def test_settings_of_matching_are_checked(tmp_path: Path, settings: dict[str, str], words: str) -> None:
    draw(tmp_path, "a", 0, 0)
    with pytest.raises(UserError, match=words):
        FolderAdapter(str(tmp_path), settings, "cpu")


def test_lossy_and_odd_files_are_told(tmp_path: Path) -> None:
    root = fill(tmp_path / "images", lambda p, _: f"prompt-{p + 1:05d}", 1)
    Image.open(root / "prompt-00001.png").save(root / "prompt-00001.png", format="JPEG")
    Image.open(root / "prompt-00002.png").save(
        root / "prompt-00002.png", format="MPO", save_all=True, append_images=[Image.new("RGB", (SIZE, SIZE))]
    )
    run = generate(Request(FolderAdapter(str(root), {}, "cpu"), PROMPTS, tmp_path / "run", samples=1, size=SIZE))
    assert run.manifest.sources.lossy == 2
    assert run.manifest.sources.notes == ("1 of 6 images are files of several pictures (MPO): the first is read",)
    again = generate(
        Request(FolderAdapter(str(run.path), {}, "cpu"), PROMPTS, tmp_path / "again", samples=1, size=SIZE)
    )
    assert again.manifest.sources == run.manifest.sources
