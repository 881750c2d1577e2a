"""The program itself: help, versions, exit codes."""

import subprocess
import sys

from drawbench import __version__


def _drawbench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "drawbench.cli.main", *arguments], capture_output=True, text=True, check=False
    )


def test_help_does_not_load_torch() -> None:
    probe = (
        "import sys; from drawbench.cli.main import main; main([]); assert not {'torch', 'pandas'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_version_is_the_packages() -> None:
    assert _drawbench("--version").stdout.strip() == f"drawbench {__version__}"


def test_an_unknown_command_is_the_users_error() -> None:
    done = _drawbench("no-such-command")
    assert done.returncode == 2
    assert "no-such-command" in done.stderr
