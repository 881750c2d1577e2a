"""python:module:factory: what a user's file may define, and what is refused in one sentence."""

import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from drawbench.errors import UserError
from drawbench.interface import Refused, Sample
from drawbench.models.python_function import PythonAdapter
from metrics.errors import MetricInputError

SAMPLES = [Sample("colors-001", "Colors", "a red cube", 0, 2**50 + 1), Sample("colors-002", "Colors", "b", 0, 7)]
_numbers = itertools.count()

FUNCTION = """
import numpy as np

def draw(prompt, seed, size):
    assert 0 <= seed < 2**32
    return np.full((size, size, 3), len(prompt), np.uint8)
"""

Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a module into the working directory and returns its name, new each time."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", ["", *__import__("sys").path])

    def write_module(source: str, name: str | None = None) -> str:
        name = name or f"user_model_{next(_numbers)}"
        (tmp_path / f"{name}.py").write_text(source)
        return name

    return write_module


def load(argument: str, **settings: str) -> PythonAdapter:
    return PythonAdapter(argument, settings, "cpu")


def test_a_drawing_function_is_a_model(write: Write) -> None:
    name = write(FUNCTION)
    images = load(f"{name}:draw").generate(SAMPLES, 4)
    assert [image[0, 0, 0] for image in images if isinstance(image, np.ndarray)] == [10, 1]


def test_a_factory_may_return_a_function_that_draws_pil_images(write: Write) -> None:
    name = write("""
from PIL import Image

def make(red=10):
    def draw(prompt: str, seed: int, size: int):
        return Image.new("RGB", (size, size), (red, 0, 0))
    return draw
""")
    model = load(f"{name}:make", red="200")
    image = model.generate(SAMPLES, 4)[0]
    assert isinstance(image, np.ndarray)
    assert image[0, 0].tolist() == [200, 0, 0]
    assert model.card().settings == {"red": 200}


def test_a_factory_may_return_a_whole_model(write: Write) -> None:
    name = write("""
from drawbench.interface import ModelCard, Refused

class Model:
    device = "my device"
    native_size = 32
    def __init__(self, steps): self.steps = steps
    def card(self): return ModelCard(adapter="x", spec="y", name="Mine", revision="r7", settings={"steps": self.steps})
    def generate(self, samples, size): return [Refused("no") for sample in samples]
""")
    model = load(f"{name}:Model", steps="5")
    card = model.card()
    assert (card.adapter, card.spec, card.name, card.settings) == ("python", f"{name}:Model", "Mine", {"steps": 5})
    assert card.revision.startswith("r7 ")
    assert (model.device, model.native_size) == ("my device", 32)
    assert model.generate(SAMPLES, 4) == [Refused("no")] * 2
    model.check_plan(SAMPLES, 4)
    assert (model.settings_of_networks, model.with_settings({})) == ((), None)


def test_a_whole_model_may_have_the_base_class(write: Write) -> None:
    name = write("""
from drawbench import ModelCard, Refused, TextToImage

class Model(TextToImage):
    def __init__(self, steps=1): self.native_size, self.steps = 32, steps
    def card(self): return ModelCard(adapter="x", spec="y", name="Mine")
    def generate(self, samples, size): return [Refused(f"{self.steps} steps") for sample in samples]
    def with_settings(self, settings): return Model(**settings)

class Half(TextToImage):
    def card(self): return ModelCard(adapter="x", spec="y", name="Half")
""")
    model = load(f"{name}:Model", steps="5")
    assert (model.native_size, model.device, model.generate(SAMPLES[:1], 4)) == (32, "not stated", [Refused("5 steps")])
    other = model.with_settings({"steps": "7"})
    assert other is not None
    assert other.generate(SAMPLES[:1], 4) == [Refused("7 steps")]
    assert (model.card().settings, other.card()) == ({"steps": 5}, load(f"{name}:Model", steps="7").card())
    with pytest.raises(UserError, match=r"Half fails when called \(TypeError: .*generate"):
        load(f"{name}:Half")


def test_changed_source_is_another_model(write: Write) -> None:
    one, other = write(FUNCTION), write(FUNCTION + "\nX = 1\n")
    assert load(f"{one}:draw").card().revision != load(f"{other}:draw").card().revision


def test_changed_weights_are_another_model_where_a_setting_names_them(write: Write, tmp_path: Path) -> None:
    name = write("def make(weights=None, steps=1):\n    return lambda prompt, seed, size: None\n")
    (tmp_path / "folder" / "part").mkdir(parents=True)
    for path in (tmp_path / "model.pt", tmp_path / "folder" / "part" / "model.pt"):
        path.write_bytes(b"one")
    asked = [{"weights": "model.pt"}, {"weights": "folder"}, {"steps": "3"}, {}]
    before = [load(f"{name}:make", **settings).card().weights_sha256 for settings in asked]
    assert before[2:] == ["", ""]
    assert len({*before}) == 3
    for path in (tmp_path / "model.pt", tmp_path / "folder" / "part" / "model.pt"):
        path.write_bytes(b"two")
    after = [load(f"{name}:make", **settings).card().weights_sha256 for settings in asked]
    assert [one != other for one, other in zip(before, after, strict=True)] == [True, True, False, False]


def test_a_pil_image_is_read_by_the_rule_of_files(write: Write) -> None:
    name = write(
        "from PIL import Image\ndef draw(prompt, seed, size, alpha=0):\n"
        "    return Image.new('RGBA', (size, size), (9, 8, 7, alpha))"
    )
    with pytest.raises(MetricInputError, match=r"image for colors-001 sample 0 has transparent pixels \(mode RGBA\)"):
        load(f"{name}:draw").generate(SAMPLES, 4)
    opaque = load(f"{name}:draw", alpha="255").generate(SAMPLES, 4)[0]
    assert np.array_equal(opaque, np.full((4, 4, 3), (9, 8, 7), np.uint8))


@pytest.mark.parametrize("package", ["metrics", "drawbench", "reference_model", "human_eval_app"])
def test_a_file_with_the_name_of_our_package_is_refused(write: Write, package: str) -> None:
    write(FUNCTION, package)
    mine = write(FUNCTION)
    for argument in (f"{package}:draw", f"{mine}:draw"):
        with pytest.raises(UserError, match=rf"{package}\.py has the name of the package '{package}' of this program"):
            load(argument)


def test_a_package_folder_with_the_name_of_ours_is_refused(write: Write, tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/__init__.py").write_text("")
    mine = write(FUNCTION)
    with pytest.raises(UserError, match="has the name of the package 'metrics'"):
        load(f"{mine}:draw")


def test_a_folder_of_data_with_the_name_of_ours_is_no_package(write: Write, tmp_path: Path) -> None:
    (tmp_path / "metrics").mkdir()
    mine = write(FUNCTION)
    assert load(f"{mine}:draw").card().adapter == "python"


def test_a_file_with_the_name_of_another_package_is_refused(write: Write) -> None:
    write(FUNCTION, "random")
    with pytest.raises(UserError, match="of Python or an installed package"):
        load("random:draw")


@pytest.mark.parametrize(
    ("source", "attribute", "settings", "sentence"),
    [
        (FUNCTION, "paint", {}, "defines no function 'paint'"),
        ("x = 1", "x", {}, "defines no function 'x'"),
        ("1/0", "draw", {}, "fails to import .ZeroDivisionError"),
        ("import no_such_package_here", "draw", {}, "needs the package 'no_such_package_here'"),
        ("def make(): 1/0", "make", {}, "fails when called .ZeroDivisionError"),
        ("def make(): return 3", "make", {}, "returned a int"),
        ("def make(): return lambda prompt: 3", "make", {}, "returned a function"),
        ("def make(steps=1): return 3", "make", {"guidance": "2"}, "no setting 'guidance': its settings are steps"),
        ("def make(steps): return 3", "make", {}, "needs a value for 'steps'"),
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(
    write: Write, source: str, attribute: str, settings: dict[str, str], sentence: str
) -> None:
    name = write(source)
    with pytest.raises(UserError, match=sentence) as caught:
        load(f"{name}:{attribute}", **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("argument", [None, "", "module", ":factory", "module:"])
def test_a_spec_without_both_parts_is_refused(argument: str | None) -> None:
    with pytest.raises(UserError, match="write python:module:factory"):
        PythonAdapter(argument, {}, "cpu")


def test_a_module_that_is_not_there_is_named(write: Write) -> None:
    with pytest.raises(UserError, match="there is no Python module 'nowhere_to_be_found'"):
        load("nowhere_to_be_found:make")
