"""The golden data is what it was: a test that fails is no reason to make it anew; see make.py."""

import hashlib
from pathlib import Path

from tests.golden.comparing import files_of

HERE = Path(__file__).parent


def test_no_file_was_changed_and_none_is_missing() -> None:
    lines = (HERE / "data.sha256").read_text(encoding="utf-8").splitlines()
    recorded = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    found = {
        name: hashlib.sha256(content).hexdigest()
        for name, content in files_of(HERE / "data").items()
        if "__pycache__" not in name
    }
    assert found == recorded
