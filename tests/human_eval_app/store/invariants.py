"""What must hold in every vote store at any time, whatever happened to it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from human_eval_app.store.records import VoteRow
from human_eval_app.store.store import VoteStore
from human_eval_app.study.design import Design

Key = tuple[int, str, int, int]  # sitting, part, position, sequence


def check(store: VoteStore, design: Design) -> dict[Key, dict[str, str]]:
    """Raise AssertionError where something does not hold; return every vote's answers by its key."""
    rows = list(store.vote_rows())
    votes = _votes(rows, design)
    owners = {row.sitting: (row.rater, row.seat, row.sitting_state) for row in rows}
    raters = store.raters()
    sittings = {rater.sitting: (rater.rater, rater.seat, rater.sitting_state) for rater in raters if rater.sitting}
    assert len(sittings) == sum(rater.sitting is not None for rater in raters), "a rater sits once"
    assert owners.items() <= sittings.items()
    in_use = Counter(seat for _, seat, state in sittings.values() if state in ("active", "complete"))
    assert set(in_use.values()) <= {1}, "no seat is used twice"
    standing = _standing_positions(rows)
    for sitting, (_, seat, state) in sittings.items():
        total = len(design.trials_of_seat[str(seat)])
        positions = standing[sitting]
        assert positions == list(range(len(positions))), "standing votes have no gap and no double"
        assert len(positions) <= total
        assert (len(positions) == total) == (state in ("complete", "screened_out"))
    _check_seats(store, design, sittings)
    return votes


def _votes(rows: Iterable[VoteRow], design: Design) -> dict[Key, dict[str, str]]:
    votes: dict[Key, dict[str, str]] = defaultdict(dict)
    for row in rows:
        key = (row.sitting, row.part, row.position, row.sequence)
        assert row.question not in votes[key], "no vote is there twice"
        votes[key][row.question] = row.answer
    asked = {question.id for question in design.questions}
    assert all(answers.keys() == asked for answers in votes.values())
    return dict(votes)


def _standing_positions(rows: Iterable[VoteRow]) -> dict[int, list[int]]:
    found: dict[int, set[int]] = defaultdict(set)
    count: Counter[int] = Counter()
    for row in rows:
        if row.part == "main" and not row.superseded:
            found[row.sitting].add(row.position)
            count[row.sitting] += 1
    questions = {row.question for row in rows}
    assert all(count[sitting] == len(questions) * len(positions) for sitting, positions in found.items())
    return defaultdict(list, {sitting: sorted(positions) for sitting, positions in found.items()})


def _check_seats(store: VoteStore, design: Design, sittings: Mapping[int, tuple[int, str | None, str | None]]) -> None:
    seats = store.seats()
    assert [seat.seat for seat in seats] == list(design.panel_of_seat)
    for seat in seats:
        used = [(s, rater, state) for s, (rater, place, state) in sittings.items() if place == seat.seat]
        current = [each for each in used if each[2] in ("active", "complete")]
        if seat.status == "free":
            assert current == []
        else:
            ((sitting, rater, state),) = current
            assert (seat.sitting, seat.rater) == (sitting, rater)
            assert (seat.status == "complete") == (state == "complete")
