"""The run directory as readers see it: layout, missing samples, damage, and the sentences about what is no run."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawbench.errors import UserError
from drawbench.interface import ModelCard, Refused, Sample, TextToImage
from drawbench.progress import Progress
from drawbench.prompts.prompt_set import Prompt, PromptSet, category_slug
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, generate
from drawbench.runs.png import encode_png
from metrics.images.decode import pixel_hash, read_image

Damage = Callable[[Path], None]

CATEGORIES = ("Colors", "Gary Marcus et al.")
SET = PromptSet(
    "mine",
    tuple(
        Prompt(f"{category_slug(category)}-{n:03d}", category, f"{category} “ü” {n}")
        for category in CATEGORIES
        for n in (1, 2, 3)
    ),
)


class Noise(TextToImage):
    """Draws noise from each sample's seed, and refuses the samples it is told to."""

    def __init__(self, refuses: Sequence[tuple[str, int]] = ()) -> None:
        self.refuses = set(refuses)
        self.drawn: list[Sample] = []

    def card(self) -> ModelCard:
        return ModelCard(adapter="test", spec="noise", name="noise")

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        self.drawn += samples
        return [self._one(sample, size) for sample in samples]

    def _one(self, sample: Sample, size: int) -> np.ndarray | Refused:
        if (sample.prompt_id, sample.index) in self.refuses:
            return Refused("safety filter")
        return np.random.default_rng(sample.seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def make_run(path: Path, samples: int = 2, refuses: Sequence[tuple[str, int]] = ()) -> RunDirectory:
    return generate(Request(Noise(refuses), SET, path, samples=samples, size=8, slice_size=2))


def test_images_lie_by_category_and_show_what_the_model_drew(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    sample = run.samples()[-1]
    assert run.image_path(sample) == tmp_path / "run/images/gary-marcus-et-al/gary-marcus-et-al-003-1.png"
    assert np.array_equal(read_image(run.image_path(sample)), Noise().generate([sample], 8)[0])
    assert run.pixel_sha256(sample) == pixel_hash(read_image(run.image_path(sample)))


def test_a_set_without_categories_lies_in_folders_of_a_thousand(tmp_path: Path) -> None:
    prompts = PromptSet("captions", tuple(Prompt(str(n), "", f"caption {n}") for n in range(1001)))
    run = generate(Request(Noise(), prompts, tmp_path / "run", samples=1, size=1, slice_size=500))
    first, last = run.samples()[0], run.samples()[-1]
    assert run.image_path(first) == tmp_path / "run/images/000/0-0.png"
    assert run.image_path(last) == tmp_path / "run/images/001/1000-0.png"


def test_png_files_carry_no_metadata_and_equal_pixels_give_equal_bytes() -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    content = encode_png(pixels)
    assert content == encode_png(pixels.copy())
    chunks = {content[at : at + 4] for at in range(len(content)) if content[at : at + 4] in (b"tEXt", b"tIME", b"eXIf")}
    assert chunks == set()


def test_open_gives_back_the_plan_the_samples_and_the_seal(tmp_path: Path) -> None:
    made = make_run(tmp_path / "run")
    run = RunDirectory.open(tmp_path / "run")
    assert run.samples() == made.samples()
    assert run.plan == made.plan
    assert run.require_seal() == made.seal
    assert run.require_seal().images == 12


def test_a_complete_run_names_the_hash_of_its_prompt_set(tmp_path: Path) -> None:
    plan = make_run(tmp_path / "run").plan
    assert plan.prompt_set_sha256 == plan.prompts_sha256 == SET.sha256


def test_the_manifest_names_the_hash_of_the_ids_that_were_drawn(tmp_path: Path) -> None:
    run = generate(Request(Noise(), SET, tmp_path / "run", samples=1, size=8, limit=2))
    ids = "colors-001\ncolors-002\ngary-marcus-et-al-001\ngary-marcus-et-al-002\n"
    found = json.loads((run.path / "manifest.json").read_text())["prompt_ids_sha256"]
    assert found == hashlib.sha256(ids.encode()).hexdigest()


def test_a_manifest_from_before_the_hash_of_ids_is_a_manifest(tmp_path: Path) -> None:
    file = make_run(tmp_path / "run").path / "manifest.json"
    fields = json.loads(file.read_text())
    fields.pop("prompt_ids_sha256")
    file.write_text(json.dumps(fields))
    RunDirectory.open(tmp_path / "run").require_seal()
    assert make_run(tmp_path / "run").seal is not None
    file.write_text(json.dumps(fields | {"prompt_ids_sha256": "a" * 64}))
    with pytest.raises(UserError, match="prompt_ids_sha256"):
        RunDirectory.open(tmp_path / "run")


def test_nothing_in_the_hashed_plan_depends_on_when_or_where(tmp_path: Path) -> None:
    assert make_run(tmp_path / "a").plan.sha256 == make_run(tmp_path / "somewhere/else/b").plan.sha256


def test_refusals_are_kept_with_their_reason_and_left_out_of_the_image_folder(tmp_path: Path) -> None:
    refuses = [("colors-001", 0), ("colors-002", 1)]
    make_run(tmp_path / "run", refuses=refuses)
    run = RunDirectory.open(tmp_path / "run")
    refused = next(s for s in run.samples() if (s.prompt_id, s.index) == refuses[0])
    seal = run.require_seal()
    assert (seal.images, seal.refused) == (10, 2)
    assert [(r.prompt_id, r.sample, r.reason) for r in seal.refusals] == [(*key, "safety filter") for key in refuses]
    assert run.refusal(refused) == "safety filter"
    assert run.pixel_sha256(refused) is None
    rows = [json.loads(line) for line in (tmp_path / "run/images/metadata.jsonl").read_text().splitlines()]
    assert len(rows) == 10
    assert all((tmp_path / "run/images" / row["file_name"]).is_file() for row in rows)
    assert run.samples()[0].text == SET.prompts[0].text


@pytest.mark.parametrize("refuses", [[], [("colors-001", 0)]])
def test_datasets_loads_the_image_folder(tmp_path: Path, refuses: list[tuple[str, int]]) -> None:
    datasets = pytest.importorskip("datasets")
    run = make_run(tmp_path / "run", samples=1, refuses=refuses)
    loaded = datasets.load_dataset(
        "imagefolder", data_dir=str(tmp_path / "run/images"), cache_dir=str(tmp_path / "cache")
    )["train"]
    assert set(loaded.column_names) == {"image", "prompt_id", "category", "text", "sample", "seed"}
    kept = [sample for sample in run.samples() if run.refusal(sample) is None]
    assert [(row["prompt_id"], row["text"], row["seed"]) for row in loaded] == [
        (sample.prompt_id, sample.text, sample.seed) for sample in kept
    ]
    assert np.array_equal(np.asarray(loaded[0]["image"]), Noise().generate(kept[:1], 8)[0])


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _text(path: Path) -> None:
    path.write_text("not an image")


def _other_pixels(path: Path) -> None:
    Image.new("RGB", (8, 8)).save(path)


def _other_size(path: Path) -> None:
    Image.new("RGB", (9, 9)).save(path)


@pytest.mark.parametrize("damage", [Path.unlink, _truncate, _empty, _text, _other_pixels, _other_size])
def test_a_damaged_image_makes_its_whole_slice_missing_and_only_that_is_drawn_again(
    tmp_path: Path, damage: Damage
) -> None:
    run = make_run(tmp_path / "run")
    third = run.slices()[2]
    damage(run.image_path(third.samples[1]))
    assert run.missing() == list(third.samples)
    model = Noise()
    mended = generate(Request(model, SET, tmp_path / "run", samples=2, size=8, slice_size=2))
    assert model.drawn == list(third.samples)
    assert mended.require_seal() == run.require_seal()
    assert mended.missing() == []


def test_a_finished_run_with_a_damaged_table_is_mended(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    table = tmp_path / "run/images/metadata.jsonl"
    before = table.read_text()
    table.unlink()
    with pytest.raises(UserError, match=r"metadata\.jsonl lacks 6 prompts"):
        RunDirectory.open(tmp_path / "run")
    make_run(tmp_path / "run")
    assert table.read_text() == before


def test_an_unfinished_run_says_what_is_missing(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    manifest = json.loads((tmp_path / "run/manifest.json").read_text())
    (tmp_path / "run/manifest.json").write_text(json.dumps(manifest | {"seal": None}))
    run.image_path(run.samples()[0]).unlink()
    with pytest.raises(UserError, match=r"2 of 12 samples are missing \(colors-001 sample 0, colors-002 sample 0\)"):
        RunDirectory.open(tmp_path / "run").require_seal()


def test_hashes_changed_after_the_seal_are_noticed(tmp_path: Path) -> None:
    run = make_run(tmp_path / "run")
    journal = tmp_path / "run/journals/0001.jsonl"
    first = run.pixel_sha256(run.samples()[0])
    assert first is not None
    journal.write_text(journal.read_text().replace(first, "0" * 64))
    with pytest.raises(UserError, match="changed after the run was sealed"):
        RunDirectory.open(tmp_path / "run").require_seal()


@pytest.mark.parametrize(
    "change", [{"images": 11}, {"refused": 1}, {"images": 9, "refused": 3}, {"refusals": []}], ids=str
)
def test_a_seal_whose_counts_were_edited_is_refused_and_repaired(tmp_path: Path, change: dict[str, object]) -> None:
    refuses = [("colors-001", 0), ("colors-002", 1)]
    sealed = make_run(tmp_path / "run", refuses=refuses).require_seal()
    file = tmp_path / "run/manifest.json"
    fields = json.loads(file.read_text())
    file.write_text(json.dumps(fields | {"seal": fields["seal"] | change}))
    with pytest.raises(UserError, match=r"manifest\.json was changed by hand.* the run holds 10 and 2"):
        RunDirectory.open(tmp_path / "run").require_seal()
    assert make_run(tmp_path / "run", refuses=refuses).require_seal() == sealed


def test_what_killed_processes_left_is_gone_from_the_next_finished_run(tmp_path: Path) -> None:
    """An image in place of a sample that is refused when drawn again, and half a manifest beside a finished run."""
    refuses = [("colors-001", 0)]
    stray = tmp_path / "run/images/colors/colors-001-0.png"
    part = tmp_path / "run/.manifest.json.01234567.partial"
    make_run(tmp_path / "run", refuses=refuses)
    manifest = tmp_path / "run/manifest.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"seal": None}))
    Image.new("RGB", (8, 8)).save(stray)
    make_run(tmp_path / "run", refuses=refuses).require_seal()
    assert not stray.exists()
    part.write_text("half")
    make_run(tmp_path / "run", refuses=refuses)
    assert not part.exists()


def test_a_repair_names_what_it_did(tmp_path: Path) -> None:
    run, notes = make_run(tmp_path / "run"), Notes()
    run.image_path(run.samples()[5]).unlink()
    (tmp_path / "run/images/metadata.jsonl").write_text("")
    generate(Request(Noise(), SET, tmp_path / "run", samples=2, size=8, slice_size=2), notes)
    assert "changed after it was sealed" in notes.told[0]
    assert "metadata.jsonl is not as sealed and is written anew" in notes.told[0]
    assert "2 samples are drawn again, with all of their slices (" in notes.told[0]
    assert "seal does not hold" not in notes.told[0]


class Notes(Progress):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def note(self, message: str) -> None:
        self.told.append(message)


def _no_manifest(run: Path) -> None:
    (run / "manifest.json").unlink()


def _not_json(run: Path) -> None:
    (run / "manifest.json").write_text('{"schema_version": 1, "plan"')


def _newer(run: Path) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | {"schema_version": 3}))


def _edited_plan(run: Path) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["plan"]["seed"] = 99
    (run / "manifest.json").write_text(json.dumps(manifest))


def _other_texts(run: Path) -> None:
    table = run / "images/metadata.jsonl"
    table.write_text(table.read_text().replace("Colors “ü” 1", "Colors “u” 1"))


def _torn_table(run: Path) -> None:
    table = run / "images/metadata.jsonl"
    table.write_text(table.read_text()[:-10])


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (_no_manifest, "is not a run directory"),
        (_not_json, "is not a manifest of schema version 1 or 2"),
        (_newer, "schema_version"),
        (_edited_plan, "changed by hand"),
        (_other_texts, "holds other prompts than the plan"),
        (_torn_table, "line 12 is not a JSON object"),
    ],
)
def test_what_is_no_run_is_said_in_one_sentence(tmp_path: Path, damage: Damage, sentence: str) -> None:
    make_run(tmp_path / "run")
    damage(tmp_path / "run")
    with pytest.raises(UserError, match=sentence) as caught:
        RunDirectory.open(tmp_path / "run")
    assert "\n" not in str(caught.value)


def test_a_path_that_is_not_there_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a run directory"):
        RunDirectory.open(tmp_path / "nowhere")
