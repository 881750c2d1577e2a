"""Who signed a result: OpenSSH signatures beside the file, namespace `drawbench`."""

import shutil
import subprocess
from pathlib import Path

from drawbench.errors import UserError
from drawbench.verifying.check import Check, fails, holds, not_checkable

SIGNATURE, NAMESPACE = "signature", "drawbench"


def check_signature(result: Path, signers: Path | None) -> Check | None:
    """Whether RESULT.sig is the signature of somebody in an `allowed_signers` file; None where nothing is asked.

    Raises UserError where ssh-keygen or the file is missing.
    """
    beside = result.with_name(f"{result.name}.sig")
    if signers is None:
        return not_checkable(SIGNATURE, f"{beside.name} is there: give --signers") if beside.is_file() else None
    if shutil.which("ssh-keygen") is None:
        raise UserError("--signers needs ssh-keygen, which is not installed: install OpenSSH")
    if not signers.is_file():
        raise UserError(f"the file of signers {signers} is not there: check the path")
    if not beside.is_file():
        return fails(SIGNATURE, f"there is no {beside}")
    who = _ssh("find-principals", "-s", str(beside), "-f", str(signers))
    if who.returncode:
        return fails(SIGNATURE, f"its key is not in {signers}")
    name = who.stdout.decode().splitlines()[0]
    words = ["verify", "-f", str(signers), "-I", name, "-n", NAMESPACE, "-s", str(beside)]
    if _ssh(*words, content=result.read_bytes()).returncode:
        return fails(SIGNATURE, f"{beside.name} is not {name}'s signature of this file")
    return holds(SIGNATURE, f"of {name}")


def _ssh(*words: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["ssh-keygen", "-Y", *words], input=content, capture_output=True)
