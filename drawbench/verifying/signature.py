"""Who signed a result: OpenSSH signatures beside the file, namespace `drawbench`."""

import shutil
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

from drawbench.errors import UserError
from drawbench.verifying.check import Check, fails, holds, not_checkable

SIGNATURE, NAMESPACE = "signature", "drawbench"


def check_signature(result: Path, signers: Path | None) -> Check | None:
    """Whether RESULT.sig is the signature of somebody in an `allowed_signers` file; None where nothing is asked.

    Raises UserError where ssh-keygen or the file is missing, and for a run, which nobody signs.
    """
    if result.is_dir():
        if signers is None:
            return None
        raise UserError(
            f"--signers needs a signed file and {result} is a run: name the result file, and --run {result}"
        )
    beside = result.with_name(f"{result.name}.sig")
    if signers is None:
        return not_checkable(SIGNATURE, f"{beside.name} is there: give --signers") if beside.is_file() else None
    if shutil.which("ssh-keygen") is None:
        raise UserError("--signers needs ssh-keygen, which is not installed: install OpenSSH")
    if not signers.is_file():
        raise UserError(f"the file of signers {signers} is not there: check the path")
    if not beside.is_file():
        return fails(SIGNATURE, f"there is no {beside}")
    named, content = [], result.read_bytes()
    with TemporaryDirectory(prefix="drawbench-verify-") as folder:
        entry = Path(folder) / "signer"
        for line in signers.read_text(encoding="utf-8", errors="replace").splitlines():
            # One by one: a key may stand there for several people and namespaces, of which ssh-keygen finds the first.
            entry.write_text(f"{line}\n", encoding="utf-8")
            who = _ssh("find-principals", "-s", str(beside), "-f", str(entry))
            if who.returncode:
                continue
            name = who.stdout.decode(errors="replace").splitlines()[0]
            named.append(name)
            words = ["verify", "-f", str(entry), "-I", name, "-n", NAMESPACE, "-s", str(beside)]
            if _ssh(*words, content=content).returncode == 0:
                return holds(SIGNATURE, f"of {name}")
    if not named:
        return fails(SIGNATURE, f"its key is not in {signers}")
    return fails(SIGNATURE, f"{beside.name} is not {' or '.join(dict.fromkeys(named))}'s signature of this file")


def _ssh(*words: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(["ssh-keygen", "-Y", *words], input=content, capture_output=True)
