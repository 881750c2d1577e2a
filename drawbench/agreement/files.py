"""Files of ratings and of scores as two plain tables: TIFA's annotations, DSG's ratings, and tables of one's own.

Ratings have a row for each answer: `prompt`, `model`, `rating`, `rater` where it is known, `category` or "". Scores
have a row for each image, under its prompt and model, and a column for each metric.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from drawbench.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ".json, .jsonl, .csv, .tsv or .parquet"
TIFA = ("text_id", "human_scores")  # of each record; what else stands in it is a metric, but for
TIFA_ASIDE = ("text", "image_path", "human_avg")
DSG = ("t2i_model", "source_id", "worker_id", "answer")
# DSG rated TIFA's images: its names of their models, and TIFA's.
DSG_MODELS = {
    "mini-dalle": "mini_dalle",
    "vq-diffusion": "vq_diffusion",
    "sd1dot1": "stable_diffusion_v1_1",
    "sd1dot5": "stable_diffusion_v1_5",
    "sd2dot1": "stable_diffusion_v2_1",
}
PROMPT, MODEL, RATING, RATER, CATEGORY = "prompt", "model", "rating", "rater", "category"
RESERVED = (PROMPT, "prompt_id", MODEL, RATING, RATER, CATEGORY)


@dataclass(frozen=True)
class Table:
    """What a file holds. ratings, scores: None where it has none. notes: what was left aside."""

    name: str
    ratings: "pd.DataFrame | None"
    scores: "pd.DataFrame | None"
    notes: tuple[str, ...] = ()


def read_table(path: Path) -> Table:
    """Read a file. Raises UserError for one that is none, or holds what is not known here."""
    if (path / "design.json").is_file():
        raise UserError(
            f"{path} is a study: drawbench study agree {path} RUN RUN says which metric sides with its raters."
        )
    if path.is_dir() or path.suffix not in FORMATS.replace(",", "").split():
        raise UserError(f"{path} is no file of ratings or scores: name one that ends in {FORMATS}.")
    try:
        content = _content(path)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror or error}): name a file of ratings.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{path} is no {path.suffix[1:]} file in UTF-8 with rows: mend it, or name another.") from None
    if isinstance(content, Mapping):
        return _tifa(content, str(path))
    return table_of(content, str(path), path.name)


def table_of(frame: "pd.DataFrame", where: str, name: str) -> Table:
    """Rows with columns, as DSG's or one's own. where: what messages call them."""
    frame = frame.rename(columns={column: str(column).strip() for column in frame.columns})
    if frame.empty:
        raise UserError(f"{where} holds no rows: name a file of ratings or scores.")
    if repeated := [str(column) for column in frame.columns[frame.columns.duplicated()]]:
        raise UserError(f"{where} has two columns {repeated[0]}: keep one of them.")
    if set(DSG) <= set(frame.columns):
        return _dsg(frame, where, name)
    return _own(frame, where, name)


def _content(path: Path) -> Any:
    """Rows as a table, or a JSON object as it is. Raises ValueError and its like for what is neither."""
    import pandas as pd

    if path.suffix in (".csv", ".tsv"):
        separator = "," if path.suffix == ".csv" else "\t"
        # The heading as a row: pandas would give a second column of one name another name.
        rows = pd.read_csv(
            path, sep=separator, header=None, dtype=str, keep_default_na=False, encoding="utf-8-sig", low_memory=False
        )
        return rows[1:].set_axis(rows.iloc[0].tolist(), axis=1).reset_index(drop=True)
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    text = path.read_text(encoding="utf-8-sig")
    content = json.loads(text) if path.suffix == ".json" else [json.loads(line) for line in text.splitlines() if line]
    if isinstance(content, dict):
        return content
    if not all(isinstance(row, dict) for row in content):
        raise ValueError("a row is no object")
    return pd.DataFrame(content, dtype=object)


def _tifa(content: Mapping[str, Any], where: str) -> Table:
    """TIFA's human_annotations_with_scores.json: a record for each image, under `<text_id>_<model>`."""
    import pandas as pd

    if not content or not all(isinstance(each, dict) and set(TIFA) <= set(each) for each in content.values()):
        raise UserError(f"{where} is none of TIFA's files of annotations: its records have {' and '.join(TIFA)}.")
    ratings, scores = [], []
    for key, record in content.items():
        prompt, given = str(record["text_id"]), record["human_scores"]
        model = key.removeprefix(f"{prompt}_")
        if model == key or not isinstance(given, list) or not given:
            raise UserError(f"{where} is odd at {key}: it should be <text_id>_<model>, with a list of human_scores.")
        image = {PROMPT: prompt, MODEL: model}
        category = prompt.rpartition("_")[0]
        ratings += [{**image, RATER: n, RATING: x, CATEGORY: category} for n, x in enumerate(given, start=1)]
        scores.append({**image, **{n: x for n, x in record.items() if n not in (*TIFA, *TIFA_ASIDE)}})
    rated, scored = pd.DataFrame(ratings, dtype=object), pd.DataFrame(scores, dtype=object)
    rated[RATING] = _numbers(rated[RATING], where, "human_scores")
    return Table("TIFA", rated, *_scores(scored, where))


def _dsg(frame: "pd.DataFrame", where: str, name: str) -> Table:
    """DSG's ratings: a row for each worker and image; where it was made from a set of prompts, by that set's id."""
    import pandas as pd

    prompts = frame["source_id"].astype(str)
    ratings = pd.DataFrame(
        {
            PROMPT: prompts,
            MODEL: frame["t2i_model"].astype(str).map(lambda model: DSG_MODELS.get(model, model)),
            RATER: frame["worker_id"].astype(str),
            RATING: _numbers(frame["answer"], where, "answer"),
            CATEGORY: prompts.str.rpartition("_")[0],
        }
    )
    return Table(f"DSG ({name})", ratings, None)


def _own(frame: "pd.DataFrame", where: str, name: str) -> Table:
    """A table of one's own: prompt_id or prompt, model, perhaps rating with rater and category, perhaps metrics."""
    prompt = next((column for column in ("prompt_id", PROMPT) if column in frame.columns), None)
    if prompt is None or MODEL not in frame.columns:
        missing = MODEL if prompt else "prompt_id"
        raise UserError(f"{where} has no column {missing}: it has {', '.join(map(str, frame.columns))}.")
    for column in (prompt, MODEL):
        if (empty := frame[column].isna() | (frame[column].astype(str).str.strip() == "")).any():
            raise UserError(f"{where} says nothing in column {column} of row {_row(empty)}: fill it in.")
    rows = frame.assign(**{PROMPT: frame[prompt].astype(str), MODEL: frame[MODEL].astype(str)})
    ratings = None
    if RATING in frame.columns:
        category = frame[CATEGORY].fillna("").astype(str) if CATEGORY in frame.columns else ""
        known = {RATER: frame[RATER].astype(str)} if RATER in frame.columns else {}
        ratings = rows[[PROMPT, MODEL]].assign(
            **known, **{RATING: _numbers(frame[RATING], where, RATING), CATEGORY: category}
        )
    kept = [c for c in rows.columns if c not in RESERVED and c and not str(c).startswith("Unnamed:")]
    return Table(name, ratings, *_scores(rows[[PROMPT, MODEL, *kept]], where))


def _scores(rows: "pd.DataFrame", where: str) -> "tuple[pd.DataFrame | None, tuple[str, ...]]":
    """One row for each image of rows that may repeat it, columns of text left aside; None where no metric is left."""
    import pandas as pd

    numbers, aside = {}, []
    for column in rows.columns[2:]:
        if pd.to_numeric(rows[column], errors="coerce").notna().any():
            numbers[str(column)] = _numbers(rows[column], where, str(column)).to_numpy()
        else:
            aside.append(str(column))
    notes = (f"no metric, since it holds no numbers: {', '.join(aside)}",) if aside else ()
    if not numbers:
        return None, notes
    scores = pd.DataFrame(numbers, index=pd.MultiIndex.from_frame(rows[[PROMPT, MODEL]]))
    once = scores[~scores.index.duplicated()]
    unlike = (scores.to_numpy() != once.loc[scores.index].to_numpy()).any(axis=0)
    if unlike.any():
        raise UserError(f"{where} has two values of {scores.columns[unlike][0]} for one image: keep one.")
    return once, notes


def _numbers(column: "pd.Series", where: str, name: str) -> "pd.Series":
    """The column as floats. Raises UserError, with the row, for what is no finite number."""
    import numpy as np
    import pandas as pd

    numbers = pd.to_numeric(column, errors="coerce").astype(float)
    bad = ~np.isfinite(numbers.to_numpy())
    if bad.any():
        given = str(column.iloc[int(np.argmax(bad))])[:40]
        raise UserError(
            f"{where} has {given!r} in column {name} of row {_row(bad)}, which is no number: mend it or leave it out."
        )
    return numbers


def _row(found: "Sequence[bool] | Any") -> int:
    """The first row that was found, counted from 1."""
    import numpy as np

    return int(np.argmax(np.asarray(found))) + 1
