"""`drawbench study password`: one line of settings.toml changes, and no other."""

import io
import stat
import tomllib
from pathlib import Path

import pytest

from drawbench.cli.main import main
from drawbench.errors import UserError
from human_eval_app.app.admin.passwords import password_matches
from human_eval_app.app.settings import read_settings, set_password_hash, with_password_hash
from human_eval_app.study.design import write_design
from human_eval_app.study.folder_texts import settings_text
from tests.human_eval_app.designs import make_design

PASSWORD = "correct horse battery"
HASH = "scrypt:16:8:3:AAAAAAAAAAAAAAAAAAAAAA==:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
ENTRY = f'password_hash = "{HASH}"'


@pytest.fixture
def study(tmp_path: Path) -> Path:
    write_design(make_design(), tmp_path)
    return tmp_path


def _typed(monkeypatch: pytest.MonkeyPatch, *passwords: str) -> None:
    answers = iter(passwords)
    monkeypatch.setattr("human_eval_app.cli.password.getpass", lambda prompt: next(answers))


def test_a_password_typed_twice_opens_the_door(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (study / "settings.toml").write_text(settings_text())
    before = read_settings(study)
    _typed(monkeypatch, PASSWORD, PASSWORD)
    assert main(["study", "password", str(study)]) == 0
    after = read_settings(study)
    assert password_matches(PASSWORD, after.admin.password_hash)
    assert after.model_copy(update={"admin": before.admin}) == before
    assert PASSWORD not in (study / "settings.toml").read_text()


def test_a_password_from_a_pipe(study: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\nanother line\n"))
    assert main(["study", "password", str(study), "--stdin"]) == 0
    assert password_matches(PASSWORD, read_settings(study).admin.password_hash)


@pytest.mark.parametrize(
    ("typed", "problem"),
    [
        ((PASSWORD, PASSWORD + "!"), "the two passwords differ"),
        (("short", "short"), "has 5 characters; take 12 to 200"),
        (("x" * 201, "x" * 201), "has 201 characters"),
    ],
)
def test_a_password_that_will_not_do(
    study: Path,
    typed: tuple[str, str],
    problem: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _typed(monkeypatch, *typed)
    assert main(["study", "password", str(study)]) == 2
    assert problem in capsys.readouterr().err
    assert not (study / "settings.toml").exists()


def test_a_folder_without_a_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["study", "password", str(tmp_path)]) == 2
    assert "holds no study" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"[admin]\n{ENTRY}\n"),
        ('title = "x"', f'title = "x"\n\n[admin]\n{ENTRY}\n'),
        (
            '[admin]  # who\nemails = ["a@b.c"]\n[codes]\n',
            f'[admin]  # who\n{ENTRY}\nemails = ["a@b.c"]\n[codes]\n',
        ),
        ("[admin]", f"[admin]\n{ENTRY}\n"),
        ("[admin]\n  password_hash = ''  # none yet\n# end\n", f"[admin]\n  {ENTRY}  # none yet\n# end\n"),
        (f"[admin]\r\n{ENTRY.replace('AA', 'BB')}\r\n", f"[admin]\r\n{ENTRY}\r\n"),
        (
            '[codes]\npassword_hash = "not ours"\n[admin]\n',
            f'[codes]\npassword_hash = "not ours"\n[admin]\n{ENTRY}\n',
        ),
    ],
    ids=["empty", "no end of line", "section", "section at the end", "entry", "windows", "another section"],
)
def test_one_entry_changes_and_no_other_line(before: str, after: str) -> None:
    changed = with_password_hash(before, HASH)
    assert changed == after
    assert tomllib.loads(changed)["admin"]["password_hash"] == HASH
    assert with_password_hash(changed, HASH) == changed


@pytest.mark.parametrize(
    "unusual",
    [
        'admin = { password_hash = "" }\n',
        'admin.password_hash = ""\n',
        'title = """\n[admin]\npassword_hash = "x"\n"""\n[admin]\npassword_hash = ""\n',
    ],
)
def test_a_file_in_an_unusual_form_is_left_alone(study: Path, unusual: str) -> None:
    path = study / "settings.toml"
    path.write_text(unusual)
    with pytest.raises(UserError, match="unusual form") as refused:
        set_password_hash(study, HASH)
    assert ENTRY in str(refused.value)
    assert path.read_text() == unusual


def test_a_file_with_a_mistake_is_not_made_worse(study: Path) -> None:
    path = study / "settings.toml"
    path.write_text("title = \n")
    with pytest.raises(UserError, match="cannot be read as TOML"):
        set_password_hash(study, HASH)
    assert path.read_text() == "title = \n"


def test_others_cannot_read_the_hash(study: Path) -> None:
    path = study / "settings.toml"
    assert stat.S_IMODE(set_password_hash(study, HASH).stat().st_mode) == 0o600
    path.chmod(0o644)
    assert stat.S_IMODE(set_password_hash(study, HASH).stat().st_mode) == 0o640


def test_a_password_in_place_of_its_hash_is_refused(study: Path) -> None:
    (study / "settings.toml").write_text(f'[admin]\npassword_hash = "{PASSWORD}"\n')
    with pytest.raises(UserError, match="not a hash that") as refused:
        read_settings(study)
    assert PASSWORD not in str(refused.value)
