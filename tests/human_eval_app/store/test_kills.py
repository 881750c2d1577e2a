"""Processes killed with kill -9 while they vote: what was acknowledged is there, once, and no quota is overrun."""

import time
from pathlib import Path
from random import Random

import pytest

from human_eval_app.store.store import VoteStore
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.crowd import Notes, kill, start_crowd
from tests.human_eval_app.store.invariants import check

SEED = 20_260_101


def vote_through_kills(url: str, notes_path: Path, kills: int, raters: int) -> None:
    """Two processes of three raters at a time each; one of them is killed `kills` times, and then both may finish."""
    design = make_design(categories={"Colors": 12, "Counting": 9}, raters=raters, training=1, gold=2, mirrored=1)
    VoteStore.open(url, design).close()
    random, notes = Random(SEED), Notes(notes_path)
    names = [[f"{thread} {number}" for number in range(raters)] for thread in range(6)]
    running = [start_crowd(url, design, names[3 * n : 3 * n + 3], notes_path, SEED + n) for n in range(2)]
    for count in range(kills):
        victim = random.randrange(2)
        wait_for_votes(notes, len(notes.read()) + random.randrange(1, 25))
        kill(running[victim])
        running[victim] = start_crowd(url, design, names[3 * victim : 3 * victim + 3], notes_path, SEED + 10 * count)
    for process in running:
        process.join(120)
        assert process.exitcode == 0
    store = VoteStore.open(url, design)
    votes = check(store, design)
    acknowledged = notes.read()
    assert len(acknowledged) > 25 * kills
    assert len({vote.key for vote in acknowledged}) == len(acknowledged), "no vote was acknowledged twice"
    assert all(votes[vote.key] == vote.answers for vote in acknowledged)
    assert {seat.status for seat in store.seats()} == {"complete"}, "there were more raters than seats"
    store.close()


def wait_for_votes(notes: Notes, count: int) -> None:
    """Until so many votes were acknowledged."""
    give_up = time.monotonic() + 60
    while len(notes.read()) < count:
        assert time.monotonic() < give_up, "nobody votes"
        time.sleep(0.005)


def test_no_acknowledged_vote_is_lost_in_a_kill(url: str, tmp_path: Path) -> None:
    vote_through_kills(url, tmp_path / "notes", kills=3, raters=8)


@pytest.mark.proof
def test_no_acknowledged_vote_is_lost_in_forty_kills(url: str, tmp_path: Path) -> None:
    vote_through_kills(url, tmp_path / "notes", kills=40, raters=100)
