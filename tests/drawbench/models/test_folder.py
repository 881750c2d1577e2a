"""folder:DIR: how files meet prompts, and which files are refused."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from drawbench.errors import UserError
from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.models.folder.adapter import FolderAdapter
from drawbench.prompts.prompt_set import Prompt, PromptSet
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, generate
from drawbench.runs.plan import plan_samples
from metrics.errors import MetricInputError

SET = PromptSet("mine", tuple(Prompt(f"colors-{n:03d}", "Colors", f"thing {n}") for n in range(1, 12)))
SIZE = 4


def picture(value: int, size: int = SIZE) -> np.ndarray:
    return np.full((size, size, 3), value, np.uint8)


def save(folder: Path, names: list[str]) -> Path:
    """One picture per name, of the value of its place in the list."""
    for value, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(value)).save(path, lossless=True)
    return folder


def adapter(folder: Path, **settings: str) -> FolderAdapter:
    return FolderAdapter(str(folder), settings, "cpu")


def drawn(folder: Path, samples: list[Sample], **settings: str) -> list[int]:
    """The values of the pictures that the samples meet."""
    model = adapter(folder, **settings)
    model.check_plan(samples, SIZE)
    images = model.generate(samples, SIZE)
    return [int(image[0, 0, 0]) for image in images if isinstance(image, np.ndarray)]


def samples_of(samples: int = 1) -> list[Sample]:
    return plan_samples(SET.prompts, samples, seed=0)


def ids() -> list[str]:
    return [prompt.id for prompt in SET.prompts]


def test_files_meet_prompts_by_id(tmp_path: Path) -> None:
    backwards = list(reversed(ids()))
    assert drawn(save(tmp_path, [f"{name}.png" for name in backwards]), samples_of()) == list(range(10, -1, -1))


@pytest.mark.parametrize("suffix", ["png", "webp", "PNG"])
def test_samples_are_numbered_from_0_in_any_subfolder(tmp_path: Path, suffix: str) -> None:
    names = [f"some/where/{name}-{index}.{suffix}" for index in (0, 1) for name in ids()]
    assert drawn(save(tmp_path, names), samples_of(2)) == list(range(22))


def test_images_that_are_not_asked_for_are_left_out(tmp_path: Path) -> None:
    names = [f"{name}-{index}.png" for index in (0, 1) for name in ids()]
    assert drawn(save(tmp_path, [*names, "colors-999.png"]), samples_of(1)) == list(range(11))


def test_order_is_by_number_and_must_be_asked_for(tmp_path: Path) -> None:
    folder = save(tmp_path, [f"{n}.png" for n in range(11)])  # 10.png stands before 2.png for a plain sort
    with pytest.raises(UserError, match=r"holds 11 images, and nothing tells .*\(0\.png, .*--set match=order"):
        drawn(folder, samples_of())
    assert drawn(folder, samples_of(), match="order") == list(range(11))
    model = adapter(folder, match="order")
    model.check_plan(samples_of(), SIZE)
    assert model.card().settings == {"matched_by": "order"}


def test_order_of_several_images_per_prompt_must_be_said(tmp_path: Path) -> None:
    folder = save(tmp_path, [f"{n:05d}.png" for n in range(22)])
    with pytest.raises(UserError, match=r"2 images for each prompt: say --set order=prompt .* order=sample"):
        drawn(folder, samples_of(2), match="order")
    assert drawn(folder, samples_of(2), match="order", order="prompt") == [*range(0, 22, 2), *range(1, 22, 2)]
    assert drawn(folder, samples_of(2), match="order", order="sample") == list(range(22))
    cards = []
    for order in ("prompt", "sample"):
        model = adapter(folder, match="order", order=order)
        model.check_plan(samples_of(2), SIZE)
        cards.append(model.card())
    assert cards[0].settings == {"matched_by": "order"}  # as runs of old have it
    assert cards[1].settings == {"matched_by": "order", "order": "sample"}


def test_order_needs_equally_many_images_for_each_prompt_of_the_whole_set(tmp_path: Path) -> None:
    folder = save(tmp_path, [f"{n}.png" for n in range(10)])
    with pytest.raises(UserError, match="holds 10 images for 11 prompts: by order there must be equally many"):
        drawn(folder, samples_of(), match="order")
    Image.fromarray(picture(10)).save(folder / "10.png")
    request = Request(adapter(folder, match="order"), SET, tmp_path / "run", samples=1, size=SIZE, limit=3)
    run = generate(request)
    values = [int(np.asarray(Image.open(run.image_path(sample)))[0, 0, 0]) for sample in run.samples()]
    assert values == [0, 1, 2]


def test_every_miss_is_counted_and_the_first_are_named(tmp_path: Path) -> None:
    folder = save(tmp_path, [f"{name}.png" for name in ids() if name not in ("colors-003", "colors-007")])
    with pytest.raises(UserError, match=r"lacks 2 of 11 images \(colors-003 sample 0, colors-007 sample 0\)"):
        generate(Request(adapter(folder), SET, tmp_path / "run", samples=1, size=SIZE))
    assert not (tmp_path / "run").exists()


def test_two_files_for_one_sample_are_refused(tmp_path: Path) -> None:
    folder = save(tmp_path, [*(f"{name}.png" for name in ids()), "colors-001-0.png"])
    with pytest.raises(UserError, match="are both colors-001 sample 0"):
        drawn(folder, samples_of())


def test_one_file_for_two_samples_is_refused(tmp_path: Path) -> None:
    prompts = (Prompt("a", "", "x"), Prompt("a-1", "", "y"))
    folder = save(tmp_path, ["a-0.png", "a-1.png", "a-1-1.png"])
    with pytest.raises(UserError, match=r"a-1\.png could be a-1 sample 0 or a sample 1"):
        drawn(folder, plan_samples(prompts, 2, seed=0))


def test_a_table_of_a_run_wins_over_names(tmp_path: Path) -> None:
    folder = save(tmp_path, [f"{n}.png" for n in range(11)])
    rows = [
        {"file_name": f"{10 - n}.png", "prompt_id": prompt.id, "sample": 0, "text": prompt.text}
        for n, prompt in enumerate(SET.prompts)
    ]
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert drawn(folder, samples_of()) == list(range(10, -1, -1))
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row | {"text": "other"}) + "\n" for row in rows))
    with pytest.raises(UserError, match="another text for colors-001"):
        drawn(folder, samples_of())


def test_a_run_is_a_folder_with_its_refusals(tmp_path: Path) -> None:
    class OneRefused(TextToImage):
        def card(self) -> ModelCard:
            return adapter(tmp_path / "images").card()

        def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
            return [Refused("no") if s.prompt_id == "colors-002" else picture(s.seed % 256) for s in samples]

    save(tmp_path / "images", ["x.png"])
    first = generate(Request(OneRefused(), SET, tmp_path / "run", samples=2, size=SIZE))
    for folder in (tmp_path / "run", tmp_path / "run/images"):
        model = adapter(folder)
        assert model.held_samples(SET) == 2
        again = generate(Request(model, SET, tmp_path / f"again-{folder.name}", samples=2, size=SIZE))
        assert again.require_seal() == first.require_seal()
        assert again.require_seal().refused == 2


def test_samples_and_size_come_from_the_images(tmp_path: Path) -> None:
    by_name = save(tmp_path / "a", [f"{name}-{index}.png" for index in range(3) for name in ids()])
    by_order = save(tmp_path / "b", [f"{n}.png" for n in range(22)])
    single = save(tmp_path / "c", [f"{name}.png" for name in ids()])
    ordered = {"match": "order", "order": "sample"}
    assert [adapter(folder).held_samples(SET) for folder in (by_name, single)] == [3, 1]
    assert adapter(by_order, **ordered).held_samples(SET) == 2
    assert adapter(by_name).native_size == SIZE


def test_other_images_make_another_plan(tmp_path: Path) -> None:
    folder = save(tmp_path / "images", [f"{name}.png" for name in ids()])
    before = adapter(folder).card()
    generate(Request(adapter(folder), SET, tmp_path / "run", samples=1, size=SIZE))
    Image.fromarray(picture(200)).save(folder / "colors-005.png")
    assert adapter(folder).card().revision != before.revision
    with pytest.raises(UserError, match=r"model\.revision: "):
        generate(Request(adapter(folder), SET, tmp_path / "run", samples=1, size=SIZE))


def test_the_card_says_no_more_of_the_path_than_its_last_part(tmp_path: Path) -> None:
    folder = save(tmp_path / "my images", ["a.png"])
    assert str(tmp_path) not in adapter(folder).card().model_dump_json()
    assert adapter(folder).card().name == "my images"
    assert adapter(folder, name="Model X").card().name == "Model X"


def _truncated(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    path.write_bytes(path.read_bytes()[:60])


def _in_mode(mode: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        # A CMYK picture has no PNG form; it comes as a JPEG under a wrong name.
        Image.new(mode, (SIZE, SIZE)).save(path, format="JPEG" if mode == "CMYK" else "PNG")

    return write


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda path: path.write_bytes(b""), "0 bytes"),
        (lambda path: path.write_text("text"), "not a PNG, JPEG or WebP"),
        (_truncated, "damaged or truncated"),
        (_in_mode("RGBA"), "transparent pixels"),
        (_in_mode("CMYK"), "mode CMYK"),
        (_in_mode("I;16"), "16 bits"),
        (lambda path: Image.fromarray(picture(0, 8)).save(path), "is 8x8 px, not 4x4"),
        (lambda path: Image.new("RGB", (4, 2)).save(path), "is 4x2 px, not 4x4"),
    ],
)
def test_one_bad_file_refuses_the_folder_by_its_name(
    tmp_path: Path, spoil: Callable[[Path], None], sentence: str
) -> None:
    folder = save(tmp_path / "images", [f"{name}.png" for name in ids()])
    spoil(folder / "colors-005.png")
    with pytest.raises((UserError, MetricInputError), match=f"colors-005.*{sentence}") as caught:
        generate(Request(adapter(folder), SET, tmp_path / "run", samples=1, size=SIZE))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("mode", ["L", "P", "1"])
def test_opaque_modes_without_colour_become_rgb(tmp_path: Path, mode: str) -> None:
    folder = save(tmp_path / "images", [f"{name}.png" for name in ids()])
    Image.fromarray(picture(255)).convert(mode).save(folder / "colors-005.png")
    assert drawn(folder, samples_of())[4] == 255


def test_what_is_no_folder_of_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("x")
    for folder in ("file", "nowhere"):
        with pytest.raises(UserError, match="is not a directory"):
            adapter(tmp_path / folder)
    with pytest.raises(UserError, match="holds no images"):
        adapter(tmp_path / "empty")
    with pytest.raises(UserError, match="write folder:DIR"):
        FolderAdapter(None, {}, "cpu")
    save(tmp_path / "images", ["a.png"])
    with pytest.raises(UserError, match="no setting 'steps': its settings are name, match, order"):
        adapter(tmp_path / "images", steps="3")


@given(st.permutations(range(11)))
def test_the_order_of_writing_does_not_matter(tmp_path_factory: pytest.TempPathFactory, order: list[int]) -> None:
    folder = tmp_path_factory.mktemp("images")
    for n in order:
        Image.fromarray(picture(n)).save(folder / f"image_{n}.png")
    assert drawn(folder, samples_of(), match="order") == list(range(11))


def test_hidden_files_do_not_count(tmp_path: Path) -> None:
    folder = save(tmp_path, [*(f"{n}.png" for n in range(11)), ".cache/12.png"])
    (folder / "._0.png").write_bytes(b"left by another system")
    assert drawn(folder, samples_of(), match="order") == list(range(11))
    model = adapter(folder, match="order")
    model.check_plan(samples_of(), SIZE)
    assert model.sources().notes == ("2 hidden left out (._0.png, .cache/12.png)",)


def test_a_generated_folder_run_opens(tmp_path: Path) -> None:
    folder = save(tmp_path / "images", [f"{name}.png" for name in ids()])
    generate(Request(adapter(folder), SET, tmp_path / "run", samples=1, size=SIZE))
    assert RunDirectory.open(tmp_path / "run").require_seal().images == 11
