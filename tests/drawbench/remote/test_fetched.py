"""References at addresses: copied into the cache once, by content, and read like those of this disk."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import obstore
import pytest
from obstore.store import S3Store
from PIL import Image

from drawbench.cli.main import main
from drawbench.errors import UserError
from drawbench.progress import Progress
from drawbench.remote.fetched import RemoteUrl, fetched, parse_reference
from drawbench.remote.object_store import client_options
from drawbench.scoring.references import reference_name
from tests.drawbench.store_server import s3_server, use

URL = "s3://bucket/coco/val2014"


class Counting(Progress):
    """How many files were fetched."""

    def __init__(self) -> None:
        self.files = 0

    def advance(self, count: int) -> None:
        self.files += count


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Store]:
    """The content of `local` beside it, in the bucket, too; and an empty cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DRAWBENCH_CACHE", str(tmp_path / "cache"))
    draws = np.random.default_rng(0)
    for number in range(20):
        place = Path(f"coco/val2014/{'more/' * (number % 2)}{number:02d}.png")
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(draws.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(place)
    Path("coco/annotations").mkdir()
    captions = {
        "info": {"description": "procedural world"},
        "images": [{"id": number, "file_name": f"{number:02d}.png"} for number in range(20)],
        "annotations": [{"id": number, "image_id": number, "caption": f"thing {number}"} for number in range(20)],
    }
    Path("coco/annotations/captions_val2014.json").write_text(json.dumps(captions))
    with s3_server() as endpoint:
        use(endpoint, monkeypatch)
        store = S3Store("bucket", client_options=client_options())  # type: ignore[arg-type]
        for path in Path("coco").rglob("*.*"):
            obstore.put(store, str(path), path.read_bytes())
        yield store


def copied(text: str) -> tuple[Path, int]:
    shown = Counting()
    place = fetched(parse_reference(text), shown)
    assert place is not None
    return place, shown.files


def test_a_folder_is_copied_once_and_again_where_it_changed(bucket: S3Store) -> None:
    place, files = copied(f"{URL}/")
    assert files == 21
    found = {path.relative_to(place.parent): path.read_bytes() for path in place.parent.rglob("*.*")}
    assert found == {path.relative_to("coco"): path.read_bytes() for path in Path("coco").rglob("*.*")}
    assert place.is_relative_to(Path("cache").absolute())
    assert reference_name(place).endswith("(procedural world)"), "the captions beside it are known"
    assert copied(URL) == (place, 0)
    (place / "02.png").write_bytes(b"cut")
    (place / "more/03.png").unlink()
    assert copied(URL) == (place, 2)
    assert (place / "02.png").read_bytes() == Path("coco/val2014/02.png").read_bytes()
    obstore.put(bucket, "coco/val2014/02.png", Path("coco/val2014/04.png").read_bytes())
    other, files = copied(URL)
    assert (other != place, files) == (True, 21)


def test_commands_read_it_like_a_folder_of_this_disk(bucket: S3Store, capsys: pytest.CaptureFixture[str]) -> None:
    said = []
    for folder, out in ((URL, "x.npz"), ("coco/val2014", "y.npz")):
        assert main(["references", "write", folder, "--size", "32", "--out", out, "--json"]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[1]
    obstore.put(bucket, "x.npz", Path("x.npz").read_bytes())
    place, files = copied("s3://bucket/x.npz")
    assert (place.name, place.read_bytes(), files) == ("x.npz", Path("x.npz").read_bytes(), 1)


def test_paths_are_left_as_they_are() -> None:
    assert fetched(parse_reference("some/where"), Progress()) == Path("some/where")
    assert fetched(None, Progress()) is None
    assert str(RemoteUrl("https://host/x.npz?signature=key")) == "https://host/x.npz"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("s3://bucket/nothing", "there is nothing at s3://bucket/nothing"),
        ("s3://elsewhere/x", r"s3://elsewhere/x cannot be read \(NoSuchBucket\)"),
        ("s3://key:secret@bucket/x", "holds a user or key"),
        ("nothing://x/y", "Protocol not known"),
    ],
)
def test_what_cannot_be_read_is_said_in_one_sentence(bucket: S3Store, text: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as met:
        fetched(parse_reference(text), Progress())
    assert "secret" not in str(met.value)


def test_missing_keys_are_said(bucket: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(UserError, match=r"cannot be read \(no credentials\)"):
        fetched(parse_reference(URL), Progress())
