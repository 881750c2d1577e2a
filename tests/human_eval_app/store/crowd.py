"""Raters in a hurry: processes and threads that vote as fast as they can and note what was acknowledged."""

import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from human_eval_app.store.records import Identity, Place, StoreRefusal
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Design
from tests.human_eval_app.store.invariants import Key
from tests.human_eval_app.store.sitting import TIMING, VERSION, answers, part_of, trial_at

END = " noted"
FORK = multiprocessing.get_context("fork")  # a child starts within milliseconds; it opens connections of its own


@dataclass(frozen=True)
class Acknowledged:
    """A vote whose call came back: its key and its answers."""

    key: Key
    answers: dict[str, str]


class Notes:
    """A file of acknowledgements. What a process wrote into it before it was killed is there."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def add(self, vote: Acknowledged) -> None:
        """One line, in one write. It starts a line of its own, whatever a process that was killed left behind."""
        os.write(self._handle, ("\n" + json.dumps([*vote.key, vote.answers]) + END).encode())

    def read(self) -> list[Acknowledged]:
        """All of them. A note that is being written, or that a kill cut off, is not one yet."""
        lines = [json.loads(line[: -len(END)]) for line in self.path.read_text().split("\n") if line.endswith(END)]
        return [Acknowledged((s, part, position, sequence), given) for s, part, position, sequence, given in lines]


def rate(
    store: VoteStore,
    design: Design,
    name: str,
    notes: Notes,
    random: Random,
    patience: float = 0.0,
    absence: float = 0.0,
) -> Place:
    """One rater from the door to their end, now and then taking a vote back, or away for `absence` seconds.

    A refusal because of a full or unreachable database is tried again for `patience` seconds.
    """
    place = store.consent(store.enter(Identity("invite", name)).rater, "en", "1")
    if place.stage == "instructions":
        place = store.finish_instructions(place.rater)
    give_up = time.monotonic() + patience
    while place.stage in ("training", "trial"):
        sitting = place.sitting
        assert sitting is not None
        trial = trial_at(design, place)
        given = answers(design, trial, random.randrange(3), wrong=random.random() < 0.1)
        key: Key = (sitting, part_of(place), place.position, place.sequence)
        if random.random() < 0.1:
            time.sleep(absence)
        try:
            if place.can_undo and random.random() < 0.05:
                place = store.undo(place.rater, sitting, place.position - 1)
                continue
            place = store.vote(place.rater, sitting, part_of(place), *key[2:], given, TIMING, VERSION)
        except StoreRefusal as refusal:
            if refusal.reason == "lease_gone":
                return store.place(place.rater)
            if time.monotonic() > give_up:
                raise
            continue
        notes.add(Acknowledged(key, {**given}))
    return place


def crowd(
    url: str, design: Design, names: Sequence[Sequence[str]], notes: Path, seed: int, lease_minutes: float
) -> None:
    """A server process: one thread per list of names, whose raters come one after another."""
    short_leases = lease_minutes < 0.01  # such as a rater outstays within a test
    store, written, failures = VoteStore.open(url, design, lease_minutes), Notes(notes), []

    def work(number: int) -> None:
        random = Random(f"{seed} {number}")
        try:
            for name in names[number]:
                rate(store, design, name, written, random, absence=2 * lease_minutes * 60 if short_leases else 0.0)
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(names))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store.close()
    if failures:
        os._exit(1)


def start_crowd(
    url: str, design: Design, names: Sequence[Sequence[str]], notes: Path, seed: int, lease_minutes: float = 30.0
) -> multiprocessing.process.BaseProcess:
    """`crowd` in a process of its own."""
    process = FORK.Process(target=crowd, args=(url, design, names, notes, seed, lease_minutes), daemon=True)
    process.start()
    return process


def kill(process: multiprocessing.process.BaseProcess) -> None:
    """kill -9."""
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
