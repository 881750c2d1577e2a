"""Tables as data: CSV with one row per number, JSON with everything."""

import csv
import io
import json
from collections.abc import Sequence

from drawbench.results.files import HumanPreference
from drawbench.results.published import PublishedNumber
from drawbench.results.scores import MaybeInterval, Score
from drawbench.tables.leaderboard import LeaderboardTable, Row

JSON_SCHEMA_VERSION = 1

CSV_FIELDS = (
    "kind",
    "prompt_set",
    "prompt_set_sha256",
    "prompts",
    "protocol",
    "protocol_version",
    "protocol_fingerprint",
    "reference",
    "reference_sha256",
    "size",
    "samples_per_prompt",
    "complete",
    "refusals",
    "rank",
    "model",
    "ceiling",
    "metric",
    "scope",
    "value",
    "low",
    "high",
    "level",
    "interval_method",
    "n",
    "note",
    "definition",
    "source",
    "comparability",
)


def tables_csv(tables: Sequence[LeaderboardTable], published: Sequence[PublishedNumber]) -> str:
    """One row per number, full precision; published numbers come last, with kind `published`."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, CSV_FIELDS, restval="", lineterminator="\n")
    writer.writeheader()
    for table in tables:
        for row in table.rows:
            writer.writerows(_score_row(row, score) for score in row.result.scores)
            writer.writerows(line for each in row.result.human for line in _human_rows(row, each))
    writer.writerows(_published_row(row) for row in published)
    return buffer.getvalue()


def tables_json(tables: Sequence[LeaderboardTable], published: Sequence[PublishedNumber]) -> str:
    """Every table with its rows in order, each row with its whole result; published numbers apart."""
    document = {
        "schema_version": JSON_SCHEMA_VERSION,
        "tables": [
            {
                "apart": list(table.apart),
                "rows": [
                    {
                        "rank": row.rank,
                        "label": row.label,
                        "ceiling": row.is_ceiling,
                        "result": row.result.model_dump(mode="json"),
                    }
                    for row in table.rows
                ],
            }
            for table in tables
        ],
        "published": [row.model_dump(mode="json") for row in published],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _score_row(row: Row, score: Score) -> dict[str, object]:
    return {
        **_row_facts(row),
        "metric": score.metric,
        "scope": score.scope,
        **_number(score.value, score.interval),
        "n": score.n,
        "note": score.note,
        "definition": score.definition,
    }


def _human_rows(row: Row, each: HumanPreference) -> list[dict[str, object]]:
    """One question over one scope: the three rates and the net preference, a row each."""
    numbers: list[tuple[str, float, MaybeInterval]] = [
        ("preferred", each.a, each.interval),
        ("indifferent", each.indifferent, "not available"),
        ("other preferred", each.b, "not available"),
        ("net preference", each.net, each.net_interval),
    ]
    return [
        {
            **_row_facts(row),
            "metric": f"{each.question}: {name}",
            "scope": each.scope,
            **_number(value, interval),
            "n": each.votes,
            "note": f"against {each.against}; {each.raters} raters, {each.prompts} prompts",
            "definition": f"human votes, {each.average} average",
        }
        for name, value, interval in numbers
    ]


def _number(value: float, interval: MaybeInterval) -> dict[str, object]:
    low, high, method = interval_cells(interval)
    level = "" if interval == "not available" else repr(interval.level)
    return {"value": repr(value), "low": low, "high": high, "level": level, "interval_method": method}


def interval_cells(interval: MaybeInterval) -> list[str]:
    """Low, high and method, for CSV."""
    if interval == "not available":
        return [interval] * 3
    return [repr(interval.low), repr(interval.high), interval.method]


def _row_facts(row: Row) -> dict[str, object]:
    result = row.result
    return {
        "kind": result.kind,
        "prompt_set": result.prompt_set.name,
        "prompt_set_sha256": result.prompt_set.sha256,
        "prompts": result.prompt_set.n,
        "protocol": result.protocol.name,
        "protocol_version": result.protocol.version,
        "protocol_fingerprint": result.protocol.fingerprint,
        "reference": result.reference.name if result.reference else "",
        "reference_sha256": result.reference.sha256 if result.reference else "",
        "size": result.size,
        "samples_per_prompt": result.samples,
        "complete": result.complete,
        "refusals": result.refusals,
        "rank": "" if row.rank is None else row.rank,
        "model": row.label,
        "ceiling": row.is_ceiling,
    }


def _published_row(row: PublishedNumber) -> dict[str, object]:
    return {
        "kind": "published",
        "prompt_set": row.prompt_set,
        "size": row.size,
        "model": row.model,
        "metric": row.metric,
        "scope": row.split,
        "value": row.value,
        "interval_method": f"±{row.interval}, method not stated" if row.interval else "not available",
        "note": f"trained on COCO: {row.trained_on_coco}; {row.status}",
        "definition": row.unit,
        "source": f"{row.source}; read in {row.read_in}" if row.read_in else row.source,
        "comparability": row.comparability,
    }
