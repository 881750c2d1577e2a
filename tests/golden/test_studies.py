"""A study of that day: its backup and its database hold the same votes, and raters go on where they were."""

import io
import json
import shutil
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from human_eval_app.store.store import VoteStore
from human_eval_app.study.create import create_study
from human_eval_app.study.design import Design, read_design
from human_eval_app.study.options import Options, parse_exclusions
from tests.golden.commands import STUDY, STUDY_EXCLUSIONS, STUDY_RUNS, STUDY_SECRET
from tests.golden.comparing import lost, lost_keys, read_json, read_lines
from tests.golden.conftest import Workplace
from tests.human_eval_app.store.sitting import finish

BACKUP = "study/backup.zip"
SENTENCES = ("departures", "questions", "instructions_version")
RATES = ("question", "scope", "average", "votes", "raters", "prompts", "categories")


def archive(path: Path | str) -> dict[str, bytes]:
    """The files of a backup."""
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def restored(workplace: Workplace, database: str | None = None) -> Design:
    """The study from its backup in `again`; with a database, that one in place of the backup's votes."""
    workplace.run("study", "restore", BACKUP, "--out", "again")
    if database is not None:
        shutil.copyfile(database, "again/votes.sqlite")
    return read_design(Path("again"))


def export(workplace: Workplace) -> list[dict[str, Any]]:
    """Every vote of the study in `again`."""
    workplace.run("study", "export", "again", "--out", "votes.jsonl", "--all", "--with-external-ids")
    return read_lines("votes.jsonl")


def test_the_backup_restores_the_same_votes(workplace: Workplace) -> None:
    facts = workplace.json("study", "restore", BACKUP, "--check", "--json")
    assert (facts["study"], facts["raters"], facts["votes"], facts["images"]) == ("golden study", 9, 31, 11)
    restored(workplace)
    assert lost(read_lines("study/votes.jsonl"), export(workplace)) == []


def test_a_backup_of_what_was_restored_is_the_backup(workplace: Workplace) -> None:
    restored(workplace)
    workplace.run("study", "backup", "again", "--out", "again.zip")
    old, new = archive(BACKUP), archive("again.zip")
    then, now = (json.loads(files.pop("manifest.json")) for files in (old, new))
    assert lost_keys(then, now) == set()
    if then["store_version"] == now["store_version"]:
        assert new == old
        assert lost(then, now, free=("made_at", "made_by")) == []
    else:
        names = [name for name in old if not name.startswith("votes/")]
        assert {name: new[name] for name in names} == {name: old[name] for name in names}


def test_the_votes_say_what_they_said(workplace: Workplace) -> None:
    restored(workplace)
    old, new = (
        read_json("study/analysis/analysis.json"),
        workplace.json("study", "analyse", "again", "--look", "--json"),
    )
    assert lost_keys(old, new) == set()
    assert lost(old["progress"], new["progress"]) == []
    assert new["design_sha256"] == old["design_sha256"]
    for then, now in zip(old["versions"], new["versions"], strict=True):
        assert [then[name] for name in ("name", "raters", "prompts", "answers")] == [
            now[name] for name in ("name", "raters", "prompts", "answers")
        ]
        for pair, same in zip(then["comparisons"], now["comparisons"], strict=True):
            assert lost([_rates(row) for row in pair["rows"]], [_rates(row) for row in same["rows"]]) == []


def test_the_rates_are_shares_of_the_exported_votes(workplace: Workplace) -> None:
    """The pinned numbers, counted anew from the pinned votes."""
    votes = [
        vote
        for vote in read_lines("study/votes.jsonl")
        if (vote["part"], vote["kind"], vote["sitting_state"], vote["superseded"])
        == ("main", "main", "complete", False)
    ]
    (path,) = Path("study/analysis/results").iterdir()
    result = read_json(path)
    for row in result["human"]:
        if row["average"] != "micro":
            continue
        counted = Counter(
            "indifferent" if vote["answer"] == "indifferent" else vote[f"{vote['answer']}_model"]
            for vote in votes
            if vote["question"] == row["question"] and row["scope"] in ("overall", vote["category"])
        )
        assert row["votes"] == counted.total()
        shares = {name: count / counted.total() for name, count in counted.items()}
        names = {result["model"]["name"]: row["a"], "indifferent": row["indifferent"], row["against"]: row["b"]}
        assert {name: share for name, share in names.items() if share} == shares


def test_the_analysis_becomes_the_same_result(workplace: Workplace) -> None:
    restored(workplace)
    workplace.run("study", "analyse", "again", "--look", "--out", "analysis")
    (path,) = Path("study/analysis/results").iterdir()
    old, new = read_json(path), read_json(Path("analysis/results", path.name))
    assert lost(old, new, free=("environment", "date", "interval", "net_interval")) == []
    assert lost_keys(old, new, free=("environment",)) == set()


def test_an_old_database_opens_and_its_raters_go_on(workplace: Workplace) -> None:
    design = restored(workplace, "study/votes.sqlite")
    store = VoteStore.open("sqlite:///again/votes.sqlite", design)  # as the server does: it migrates what is older
    old = read_lines("study/votes.jsonl")
    assert lost(old, export(workplace)) == []
    (middle,) = {vote["rater"] for vote in old if vote["sitting_state"] == "active"}
    assert finish(store, design, store.place(middle)).stage == "complete"
    store.close()
    assert len(export(workplace)) > len(old)
    panels = workplace.json("study", "status", "again", "--json")["panels"]
    assert [(panel["panel"], panel["complete"]) for panel in panels] == [("colors", 3), ("counting", 2)]


def test_the_same_options_make_the_same_study(workplace: Workplace) -> None:
    """But for control and practice trials, which designs draw otherwise since `known_trials` is 2.

    Practice is left out: it takes prompts that nobody judges, and these runs hold too few.
    """
    options = Options(**{**STUDY, "training": 0}, exclusions=parse_exclusions(STUDY_EXCLUSIONS))
    create_study([Path(run) for run in STUDY_RUNS], Path("again"), options, secret=STUDY_SECRET)
    files = archive(BACKUP)
    old, new = json.loads(files["design.json"])["design"], read_json("again/design.json")["design"]
    drawn = ("training", "panels", "sets", "captions")
    assert lost(old, new, free=(*SENTENCES, *drawn)) == []
    if new["instructions_version"] == old["instructions_version"]:
        assert new["questions"] == old["questions"]
    for then, now in zip(old["panels"], new["panels"], strict=True):
        assert [seat["id"] for seat in then["seats"]] == [seat["id"] for seat in now["seats"]]
        assert lost(_judged(then), _judged(now)) == []
    shown = {side for panel in new["panels"] for trial in _judged(panel) for side in (trial["left"], trial["right"])}
    assert {side: old["sets"][side] for side in shown} == {side: new["sets"][side] for side in shown}
    for token in (token for side in shown for token in new["sets"][side]["images"]):
        then, now = (
            np.asarray(Image.open(place))
            for place in (io.BytesIO(files[f"images/{token}.webp"]), Path("again", "images", f"{token}.webp"))
        )
        assert np.array_equal(then, now), f"{token} shows other pixels"


def _judged(panel: dict[str, Any]) -> list[dict[str, Any]]:
    """The trials that rates are made of."""
    return [trial for trial in panel["trials"] if trial["kind"] == "main"]


def _rates(row: dict[str, Any]) -> dict[str, Any]:
    """Of a comparison what needs no statistics: an interval may be made better one day."""
    shares = {name: row[name]["value"] for name in ("a", "indifferent", "b", "net")}
    return {**{name: row[name] for name in RATES}, **shares}
