"""What whoever starts the program is told about a database that cannot be used: one sentence, no password."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from drawbench.errors import UserError
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Design
from tests.human_eval_app import postgresql
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.conftest import OpenStore
from tests.human_eval_app.store.sitting import cast, ready

DESIGN = make_design()


def told(url: str, design: Design = DESIGN, *, read_only: bool = False) -> str:
    with pytest.raises(UserError) as caught:
        VoteStore.open(url, design, read_only=read_only)
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("not an address", "cannot be read"),
        ("mysql://root:hidden@localhost/votes", "neither SQLite nor PostgreSQL"),
        ("oracle://localhost", "neither SQLite nor PostgreSQL"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_addresses_that_no_study_can_be_kept_at(url: str, says: str) -> None:
    sentence = told(url)
    assert says in sentence
    assert "hidden" not in sentence


def test_a_database_of_another_design(open_store: OpenStore, url: str) -> None:
    open_store(DESIGN)
    other = make_design(seed=1, name="another")
    assert f"another design (made up, {DESIGN.sha256[:12]}" in told(url, other)
    assert "another design" in told(url, other, read_only=True)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert "is not a folder" in told(f"sqlite:///{tmp_path / 'nowhere' / 'votes.sqlite'}")


@pytest.mark.parametrize("content", [b"these are no votes\n" * 500, b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "votes.sqlite"
    path.write_bytes(content)
    assert "damaged" in told(f"sqlite:///{path}")
    assert path.read_bytes() == content


def test_a_database_with_tables_of_its_own(tmp_path: Path) -> None:
    import sqlite3

    path = tmp_path / "votes.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE rater (name TEXT)")
    assert "use an empty database" in told(f"sqlite:///{path}")


def test_reading_makes_no_file(tmp_path: Path) -> None:
    path = tmp_path / "votes.sqlite"
    assert "no rater has come yet" in told(f"sqlite:///{path}", read_only=True)
    assert not path.exists()


def test_an_empty_database_is_not_filled_by_reading(url: str, tmp_path: Path) -> None:
    (tmp_path / "votes.sqlite").touch()
    assert "holds no study yet" in told(url, read_only=True)


def test_reading_sees_everything_and_writes_nothing(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    place = cast(store, DESIGN, ready(store, "one"))
    reader = open_store(DESIGN, read_only=True)
    assert reader.place(place.rater) == place
    assert list(reader.vote_rows()) == list(store.vote_rows())


OPENING = """
import sys
from drawbench.errors import UserError
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Design
design = Design.model_validate_json(sys.stdin.read())
try:
    VoteStore.open(sys.argv[1], design, read_only=len(sys.argv) > 2)
except UserError as error:
    print(error)
"""


def opening_as_nobody_special(url: str, *arguments: str) -> str:
    """What a process without root's right to write everything says when it opens the database."""
    as_root = os.geteuid() == 0
    if as_root and shutil.which("setpriv") is None:
        pytest.skip("to root nothing is read-only, and there is no setpriv to give that up")
    rights = "-dac_override,-dac_read_search"
    fewer_rights = ["setpriv", f"--bounding-set={rights}", f"--inh-caps={rights}"] if as_root else []
    command = [*fewer_rights, sys.executable, "-c", OPENING, url, *arguments]
    done = subprocess.run(command, input=DESIGN.model_dump_json(), capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_read_only_file(tmp_path: Path) -> None:
    path = tmp_path / "votes.sqlite"
    VoteStore.open(f"sqlite:///{path}", DESIGN).close()
    path.chmod(0o444)
    said = opening_as_nobody_special(f"sqlite:///{path}")
    assert said == f"{path} cannot be written to: make the file and its folder writable, or use another database."


def test_a_read_only_folder(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    folder.mkdir()
    folder.chmod(0o555)
    said = opening_as_nobody_special(f"sqlite:///{folder / 'votes.sqlite'}")
    assert said.startswith(f"{folder / 'votes.sqlite'} cannot be opened (")
    assert said.endswith("make the file and its folder readable and writable.")


def test_a_server_that_is_not_there() -> None:
    pytest.importorskip("psycopg")
    sentence = told("postgresql://tester:secret@127.0.0.1:1/votes")
    assert "cannot be reached" in sentence
    assert "secret" not in sentence


def test_a_wrong_password_or_a_missing_database(postgresql_server: postgresql.Server) -> None:
    assert "refuses the user or the password" in told(postgresql_server.url("postgres", password="wrong"))
    assert "does not exist" in told(postgresql_server.url("nowhere"))


def test_without_psycopg_postgresql_is_not_for_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    assert "drawbench[postgres]" in told("postgresql://tester@127.0.0.1/votes")
