"""Seats, raters and vote rows as admins and analyses see them."""

from human_eval_app.store.overview import iso
from human_eval_app.store.records import Identity, SeatState
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.conftest import Clock, OpenStore
from tests.human_eval_app.store.sitting import TIMING, VERSION, cast, finish, ready, seated, voting

DESIGN = make_design(categories={"Colors": 3}, raters=4, training=1, gold=1, mirrored=1)
N = 5  # trials of a seat


def test_seats_in_each_of_their_states(open_store: OpenStore, clock: Clock) -> None:
    store = open_store(DESIGN, lease_minutes=30, clock=clock)
    done = finish(store, DESIGN, ready(store, "done"))
    away = cast(store, DESIGN, cast(store, DESIGN, ready(store, "away")))
    clock.pass_minutes(31)
    here = seated(store, "here")
    assert clock.now == 1_800_000_000 + 31 * 60  # 2027-01-15T08:31:00Z
    assert store.seats() == [
        SeatState("colors", "colors-001", "complete", done.rater, done.sitting, None, N, N),
        SeatState("colors", "colors-002", "lapsed", away.rater, away.sitting, "2027-01-15T08:30:00.000Z", 1, N),
        SeatState("colors", "colors-003", "leased", here.rater, here.sitting, "2027-01-15T09:01:00.000Z", 0, N),
        SeatState("colors", "colors-004", "free", None, None, None, 0, N),
    ]


def test_raters_in_each_of_their_stages(open_store: OpenStore, clock: Clock) -> None:
    design = make_design(categories={"Colors": 3}, raters=4, training=1, gold=2, minimum_gold_correct=0.5)
    store = open_store(design, lease_minutes=30, clock=clock)
    store.enter(Identity("prolific", "looking", session="s1"))
    store.enter(Identity("prolific", "looking", session="s2"))
    finish(store, design, ready(store, "done"))
    finish(store, design, ready(store, "careless"), wrong_gold=True)
    slow = ready(store, "slow")
    training = cast(store, design, ready(store, "training"), wrong=True)
    store.withdraw(seated(store, "gone").rater)
    clock.pass_minutes(1)
    trial = cast(store, design, cast(store, design, training))
    assert trial.sitting is not None
    store.undo(trial.rater, trial.sitting, 0)
    clock.pass_minutes(29.5)
    seated(store, "next")
    seated(store, "after next")
    store.withdraw(store.enter(Identity("invite", "unwilling")).rater)
    raters = {rater.external_id: rater for rater in store.raters()}
    assert {name: rater.stage for name, rater in raters.items()} == {
        "looking": "full",
        "done": "complete",
        "careless": "screened_out",
        "slow": "timed_out",
        "training": "trial",
        "gone": "withdrawn",
        "next": "instructions",
        "after next": "instructions",
        "unwilling": "withdrawn",
    }
    assert all(store.place(rater.rater).stage == rater.stage for rater in raters.values())
    assert raters["looking"].sessions == ("s1", "s2")
    assert (raters["looking"].seat, raters["looking"].sitting_state, raters["looking"].total) == (None, None, 0)
    assert (raters["careless"].gold_right, raters["careless"].gold_answers) == (0, 2)
    assert (raters["done"].votes, raters["done"].total, raters["done"].gold_right) == (5, 5, 2)
    worker = raters["training"]
    assert (worker.training_tries, worker.votes, worker.undone) == (2, 0, 1)
    assert (worker.entered_at, worker.last_vote_at) == ("2027-01-15T08:00:00.000Z", "2027-01-15T08:01:00.000Z")
    assert (raters["slow"].seat, raters["slow"].ended_at) == (slow.seat, "2027-01-15T08:30:30.000Z")
    assert raters["unwilling"].ended_at == "2027-01-15T08:30:30.000Z"


def test_a_vote_row_tells_what_was_on_the_screen(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    place = ready(store, "one")
    assert place.seat is not None
    list(voting(store, DESIGN, place))
    rows = list(store.vote_rows())
    assert [(row.part, row.position, row.question) for row in rows] == [
        (part, position, question)
        for part, positions in (("training", 1), ("main", N))
        for position in range(positions)
        for question in ("fidelity", "alignment")
    ]
    for row in rows:
        trials = DESIGN.training if row.part == "training" else DESIGN.trials_of_seat[place.seat]
        trial = trials[row.position]
        assert trial.right is not None
        assert (row.kind, row.prompt_id) == (trial.kind, trial.prompt_id)
        assert (row.left_model, row.right_model) == (DESIGN.sets[trial.left].model, DESIGN.sets[trial.right].model)
        assert row.expected == trial.expected.get(row.question, "")
        assert (row.study, row.design_sha256) == (DESIGN.name, DESIGN.sha256)
        assert (row.panel, row.category, row.seat) == ("colors", "Colors", place.seat)
        assert (row.load_ms, row.dwell_ms, row.zooms, row.client_time) == (
            TIMING.load_ms,
            TIMING.dwell_ms,
            TIMING.zooms,
            TIMING.shown_at,
        )
        assert (row.app_version, row.language, row.source) == (VERSION, "en", "invite")
    mirror = rows[-1]
    assert mirror.kind == "mirror"
    assert mirror.mirror_of_position is not None
    shown = DESIGN.trials_of_seat[place.seat]
    assert (shown[mirror.mirror_of_position].left, shown[mirror.mirror_of_position].right) == (
        shown[mirror.position].right,
        shown[mirror.position].left,
    )
    assert {row.mirror_of_position for row in rows[:-2]} == {None}


def test_a_single_image_has_no_right_side(open_store: OpenStore) -> None:
    design = make_design("coco-alignment")
    store = open_store(design)
    cast(store, design, ready(store, "one"))
    (row,) = store.vote_rows()
    assert (row.right_model, row.answer) == ("", "yes")


def test_votes_are_rows_in_the_order_in_which_they_were_given(open_store: OpenStore) -> None:
    design = make_design()
    store = open_store(design)
    first, second = ready(store, "first"), ready(store, "second")
    cast(store, design, second)
    cast(store, design, first)
    assert [row.rater for row in store.vote_rows()][::2] == [second.rater, first.rater]


def test_a_time_is_iso_8601() -> None:
    assert iso(0) == "1970-01-01T00:00:00.000Z"
    assert iso(1_700_000_000_007) == "2023-11-14T22:13:20.007Z"
