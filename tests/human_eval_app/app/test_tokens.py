"""Tokens: what this study signed is let in, everything else is not."""

import hashlib
import hmac
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawbench.errors import UserError
from human_eval_app.app.recruitment import is_verified
from human_eval_app.app.settings import Recruitment
from human_eval_app.app.tokens import InvalidTokenError, Signer
from human_eval_app.store.records import Identity

NO_IDS = [
    "",
    "{{%PROLIFIC_PID%}}",
    "{{PROLIFIC_PID}}",
    "${workerId}",
    "%PROLIFIC_PID%",
    "null",
    "PROLIFIC_PID",
    "workerId",
    "Test",
    "0",
    "undefined",
    "<id>",
    "a b",
]
SIGNER = Signer(b"s" * 32, "a" * 64)
OTHERS = {"another secret": Signer(b"t" * 32, "a" * 64), "another study": Signer(b"s" * 32, "b" * 64)}


def test_an_invitation_names_its_rater_and_panel() -> None:
    token = SIGNER.invitation("rater-1", "p02")
    assert SIGNER.identity(token, {"t": token}, 1) == Identity("invite", "rater-1", "p02", "")


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_token_of_another_secret_or_study_is_refused(other: Signer) -> None:
    with pytest.raises(InvalidTokenError):
        SIGNER.identity(other.invitation("rater-1"), {}, 1)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_a_token_changed_in_any_character_is_refused(data: st.DataObject) -> None:
    token = SIGNER.invitation("rater-1", "p02")
    at = data.draw(st.integers(0, len(token) - 2))  # the last character holds bits that base64 does not use
    letter = data.draw(st.sampled_from("ABCabc012-_."))
    changed = token[:at] + letter + token[at + 1 :]
    if changed == token:
        return
    with pytest.raises(InvalidTokenError):
        SIGNER.identity(changed, {}, 1)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "../../etc/passwd", "' OR 1=1 --", "<script>", "\x00", "ü" * 50])
def test_a_guessed_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidTokenError):
        SIGNER.identity(token, {}, 1)


def test_an_old_invitation_is_refused() -> None:
    with pytest.raises(InvalidTokenError):
        SIGNER.identity(SIGNER.invitation("rater-1"), {}, -1)


def test_a_recruitment_services_parameters_say_who_comes() -> None:
    prolific, mturk = SIGNER.recruitment("prolific"), SIGNER.recruitment("mturk", "p01")
    assert SIGNER.identity(prolific, {"PROLIFIC_PID": "5f", "SESSION_ID": "s"}, 1) == Identity(
        "prolific", "5f", None, "s"
    )
    found = SIGNER.identity(mturk, {"workerId": "W", "assignmentId": "A"}, 1)
    assert found == Identity("mturk", "W", "p01", "A")
    assert SIGNER.identity(prolific, {"PROLIFIC_PID": "5f", "SESSION_ID": "{{%SESSION_ID%}}"}, 1) == Identity(
        "prolific", "5f"
    )


@pytest.mark.parametrize("given", NO_IDS)
def test_an_id_that_names_nobody_is_a_preview_and_no_rater(given: str) -> None:
    for source, name in (("prolific", "PROLIFIC_PID"), ("mturk", "workerId")):
        assert SIGNER.identity(SIGNER.recruitment(source), {name: given}, 1) is None
    assert SIGNER.identity(SIGNER.recruitment("prolific"), {"workerId": "W"}, 1) is None


def test_ids_are_verified_by_a_list_or_a_secret(tmp_path: Path) -> None:
    known, stranger = Identity("prolific", "5f0"), Identity("prolific", "5f1")
    (tmp_path / "ids.txt").write_text("5f0\n\n 60a \n")
    listed = Recruitment(allowed_ids="ids.txt")
    assert is_verified(known, {}, listed, tmp_path)
    assert not is_verified(stranger, {}, listed, tmp_path)
    assert is_verified(Identity("invite", "anybody"), {}, listed, tmp_path)
    with pytest.raises(UserError, match=r"none\.txt.*cannot be read"):
        is_verified(known, {}, Recruitment(allowed_ids="none.txt"), tmp_path)
    signed = Recruitment(shared_secret="between us")
    right = hmac.new(b"between us", b"5f0", hashlib.sha256).hexdigest()
    assert is_verified(known, {"sig": right}, signed, tmp_path)
    assert not is_verified(stranger, {"sig": right}, signed, tmp_path)
    for wrong in ("", right[:-1], "ü"):
        assert not is_verified(known, {"sig": wrong}, signed, tmp_path)


def test_a_preview_lets_nobody_in() -> None:
    parameters = {"assignmentId": "ASSIGNMENT_ID_NOT_AVAILABLE"}
    assert SIGNER.identity(SIGNER.recruitment("mturk"), parameters, 1) is None


def test_a_recruitment_link_cannot_pass_for_an_invitation() -> None:
    with pytest.raises(ValueError, match="unknown recruitment service"):
        SIGNER.recruitment("invite")


def test_an_images_signature_belongs_to_one_rater_and_one_image() -> None:
    signature = SIGNER.image_signature(7, "0" * 32)
    assert SIGNER.image_is_signed(7, "0" * 32, signature)
    assert not SIGNER.image_is_signed(8, "0" * 32, signature)
    assert not SIGNER.image_is_signed(7, "1" * 32, signature)
    assert not SIGNER.image_is_signed(7, "0" * 32, "")
    assert not any(other.image_is_signed(7, "0" * 32, signature) for other in OTHERS.values())
    assert not SIGNER.image_is_signed(7, "0" * 32, "ü")


def test_a_study_without_its_secret_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"secret\.key is missing or damaged"):
        Signer.of_study(tmp_path, "a" * 64)
    (tmp_path / "secret.key").write_text("beef")
    with pytest.raises(UserError, match="restore it"):
        Signer.of_study(tmp_path, "a" * 64)
