"""What would be uploaded as a release: an sdist and a wheel of the tracked files, built, installed anew, and tried.

    make release

The new virtual environment shares this one's third-party packages, so that nothing is downloaded; `pip check`
compares their versions with what the wheel asks for. Nothing is uploaded.
"""

import argparse
import hashlib
import os
import re
import shutil
import site
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ENTRY = re.compile(r"^## \[(?P<version>[^\]]+)\] - (?P<date>.+)$", re.MULTILINE)  # as Keep a Changelog has it
TRIED = "run --model reference --prompts open --limit 1 --samples 1 --size 64 --out run"


class ReleaseError(Exception):
    """Why this cannot be released, as one sentence."""


def main() -> int:
    """Build and check; 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m deploy.release", description="build a release and check it")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where the files go (dist)")
    out = parser.parse_args().out
    try:
        version, date = checked_version(ROOT)
        with tempfile.TemporaryDirectory() as scratch:
            source, new, home = (Path(scratch) / name for name in ("source", "new", "home"))
            copy_tracked(ROOT, source)
            built = build(source, new)
            twine_check(built)
            wheel = next(path for path in built if path.suffix == ".whl")
            environment = install(wheel, Path(scratch) / "venv")
            home.mkdir()
            try_out(environment, version, home)
            files = keep(built, out)
    except ReleaseError as error:
        print(f"release: {error}", file=sys.stderr)
        return 1
    for path in files:
        print(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}")
    if date == "unreleased":
        print(f"Not to be uploaded yet: CHANGELOG.md calls {version} unreleased; put the date there, and make it anew.")
    else:
        print(f"Checked. To upload: {sys.executable} -m twine upload {' '.join(map(str, files))}")
    return 0


def checked_version(root: Path) -> tuple[str, str]:
    """The version, and its date in CHANGELOG.md; raises ReleaseError unless all three places have the same one."""
    entry = ENTRY.search((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    if entry is None:
        raise ReleaseError("CHANGELOG.md has no entry: write one as `## [1.2.3] - 2026-01-31`, the newest first.")
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    module = re.search(r'^__version__ = "(.+)"$', (root / "drawbench/__init__.py").read_text(), re.MULTILINE)
    found = {
        "CHANGELOG.md": entry["version"],
        "pyproject.toml": project,
        "drawbench/__init__.py": module[1] if module else "none",
    }
    if len(set(found.values())) > 1:
        told = ", ".join(f"{version} in {file}" for file, version in found.items())
        raise ReleaseError(f"the version is not the same everywhere: {told}.")
    if entry["date"] != "unreleased" and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", entry["date"]):
        raise ReleaseError(f"CHANGELOG.md dates {entry['version']} {entry['date']!r}: write a day, as 2026-01-31.")
    return entry["version"], entry["date"]


def copy_tracked(root: Path, target: Path) -> list[str]:
    """Copy what a clone would hold, so that build folders and files of one's own add nothing; the relative paths."""
    listed = succeed(["git", "ls-files", "-z"], cwd=root)
    names = [name for name in listed.split("\0") if name and (root / name).is_file()]
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / name, target / name)
    return names


def build(source: Path, out: Path) -> list[Path]:
    """The sdist, and the wheel that is built from it."""
    succeed([sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out)], cwd=source)
    return sorted(out.iterdir())


def twine_check(built: list[Path]) -> None:
    """Whether an index would take and show the files."""
    succeed([sys.executable, "-m", "twine", "check", "--strict", *map(str, built)], cwd=built[0].parent)


def install(wheel: Path, folder: Path) -> Path:
    """A new virtual environment with the wheel and, besides it, this environment's third-party packages."""
    venv.create(folder, with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), "--disable-pip-version-check"]
    succeed([*pip, "install", "--no-deps", "--no-index", str(wheel)], cwd=folder)
    # A path in a .pth file is searched for packages, but the .pth files found there, an editable install's among
    # them, are not read. Written last, so that pip cannot take this environment's drawbench for the new one's.
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "third_party.pth").write_text("\n".join(site.getsitepackages()) + "\n")
    succeed([*pip, "check"], cwd=folder)
    return folder


def try_out(environment: Path, version: str, folder: Path) -> None:
    """The help, the version, and a run of the bundled model, with the installed wheel alone."""
    program = str(environment / "bin" / "drawbench")
    if (told := succeed([program, "--version"], cwd=folder).strip()) != f"drawbench {version}":
        raise ReleaseError(f"the wheel says that it is {told}, not drawbench {version}.")
    for words in ("--help", TRIED):
        succeed([program, *words.split()], cwd=folder)
    if not (folder / "run/scores/bundled.json").is_file():
        raise ReleaseError(f"`drawbench {TRIED}` left no scores.")


def keep(built: list[Path], out: Path) -> list[Path]:
    """Move the files to `out`, which then holds them alone of all releases' files."""
    out.mkdir(parents=True, exist_ok=True)
    for old in [*out.glob("drawbench-*.whl"), *out.glob("drawbench-*.tar.gz")]:
        old.unlink()
    return [Path(shutil.move(path, out / path.name)) for path in built]


def succeed(command: list[str], cwd: Path) -> str:
    """Run a command away from the checkout's modules and caches; its output. Raises ReleaseError when it fails."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "DRAWBENCH"))}
    variables |= {"HF_HUB_OFFLINE": "1", "DRAWBENCH_HOME": str(cwd / "cache")}
    done = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ReleaseError(f"{' '.join(command)} failed:\n{done.stdout}\n{done.stderr}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
