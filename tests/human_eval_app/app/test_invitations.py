"""Links are made only where the app can be reached at them."""

from pathlib import Path

import pytest

from drawbench.cli.main import main
from drawbench.errors import UserError
from human_eval_app.app.invitations import checked_base_path, invitations


@pytest.mark.parametrize(
    ("text", "path"),
    [("", ""), ("/", ""), ("//", ""), ("/study", "/study"), ("study/", "/study"), ("/lab/one-2", "/lab/one-2")],
)
def test_a_base_path_is_written_one_way(text: str, path: str) -> None:
    assert checked_base_path(text) == path


@pytest.mark.parametrize("text", ["/a b", "/a//b", "/?x", "https://host/study", "/ü", "/{rater}", "/a\n"])
def test_what_is_no_path_of_an_address_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--base-path"):
        checked_base_path(text)


@pytest.mark.parametrize("url", ["https://host.example/sub", "https://host.example/sub/", "http://host.example:81/a/b"])
def test_an_address_with_a_path_the_app_is_not_at_is_refused(
    study_folder: Path, url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["study", "invite", str(study_folder), "--url", url]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "--base-path /" in err
    assert main(["study", "invite", str(study_folder), "--url", url, "--base-path", "/other"]) == 2
    assert "/other" in capsys.readouterr().err


def test_links_hold_the_path_that_the_app_is_at(study_folder: Path) -> None:
    for url in ("https://host.example/sub", "https://host.example/sub/"):
        (row, *_) = invitations(study_folder, url, base_path="sub")
        assert row["link"].startswith("https://host.example/sub/?t=")
    (row, *_) = invitations(study_folder, "https://host.example/")
    assert row["link"].startswith("https://host.example/?t=")
