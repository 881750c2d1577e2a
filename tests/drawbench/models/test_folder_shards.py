"""folder:x.tar: shards are read as the folder that they hold, and hostile or damaged ones not at all."""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from drawbench.cli.main import main
from drawbench.errors import UserError
from drawbench.models.folder.adapter import FolderAdapter
from drawbench.prompts.prompt_set import Prompt, PromptSet
from drawbench.runs.directory import RunDirectory
from drawbench.runs.plan import plan_samples

PROMPTS = tuple(Prompt(f"colors-{n:03d}", "Colors", f"a cup, number {n} of many") for n in range(1, 5))
SET = PromptSet("cups", PROMPTS)


def png(level: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), level, np.uint8)).save(buffer, format="PNG")
    return buffer.getvalue()


def packed(path: Path, files: Mapping[str, bytes | str], kind: bytes = tarfile.REGTYPE, link: str = "") -> Path:
    """A tar file; link: where members that are links lead."""
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            data = content if isinstance(content, bytes) else content.encode()
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, link
            member.size = len(data) if kind == tarfile.REGTYPE else 0
            tar.addfile(member, io.BytesIO(data) if member.size else None)
    return path


def matched(argument: object, **settings: str) -> tuple[FolderAdapter, list[int]]:
    """The adapter, and the level of each prompt's image."""
    adapter = FolderAdapter(str(argument), settings, "cpu")
    samples = plan_samples(PROMPTS, adapter.held_samples(SET), 0)
    adapter.check_plan(samples, 8)
    images = adapter.generate(samples, 8)
    return adapter, [int(image[0, 0, 0]) for image in images if isinstance(image, np.ndarray)]


def test_a_packed_folder_is_the_folder(tmp_path: Path) -> None:
    files = {f"{prompt.id}-0.png": png(n) for n, prompt in enumerate(PROMPTS)}
    (tmp_path / "plain").mkdir()
    for name, content in files.items():
        (tmp_path / "plain" / name).write_bytes(content)
    plain, levels = matched(tmp_path / "plain", name="x")
    shard, same = matched(packed(tmp_path / "mine.tar", files), name="x")
    assert levels == same == [0, 1, 2, 3]
    assert shard.card() == plain.card()
    assert FolderAdapter(str(tmp_path / "mine.tar"), {}, "cpu").card().name == "mine"


def test_texts_and_fields_beside_images_tell_the_prompt(tmp_path: Path) -> None:
    reverse = list(enumerate(reversed(PROMPTS)))
    texts = {f"{n:06d}.{end}": png(n) if end == "png" else p.text for n, p in reverse for end in ("png", "txt", "cls")}
    adapter, levels = matched(packed(tmp_path / "a.tar", texts))
    assert levels == [3, 2, 1, 0]
    assert adapter.card().settings["matched_by"] == "metadata text"
    marked = {name: "\ufeff" + text if isinstance(text, str) else text for name, text in texts.items()}
    assert matched(packed(tmp_path / "marked.tar", marked))[1] == levels
    fields = {f"{n:06d}.png": png(n) for n, _ in reverse}
    fields |= {
        f"{n:06d}.json": json.dumps({"prompt_id": p.id, "sample": 0, "sha256": "x"}).encode() for n, p in reverse
    }
    adapter, levels = matched(packed(tmp_path / "b.tar", fields))
    assert levels == [3, 2, 1, 0]
    assert adapter.card().settings["matched_by"] == "metadata"


@pytest.mark.parametrize("argument", ["*.tar", "shard-0000[01].tar", "."])
def test_several_shards_are_one_folder(tmp_path: Path, argument: str) -> None:
    for half in range(2):
        part = list(enumerate(PROMPTS))[2 * half : 2 * half + 2]
        packed(
            tmp_path / f"shard-{half:05d}.tar",
            {f"{n}.png": png(n) for n, _ in part} | {f"{n}.txt": p.text for n, p in part},
        )
    adapter, levels = matched(tmp_path / argument)
    assert levels == [0, 1, 2, 3]
    assert adapter.card().name in ("shard-0000", tmp_path.name)


def test_a_table_in_the_shard_comes_first(tmp_path: Path) -> None:
    rows = "".join(json.dumps({"file_name": f"{n}.png", "text": p.text}) + "\n" for n, p in enumerate(PROMPTS))
    files = {"in/metadata.jsonl": rows} | {f"in/{n}.png": png(n) for n in range(4)} | {"in/0.txt": "other"}
    assert matched(packed(tmp_path / "a.tar", files))[1] == [0, 1, 2, 3]


def test_tars_beside_images_are_left_out_and_that_is_noted(tmp_path: Path) -> None:
    for n, prompt in enumerate(PROMPTS):
        (tmp_path / f"{prompt.id}.png").write_bytes(png(n))
    packed(tmp_path / "backup.tar", {"x.png": png(9)})
    adapter, levels = matched(tmp_path)
    assert levels == [0, 1, 2, 3]
    assert "1 tar files left out" in adapter.sources().notes[0]


@pytest.mark.parametrize(
    ("files", "kind", "link", "why"),
    [
        ({"/etc/x.png": b"x"}, tarfile.REGTYPE, "", "leads out of it"),
        ({"../x.png": b"x"}, tarfile.REGTYPE, "", "leads out of it"),
        ({"a/../../x.png": b"x"}, tarfile.REGTYPE, "", "leads out of it"),
        ({"a\\..\\x.png": b"x"}, tarfile.REGTYPE, "", "leads out of it"),
        ({"x.png": b""}, tarfile.SYMTYPE, "/etc/passwd", "a link or no plain file"),
        ({"x.png": b""}, tarfile.LNKTYPE, "../secret", "a link or no plain file"),
        ({"x.png": b""}, tarfile.FIFOTYPE, "", "a link or no plain file"),
        ({"x.png": b""}, tarfile.CHRTYPE, "", "a link or no plain file"),
        ({"a.png": b"x", "a.txt": b"y" * (1 << 20) + b"z"}, tarfile.REGTYPE, "", "too long"),
        ({"a.png": b"x", "a.txt": b"\xff\xfe"}, tarfile.REGTYPE, "", "cannot be read"),
        ({"a.png": b"x", "a.json": b"{" * 100_000}, tarfile.REGTYPE, "", "cannot be read"),
        ({"a.png": b"x", "a.jpg": b"x", "a.txt": b"z"}, tarfile.REGTYPE, "", "a.png and a.jpg for one key"),
        ({"a.png": b"x", "a.txt": b"z", "a.json": b'{"prompt": "y"}'}, tarfile.REGTYPE, "", "different texts of a.png"),
        ({"a.png": b"x", "./a.png": b"z"}, tarfile.REGTYPE, "", "both hold a.png"),
        ({"\udcff.png": b"x"}, tarfile.REGTYPE, "", "no text in UTF-8: rename it"),
        ({"a.bmp": b"x"}, tarfile.REGTYPE, "", "not PNG, JPEG or WebP"),
        ({"a.cls": b"x"}, tarfile.REGTYPE, "", "holds no images"),
    ],
)
def test_hostile_and_ambiguous_shards_are_refused(
    tmp_path: Path, files: dict[str, bytes], kind: bytes, link: str, why: str
) -> None:
    (tmp_path / "in").mkdir()
    path = packed(tmp_path / "in" / "a.tar", files, kind, link)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(Exception, match=why) as caught:
        FolderAdapter(str(path), {}, "cpu")
    assert isinstance(caught.value, UserError | ValueError)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_bomb_is_refused_before_it_is_written(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.tar", {"a.png": png(1)})
    content = bytearray(path.read_bytes())
    content[124:136] = b"77777777777\0"  # 8 GiB
    content[148:156] = b"        "
    content[148:156] = f"{sum(content[:512]):06o}\0 ".encode()
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"cannot be unpacked|more than it has"):
        FolderAdapter(str(path), {}, "cpu")
    with tarfile.open(tmp_path / "b.tar", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("a.png"))
    with pytest.raises(UserError, match=r"cannot be unpacked.*without compression"):
        FolderAdapter(str(tmp_path / "b.tar"), {}, "cpu")


def test_what_is_cut_short_or_put_together_is_refused(tmp_path: Path) -> None:
    whole = packed(tmp_path / "a.tar", {f"{n}.png": png(n) for n in range(3)}).read_bytes()
    end = len(whole.rstrip(b"\0")) // 512 * 512 + 512
    for length in (end, end - 300, 1024, 1024 + 512 + 100, 700, 100, 0):
        (tmp_path / "cut.tar").write_bytes(whole[:length])
        with pytest.raises(UserError, match=r"cut short|cannot be unpacked|behind its end"):
            FolderAdapter(str(tmp_path / "cut.tar"), {}, "cpu")
    (tmp_path / "two.tar").write_bytes(whole + whole)
    with pytest.raises(UserError, match="put together with cat"):
        FolderAdapter(str(tmp_path / "two.tar"), {}, "cpu")


def test_patterns_that_fit_nothing_or_more_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"")
    for pattern, why in (("*.tar", "fits no file"), ("a.*", "fits a.zip, which is no tar file")):
        with pytest.raises(UserError, match=why):
            FolderAdapter(str(tmp_path / pattern), {}, "cpu")
    with pytest.raises(UserError, match=r"or a \.tar file that is not compressed"):
        FolderAdapter(str(tmp_path / "absent.tar"), {}, "cpu")


def test_a_run_of_shards_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    files = {f"{n}.png": png(n) for n in range(4)} | {f"{n}.txt": p.text for n, p in enumerate(PROMPTS)}
    packed(tmp_path / "x.tar", files)
    (tmp_path / "p.csv").write_text("category,prompt\n" + "".join(f'Colors,"{p.text}"\n' for p in PROMPTS))
    assert main(["generate", "--model", "folder:x.tar", "--prompts", "p.csv", "--out", "run"]) == 0
    assert RunDirectory.open("run").require_seal().images == 4
    __import__("gc").collect()
    assert not list((tmp_path / "tmp").iterdir())
