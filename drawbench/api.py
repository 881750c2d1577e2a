"""The benchmark from Python: draw a run, score images, compare two. What each returns shows itself as a table.

    import drawbench
    scores = drawbench.score(images, prompts)
    print(scores["clip_score"].value, scores["clip_score"].interval)

The numbers are those of the command line: both go through the same files.
"""

import math
import shutil
import tempfile
import warnings
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drawbench.comparing.compare import Comparison, compare_runs
from drawbench.comparing.differences import Difference
from drawbench.comparing.pairing import refuse_other_references
from drawbench.comparing.text import comparison_text
from drawbench.errors import UserError
from drawbench.interface import TextToImage
from drawbench.models.in_memory import FunctionInMemory, GivenImages, listed_images, model_in_memory
from drawbench.models.registry import choose_device, resolve_model
from drawbench.progress import Progress
from drawbench.prompts.prompt_set import PromptSet
from drawbench.prompts.registry import load_prompt_set, prompt_set_of
from drawbench.remote.fetched import fetched, parse_reference
from drawbench.remote.object_store import StoreUrl, parse_place
from drawbench.results.files import Result, result_from_score_file
from drawbench.results.scores import OVERALL, Interval, Score, scores_path
from drawbench.runs.directory import MANIFEST, RunDirectory
from drawbench.runs.generate import Request, generate
from drawbench.runs.into_store import drawn_and_pulled
from drawbench.runs.plan import DEFAULT_SLICE_SIZE
from drawbench.runs.png import encode_png
from drawbench.scoring.chosen import refuse_inapplicable
from drawbench.scoring.protocol import Protocol
from drawbench.scoring.protocols import get_protocol
from drawbench.scoring.references import own_references
from drawbench.scoring.score import score_run
from drawbench.tables.headers import measure_of
from drawbench.tables.render import render_tables
from drawbench.terminal_progress import shown_progress
from metrics.images.in_memory import Range, checked_range, pixels_of

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

DEFAULT_PROTOCOL = "bundled"
WIDTH = 120  # letters of a table


@dataclass(frozen=True)
class Scores:
    """The scores of a run under a protocol. Its text is the table that the command prints.

    result: all of it, as in a result file. path: the run. Of images that were in memory it is a temporary one, which
    is there as long as these scores are.
    """

    result: Result
    path: Path
    _references: Path | None = field(default=None, repr=False, compare=False)
    _kept: tuple["_Folder", ...] = field(default=(), repr=False, compare=False)

    def __getitem__(self, metric: str | tuple[str, str]) -> Score:
        """`scores["clip_score"]`, or of a category `scores["clip_score", "Colors"]`. Raises KeyError."""
        name, scope = (metric, OVERALL) if isinstance(metric, str) else metric
        found = self.result.score(name, scope)
        if found is None:
            there = dict.fromkeys(each.metric for each in self.result.scores if each.scope == scope)
            raise KeyError(
                f"there is no {name} of {scope}: there is {', '.join(there) or 'nothing'}; "
                "progress=True says why others were left out"
            )
        return found

    def to_pandas(self) -> "pandas.DataFrame":
        """A row for each metric and scope: value, low, high (NaN: no interval), n, note, definition."""
        import pandas

        rows = [
            {"metric": each.metric, "scope": each.scope, "value": each.value}
            | _bounds(each.interval)
            | {"n": each.n, "note": each.note, "definition": each.definition}
            for each in self.result.scores
        ]
        return pandas.DataFrame(rows)

    def samples(self) -> "pandas.DataFrame":
        """A row for each sample: file, prompt id, category, its values; of a refused one they are missing.

        Raises UserError where the run is not there any more.
        """
        import pandas

        file = scores_path(self.path, self.result.protocol.name).with_suffix(".parquet")
        if not file.is_file():
            raise UserError(f"{self.path} is gone, or its samples are: score again, with out= to keep them.")
        return pandas.read_parquet(file)

    def plot(self, metric: str = "clip_score") -> "Figure":
        """The metric overall and by category, with intervals. Raises KeyError where it was not measured."""
        from drawbench.tables.scope_plot import Dot, scope_plot

        dots = [Dot(each.scope, each.value, each.interval) for each in self.result.scores if each.metric == metric]
        self[metric]
        title = f"{measure_of(metric).arrowed}: {self.result.model.name}"
        return scope_plot(title, dots)

    def track(self, folder: str | Path, step: int = 0) -> None:
        """Add scores and images to TensorBoard's files in a folder, at a step of its axis (a training's, say)."""
        from drawbench.sharing.track import track

        track(self.result, RunDirectory.open(self.path), Path(folder), step)

    def __str__(self) -> str:
        return render_tables([self.result], heading="Scores", width=WIDTH)

    def _repr_html_(self) -> str:
        from drawbench.tables.leaderboard import build_tables
        from drawbench.tables.markup import html_fragment
        from drawbench.tables.render import sheets_of

        return html_fragment(sheets_of(build_tables([self.result])), "Scores")


@dataclass(frozen=True)
class Differences:
    """What differs between two runs of the same prompts, A - B, paired by prompt. Its text is the command's table.

    comparison: all of it.
    """

    comparison: Comparison

    def __getitem__(self, metric: str | tuple[str, str]) -> Difference:
        """`differences["clip_score"]`, or of a category `differences["clip_score", "Colors"]`. Raises KeyError."""
        name, scope = (metric, OVERALL) if isinstance(metric, str) else metric
        rows = self.comparison.differences
        found = next((each for each in rows if (each.metric, each.scope) == (name, scope)), None)
        if found is None:
            there = dict.fromkeys(each.metric for each in rows if each.scope == scope)
            raise KeyError(f"no {name} of {scope} was compared: there is {', '.join(there) or 'nothing'}")
        return found

    def to_pandas(self) -> "pandas.DataFrame":
        """A row for each metric and scope: a, b, difference, low, high, n, verdict, note."""
        import pandas

        rows = [
            each.model_dump(include={"metric", "scope", "a", "b", "difference"})
            | _bounds(each.interval)
            | {"n": each.n, "verdict": each.verdict, "note": each.note}
            for each in self.comparison.differences
        ]
        return pandas.DataFrame(rows)

    def plot(self, metric: str = "clip_score") -> "Figure":
        """The difference overall and by category, with intervals. Raises KeyError where it was not compared."""
        from drawbench.tables.scope_plot import Dot, scope_plot

        self[metric]
        rows = [each for each in self.comparison.differences if each.metric == metric]
        names = f"{self.comparison.a.name} - {self.comparison.b.name}"
        dots = [Dot(each.scope, each.difference, each.interval) for each in rows]
        return scope_plot(f"{measure_of(metric).title}: {names}", dots, zero=True)

    def __str__(self) -> str:
        return comparison_text(self.comparison, WIDTH)


def run(
    model: "str | TextToImage | Callable[..., Any]",
    prompts: Any,
    *,
    protocol: str = DEFAULT_PROTOCOL,
    samples: int | None = None,
    size: int | None = None,
    seed: int = 0,
    limit: int | None = None,
    settings: Mapping[str, Any] | None = None,
    references: Any = None,
    out: str | Path | None = None,
    device: str = "auto",
    slice_size: int = DEFAULT_SLICE_SIZE,
    workers: int | None = None,
    progress: bool = True,
) -> Scores:
    """Draw a run, or go on with it, and score it: `drawbench run` from Python.

    model: a spec as of `--model`; a `drawbench.TextToImage`; or a function (prompt, seed, size) that returns an image.
    prompts: a set's name or file as of `--prompts`; texts; or rows (dicts, a DataFrame) with a column `prompt`.
    samples: images per prompt (8, or 1 without categories). size: pixels. limit: prompts of each category.
    settings: as of `--set`. references: a folder, .npz or address, or images. out: the run's directory, or
    s3://BUCKET/PREFIX; without it the command's, or a temporary one for a model without a spec. progress: on stderr.
    Warns where images of an earlier call are kept and the function holds what no plan can tell, such as networks.
    Raises drawbench.UserError for what the command refuses, drawbench.StageError when the model failed: the same call
    goes on.
    """
    shown = _progress(progress)
    prompt_set = _prompt_set(prompts, shown)
    if isinstance(model, str):
        made = resolve_model(model, {key: str(value) for key, value in (settings or {}).items()}, device)
    else:
        made = model_in_memory(model, settings or {})
    kept = [] if out is not None or isinstance(model, str) else [_Folder()]
    place = parse_place(str(out)) if out is not None else kept[0].path / "run" if kept else None
    if isinstance(place, Path) and (place / MANIFEST).is_file() and isinstance(made, FunctionInMemory) and made.untold:
        warnings.warn(
            f"{place} was begun by an earlier call, and its images are kept. What is in {', '.join(made.untold)} is no "
            "part of the plan: if it changed since, name another out.",
            stacklevel=2,
        )
    request = Request(
        model=made,
        prompt_set=prompt_set,
        out=place if isinstance(place, Path) else None,
        samples=samples if samples is not None else int(made.held_samples(prompt_set)),
        size=size if size is not None else int(made.native_size),
        seed=seed,
        limit=limit,
        slice_size=slice_size,
        workers=workers,
    )
    chosen = get_protocol(protocol, request.size)
    refuse_inapplicable([chosen], request.planned.prompts)
    theirs = _as_path(references, None, kept) or prompt_set.reference_images
    finished = drawn_and_pulled(request, place, shown) if isinstance(place, StoreUrl) else generate(request, shown)
    return _scored(finished.path, chosen, theirs, device, shown, kept)


def score(
    images: Any,
    prompts: Any = None,
    *,
    protocol: str = DEFAULT_PROTOCOL,
    references: Any = None,
    value_range: Range | None = None,
    name: str = "images",
    out: str | Path | None = None,
    device: str = "auto",
    progress: bool = False,
) -> Scores:
    """Score images: those of a run, of a folder, or those that a program holds.

    images: the path of a run, which brings its prompts; of a folder, as `--model folder:`; or for each prompt an image
    or a list of as many images: PIL images, uint8 arrays (H, W, 3), arrays or tensors of floats, `drawbench.Refused`.
    All are square and of one size: nothing is resized. prompts: as for `run`; in their order.
    value_range: lowest and highest value of floats, (0, 1) or (-1, 1); none is guessed. references: as for `run`.
    name: what tables call the images. out: keeps them as a run, which commands take, too.
    Raises drawbench.UserError or metrics.MetricInputError for what cannot be scored.
    """
    shown, kept = _progress(progress), list[_Folder]()
    stated = checked_range(value_range, "value_range")
    theirs = _as_path(references, stated, kept)
    if isinstance(images, str | Path) and (Path(images) / MANIFEST).is_file():
        if prompts is not None:
            raise UserError(f"{images} is a run, which has its prompts: leave prompts out.")
        return _scored(
            Path(images), get_protocol(protocol), theirs or own_references(Path(images)), device, shown, kept
        )
    if prompts is None:
        raise UserError("images without prompts cannot be scored: give the prompts in their order.")
    prompt_set = _prompt_set(prompts, shown)
    made: TextToImage
    if isinstance(images, str | Path):
        made = resolve_model(f"folder:{images}", {}, device)
        samples = int(made.held_samples(prompt_set))
    else:
        ids = [prompt.id for prompt in prompt_set.prompts]
        made = GivenImages(name, ids, listed_images(images, stated))
        samples = made.samples
    size = int(made.native_size)
    chosen = get_protocol(protocol, size)
    if out is None:
        kept.append(_Folder())
    path = kept[-1].path / "run" if out is None else Path(out)
    finished = generate(Request(model=made, prompt_set=prompt_set, out=path, samples=samples, size=size), shown)
    return _scored(finished.path, chosen, theirs or prompt_set.reference_images, device, shown, kept)


def compare(
    a: Scores | str | Path,
    b: Scores | str | Path,
    *,
    protocol: str | None = None,
    references: Any = None,
    device: str = "auto",
    progress: bool = False,
) -> Differences:
    """What differs between two runs of the same prompts: `drawbench compare` from Python.

    a, b: runs, by path or by their scores. protocol, references: as for `run`; by default those of the scores.
    Raises drawbench.UserError for runs that do not compare, naming what differs.
    """
    shown = _progress(progress)
    scored = [each for each in (a, b) if isinstance(each, Scores)]
    names = dict.fromkeys(each.result.protocol.name for each in scored)
    if protocol is None and len(names) > 1:
        raise UserError(f"A and B were scored under {' and '.join(names)}: name one protocol for both.")
    chosen = get_protocol(protocol or next(iter(names), DEFAULT_PROTOCOL))
    paths = [each.path if isinstance(each, Scores) else Path(each) for each in (a, b)]
    kept: list[_Folder] = []
    theirs = _as_path(references, None, kept)
    if theirs is None:
        refuse_other_references(paths[0], paths[1], chosen)
        theirs = next((each._references for each in scored if each._references), own_references(paths[0]))
    return Differences(compare_runs(paths[0], paths[1], chosen, theirs, device=choose_device(device), progress=shown))


class _Folder:
    """A temporary folder, which is there as long as this object is."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="drawbench-"))
        self._end = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def _scored(
    path: Path, protocol: Protocol, references: Path | None, device: str, progress: Progress, kept: Sequence[_Folder]
) -> Scores:
    file = score_run(path, protocol, references, device=choose_device(device), progress=progress)
    result = result_from_score_file(RunDirectory.open(path).plan.model, file, "measured")
    return Scores(result, path.absolute(), references and references.absolute(), tuple(kept))


def _as_path(references: Any, value_range: Range | None, kept: list[_Folder]) -> Path | None:
    """Reference images as a folder; those in memory are written into a temporary one."""
    if references is None or isinstance(references, str | Path):
        return None if references is None else fetched(parse_reference(str(references)), Progress())
    folder = _Folder()
    kept.append(folder)
    images = folder.path / "references"
    images.mkdir()
    for number, image in enumerate(pixels_of(references, value_range)):
        (images / f"{number:06d}.png").write_bytes(encode_png(image))
    return images


def _prompt_set(prompts: Any, progress: Progress) -> PromptSet:
    if isinstance(prompts, PromptSet):
        return prompts
    return load_prompt_set(str(prompts), progress) if isinstance(prompts, str | Path) else prompt_set_of(prompts)


def _progress(shown: bool) -> Progress:
    return shown_progress() if shown else Progress()


def _bounds(interval: Interval | str) -> dict[str, float]:
    low, high = (interval.low, interval.high) if isinstance(interval, Interval) else (math.nan, math.nan)
    return {"low": low, "high": high}
