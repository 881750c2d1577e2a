"""Commands that the program prints: its own parser takes each of them, whatever their paths are called."""

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import pytest

from drawbench.cli.main import COMMANDS, EPILOGUE, main, parse
from drawbench.doctor.examine import examine
from drawbench.progress import Progress
from drawbench.prompts import coco_check
from drawbench.prompts.captions import SAMPLED
from drawbench.weights import download
from human_eval_app.cli import demo
from human_eval_app.cli.study import SUBCOMMANDS
from metrics.errors import MetricInputError
from metrics.features.clip.transformers import find_model
from metrics.features.weights import FOLDER_VARIABLE, PUBLISHED, find_weights

DRAWN = ("--model", "reference", "--prompts", "my prompts.csv", "--out", "my runs/it's here", "--set", "name=a b")
STOPPED = {
    "generate": (
        "drawbench.cli.generate",
        ("generate", *DRAWN, "--seed", "4", "--limit", "2", "--slice", "3"),
    ),
    "run": ("drawbench.cli.generate", ("run", *DRAWN, "--protocol", "clip:my folder", "--device", "cpu", "--json")),
    "sweep": (
        "drawbench.models.registry",
        ("sweep", *DRAWN, "--guidance", "1,2", "--vary", "steps=1,2", "--aug-level", "0"),
    ),
    "bench": ("drawbench.cli.bench", ("bench", "--all", "--results", "my results")),
    "study demo": ("human_eval_app.cli.demo", ("study", "demo", "--no-serve", "--port", "8502", "--out", "my demo")),
}


def accepted(line: str) -> list[str]:
    """The words of a printed command behind the program's name, which its parser takes."""
    first, *words = shlex.split(line)
    assert first == "drawbench"
    try:
        found = parse(words)
    except SystemExit:
        pytest.fail(f"refused: {line}")
    assert found is not None or words == ["help", "COMMAND"], line
    return words


def quoted(message: str) -> str:
    """The one command that stands in backquotes."""
    [command] = re.findall(r"`(drawbench [^`]+)`", message)
    return str(command)


def interrupt(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", STOPPED)
def test_what_resumes_is_what_was_typed(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    module, typed = STOPPED[name]
    monkeypatch.chdir(tmp_path)
    Path("my prompts.csv").write_text("category,prompt\nColors,a red ring\n")
    monkeypatch.setattr(f"{module}.resolve_model", interrupt)
    assert main(typed) == 130
    said = capsys.readouterr().err.strip().splitlines()[-1]
    assert said.startswith("drawbench: stopped; ")
    assert accepted(said.partition("this resumes: ")[2]) == list(typed)


def test_so_it_is_where_nothing_was_begun(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["run", *DRAWN]
    monkeypatch.setattr("drawbench.cli.run.run", interrupt)
    assert main(typed) == 130
    assert accepted(capsys.readouterr().err.partition("the same command resumes: ")[2]) == typed


def examples() -> Iterator[str]:
    """The example lines of all help texts, without what explains them."""
    modules = [*(place for place, _ in COMMANDS.values()), *(place for place, _ in SUBCOMMANDS.values())]
    texts = [EPILOGUE, *(import_module(place).EPILOGUE for place in [*modules, "human_eval_app.cli.study"])]
    for line in "\n".join(texts).splitlines():
        if line.startswith("  ") and "drawbench " in line:
            command = line[line.index("drawbench study password" if "|" in line else "drawbench ") :]
            yield re.split(r"  +| > ", command)[0]


@pytest.mark.parametrize("line", list(examples()))
def test_examples_of_the_help_texts(line: str) -> None:
    accepted(line)


def test_how_to_get_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    for weights in PUBLISHED:
        with pytest.raises(MetricInputError) as missing:
            find_weights(weights)
        assert accepted(quoted(str(missing.value))) == ["weights", "fetch", weights.name]
        for folder, more in ((tmp_path, []), (tmp_path / "my weights", ["--to", str(tmp_path / "my weights")])):
            half = download._Download(weights, folder, Progress())
            assert accepted(quoted(download._by_hand(half))) == ["weights", "fetch", weights.name, *more]
    with pytest.raises(MetricInputError) as missing:
        find_model("my folder/it's")
    assert accepted(quoted(str(missing.value))) == ["weights", "fetch", "my folder/it's"]


def test_what_doctor_advises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    advised = [finding.next for section in examine() for finding in section.findings]
    commands = [line for line in advised if line.startswith("drawbench ")]
    assert commands
    for line in commands:
        accepted(line)


def test_what_a_whole_coco_folder_makes_possible(monkeypatch: pytest.MonkeyPatch) -> None:
    captions = [SimpleNamespace(image_id=number) for number in range(SAMPLED)]
    release, file = SimpleNamespace(year="2014"), SimpleNamespace(captions=captions)
    source = SimpleNamespace(root=Path("my coco"), images=captions, file=file, release=release)
    monkeypatch.setattr(coco_check, "reference_folder", lambda source: source.root)
    told = list(coco_check._possible(source, official=True))[-1]  # type: ignore[arg-type]
    assert "coco:my coco" in accepted(told.removeprefix("FID-30K: "))


def test_what_a_demo_says_of_its_admin_page(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "make_demo", lambda args: args.out / "study")
    monkeypatch.setattr("human_eval_app.app.invitations.invitations", lambda *_, **__: [])
    assert main(["study", "demo", "--no-serve", "--out", "my demo"]) == 0
    assert accepted(quoted(capsys.readouterr().out)) == ["study", "password", "my demo/study"]
