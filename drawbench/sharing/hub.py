"""The Hugging Face hub: a result as a file of `.eval_results/`, and a run as a data set."""

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from drawbench.errors import StageError, UserError, first_line
from drawbench.files import write_text_atomically
from drawbench.prompts.drawbench_set import HUB_DATASETS, NAME
from drawbench.results.files import Result, write_result
from drawbench.results.scores import OVERALL, Score
from drawbench.runs.directory import METADATA, RunDirectory, rows_of
from drawbench.runs.plan import Plan
from drawbench.tables.headers import measure_of
from drawbench.tables.loading import load_run
from drawbench.tables.render import render_tables

if TYPE_CHECKING:
    from huggingface_hub import EvalResultEntry

FOLDER = ".eval_results"
LEFT_BEHIND = ("report", "error.log", "requests.jsonl", ".*", "*.lock", "*.tmp")  # of no use elsewhere


def eval_results(result: Result, dataset: str) -> "list[EvalResultEntry]":
    """The overall scores of a result, as the hub shows them on a model's page.

    dataset: the benchmark's data set on the hub, OWNER/NAME. Numbers that are neither better high nor low are left out.
    """
    from huggingface_hub import EvalResultEntry

    return [
        EvalResultEntry(
            dataset_id=dataset,
            task_id=f"{result.protocol.name}-{score.metric}",
            value=score.value,
            date=result.date,
            notes=_conditions(result, score),
        )
        for score in result.scores
        if score.scope == OVERALL and measure_of(score.metric).higher_is_better is not None
    ]


def dataset_of(result: Result, named: str | None) -> str:
    """The data set that the entries are of. Raises UserError where it is not named and nothing else says it."""
    if named:
        return named
    if result.prompt_set.name == NAME:
        return HUB_DATASETS[1]
    raise UserError(f"the hub's data set of {result.prompt_set.name} is not known: name it with --dataset OWNER/NAME")


def write_eval_results(results: Sequence[Result], dataset: str | None, out: Path) -> list[Path]:
    """A file for each result in out/.eval_results/, to be put into a model's repository. Returns the files."""
    import yaml
    from huggingface_hub import eval_result_entries_to_yaml

    texts = [
        yaml.safe_dump(eval_result_entries_to_yaml(eval_results(result, dataset_of(result, dataset))), sort_keys=False)
        for result in results
    ]
    written = []
    for result, text in zip(results, texts, strict=True):
        name = f"{result.prompt_set.name}-{result.protocol.name}-{result.size}px".replace(":", "-").replace("/", "-")
        path = out / FOLDER / f"{name}.yaml"
        if path in written:
            raise UserError(f"two of the results are {name}: export those of one model at a time")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomically(path, text)
        written.append(path)
    return written


def _conditions(result: Result, score: Score) -> str:
    interval = score.interval
    bounds = (
        "no interval"
        if interval == "not available"
        else f"{interval.level:.0%} [{interval.low:.6g}, {interval.high:.6g}]"
    )
    protocol, part = result.protocol, "" if result.complete else "; a part of the prompts"
    return (
        f"drawbench protocol {protocol.name} version {protocol.version} ({protocol.fingerprint[:12]}); {bounds}; "
        f"n = {score.n}; {result.size} px; {result.samples} per prompt{part}"
    )


def push_run(path: Path, repo: str, *, with_prompt_text: bool, private: bool) -> str:
    """Upload a sealed run with its scores as a data set, in one commit; returns its address.

    repo: OWNER/NAME, made where it is not there. with_prompt_text: also that of DrawBench, which is not ours to give;
    other sets' text always goes. Raises UserError for a run that is not finished and a name that is none, StageError
    when the hub fails; the same command goes on.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    run = RunDirectory.open(path)
    run.require_seal()
    api = HfApi()
    try:
        with _staged(run, with_prompt_text or not run.holds_drawbench) as folder:
            made = api.create_repo(repo, repo_type="dataset", private=private, exist_ok=True)
            message = f"Run of {run.plan.model.name} on {run.plan.prompt_set_name}"
            api.upload_folder(repo_id=made.repo_id, repo_type="dataset", folder_path=folder, commit_message=message)
    except HFValidationError as error:
        raise UserError(f"{repo} is no data set's name ({first_line(error)}): write OWNER/NAME") from None
    except (HfHubHTTPError, OSError) as error:
        if isinstance(error, UserError):
            raise
        raise StageError(
            f"the hub did not take {path} ({first_line(error)}): log in with `hf auth login`, or try later"
        ) from error
    return str(made)


@contextmanager
def _staged(run: RunDirectory, with_text: bool) -> Iterator[Path]:
    """What goes up: links to the run's files, with a card and result files beside them."""
    with TemporaryDirectory(prefix="drawbench-push-") as name:
        folder = Path(name) / "run"
        shutil.copytree(run.path, folder, ignore=shutil.ignore_patterns(*LEFT_BEHIND), copy_function=_link)
        if not with_text:
            rows = [{key: value for key, value in row.items() if key != "text"} for row in rows_of(run.path / METADATA)]
            _replace(folder / METADATA, "".join(json.dumps(row) + "\n" for row in rows))
            _leave_out_texts(folder, [prompt.text for prompt in run.prompts])
        results = load_run(run.path)
        for result in results:
            write_result(result, _made(folder / "results"))
        (folder / "README.md").write_text(_card(run.plan, results, with_text), encoding="utf-8")
        yield folder


def _leave_out_texts(folder: Path, texts: Sequence[str]) -> None:
    """Also from reasons of refusals and from warnings, where servers and libraries repeat what they were asked."""
    for path in (path for kind in ("*.json", "*.jsonl") for path in folder.rglob(kind)):
        content = kept = path.read_text(encoding="utf-8")
        for text in sorted(texts, key=len, reverse=True):
            for written in {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}:
                kept = kept.replace(written, "[prompt]")
        if kept != content:
            _replace(path, kept)


def _replace(link: Path, content: str) -> None:
    """A file of its own in place of a link to the run's."""
    link.unlink()
    link.write_text(content, encoding="utf-8")


def _link(source: str, target: str) -> None:
    Path(target).symlink_to(Path(source).resolve())


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


def _card(plan: Plan, results: Sequence[Result], with_text: bool) -> str:
    """The data set's page: what it is, the table, and how it is read back."""
    head = {"tags": ["text-to-image", "drawbench"], "pretty_name": f"{plan.model.name} on {plan.prompt_set_name}"}
    loaded = 'load_dataset("imagefolder", data_dir=...)` on `images/`'
    text = "" if with_text else "\nThe prompts' text is not in it: ids name the prompts.\n"
    parts = [
        "---\n" + "".join(f"{key}: {json.dumps(value)}\n" for key, value in head.items()) + "---",
        f"# {plan.model.name} on {plan.prompt_set_name}",
        f"{plan.n_prompts * plan.samples} images of {plan.size} px, plan {plan.sha256[:12]}. A run of drawbench: "
        f"`drawbench score` takes the downloaded folder, and `{loaded}.{text}",
        render_tables(results, "markdown", heading="Scores") if results else "Not scored yet.",
    ]
    return "\n\n".join(parts).rstrip() + "\n"
