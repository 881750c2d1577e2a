"""Work on all votes, done in a process of its own: raters share the server's process and must not wait for it."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from drawbench.errors import UserError
from human_eval_app.app.admin.exports import KINDS, Which, export
from human_eval_app.app.service import STUDY_VARIABLE, Service, default_database
from human_eval_app.store.export import Format
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Design, read_design

MODULE = "human_eval_app.app.admin.aside"
SECONDS = 600.0  # after so long the work is given up


class AsideError(Exception):
    """The work could not be done; the sentence is for people."""


def aside(service: Service, work: str) -> bytes:
    """The result of one of WORK on the service's study, from a new process. Raises AsideError when there is none."""
    environment = {**os.environ, STUDY_VARIABLE: str(service.folder)}
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", MODULE, work],
            capture_output=True,
            env=environment,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise AsideError(f"The votes took longer than {SECONDS:.0f} s to read; use the command line.") from None
    if done.returncode != 0:
        told = done.stderr.decode(errors="replace").strip().splitlines()
        raise AsideError(told[-1] if told else "The work ended without a word; see the server's log.")
    return done.stdout


def export_work(which: Which, form: Format) -> str:
    """The name of the work that makes a file of votes."""
    return f"export-{which}-{form}"


def main(work: str) -> int:
    """Do the work and write its result to stdout."""
    study = Path(os.environ[STUDY_VARIABLE])
    try:
        design = read_design(study)
        store = VoteStore.open(default_database(study), design, read_only=True)
        sys.stdout.buffer.write(WORK[work](design, store))
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _quality(design: Design, store: VoteStore) -> bytes:
    from human_eval_app.app.admin.quality import quality

    return quality(design, store.vote_rows(), closed=store.status() == "closed").model_dump_json().encode()


def _known(design: Design, store: VoteStore) -> bytes:
    from human_eval_app.app.admin.known import known

    return known(design, store.vote_rows()).model_dump_json().encode()


def _results(design: Design, store: VoteStore) -> bytes:
    from human_eval_app.app.admin.results import results

    return results(design, store.vote_rows()).model_dump_json().encode()


def _export(which: Which, form: Format) -> Callable[[Design, VoteStore], bytes]:
    return lambda design, store: export(design, store.vote_rows(), which, form)


WORK: dict[str, Callable[[Design, VoteStore], bytes]] = {
    "quality": _quality,
    "known": _known,
    "results": _results,
    **{export_work(which, form): _export(which, form) for which, form in KINDS},
}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
