"""The real excerpt of COCO's captions: loaded, cleaned, chosen as documented, and run from files to table.

Its text is not in the repository; stand-ins for its photographs are drawn here.
"""

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from drawbench.cli.main import main
from drawbench.prompts.captions import Choice
from drawbench.prompts.coco import ANNOTATIONS, IMAGES, load_coco
from drawbench.prompts.people import WORDS
from drawbench.results.scores import ScoreFile

VARIABLE = "DRAWBENCH_COCO_CAPTIONS"
GIVEN = os.environ.get(VARIABLE)
PROTOCOL_PAGE = Path(__file__).parents[3] / "docs" / "protocol.md"

pytestmark = pytest.mark.skipif(not GIVEN, reason=f"{VARIABLE} does not name the excerpt of COCO's captions")

MODEL = """
import numpy as np

def noise(prompt: str, seed: int, size: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)
"""


@pytest.fixture(scope="module")
def excerpt() -> dict[str, Any]:
    """The file as JSON, read without our code."""
    return json.loads(Path(GIVEN or "").read_bytes())


@pytest.fixture(scope="module")
def whole_root(tmp_path_factory: pytest.TempPathFactory, excerpt: dict[str, Any]) -> Path:
    """A root with the excerpt and stand-in JPEGs under the right names."""
    root = tmp_path_factory.mktemp("coco")
    (root / ANNOTATIONS).parent.mkdir()
    shutil.copyfile(GIVEN or "", root / ANNOTATIONS)
    (root / IMAGES).mkdir()
    random = np.random.default_rng(0)
    for image in excerpt["images"]:
        pixels = random.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / IMAGES / image["file_name"])
    return root


@pytest.fixture
def root(tmp_path: Path, whole_root: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(whole_root, tmp_path / "coco"))


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the module of a model; one for all tests, because a module is imported once."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "noise_for_captions.py").write_text(MODEL)
    return folder


@pytest.fixture(autouse=True)
def _beside_the_model(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(model_folder)


def _run(root: Path, out: Path, *options: str) -> int:
    model = ["--model", "python:noise_for_captions:noise", "--size", "16", "--slice", "64", "--device", "cpu"]
    return main(["run", *model, "--prompts", f"coco:{root}", "--out", str(out), *options])


def _ids_by_the_rule(excerpt: dict[str, Any], seed: int) -> list[str]:
    rows = excerpt["annotations"]
    ordered = sorted(rows, key=lambda row: hashlib.sha256(f"{seed}:{row['id']}".encode()).hexdigest())
    first: dict[int, str] = {}
    for row in ordered:
        first.setdefault(row["image_id"], str(row["id"]))
    return list(first.values())


@pytest.mark.parametrize("seed", [0, 1])
def test_the_choice_is_the_documented_one(excerpt: dict[str, Any], seed: int) -> None:
    chosen = load_coco(Path(GIVEN or ""), Choice(seed=seed))
    assert [prompt.id for prompt in chosen.prompts] == _ids_by_the_rule(excerpt, seed)
    assert len(chosen.prompts) == 200


def test_its_hash_stands_in_the_protocols_page(excerpt: dict[str, Any]) -> None:
    digest = hashlib.sha256("".join(f"{id_}\n" for id_ in _ids_by_the_rule(excerpt, 0)).encode()).hexdigest()
    assert digest in PROTOCOL_PAGE.read_text(encoding="utf-8")


def test_cleaning_changes_white_space_alone(excerpt: dict[str, Any]) -> None:
    texts = {str(row["id"]): row["caption"] for row in excerpt["annotations"]}
    changed = 0
    for prompt in load_coco(Path(GIVEN or "")).prompts:
        assert "".join(prompt.text.split()) == "".join(texts[prompt.id].split())
        assert "  " not in prompt.text
        assert prompt.text == prompt.text.strip()
        changed += prompt.text != texts[prompt.id]
    assert changed > 10


def test_captions_without_people_are_a_part_of_the_choice(excerpt: dict[str, Any]) -> None:
    everybody, nobody = (load_coco(Path(GIVEN or ""), Choice(people=people)) for people in (True, False))
    assert set(nobody.prompts) < set(everybody.prompts)
    for prompt in nobody.prompts:
        words = {word.strip(".,;:'\"!?()").lower() for word in prompt.text.split()}
        assert words.isdisjoint(WORDS)


def test_from_files_to_table(whole_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "run"
    assert _run(whole_root, out) == 0
    table = capsys.readouterr().out
    assert "coco" in table
    assert "Fréchet distance" in table
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["prompt_ids_sha256"] in PROTOCOL_PAGE.read_text(encoding="utf-8")
    scores = ScoreFile.model_validate_json((out / "scores/bundled.json").read_text())
    assert (scores.prompt_set.n, scores.complete) == (200, True)
    assert scores.reference is not None
    assert scores.reference.n == 200
    assert main(["coco", "check", str(whole_root), "--digests", "--json"]) == 2  # not the whole of val2014
    assert json.loads(capsys.readouterr().out)["pixels_sha256"] == scores.reference.sha256


def test_a_missing_photograph_stops_before_anything_is_drawn(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = sorted((root / IMAGES).iterdir())[7]
    lost.unlink()
    assert _run(root, tmp_path / "run") == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert lost.name in error
    assert "lacks 1 of the 200 images" in error
    assert not (tmp_path / "run").exists()


def test_a_truncated_photograph_is_named_and_nothing_is_scored(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hurt = sorted((root / IMAGES).iterdir())[7]
    hurt.write_bytes(hurt.read_bytes()[:-40])
    assert _run(root, tmp_path / "run", "--limit", "4") == 2
    error = capsys.readouterr().err.strip().splitlines()[-1]
    assert hurt.name in error
    assert "truncated" in error
    assert not list((tmp_path / "run/scores").glob("*.json"))
