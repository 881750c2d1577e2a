"""Downloads: the store's rows, with the design's hash in every one and in the file's name."""

from pathlib import Path

import pytest

from drawbench.errors import UserError
from human_eval_app.analysis.votes import read_votes, rows_of
from human_eval_app.app.admin.exports import FORMATS, KINDS, Which, export, file_name
from human_eval_app.store.export import Format
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Stopping
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.sitting import cast, finish, ready

DESIGN = make_design(training=1, gold=1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> VoteStore:
    """A complete sitting with an answer taken back, and one that goes on."""
    opened = VoteStore.open(f"sqlite:///{tmp_path_factory.mktemp('votes') / 'votes.sqlite'}", DESIGN)
    place = cast(opened, DESIGN, cast(opened, DESIGN, ready(opened, "one")))
    finish(opened, DESIGN, opened.undo(place.rater, place.sitting or 0, 0))
    cast(opened, DESIGN, cast(opened, DESIGN, ready(opened, "two")))
    return opened


@pytest.mark.parametrize(("which", "form"), KINDS)
def test_a_file_holds_the_stores_rows(store: VoteStore, which: Which, form: Format, tmp_path: Path) -> None:
    path = tmp_path / file_name(DESIGN, which, form)
    path.write_bytes(export(DESIGN, store.vote_rows(), which, form))
    rows = rows_of(store.vote_rows())
    wanted = [
        row
        for row in rows
        if which == "all" or (row["part"] == "main" and row["sitting_state"] == "complete" and not row["superseded"])
    ]
    assert 0 < len(wanted) <= len(rows)
    assert read_votes(path) == wanted
    assert {row["design_sha256"] for row in read_votes(path)} == {DESIGN.sha256}
    assert path.name == f"votes-{which}-{DESIGN.sha256[:12]}.{form}"


def test_all_formats_are_offered() -> None:
    assert set(FORMATS) == {form for _, form in KINDS}


def test_with_a_stopping_rule_only_the_file_with_every_answer_is_taken(tmp_path: Path) -> None:
    design = DESIGN.model_copy(update={"stopping": Stopping(at_decision="advise", pause_minutes=60)})
    store = VoteStore.open(f"sqlite:///{tmp_path / 'votes.sqlite'}", design)
    finish(store, design, ready(store, "one"))
    cast(store, design, cast(store, design, ready(store, "two")))
    for which, form in KINDS:
        path = tmp_path / file_name(design, which, form)
        path.write_bytes(export(design, store.vote_rows(), which, form))
        if which == "all":
            assert read_votes(path, design) == rows_of(store.vote_rows())
        else:
            with pytest.raises(UserError, match="export it with --all"):
                read_votes(path, design)
    store.close()
