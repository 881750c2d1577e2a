"""What verify finds of a true result, and of every way of cheating that leaves a trace; and where it says it cannot."""

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import drawbench
from drawbench.cli.main import main
from drawbench.results.files import write_result
from drawbench.verifying.redraw import check_redrawn, most_altered, redrawn_of

MODEL = """
import numpy as np
def draw(prompt, seed, size=16, level=0):
    return np.random.default_rng(seed).integers(level, 256, (size, size, 3), np.uint8)
"""
TEXTS = [f"a red cup beside {n} blue cars" for n in range(20)]


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model in a file of its own, as --model names it."""
    path = tmp_path_factory.mktemp("model") / "verified_model.py"
    path.write_text(MODEL)
    return f"python:{path}:draw"


@pytest.fixture(scope="module")
def drawn(spec: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("drawn") / "run"
    return drawbench.run(spec, TEXTS, samples=2, settings={"level": 40}, out=path, progress=False).path


@pytest.fixture
def run(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(drawn, tmp_path / "run"))


@pytest.fixture
def again(spec: str) -> tuple[str, ...]:
    """What names the model of the run."""
    return "--model", spec, "--set", "level=40"


Verify = Callable[..., dict[str, str]]


@pytest.fixture
def verify(capsys: pytest.CaptureFixture[str]) -> Verify:
    """The words of each check, behind its outcome; the exit code must say whether all hold."""

    def checked(*words: object) -> dict[str, str]:
        capsys.readouterr()
        code = main(["verify", *map(str, words), "--json"])
        told = capsys.readouterr()
        if code == 2:
            return {"refused": told.err}
        [found] = json.loads(told.out)
        assert code == (0 if found["holds"] else 3)
        assert found["holds"] == all(check["outcome"] != "fails" for check in found["checks"])
        return {check["what"]: f"{check['outcome']}: {check['words']}" for check in found["checks"]}

    return checked


def test_a_true_result_holds_in_all_that_can_be_looked_at(run: Path, verify: Verify, again: tuple[str, ...]) -> None:
    found = verify(run, "--regenerate", "10", *again)
    assert all(words.startswith("holds") for words in found.values()), found
    assert list(found) == ["result", "run", "images", "table of samples", "scores made anew", "images drawn again"]
    assert "10 of 40 by fresh chance, 10 equal to the last bit" in found["images drawn again"]
    assert "a run seed that was picked among several cannot be told" in found["images drawn again"]
    assert main(["verify", str(run)]) == 0


def test_a_result_file_alone_says_that_it_needs_the_run(run: Path, verify: Verify, tmp_path: Path) -> None:
    path = write_result(drawbench.score(run).result, tmp_path)
    assert verify(path)["run"] == "not checkable: give its directory with --run"
    assert all(words.startswith("holds") for words in verify(path, "--run", run).values())


def edited(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def raised(content: dict[str, Any]) -> None:
    for score in content["scores"]:
        if score["metric"] == "clip_score":
            score["value"] += 0.01
            score["interval"]["low"] += 0.01
            score["interval"]["high"] += 0.01


def narrowed(content: dict[str, Any]) -> None:
    content["scores"][0]["interval"]["high"] = content["scores"][0]["value"]


def test_edited_scores_fail(run: Path, verify: Verify) -> None:
    path = run / "scores/bundled.json"
    kept = path.read_text()
    edited(path, raised)
    found = verify(run)
    assert found["table of samples"].startswith("fails: clip_score of overall is")
    assert found["scores made anew"].startswith("fails: clip_score of overall is")
    path.write_text(kept)
    edited(path, narrowed)
    assert verify(run)["scores made anew"] == "fails: the interval of clip_score of overall is another one"


@pytest.mark.parametrize(
    ("change", "what", "sentence"),
    [
        (lambda c: c["protocol"].update(version=1, fingerprint="0" * 64), "result", "stale"),
        (lambda c: c["protocol"].update(fingerprint="0" * 64), "result", "under another definition"),
        (
            lambda c: c.update(size=64),
            "scores made anew",
            "fails: the result and what was scored differ in evaluated size (64 px against 16 px)",
        ),
        (lambda c: c["scores"][0].update(value=float("nan")), "refused", "is not a finite number"),
    ],
)
def test_stale_protocols_and_numbers_that_are_none(
    run: Path, verify: Verify, change: Any, what: str, sentence: str
) -> None:
    edited(run / "scores/bundled.json", change)
    found = verify(run)
    assert sentence in found[what]


Change = Callable[[dict[str, Any]], Any]
SAID = "what is said of clip_score of overall is not what belongs beside it"
PREFERENCE = {
    "question": "q",
    "scope": "overall",
    "average": "micro",
    "against": "x",
    "a": 1,
    "indifferent": 0,
    "b": 0,
    "interval": "not available",
    "net": 1,
    "net_interval": "not available",
    "votes": 9,
    "raters": 2,
    "prompts": 1,
}


def lifted(content: dict[str, Any], by: float) -> None:
    content["environment"]["device"] = "cuda:0"
    for score in content["scores"]:
        score["value"] += by
        score["interval"]["low"] += by
        score["interval"]["high"] += by


@pytest.mark.parametrize(
    ("change", "what", "sentence"),
    [
        (lambda c: c.update(scores=[]), "scores made anew", "fails: clip_score of overall was left out"),
        (lambda c: c["scores"].pop(1), "scores made anew", "fails: clip_score_shuffled of overall was left out"),
        (lambda c: c["scores"][0].update(note=""), "scores made anew", f"fails: {SAID}"),
        (lambda c: c["scores"][0].update(definition="CLIP score, ViT-L/14"), "scores made anew", f"fails: {SAID}"),
        (lambda c: c["scores"][0]["interval"].update(method="exact"), "scores made anew", f"fails: {SAID}"),
        (lambda c: c["scores"][0]["interval"].update(level=0.99), "scores made anew", "fails: the interval of"),
        (lambda c: c.update(size=1024), "scores made anew", "evaluated size (1024 px against 16 px)"),
        (
            lambda c: c["scores"].append({**c["scores"][0], "metric": "frechet_distance", "n": 40}),
            "scores made anew",
            "fails: frechet_distance of overall is not among them",
        ),
        (lambda c: lifted(c, 0.004), "scores made anew", "fails: clip_score of overall is"),
        (lambda c: c.update(kind="published"), "run", "differ in kind (published against measured)"),
        (lambda c: c["prompt_set"].update(name="fine", n=200), "run", "number of prompts (200 against 20)"),
        (lambda c: c["cost"].update(seconds_per_image=1e-9), "run", "differ in cost"),
        (lambda c: c.update(human=[PREFERENCE]), "preferences of people", "not checkable"),
        (lambda c: c.update(human=[PREFERENCE]) or c["protocol"].update(version=1), "result", "stale"),
        (lambda c: c["protocol"].update(name="clip:nowhere"), "scores made anew", "protocol clip:nowhere is not one"),
    ],
)
def test_whatever_is_edited_beside_the_numbers_does_not_hold(
    run: Path, verify: Verify, tmp_path: Path, change: Change, what: str, sentence: str
) -> None:
    path = write_result(drawbench.score(run).result, tmp_path)
    edited(path, change)
    assert sentence in verify(path, "--run", run)[what]


def test_of_another_device_or_drawbench_numbers_hold_and_words_are_left(
    run: Path, verify: Verify, tmp_path: Path
) -> None:
    path = write_result(drawbench.score(run).result, tmp_path)
    edited(path, lambda content: lifted(content, 0.0005))
    found = verify(path, "--run", run)["scores made anew"]
    assert found.startswith(
        "holds: 3 numbers came out within 1% or 0.001 across devices, notes and definitions were not"
    )
    path = write_result(drawbench.score(run).result, tmp_path / "results")
    edited(
        path, lambda content: content["environment"].update(drawbench="0.0.1") or content["scores"][0].update(note="x")
    )
    assert verify(path, "--run", run)["scores made anew"].startswith("holds: 3 numbers came out within 0.0001, notes")


def test_references_may_have_another_name_and_distances_are_not_looked_at_without_them(
    run: Path, verify: Verify, tmp_path: Path
) -> None:
    for name in ("photographs", "elsewhere"):
        (tmp_path / name).mkdir()
        for number in range(40):
            noise = np.random.default_rng(number).integers(0, 256, (16, 16, 3), np.uint8)
            Image.fromarray(noise).save(tmp_path / name / f"{number}.png")
    path = write_result(drawbench.score(run, references=tmp_path / "photographs").result, tmp_path)
    found = verify(path, "--run", run, "--reference", "elsewhere")["scores made anew"]
    assert found == "holds: 4 numbers came out within 0.0001"
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(tmp_path / "elsewhere/0.png")
    found = verify(path, "--run", run, "--reference", "elsewhere")["scores made anew"]
    assert found.startswith("not checkable: the result and what was scored differ in reference")
    edited(path, lambda content: content["scores"].pop())
    found = verify(path, "--run", run, "--reference", "photographs")["scores made anew"]
    assert found == "fails: frechet_distance of overall was left out"


def test_a_table_that_is_none_and_images_that_are_gone_fail(run: Path, verify: Verify, again: tuple[str, ...]) -> None:
    (run / "scores/bundled.parquet").write_bytes(b"none")
    assert verify(run)["table of samples"].endswith("bundled.parquet is no table")
    min((run / "images").rglob("*-0.png")).unlink()
    found = verify(run, "--regenerate", "40", *again)
    assert found["images"].startswith("fails: 1 of 40")
    assert "1 are others" in found["images drawn again"]


def test_small_changes_are_said_to_be_beyond_what_can_be_told() -> None:
    from drawbench.interface import Sample

    chosen = [Sample(prompt_id=f"p{n}", text="", category="", index=0, seed=n) for n in range(3)]
    alike = check_redrawn(redrawn_of(chosen, [np.inf, np.inf, np.inf], 3)).words
    assert "at most 0.0% of all images are altered or picked;" in alike
    moved = check_redrawn(redrawn_of(chosen, [np.inf, 34.2, np.inf], 3)).words
    assert "altered to below 30 dB or picked; smaller changes, made to please a scorer, cannot be told" in moved


def test_a_result_of_a_newer_schema_is_refused(run: Path, verify: Verify, tmp_path: Path) -> None:
    path = write_result(drawbench.score(run).result, tmp_path)
    edited(path, lambda content: content.update(schema_version=7))
    assert "of schema 7 is of a newer drawbench" in verify(path, "--run", run)["refused"]


def test_a_result_of_another_run_fails(run: Path, verify: Verify, spec: str, tmp_path: Path) -> None:
    other = drawbench.run(spec, TEXTS, samples=2, seed=1, out=tmp_path / "other", progress=False)
    path = write_result(other.result, tmp_path)
    found = verify(path, "--run", run)
    assert found["run"].startswith(f"fails: the result and {run} differ in plan")
    assert "scores made anew" not in found


def test_a_changed_image_fails_and_is_named(run: Path, verify: Verify) -> None:
    path = min((run / "images").rglob("*-0.png"))
    Image.fromarray(np.zeros((16, 16, 3), np.uint8)).save(path)
    assert verify(run)["images"] == "fails: 1 of 40 are not as sealed (prompt-00001 sample 0)"


def with_swapped(run: Path, target: Path, share: float) -> tuple[Path, int]:
    """The run's images with some of others, sealed and scored anew under the true model's card: a whole cheat."""
    from drawbench.runs.directory import RunDirectory
    from drawbench.runs.journal import Line, Outcome
    from metrics.images.decode import pixel_hash

    shutil.copytree(run, target)
    opened = RunDirectory.open(target)
    samples = opened.samples()
    swapped = {samples[i] for i in range(round(share * len(samples)))}
    pixels = {}
    for number, sample in enumerate(samples):
        if sample in swapped:
            image = np.random.default_rng(1000 + number).integers(40, 256, (16, 16, 3), np.uint8)
            Image.fromarray(image).save(opened.image_path(sample))
        pixels[sample] = pixel_hash(np.array(Image.open(opened.image_path(sample))))
    [journal] = (target / "journals").iterdir()
    lines = [Line.model_validate_json(line) for line in journal.read_text().splitlines()]
    parts = {part.index: part for part in opened.slices()}
    journal.write_text(
        "".join(
            (
                line
                if line.slice is None
                else line.model_copy(
                    update={"outcomes": tuple(Outcome(pixels=pixels[s]) for s in parts[line.slice].samples)}
                )
            ).model_dump_json(exclude_defaults=True)
            + "\n"
            for line in lines
        )
    )
    seal = RunDirectory.open(target).outcomes_seal()
    edited(target / "manifest.json", lambda content: content.update(seal=seal.model_dump(mode="json")))
    shutil.rmtree(target / "scores")
    drawbench.score(target)
    return target, len(swapped)


@pytest.mark.parametrize("share", [0.05, 0.2])
def test_swapped_images_hold_in_all_but_what_is_drawn_again(
    run: Path, verify: Verify, again: tuple[str, ...], tmp_path: Path, share: float
) -> None:
    cheat, swapped = with_swapped(run, tmp_path / "cheat", share)
    found = verify(cheat, "--regenerate", "40", *again)
    told = found.pop("images drawn again")
    assert all(words.startswith("holds") for words in found.values()), found
    assert f"{swapped} are others, below 30 dB" in told
    assert told.startswith("fails")
    assert f"at most {swapped / 40:.1%} of all images" in told


@pytest.mark.proof
@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
def test_swapped_images_are_found_as_often_as_stated(spec: str, tmp_path: Path, share: float) -> None:
    """40 fresh draws of 60 of 200 samples: found in as many as the hypergeometric distribution says."""
    from scipy.stats import binom, hypergeom

    from drawbench.models.registry import resolve_model
    from drawbench.progress import Progress
    from drawbench.runs.directory import RunDirectory
    from drawbench.verifying.redraw import redraw

    texts = [f"a red cup beside {n} blue cars" for n in range(200)]
    settings = {"level": 40}
    run = drawbench.run(spec, texts, samples=1, settings=settings, out=tmp_path / "r", progress=False)
    cheat, swapped = with_swapped(run.path, tmp_path / "cheat", share)
    opened, model = RunDirectory.open(cheat), resolve_model(spec, {"level": "40"}, "cpu")
    found = sum(bool(redraw(opened, model, 60, Progress()).wrong) for _ in range(200))
    power = 1 - hypergeom.pmf(0, 200, swapped, 60)
    print(f"{share:.0%} swapped: found in {found / 2:.1f}% of 200 draws of 60, stated {power:.1%}")
    assert binom.ppf(0.0005, 200, power) <= found <= binom.ppf(0.9995, 200, power)


@pytest.mark.parametrize(("total", "drawn", "wrong"), [(200, 60, 0), (1600, 59, 0), (200, 60, 3), (40, 40, 2)])
def test_the_limit_is_the_largest_share_that_is_not_refuted(total: int, drawn: int, wrong: int) -> None:
    from scipy.stats import hypergeom

    limit = most_altered(total, drawn, wrong)
    assert hypergeom.cdf(wrong, total, limit, drawn) > 0.05 or limit == wrong
    assert limit == total or hypergeom.cdf(wrong, total, limit + 1, drawn) <= 0.05
    if wrong == 0:
        assert limit / total <= 3 / drawn


def test_another_model_is_refused_and_files_cannot_be_drawn_again(
    run: Path, verify: Verify, spec: str, again: tuple[str, ...], tmp_path: Path
) -> None:
    told = verify(run, "--regenerate", "2", "--model", spec)["refused"]
    assert "is another model than the run's, by level" in told
    images = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), np.uint8)
    path = drawbench.score(images, TEXTS, out=tmp_path / "given").path
    found = verify(path, "--regenerate", "2", *again)
    assert found["images drawn again"] == "not checkable: the images came from files, so nothing can be drawn again"


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="no ssh-keygen here")
def test_a_signature_is_somebodys_of_this_very_file(run: Path, verify: Verify, tmp_path: Path) -> None:
    path = write_result(drawbench.score(run).result, tmp_path)
    for name in ("mine", "yours"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", name], check=True)
    signers, others = tmp_path / "signers", tmp_path / "others"
    signers.write_text(f'me@example.org namespaces="drawbench" {(tmp_path / "mine.pub").read_text()}')
    others.write_text(f"you@example.org {(tmp_path / 'yours.pub').read_text()}")
    assert verify(path, "--signers", signers)["signature"].startswith("fails: there is no")
    sign = ["ssh-keygen", "-q", "-Y", "sign", "-n", "drawbench", "-f", "mine", str(path)]
    subprocess.run(sign, check=True, capture_output=True)
    assert verify(path)["signature"].startswith("not checkable")
    assert verify(path, "--signers", signers)["signature"] == "holds: of me@example.org"
    assert verify(path, "--signers", others)["signature"].startswith("fails: its key is not in")
    key = " ".join((tmp_path / "mine.pub").read_text().split()[:2])
    several = f'git@example.org namespaces="git" {key}\n# of all\na@example.org,b@example.org {key}\n'
    others.write_text(several)
    assert verify(path, "--signers", others)["signature"] == "holds: of a@example.org"
    others.write_text(several.splitlines()[0])
    assert "is not git@example.org's signature" in verify(path, "--signers", others)["signature"]
    edited(path, raised)
    assert "is not me@example.org's signature of this file" in verify(path, "--signers", signers)["signature"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere.json"], "cannot read the result file nowhere.json"),
        (["run", "--regenerate", "3"], "and --model to draw with"),
        (["run", "--model", "reference"], "say how many samples"),
        (["run", "--signers", "nobody"], "--signers needs a signed file and run is a run"),
        (["run", "--run", "run"], "is a run itself: leave --run out"),
        (["results", "--run", "run"], "cannot read"),
    ],
)
def test_what_cannot_be_verified_is_said(
    run: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", *words]) == 2
    assert sentence in capsys.readouterr().err
