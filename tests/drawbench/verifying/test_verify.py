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
from drawbench.verifying.redraw import most_altered

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
        (lambda c: c.update(size=64), "run", ""),
        (lambda c: c["scores"][0].update(value=float("nan")), "refused", "is not a finite number"),
    ],
)
def test_stale_protocols_and_numbers_that_are_none(
    run: Path, verify: Verify, change: Any, what: str, sentence: str
) -> None:
    edited(run / "scores/bundled.json", change)
    found = verify(run)
    assert sentence in found[what]


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
    edited(path, raised)
    assert "is not me@example.org's signature of this file" in verify(path, "--signers", signers)["signature"]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nowhere.json"], "cannot read the result file nowhere.json"),
        (["run", "--regenerate", "3"], "and --model to draw with"),
        (["run", "--model", "reference"], "say how many samples"),
        (["run", "--signers", "nobody"], ""),
        (["results", "--run", "run"], "cannot read"),
    ],
)
def test_what_cannot_be_verified_is_said(
    run: Path, words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["verify", *words]) == (2 if sentence else 0)
    assert sentence in capsys.readouterr().err
