"""A rater's way through the store, on SQLite and PostgreSQL."""

import dataclasses
from collections.abc import Callable

import pytest

from human_eval_app.store.records import Identity, ResponseTimes, StoreRefusal
from human_eval_app.store.store import VoteStore
from tests.human_eval_app.designs import make_design
from tests.human_eval_app.store.conftest import OpenStore
from tests.human_eval_app.store.sitting import (
    TIMING,
    VERSION,
    answers,
    cast,
    finish,
    part_of,
    ready,
    seated,
    trial_at,
    voting,
)

DESIGN = make_design(training=2, gold=2, mirrored=1, minimum_gold_correct=0.5)
NASTY = '\'; DROP TABLE vote; -- <script>alert("x")</script> %s %(x)s {y} \\ \u202e 🦉'


def refused(call: object) -> StoreRefusal:
    with pytest.raises(StoreRefusal) as caught:
        call()  # type: ignore[operator]
    assert caught.value.sentence.endswith((".", "!"))
    assert "\n" not in caught.value.sentence
    return caught.value


def test_a_whole_sitting(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    place = store.enter(Identity("prolific", "5f0", session="s-1"))
    assert (place.stage, place.sitting, place.language) == ("consent", None, None)
    place = store.consent(place.rater, "de", "1")
    assert (place.stage, place.language) == ("instructions", "de")
    place = store.finish_instructions(place.rater)
    assert (place.stage, place.position, place.total, place.can_undo) == ("training", 0, 2, False)
    assert place.seat is not None
    stages = [(each.stage, each.position, each.total, each.can_undo) for each in voting(store, DESIGN, place)]
    n = len(DESIGN.trials_of_seat[place.seat])
    trials = [("trial", position, n, position > 0) for position in range(n)]
    assert stages == [("training", 1, 2, False), *trials, ("complete", 0, 0, False)]
    assert store.place(place.rater).stage == "complete"
    (seat,) = [each for each in store.seats() if each.seat == place.seat]
    assert (seat.status, seat.rater, seat.votes, seat.lease_until) == ("complete", place.rater, n, None)


def test_coming_back_is_no_second_rater(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    place = cast(store, DESIGN, ready(store, "one"))
    assert open_store(DESIGN).enter(Identity("invite", "one", session="another device")) == place
    assert store.enter(Identity("mturk", "one")).rater != place.rater


def test_after_the_end_the_door_stays_shut(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    end = finish(store, DESIGN, ready(store, "one"))
    assert store.enter(Identity("invite", "one")) == end
    assert store.consent(end.rater, "en", "1") == end
    assert store.withdraw(end.rater) == end


def test_consent_and_instructions_count_once(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    place = seated(store, "one")
    assert store.consent(place.rater, "de", "2") == place
    assert [seat.rater for seat in store.seats()].count(place.rater) == 1
    begun = store.finish_instructions(place.rater)
    assert store.finish_instructions(place.rater) == begun
    assert store.finish_instructions(store.enter(Identity("invite", "two")).rater).stage == "consent"


def test_the_same_vote_again_changes_nothing(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    place = ready(store, "one")
    after = cast(store, DESIGN, place)
    assert cast(store, DESIGN, place) == after
    assert cast(store, DESIGN, place, submission="another tab") == after
    assert len(list(store.vote_rows())) == len(DESIGN.questions)


PLAIN = make_design(categories={"Colors": 3})


def fidelity(store: VoteStore) -> list[tuple[int, int, str, bool]]:
    return [
        (row.position, row.sequence, row.answer, row.superseded)
        for row in store.vote_rows()
        if row.question == "fidelity"
    ]


def test_another_answer_to_the_last_screen_takes_the_place_of_the_first(open_store: OpenStore) -> None:
    store = open_store(PLAIN)
    first = ready(store, "one")
    after = cast(store, PLAIN, first, 0, submission="a")
    assert cast(store, PLAIN, first, 1, submission="b") == after
    assert fidelity(store) == [(0, 0, "left", True), (0, 1, "indifferent", False)]
    assert cast(store, PLAIN, first, 0, submission="a") == after, "a message that arrives again is the same answer"
    assert cast(store, PLAIN, first, 1, submission="b") == after
    assert cast(store, PLAIN, first, 2) == after, "also without a submission's name"
    assert fidelity(store)[1:] == [(0, 1, "indifferent", True), (0, 2, "right", False)]


def test_another_answer_to_an_older_screen_is_refused_and_told_what_stands(open_store: OpenStore) -> None:
    store = open_store(PLAIN)
    places = [ready(store, "one")]
    places += voting(store, PLAIN, places[0])
    rows = fidelity(store)
    for place in places[:-1]:  # the sitting has ended
        said = refused(lambda place=place: cast(store, PLAIN, place, place.position + 1, submission="late"))
        assert said.reason == "answered"
        assert set(said.standing.values()) == {rows[place.position][2]}
    assert fidelity(store) == rows


def test_a_screen_taken_back_is_answered_by_a_window_that_shows_it_still(open_store: OpenStore) -> None:
    store = open_store(PLAIN)
    first = ready(store, "one")
    cast(store, PLAIN, first, 0, submission="a")
    assert first.sitting is not None
    back = store.undo(first.rater, first.sitting, 0)
    assert cast(store, PLAIN, first, 0, submission="a") == back, "what was taken back does not come back by itself"
    assert cast(store, PLAIN, first, 0, submission="b").position == 1
    assert fidelity(store) == [(0, 0, "left", True), (0, 1, "left", False)]


def test_while_the_study_is_paused_no_answer_is_changed(open_store: OpenStore) -> None:
    store = open_store(PLAIN)
    first = ready(store, "one")
    cast(store, PLAIN, first, 0)
    store.set_status("paused")
    assert refused(lambda: cast(store, PLAIN, first, 1)).reason == "paused"
    assert fidelity(store) == [(0, 0, "left", False)]


def test_the_last_vote_again_is_still_the_end(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    places = [ready(store, "one")]
    places += voting(store, DESIGN, places[0])
    store.set_status("closed")
    assert cast(store, DESIGN, places[-2], places[-2].position) == places[-1]


def test_a_wrong_answer_in_training_is_kept_and_tried_again(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    place = cast(store, DESIGN, ready(store, "one"), wrong=True)
    assert (place.stage, place.position, place.sequence) == ("training", 0, 1)
    place = cast(store, DESIGN, place)
    assert (place.stage, place.position, place.sequence) == ("training", 1, 0)
    assert [row.superseded for row in store.vote_rows() if row.question == "fidelity"] == [True, False]


def test_undo_takes_back_the_last_votes_one_by_one_and_keeps_their_rows(open_store: OpenStore) -> None:
    design = make_design(categories={"Colors": 4})
    store = open_store(design)
    places = [ready(store, "one")]
    places.append(cast(store, design, places[-1], 0))
    places.append(cast(store, design, places[-1], 1))
    assert places[0].sitting is not None
    rater, sitting = places[0].rater, places[0].sitting
    assert store.undo(rater, sitting, 0) == places[2], "only the last one can be taken back"
    back = store.undo(rater, sitting, 1)
    assert back == dataclasses.replace(places[1], sequence=1)
    assert store.undo(rater, sitting, 1) == back, "the same undo again"
    back = store.undo(rater, sitting, 0)
    assert back == dataclasses.replace(places[0], sequence=1)
    assert cast(store, design, places[0]) == back, "a vote that was taken back does not come back by itself"
    cast(store, design, back, 2)
    first, second, third = (row for row in store.vote_rows() if row.question == "fidelity")
    assert [(row.position, row.sequence, row.superseded, row.answer) for row in (first, second, third)] == [
        (0, 0, True, "left"),
        (1, 0, True, "indifferent"),
        (0, 1, False, "right"),
    ]


def test_nothing_is_taken_back_in_training_or_at_the_end(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    training = cast(store, DESIGN, ready(store, "one"))
    assert training.sitting is not None
    assert store.undo(training.rater, training.sitting, 0) == training
    end = finish(store, DESIGN, training)
    assert end.seat is not None
    assert store.undo(end.rater, training.sitting, len(DESIGN.trials_of_seat[end.seat]) - 1) == end
    assert not any(row.superseded for row in store.vote_rows())


def test_too_few_right_gold_answers_screen_out_and_free_the_seat(open_store: OpenStore) -> None:
    design = make_design(categories={"Colors": 2}, raters=1, gold=2, minimum_gold_correct=0.5)
    store = open_store(design)
    out = finish(store, design, ready(store, "careless"), wrong_gold=True)
    assert out.stage == "screened_out"
    assert store.enter(Identity("invite", "careless")) == out
    (careless,) = store.raters()
    assert (careless.stage, careless.gold_right, careless.gold_answers) == ("screened_out", 0, 2)
    good = finish(store, design, ready(store, "careful"))
    assert (good.stage, good.seat) == ("complete", out.seat)
    assert {row.sitting_state for row in store.vote_rows()} == {"screened_out", "complete"}


def test_just_enough_right_gold_answers_suffice(open_store: OpenStore) -> None:
    design = make_design(categories={"Colors": 2}, raters=1, gold=5, minimum_gold_correct=0.8)
    store = open_store(design)
    place = cast(store, design, ready(store, "one"), wrong=True)
    assert finish(store, design, place).stage == "complete"


def test_without_a_minimum_nobody_is_screened_out(open_store: OpenStore) -> None:
    design = make_design(gold=2)
    store = open_store(design)
    assert finish(store, design, ready(store, "one"), wrong_gold=True).stage == "complete"


def test_answers_must_be_answers_to_the_questions(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    place = ready(store, "one")
    assert place.sitting is not None
    sitting = place.sitting
    for given in (
        {},
        {"fidelity": "left"},
        {"fidelity": "left", "alignment": "left", "caption": "yes"},
        {"fidelity": "left", "caption": "left"},
        {"fidelity": "left", "alignment": "yes"},
        {"fidelity": "left", "alignment": NASTY},
    ):
        said = refused(lambda given=given: store.vote(place.rater, sitting, "training", 0, 0, given, TIMING, VERSION))
        assert said.reason == "bad_answers"
    assert list(store.vote_rows()) == []


def test_only_the_next_trial_can_be_voted_on(open_store: OpenStore) -> None:
    design = make_design()
    store = open_store(design)
    place = ready(store, "one")
    assert place.sitting is not None
    given, key = answers(design, trial_at(design, place)), (place.rater, place.sitting, "main")
    for wrong in [(1, 0), (0, 1), (-1, 0), (0, -1), (10**30, 0)]:
        said = refused(lambda wrong=wrong: store.vote(*key, *wrong, given, TIMING, VERSION))  # type: ignore[arg-type]
        assert said.reason == "out_of_order"
    assert list(store.vote_rows()) == []


def test_no_vote_before_its_time(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    place = seated(store, "one")
    sitting = place.sitting
    assert sitting is not None
    given = answers(DESIGN, DESIGN.training[0])
    for part in ("training", "main"):
        said = refused(lambda part=part: store.vote(place.rater, sitting, part, 0, 0, given, TIMING, VERSION))
        assert said.reason == "not_ready"
    store.finish_instructions(place.rater)
    said = refused(lambda: store.vote(place.rater, sitting, "main", 0, 0, given, TIMING, VERSION))
    assert said.reason == "not_ready"


def test_nobody_votes_or_undoes_in_anothers_sitting(open_store: OpenStore) -> None:
    design = make_design()
    store = open_store(design)
    victim = cast(store, design, ready(store, "victim"))
    thief, stranger = ready(store, "thief"), store.enter(Identity("invite", "stranger"))
    assert victim.sitting is not None
    given = answers(design, trial_at(design, victim))
    for rater in (thief.rater, stranger.rater):
        said = refused(
            lambda rater=rater: store.vote(
                rater, victim.sitting, "main", victim.position, victim.sequence, given, TIMING, VERSION
            )
        )
        assert said.reason == "not_yours"
        assert refused(lambda rater=rater: store.undo(rater, victim.sitting, 0)).reason == "not_yours"
    assert store.place(victim.rater) == victim


def test_an_unknown_rater_is_refused(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    for nobody in (0, -1, 77, 2**31 - 1, 2**31, 2**80):
        calls: list[Callable[[int], object]] = [
            store.place,
            store.finish_instructions,
            store.withdraw,
            lambda rater: store.consent(rater, "en", "1"),
            lambda rater: store.undo(rater, 1, 0),
            lambda rater: store.vote(rater, 1, "main", 0, 0, {}, TIMING, VERSION),
        ]
        assert {refused(lambda call=call, nobody=nobody: call(nobody)).reason for call in calls} == {"unknown_rater"}


def test_a_paused_study_takes_nothing_and_goes_on_where_it_was(open_store: OpenStore) -> None:
    design = make_design()
    store, other = open_store(design), open_store(design)
    place = cast(store, design, ready(store, "one"))
    other.set_status("paused")
    assert store.status() == "paused"
    paused = store.place(place.rater)
    assert (paused.stage, paused.sitting, paused.can_undo) == ("paused", place.sitting, False)
    assert refused(lambda: cast(store, design, place)).reason == "paused"
    assert place.sitting is not None
    assert store.undo(place.rater, place.sitting, 0) == paused
    assert store.consent(store.enter(Identity("invite", "two")).rater, "en", "1").stage == "paused"
    assert [seat.rater for seat in store.seats() if seat.rater is not None] == [place.rater]
    other.set_status("open")
    assert store.place(place.rater) == place


def test_a_closed_study_takes_nothing(open_store: OpenStore) -> None:
    design = make_design()
    store = open_store(design)
    done = finish(store, design, ready(store, "done"))
    place = ready(store, "one")
    store.set_status("closed")
    assert refused(lambda: cast(store, design, place)).reason == "closed"
    assert seated(store, "two").stage == "closed"
    assert store.place(done.rater).stage == "complete"


def test_who_withdraws_leaves_the_seat_to_another(open_store: OpenStore) -> None:
    design = make_design(categories={"Colors": 2}, raters=1)
    store = open_store(design)
    place = cast(store, design, ready(store, "one"))
    gone = store.withdraw(place.rater)
    assert gone.stage == "withdrawn"
    assert store.enter(Identity("invite", "one")) == gone
    assert refused(lambda: cast(store, design, place)).reason == "lease_gone"
    assert finish(store, design, ready(store, "two")).stage == "complete"
    assert [row.sitting_state for row in store.vote_rows()].count("withdrawn") == len(design.questions)


def test_who_declines_the_consent_is_not_asked_again(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    rater = store.enter(Identity("invite", "one")).rater
    assert store.withdraw(rater).stage == "withdrawn"
    assert store.consent(rater, "en", "1").stage == "withdrawn"
    assert all(seat.status == "free" for seat in store.seats())


def test_every_text_comes_back_as_it_came(open_store: OpenStore) -> None:
    design = make_design(name=NASTY)
    store = open_store(design)
    rater = store.enter(Identity("prolific", NASTY, session=NASTY)).rater
    store.consent(rater, NASTY, NASTY)
    place = store.finish_instructions(rater)
    assert place.sitting is not None
    given = answers(design, trial_at(design, place))
    store.vote(rater, place.sitting, part_of(place), 0, 0, given, ResponseTimes(1, 2, 3, NASTY), NASTY)
    row = next(iter(store.vote_rows()))
    assert (row.study, row.client_time, row.app_version) == (NASTY, NASTY, NASTY)
    assert (row.language, row.instructions_version) == (NASTY, NASTY)
    (state,) = store.raters()
    assert (state.external_id, state.sessions, state.language, state.instructions_version) == (
        NASTY,
        (NASTY,),
        NASTY,
        NASTY,
    )
    assert store.enter(Identity("prolific", NASTY)).rater == rater


def test_a_text_that_no_database_keeps_is_refused(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    for text in ("nul \0 inside", "lone \ud800 surrogate", "x" * 501):
        for identity in (Identity("prolific", text), Identity("prolific", "one", session=text)):
            assert refused(lambda identity=identity: store.enter(identity)).reason == "bad_text"
    assert store.raters() == []


def test_numbers_from_a_browser_are_kept_within_range(open_store: OpenStore) -> None:
    design = make_design()
    store = open_store(design)
    place = ready(store, "one")
    assert place.sitting is not None
    given = answers(design, trial_at(design, place))
    store.vote(place.rater, place.sitting, "main", 0, 0, given, ResponseTimes(-5, 10**20, 7, ""), VERSION)
    row = next(iter(store.vote_rows()))
    assert (row.load_ms, row.dwell_ms, row.zooms) == (0, 2**31 - 1, 7)


def test_who_is_not_let_in(open_store: OpenStore) -> None:
    store = open_store(DESIGN)
    for identity, reason in (
        (Identity("invite", "one", panel="no such panel"), "unknown_panel"),
        (Identity("invite", ""), "bad_text"),
        (Identity("simulated", "one"), "wrong_source"),
    ):
        assert refused(lambda identity=identity: store.enter(identity)).reason == reason
    assert store.raters() == []


def test_a_simulated_study_lets_simulated_raters_in(open_store: OpenStore) -> None:
    store = open_store(make_design(simulated=True))
    assert {store.enter(Identity(source, "one")).stage for source in ("simulated", "invite")} == {"consent"}


@pytest.mark.parametrize("study_type", ["coco-photorealism", "coco-alignment"])
def test_the_other_study_types_ask_their_own_questions(open_store: OpenStore, study_type: str) -> None:
    design = make_design(study_type, training=1, gold=1)  # type: ignore[arg-type]
    store = open_store(design)
    assert finish(store, design, ready(store, "one")).stage == "complete"
    place = ready(store, "two")
    assert place.sitting is not None
    sitting = place.sitting
    wrong = {design.questions[0].id: "indifferent"}
    said = refused(lambda: store.vote(place.rater, sitting, "training", 0, 0, wrong, TIMING, VERSION))  # type: ignore[arg-type]
    assert said.reason == "bad_answers"
