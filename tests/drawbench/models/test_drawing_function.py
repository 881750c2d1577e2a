"""Functions that draw: which are taken, how they are called, and what becomes of what they return."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from drawbench.errors import UserError
from drawbench.interface import Refused, Sample
from drawbench.models.drawing_function import FunctionModel
from drawbench.models.python_function import PythonAdapter
from metrics.errors import MetricInputError
from tests.drawbench.models.test_python_function import SAMPLES, Write, load, write

__all__ = ["write"]

FILL = "    return np.full((size, size, 3), len(prompt) + {}, np.uint8)\n"
PRINTS = """
import subprocess, sys
import numpy as np
print("imported")
def make():
    print("made")
    def draw(prompt, seed, size):
        print("drawn")
        sys.__stdout__.write("written")
        subprocess.run(["echo", "child"], check=True)
        return np.zeros((size, size, 3), np.uint8)
    return draw
"""


def drawn(model: PythonAdapter, size: int = 4) -> list[int]:
    """The first level of each image."""
    return [int(image[0, 0, 0]) for image in model.generate(SAMPLES, size) if isinstance(image, np.ndarray)]


@pytest.mark.parametrize(
    ("signature", "plus", "settings", "levels"),
    [
        ("prompt, seed, size, steps=20", "steps", {}, [30, 21]),
        ("prompt, seed, size, steps=20", "steps", {"steps": "5"}, [15, 6]),
        ("prompt, seed, size, steps", "steps", {"steps": "5"}, [15, 6]),
        ("prompt, seed=0, size=512", "(seed > 6)", {}, [11, 1]),
        ("seed, size, prompt", "size", {}, [14, 5]),
        ("*, size, prompt, seed", "size", {}, [14, 5]),
        ("prompt, size, seed, /", "size", {}, [14, 5]),
        ("prompt, seed, size, **more", "more['steps']", {"steps": "5"}, [15, 6]),
    ],
)
def test_functions_are_called_by_the_names_of_their_parameters(
    write: Write, signature: str, plus: str, settings: dict[str, str], levels: list[int]
) -> None:
    name = write(f"import numpy as np\ndef draw({signature}):\n" + FILL.format(plus))
    model = load(f"{name}:draw", **settings)
    assert drawn(model) == levels
    assert model.one_at_a_time
    assert model.card().settings == {key: int(value) for key, value in settings.items()}
    assert model.native_size == (512 if "512" in signature else 256)


@pytest.mark.parametrize("many", ["images", "np.stack(images)", "tuple(images)"])
def test_a_function_that_draws_batches_is_called_once(write: Write, many: str) -> None:
    name = write(f"""
import numpy as np
calls = []
def draw(prompts, seeds, size):
    calls.append(len(prompts))
    images = [np.full((size, size, 3), len(p) + (s == 0), np.uint8) for p, s in zip(prompts, seeds, strict=True)]
    return {many}
""")
    model = load(f"{name}:draw")
    assert (drawn(model), sys.modules[name].calls) == ([10, 2], [2])
    assert not model.one_at_a_time


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [("[]", "0 images for 2 prompts"), ("None", "a NoneType for 2 prompts"), ("7", "a int for 2 prompts")],
)
def test_a_batch_without_an_image_for_each_prompt_is_refused(write: Write, returned: str, sentence: str) -> None:
    name = write(f"def draw(prompts, seeds, size): return {returned}")
    with pytest.raises(UserError, match=f"draw returned {sentence}: return one image for each"):
        load(f"{name}:draw").generate(SAMPLES, 4)


@pytest.mark.parametrize(
    ("source", "settings", "sentence"),
    [
        ("def draw(text, seed, size): 1", {}, r"needs a value for 'text'.*one of \(prompt, seed, size\) or \(prompts"),
        ("def draw(prompt, seed, size, steps): 1", {}, "needs a value for 'steps'"),
        ("def draw(prompt, seed, size, steps=1): 1", {"stpes": "3"}, "no setting 'stpes': its settings are steps"),
        ("def draw(prompt, seed, size): 1", {"seed": "3"}, "no setting 'seed': it takes none"),
        ("def draw(prompt, seed, size, **more): 1", {"size": "3"}, "no setting 'size': it takes none"),
        ("def draw(): return lambda prompt, seed: 3", {}, r"parameters \(prompt, seed\): return .* \(prompts, seeds"),
        ("def draw(): return lambda prompt, seed, size, steps: 3", {}, r"\(prompt, seed, size, steps\): return"),
        ("import sys\ndef draw(): sys.exit(3)", {}, "fails when called .SystemExit: 3"),
        ("import sys\nsys.exit()", {}, "ends the program when it is imported"),
        ("def draw(prompt, seed, size): 1\ndraw.value_range = 255", {}, "value_range of .* is 255: state the lowest"),
        ("def draw(prompt, seed, size): 1\ndraw.value_range = (1, 0)", {}, r"is \(1, 0\): state the lowest"),
    ],
)
def test_what_is_no_drawing_function_is_refused(
    write: Write, source: str, settings: dict[str, str], sentence: str
) -> None:
    name = write(source)
    with pytest.raises((UserError, MetricInputError), match=sentence) as caught:
        load(f"{name}:draw", **settings)
    assert "\n" not in str(caught.value)


def test_a_buffer_that_is_filled_again_gives_different_images(write: Write) -> None:
    name = write("""
import numpy as np
buffer = np.zeros((4, 4, 3), np.uint8)
def draw(prompt, seed, size):
    buffer[:] = len(prompt)
    return buffer
""")
    assert drawn(load(f"{name}:draw")) == [10, 1]


LEVELS = np.random.default_rng(3).integers(0, 256, (5, 5, 3), dtype=np.uint8)


def converted(image: Any, value_range: tuple[float, float] | None = None, size: int = 5) -> Any:
    def draw(prompt: str, seed: int, size: int) -> Any:
        return image

    if value_range:
        draw.value_range = value_range  # type: ignore[attr-defined]
    return FunctionModel(draw, "mine").generate(SAMPLES[:1], size)[0]


@pytest.mark.parametrize(
    ("image", "value_range"),
    [
        (torch.from_numpy(LEVELS), None),
        (torch.from_numpy(LEVELS).permute(2, 0, 1), None),
        (torch.from_numpy(LEVELS).permute(2, 0, 1)[None], None),
        (LEVELS.transpose(2, 0, 1), None),
        (LEVELS[None], None),
        (LEVELS / 255, (0, 1)),
        ((LEVELS / 255).astype(np.float16), (0, 1)),
        (LEVELS / 127.5 - 1, (-1, 1)),
        (LEVELS.astype(np.float32), (0, 255)),
        ((torch.from_numpy(LEVELS).float() / 255).requires_grad_(), (0, 1)),
        (torch.from_numpy(LEVELS).to(torch.bfloat16), (0, 255)),
    ],
)
def test_tensors_floats_and_channels_first_become_the_same_image(image: Any, value_range: Any) -> None:
    assert np.array_equal(converted(image, value_range), LEVELS)


@pytest.mark.parametrize(("value", "value_range"), [(0.0, (0, 255)), (0.5, (0, 1)), (-1.0, (-1, 1))])
def test_an_image_of_one_value_contradicts_no_range(value: float, value_range: tuple[float, float]) -> None:
    low, high = value_range
    level = round((value - low) / (high - low) * 255)
    assert (converted(np.full((5, 5, 3), value), value_range) == level).all()


@given(st.lists(st.floats(-1, 1), min_size=27, max_size=27))
def test_a_float_becomes_the_nearest_level(values: list[float]) -> None:
    image = np.array(values).reshape(3, 3, 3)
    levels = converted(image, (-1, 1), size=3)
    assert np.abs(levels - (image + 1) * 127.5).max() <= 0.5 + 1e-9


@pytest.mark.parametrize(
    ("image", "value_range", "sentence"),
    [
        (
            LEVELS / 255,
            None,
            "sample 0 holds float64 values of no stated range: give uint8 .0 to 255., or state it by an attrib",
        ),
        (LEVELS / 255 - 0.5, (0, 1), "holds values from -0.5 to 0.5, outside of the stated range 0 to 1: clamp"),
        (
            LEVELS / LEVELS.max(),
            (0, 255),
            "holds values from .* to 1, of which the stated range 0 to 255 makes one col",
        ),
        (LEVELS / 127.5 - 1, (-255, 255), r".* one colour: state what is meant, such as \(-1, 1\)"),
        (LEVELS.astype(float), (0, 65535), r".* such as \(0, 255\)"),
    ],
)
def test_floats_without_a_range_or_of_another_one_are_refused(image: Any, value_range: Any, sentence: str) -> None:
    with pytest.raises(MetricInputError, match=f"mine's image for colors-001 {sentence}|sample 0 {sentence}"):
        converted(image, value_range)


def test_values_that_are_no_numbers_are_a_failure_of_the_sample() -> None:
    with pytest.raises(FloatingPointError, match="no numbers"):
        converted(LEVELS * np.nan, (0, 1))


def test_what_is_no_image_is_left_to_the_check_of_all_models() -> None:
    assert (converted(None), converted("a.png"), converted(Refused("no"))) == (None, "a.png", Refused("no"))


def test_the_path_of_a_file_names_its_module(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = write("import numpy as np\ndef draw(prompt, seed, size):\n" + FILL.format(0))
    by_name = load(f"{name}:draw").card()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    for place in (f"../{name}.py", str(tmp_path / f"{name}.py")):
        assert load(f"{place}:draw").card() == by_name
    (tmp_path / "elsewhere" / f"{name}.py").write_text("def draw(prompt, seed, size): return None\n")
    with pytest.raises(UserError, match=rf"elsewhere/{name}\.py has the name of the package"):
        load(f"./{name}.py:draw")
    with pytest.raises(UserError, match=r"there is no Python file \./nowhere\.py"):
        load("./nowhere.py:draw")
    (tmp_path / "elsewhere" / "metrics.py").write_text("")
    with pytest.raises(UserError, match="has the name of the package 'metrics' of this program"):
        load("./metrics.py:draw")


def test_what_a_model_prints_is_not_in_the_json(tmp_path: Path) -> None:
    (tmp_path / "prints.py").write_text(PRINTS)
    (tmp_path / "two.csv").write_text("prompt\na\nb\n")
    words = ["generate", "--model", "python:prints:make", "--prompts", "two.csv", "--samples", "1", "--size", "8"]
    done = subprocess.run(
        [sys.executable, "-m", "drawbench.cli.main", *words, "--json"], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["images"] == 2
    assert all(word in done.stderr for word in ("imported", "made", "drawn", "written", "child"))


def test_a_sample_has_a_seed_of_32_bits_in_batches_too(write: Write) -> None:
    name = write(
        "from drawbench import Refused\ndef draw(prompts, seeds, size): return [Refused(str(s)) for s in seeds]"
    )
    big = Sample("a", "", "a", 0, 2**53 - 1)
    assert load(f"{name}:draw").generate([big], 4) == [Refused(str(2**32 - 1))]
