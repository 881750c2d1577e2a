"""Reference folders as people have them: what counts, what is said beside the number, and what the set is called."""

import html
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image

from drawbench.errors import UserError
from drawbench.interface import ModelCard, Refused, Sample, Sources, TextToImage
from drawbench.prompts.coco import load_world
from drawbench.prompts.prompt_set import Prompt, PromptSet
from drawbench.report.build import build_report
from drawbench.results.files import Result
from drawbench.results.scores import ScoreFile
from drawbench.runs.directory import RunDirectory
from drawbench.runs.generate import Request, generate
from drawbench.scoring.bundled import bundled_extended
from drawbench.scoring.protocol import Protocol
from drawbench.scoring.references import find_references, reference_name
from drawbench.scoring.score import score_run
from drawbench.tables.loading import load_results
from drawbench.tables.render import render_tables
from metrics.errors import MetricInputError
from tests.drawbench.scoring.test_kinds import Notes
from tests.drawbench.scoring.test_score import PROMPTS, SIZE, make_run
from tests.drawbench.synthetic import result
from tests.metrics.stand_ins import write_scorer


@pytest.fixture(scope="module")
def protocol(tmp_path_factory: pytest.TempPathFactory) -> Protocol:
    """CLIP score and Fréchet distance of a random scorer of 16 dimensions."""
    whole = bundled_extended(write_scorer(tmp_path_factory.mktemp("scorer")))
    wanted = ("clip_score", "frechet_distance")
    return replace(whole, metrics=tuple(metric for metric in whole.metrics if metric.metric in wanted))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("runs") / "noise", samples=2)


def crop(number: int, size: int = 40) -> Image.Image:
    """A piece of a photograph that scikit-image installs."""
    skimage = pytest.importorskip("skimage.data")
    photograph = skimage.astronaut()
    top, left = divmod(number * 37, 400)
    return Image.fromarray(photograph[top % 400 : top % 400 + size, left : left + size])


def save(folder: Path, n: int = 20, **options: object) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(n):
        crop(number).save(folder / f"r{number:02d}.png", **options)
    return folder


def distance(scores: ScoreFile) -> tuple[float, str]:
    (found,) = [score for score in scores.scores if score.metric == "frechet_distance"]
    return found.value, found.note


def test_single_coloured_references_are_counted_whatever_their_format(
    protocol: Protocol, run: Path, tmp_path: Path
) -> None:
    folder = save(tmp_path / "refs", 16)
    black, red = Image.new("RGB", (40, 40)), Image.new("RGB", (40, 40), (200, 20, 20))
    black.save(folder / "a.png")
    black.save(folder / "b.jpg", icc_profile=bytes(5000), exif=b"Exif\0\0" + bytes(3000))
    black.save(folder / "c.webp")
    red.save(folder / "d.jpg", quality=100)
    note = distance(score_run(run, protocol, folder))[1]
    assert "4 of 20 references are of a single colour, 3 of them black" in note
    assert "single colour" not in distance(score_run(run, protocol, save(tmp_path / "plain", 16)))[1]


def test_a_reference_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no_such is not there: check the path"):
        find_references(tmp_path / "no_such")


def test_hidden_copies_change_nothing_but_the_note(protocol: Protocol, run: Path, tmp_path: Path) -> None:
    clean = score_run(run, protocol, save(tmp_path / "refs"))
    for number in range(10):
        crop(number + 50).save(save(tmp_path / "refs/.ipynb_checkpoints", 0) / f"r{number}-checkpoint.png")
    (tmp_path / "refs/._r01.png").write_bytes(b"left by another system")
    notes = Notes()
    hidden = score_run(run, protocol, tmp_path / "refs", progress=notes)
    assert hidden.reference == clean.reference
    assert distance(hidden)[0] == distance(clean)[0]
    assert "11 hidden left out" in distance(hidden)[1]
    assert "11 hidden left out" in notes.text
    assert "left out" not in distance(clean)[1]


def test_formats_that_are_not_read_are_refused_by_name(protocol: Protocol, run: Path, tmp_path: Path) -> None:
    crop(5).save(save(tmp_path) / "odd.bmp")
    with pytest.raises(MetricInputError, match=r"holds 1 images that are not PNG, JPEG or WebP \(odd\.bmp\)"):
        score_run(run, protocol, tmp_path)


def test_a_link_to_a_folder_is_the_folder(protocol: Protocol, run: Path, tmp_path: Path) -> None:
    plain = score_run(run, protocol, save(tmp_path / "refs"))
    (tmp_path / "by-link").mkdir()
    (tmp_path / "by-link/all").symlink_to(tmp_path / "refs")
    linked = score_run(run, protocol, tmp_path / "by-link")
    assert linked.reference is not None
    assert plain.reference is not None
    assert (linked.reference.sha256, linked.reference.n) == (plain.reference.sha256, 20)


def test_copies_are_counted_and_do_not_hide_that_there_are_too_few(
    protocol: Protocol, run: Path, tmp_path: Path
) -> None:
    few = score_run(run, protocol, save(tmp_path / "few", 10))
    for number in range(10):
        crop(number).save(save(tmp_path / "twice", 10) / f"copy{number}.png")
    twice = score_run(run, protocol, tmp_path / "twice")
    assert "no more references than feature dimensions (16)" in distance(few)[1]
    assert "10 of 20 references are copies of others" in distance(twice)[1]
    assert "no more different references (10) than feature dimensions (16)" in distance(twice)[1]


def test_enlarged_rotated_and_lossy_references_are_counted(protocol: Protocol, run: Path, tmp_path: Path) -> None:
    save(tmp_path)
    crop(30, SIZE - 4).save(tmp_path / "small.png")
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    crop(31).save(tmp_path / "turned.png", exif=exif)
    crop(32).save(tmp_path / "jpeg-as.png", format="JPEG")
    crop(33).save(tmp_path / "lossy.webp", quality=90)
    crop(34).save(tmp_path / "two.jpg", format="MPO", save_all=True, append_images=[crop(35)])
    scores = score_run(run, protocol, tmp_path)
    note = distance(scores)[1]
    for words in (
        f"1 of 25 references are smaller than {SIZE} px and were enlarged",
        "1 of 25 references have an EXIF rotation, which is ignored",
        "1 of 25 references are files of several pictures (MPO)",
        "3 of 25 references are JPEG or lossy WebP files and the images are not: that alone moves the distance",
    ):
        assert words in note
    assert all("references" not in score.note for score in scores.scores if score.metric != "frechet_distance")


class Reader(TextToImage):
    """Images of one colour, black, alike, and noise; read from files, some of which were lossy."""

    def __init__(self, lossy: int = 0) -> None:
        self.lossy = lossy

    def card(self) -> ModelCard:
        return ModelCard(adapter="test", spec="reader", name="reader")

    def sources(self) -> Sources:
        return Sources(lossy=self.lossy, notes=("2 files left out (a, b)",) if self.lossy else ())

    def generate(self, samples: Sequence[Sample], size: int) -> list[np.ndarray | Refused]:
        return [self.image(sample, size) for sample in samples]

    def image(self, sample: Sample, size: int) -> np.ndarray:
        if sample.prompt_id.endswith("001"):
            return np.zeros((size, size, 3), np.uint8)
        if sample.prompt_id == "text-002":
            return np.full((size, size, 3), (1, 2, 3), np.uint8)
        return np.random.default_rng(sample.seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def test_odd_images_are_noted_beside_every_score_of_any_model(protocol: Protocol, tmp_path: Path) -> None:
    generate(Request(Reader(), PROMPTS, tmp_path / "run", samples=1, size=SIZE))
    notes = Notes()
    scores = score_run(tmp_path / "run", protocol, save(tmp_path / "refs"), progress=notes)
    for score in scores.scores:
        assert "4 of 12 images are of a single colour, 3 of them black" in score.note
        assert "2 of 12 images are copies of others" in score.note
    assert "copies of others" in notes.text


def test_prompts_of_one_text_are_noted_beside_every_score_and_in_tables(protocol: Protocol, tmp_path: Path) -> None:
    twice = PromptSet("twice", (*PROMPTS.prompts, Prompt("text-005", "Text", PROMPTS.prompts[0].text)))
    generate(Request(Reader(), twice, tmp_path / "run", samples=1, size=SIZE))
    scores = score_run(tmp_path / "run", protocol)
    note = "1 prompt repeats the text of another (first: text-005 that of colors-001), each drawn and counted as one of"
    assert all(note in score.note for score in scores.scores)
    table = render_tables(load_results([tmp_path / "run"]))
    assert table.count(note) == 1
    page = build_report([tmp_path / "run"], tmp_path / "report").read_text(encoding="utf-8")
    assert note in html.unescape(page)
    assert "repeats the text" not in score_run(make_run(tmp_path / "usual", samples=1), protocol).scores[0].note


def test_lossy_images_are_told_on_their_side_too(protocol: Protocol, tmp_path: Path) -> None:
    generate(Request(Reader(lossy=7), PROMPTS, tmp_path / "run", samples=1, size=SIZE))
    scores = score_run(tmp_path / "run", protocol, save(tmp_path / "refs"))
    assert "7 of 12 images are JPEG or lossy WebP files and the references are not" in distance(scores)[1]
    assert all("2 files left out (a, b)" in score.note for score in scores.scores)
    crop(40).save(tmp_path / "refs/one.jpg")
    note = distance(score_run(tmp_path / "run", protocol, tmp_path / "refs"))[1]
    assert "1 of 21 references and 7 of 12 images are JPEG or lossy WebP files: a difference in their quality" in note
    assert "are not: that alone" not in note


def test_references_among_the_images_are_told(protocol: Protocol, run: Path, tmp_path: Path) -> None:
    opened = RunDirectory.open(run)
    for number, sample in enumerate(opened.samples()[:3]):
        Image.open(opened.image_path(sample)).save(save(tmp_path) / f"leaked{number}.webp", lossless=True)
    assert "3 references are among the generated images" in distance(score_run(run, protocol, tmp_path))[1]


def test_the_world_and_what_is_like_it_are_never_called_coco(tmp_path: Path) -> None:
    from reference_model.world.coco_set import synthesise

    references = load_world().reference_images
    assert references is not None
    assert reference_name(references) == "world"
    synthesise(tmp_path / "other", 2, 3, seed="other")
    assert reference_name(tmp_path / "other/val2014") == "other (procedural world)"
    assert reference_name(tmp_path / "hf-birds-0123456789ab/images") == "hf-birds"
    (tmp_path / "coco/annotations").mkdir(parents=True)
    (tmp_path / "coco/annotations/captions_val2014.json").write_text('{"info": {"description": "COCO 2014 Dataset"}}')
    assert reference_name(tmp_path / "coco/val2014") == "val2014"
    assert reference_name(tmp_path / "photographs") == "photographs"


def test_results_of_the_former_name_are_read_under_the_new_one() -> None:
    old = result("tiny").model_dump(mode="json")
    old["prompt_set"]["name"] = "world"
    old["reference"] = {"name": "val2014", "sha256": "a" * 64, "n": 2000}
    for score in old["scores"]:
        score["definition"] += "; references val2014"
    new = Result.model_validate(old)
    assert new.reference is not None
    assert new.reference.name == "world"
    assert all(score.definition.endswith("; references world") for score in new.scores)
    old["reference"]["n"] = 40504  # the true one
    kept = Result.model_validate(old).reference
    assert kept is not None
    assert kept.name == "val2014"


def test_images_that_met_prompts_by_order_say_so_in_every_score(protocol: Protocol, tmp_path: Path) -> None:
    from drawbench.models.folder.adapter import FolderAdapter

    (tmp_path / "images").mkdir()
    for number in range(len(PROMPTS.prompts)):
        crop(number, SIZE).save(tmp_path / f"images/{number}.png")
    model = FolderAdapter(str(tmp_path / "images"), {"match": "order"}, "cpu")
    generate(Request(model, PROMPTS, tmp_path / "run", samples=1, size=SIZE))
    notes = Notes()
    scores = score_run(tmp_path / "run", protocol, progress=notes).scores
    assert all("images met prompts by the order of their files" in score.note for score in scores)
    assert "images met prompts by the order of their files" in notes.text
