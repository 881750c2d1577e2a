"""Links are made only where the app can be reached at them."""

from pathlib import Path

import pytest

from drawbench.cli.main import main
from drawbench.errors import UserError
from human_eval_app.app.invitations import invitations
from human_eval_app.app.settings import read_settings


def at_path(study: Path, text: str) -> Path:
    """The study, with these words as its settings' base_path."""
    (study / "settings.toml").write_text(f"base_path = '{text}'\n")
    return study


@pytest.mark.parametrize(
    ("text", "path"),
    [("", ""), ("/", ""), ("//", ""), ("/study", "/study"), ("study/", "/study"), ("/lab/one-2", "/lab/one-2")],
)
def test_a_base_path_is_written_one_way(tmp_path: Path, text: str, path: str) -> None:
    assert read_settings(at_path(tmp_path, text)).base_path == path


@pytest.mark.parametrize("text", ["/a b", "/a//b", "/?x", "https://host/study", "/ü", "/{rater}", "/a\t"])
def test_what_is_no_path_of_an_address_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(UserError, match=r"settings\.toml: base_path"):
        read_settings(at_path(tmp_path, text))


@pytest.mark.parametrize("url", ["https://host.example/sub", "https://host.example/sub/", "http://host.example:81/a/b"])
def test_an_address_with_a_path_the_app_is_not_at_is_refused(
    own_study_folder: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in ("", "/other"):
        assert main(["study", "invite", str(at_path(own_study_folder, path)), "--url", url]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert f'"{path}"' in err
        assert "settings.toml has base_path" in err


def test_links_hold_the_path_that_the_app_is_at(own_study_folder: Path) -> None:
    (row, *_) = invitations(own_study_folder, "https://host.example/")
    assert row["link"].startswith("https://host.example/?t=")
    at_path(own_study_folder, "sub")
    for url in ("https://host.example/sub", "https://host.example/sub/"):
        (row, *_) = invitations(own_study_folder, url)
        assert row["link"].startswith("https://host.example/sub/?t=")
