"""`drawbench study backup` and `restore`: from and to both databases, nothing lost, nothing half-written."""

import json
import resource
import stat
import threading
import uuid
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any, get_args

import pytest

from drawbench.cli.main import main
from drawbench.errors import UserError
from human_eval_app.app.service import open_service
from human_eval_app.backup.archive import MANIFEST, BackupManifest
from human_eval_app.backup.backup import write_backup
from human_eval_app.backup.restore import check_backup, restore
from human_eval_app.store.records import Ending, Identity
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Design, read_design
from tests.human_eval_app import postgresql
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.serving import write_study
from tests.human_eval_app.store.sitting import cast, finish, ready, seated

DESIGN = make_design(categories={"Colors": 4, "Counting": 2}, raters=4, training=1, gold=1, name="Ärger 🦉 study")
NASTY = "O'Neil; DROP TABLE vote; --\u2028\\ <b>"
GOLDEN = Path(__file__).parents[2] / "golden" / "data" / "study"
NewDatabase = Callable[[str], str]


@pytest.fixture
def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> NewDatabase:
    """Addresses of new databases: of a file that is not there yet, or an empty one of a server."""

    def make(kind: str) -> str:
        if kind == "sqlite":
            return f"sqlite:///{tmp_path / f'{uuid.uuid4().hex}.sqlite'}"
        server: postgresql.Server = request.getfixturevalue("postgresql_server")
        return server.new_database()

    return make


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """The folder of a study whose votes are elsewhere."""
    return write_study(DESIGN, tmp_path / "study")


@contextmanager
def opened(url: str, design: Design = DESIGN) -> Iterator[VoteStore]:
    store = VoteStore.open(url, design)
    yield store
    store.close()


def take_part(store: VoteStore) -> int:
    """Raters in every stage, with votes undone and tried again; the number of one who is in the middle."""
    finish(store, DESIGN, ready(store, "done"))
    place = cast(store, DESIGN, cast(store, DESIGN, ready(store, NASTY), wrong=True))
    place = cast(store, DESIGN, cast(store, DESIGN, place))
    assert place.sitting is not None
    middle = cast(store, DESIGN, store.undo(place.rater, place.sitting, place.position - 1), choice=1)
    store.withdraw(cast(store, DESIGN, ready(store, "gone")).rater)
    seated(store, "reading")
    store.report_problem(middle.rater, place.sitting, "main", 0, NASTY)
    store.record_look("study analyse")
    store.set_status("paused")
    store.set_status("open")
    store.enter(Identity("prolific", "at the door", session="s-1"))
    store.enter(Identity("prolific", "at the door", session="s-2"))
    return middle.rater


def state_of(url: str, design: Design = DESIGN) -> tuple[Any, ...]:
    """Everything that a store says."""
    with opened(url, design) as store:
        beside = store.codes(), store.looks(), store.decision(), store.problems()
        return store.status(), store.seats(), store.raters(), list(store.vote_rows()), beside


def own_database(study: Path) -> str:
    return f"sqlite:///{study / 'votes.sqlite'}"


KINDS = ("sqlite", "postgresql")


@pytest.mark.parametrize("target", KINDS)
@pytest.mark.parametrize("source", KINDS)
def test_a_restored_study_is_the_same_and_goes_on(
    source: str, target: str, study: Path, new_database: NewDatabase, tmp_path: Path
) -> None:
    old, new = new_database(source), new_database(target)
    with opened(old) as store:
        middle = take_part(store)
    archive, again = tmp_path / "backup.zip", tmp_path / "again"
    assert main(["study", "backup", str(study), "--database", old, "--out", str(archive)]) == 0
    assert main(["study", "restore", str(archive), "--out", str(again), "--database", new]) == 0
    assert state_of(new) == state_of(old)
    with opened(old) as one, opened(new) as other:
        assert other.place(middle) == one.place(middle)
        assert finish(other, DESIGN, other.place(middle)).stage == "complete"
        newcomer = seated(other, "new")
        assert newcomer.rater > max(rater.rater for rater in one.raters())
        finish(other, DESIGN, other.finish_instructions(newcomer.rater))
        assert len({row.sitting for row in other.vote_rows()}) > len({row.sitting for row in one.vote_rows()})


def test_invitations_and_images_work_after_a_restore(study: Path, tmp_path: Path) -> None:
    with opened(own_database(study)) as store:
        take_part(store)
    before = open_service(study)
    token = before.signer.invitation("somebody", "colors")
    write_backup(study, tmp_path / "backup.zip", own_database(study))
    restore(tmp_path / "backup.zip", tmp_path / "again")
    after = open_service(tmp_path / "again")
    assert after.signer.identity(token, {}, 1) == Identity("invite", "somebody", "colors")
    assert after.settings == before.settings
    assert after.image_tokens
    for image in after.image_tokens:
        assert after.image_path(image).read_bytes() == before.image_path(image).read_bytes()
    assert stat.S_IMODE((tmp_path / "again" / "secret.key").stat().st_mode) == 0o600
    assert after.store.raters() == before.store.raters()
    before.store.close()
    after.store.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_backup_amid_votes_holds_one_moment(kind: str, new_database: NewDatabase, tmp_path: Path) -> None:
    design = make_design(categories={"Colors": 60}, raters=1, samples=1)
    study, url = write_study(design, tmp_path / "long"), new_database(kind)
    archive, again = tmp_path / "backup.zip", f"sqlite:///{tmp_path / 'again' / 'votes.sqlite'}"
    with opened(url, design) as store:
        place = cast(store, design, ready(store, "busy"))
        trials = design.trials_of_seat[place.seat or ""]
        counts: list[int] = []
        stop = threading.Event()

        def vote() -> None:
            nonlocal place
            while not stop.is_set() and place.position < len(trials) - 1:  # the last one would end the counting
                place = cast(store, design, place)
                counts.append(place.position)

        rater = threading.Thread(target=vote)
        rater.start()
        while not counts:
            stop.wait(0.001)
        before = counts[-1]
        manifest = write_backup(study, archive, url)
        stop.set()
        rater.join()
    restore(archive, tmp_path / "again")
    with opened(again, design) as store:
        positions = [row.position for row in store.vote_rows() if row.question == "fidelity"]
        (seat,) = [seat for seat in store.seats() if seat.rater is not None]
    assert positions == list(range(manifest.votes))
    assert seat.votes == manifest.votes
    assert before <= manifest.votes <= counts[-1] + 1


@pytest.fixture
def small_backup(study: Path, tmp_path: Path) -> Path:
    """An archive without images of a study with votes."""
    with opened(own_database(study)) as store:
        take_part(store)
    write_backup(study, tmp_path / "small.zip", own_database(study), images=False)
    return tmp_path / "small.zip"


def names_in(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def refusal(archive: Path, out: Path) -> str | None:
    """What restoring says; None when it was done."""
    try:
        restore(archive, out)
    except UserError as error:
        return str(error)
    return None


def test_a_flipped_bit_is_found_or_does_not_matter(small_backup: Path, study: Path, tmp_path: Path) -> None:
    whole, random = small_backup.read_bytes(), Random(5)
    before, state, found = names_in(tmp_path), state_of(own_database(study)), 0
    places = [random.randrange(len(whole)) for _ in range(40)]
    for number, at in enumerate([*places, *range(len(whole) - 22, len(whole))]):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << random.randrange(8)
        small_backup.write_bytes(damaged)
        out = tmp_path / f"again {number}"
        said = refusal(small_backup, out)
        if said is None:  # in a date or an attribute that nobody reads
            before |= {out.name}
            assert state_of(own_database(out)) == state
        else:
            found += 1
            assert str(small_backup) in said
        assert names_in(tmp_path) == before
    assert found > 30


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_an_archive_cut_short_is_refused(
    small_backup: Path, tmp_path: Path, share: float, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = small_backup.read_bytes()
    small_backup.write_bytes(whole[: int(share * len(whole))])
    before = names_in(tmp_path)
    assert main(["study", "restore", str(small_backup), "--out", str(tmp_path / "again")]) == 2
    assert main(["study", "restore", str(small_backup), "--check"]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first == second
    assert "or is damaged" in first
    assert names_in(tmp_path) == before


def repacked(archive: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The archive with its files changed, the manifest among them."""
    with zipfile.ZipFile(archive) as file:
        content = {name: file.read(name) for name in file.namelist()}
    change(content)
    with zipfile.ZipFile(archive, "w") as file:
        for name, data in content.items():
            file.writestr(name, data)
    return archive


def with_manifest(archive: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """The archive with its manifest changed."""

    def edit(content: dict[str, bytes]) -> None:
        manifest = json.loads(content[MANIFEST])
        change(manifest)
        content[MANIFEST] = json.dumps(manifest).encode()

    return repacked(archive, edit)


def test_an_archive_of_newer_tables_is_refused(small_backup: Path, tmp_path: Path) -> None:
    with_manifest(small_backup, lambda manifest: manifest.update(store_version="9999", made_by="drawbench 9.9"))
    before = names_in(tmp_path)
    with pytest.raises(UserError, match=r"drawbench 9\.9, whose tables are of version 9999.*update the program"):
        restore(small_backup, tmp_path / "again")
    assert names_in(tmp_path) == before


@pytest.mark.parametrize("target", KINDS)
def test_a_backup_of_older_tables_is_brought_up_to_date(target: str, new_database: NewDatabase, tmp_path: Path) -> None:
    old, url, again = GOLDEN / "backup.zip", new_database(target), tmp_path / "again"
    assert check_backup(old).store_version == "0001"
    assert main(["study", "restore", str(old), "--out", str(again), "--database", url]) == 0
    design, votes = read_design(again), tmp_path / "votes.jsonl"
    export = ["study", "export", str(again), "--database", url, "--out", str(votes), "--all", "--with-external-ids"]
    assert main(export) == 0
    then, now = (map(json.loads, path.read_text().splitlines()) for path in (GOLDEN / "votes.jsonl", votes))
    for old_row, row in zip(then, now, strict=True):
        assert old_row.items() <= row.items()
    with opened(url, design) as store:
        middle = next(rater.rater for rater in store.raters() if rater.stage == "trial")
        assert finish(store, design, store.place(middle)).stage == "complete"
        assert set(store.codes()) == set(get_args(Ending))
    write_backup(again, tmp_path / "newer.zip", url)
    restore(tmp_path / "newer.zip", tmp_path / "newest")
    assert state_of(url, design) == state_of(own_database(tmp_path / "newest"), design)


def test_a_name_that_leads_elsewhere_is_refused(small_backup: Path, tmp_path: Path) -> None:
    for name in ("../../escaped", "/escaped", "images/../../escaped.webp", "votes/../escaped.jsonl"):
        entry = {"sha256": "0" * 64, "bytes": 0}
        with_manifest(small_backup, lambda manifest, name=name, entry=entry: manifest["files"].update({name: entry}))
        with pytest.raises(UserError, match="is no file of a study"):
            restore(small_backup, tmp_path / "again")
        assert not (tmp_path / "again").exists()


def test_a_missing_table_is_refused(small_backup: Path, tmp_path: Path) -> None:
    repacked(small_backup, lambda content: content.pop("votes/vote.jsonl") and None)
    with pytest.raises(UserError, match=r"votes/vote\.jsonl"):
        restore(small_backup, tmp_path / "again")
    assert not (tmp_path / "again").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_a_database_with_anything_in_it_is_left_alone(
    kind: str, small_backup: Path, new_database: NewDatabase, tmp_path: Path
) -> None:
    url = new_database(kind)
    with opened(url) as store:
        finish(store, DESIGN, ready(store, "first"))
    state, before = state_of(url), names_in(tmp_path)
    with pytest.raises(UserError, match=r"is there already|holds tables already"):
        restore(small_backup, tmp_path / "again", url)
    assert state_of(url) == state
    assert names_in(tmp_path) == before


def test_a_server_that_is_away_leaves_nothing(small_backup: Path, tmp_path: Path) -> None:
    before = names_in(tmp_path)
    with pytest.raises(UserError, match="cannot be reached"):
        restore(small_backup, tmp_path / "again", "postgresql://nobody@127.0.0.1:1/none")
    assert names_in(tmp_path) == before


def test_nothing_is_written_over(study: Path, small_backup: Path, tmp_path: Path) -> None:
    whole = small_backup.read_bytes()
    with pytest.raises(UserError, match="no backup is written over"):
        write_backup(study, small_backup, own_database(study))
    assert small_backup.read_bytes() == whole
    with pytest.raises(UserError, match="name a new folder"):
        restore(small_backup, study)
    assert (study / "design.json").exists()


def test_a_full_disk_leaves_nothing(study: Path, small_backup: Path, tmp_path: Path) -> None:
    next((study / "images").iterdir()).write_bytes(bytes(100_000))
    before, limits = names_in(tmp_path), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, limits[1]))
    try:
        with pytest.raises(UserError, match=r"cannot write .*second\.zip"):
            write_backup(study, tmp_path / "second.zip", own_database(study))
        with pytest.raises(UserError, match=r"again/votes\.sqlite"):
            restore(small_backup, tmp_path / "again")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert names_in(tmp_path) == before


def test_a_study_that_lacks_an_image_has_no_backup(study: Path, tmp_path: Path) -> None:
    VoteStore.open(own_database(study), DESIGN).close()
    next((study / "images").iterdir()).unlink()
    before = names_in(tmp_path)
    with pytest.raises(UserError, match=r"\.webp cannot be read"):
        write_backup(study, tmp_path / "backup.zip", own_database(study))
    assert names_in(tmp_path) == before
    assert write_backup(study, tmp_path / "backup.zip", own_database(study), images=False).images == []


def test_what_is_left_out_is_told(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with opened(own_database(study)) as store:
        take_part(store)
    archive, again = str(tmp_path / "backup.zip"), tmp_path / "again"
    options = ["--without-images", "--without-secret"]
    assert main(["study", "backup", str(study), "--out", archive, "--json", *options]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["raters"], said["images"], said["secret"]) == (5, 0, False)
    assert said["design_sha256"] == DESIGN.sha256
    assert main(["study", "restore", archive, "--out", str(again)]) == 0
    told = capsys.readouterr().err
    assert "copy the folder images" in told
    assert "copy the study's secret.key" in told
    assert not (again / "secret.key").exists()
    with pytest.raises(UserError, match=r"secret\.key is missing"):
        open_service(again)


def test_only_the_owner_can_read_a_backup(small_backup: Path) -> None:
    assert stat.S_IMODE(small_backup.stat().st_mode) == 0o600


def test_a_check_restores_nothing(small_backup: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = names_in(tmp_path)
    assert main(["study", "restore", str(small_backup), "--check"]) == 0
    assert "is whole" in capsys.readouterr().err
    assert main(["study", "restore", str(small_backup), "--check", "--database", "sqlite:///x"]) == 2
    assert names_in(tmp_path) == before
    assert isinstance(check_backup(small_backup), BackupManifest)


def test_a_study_without_votes_has_no_backup(study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "backup", str(study), "--out", str(tmp_path / "backup.zip")]) == 2
    assert "no rater has come yet" in capsys.readouterr().err
    assert not (tmp_path / "backup.zip").exists()
