"""The byte tokenizer: reversible, end token largest, truncation counted."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metrics.features.clip.byte_tokenizer import END, PAD, START, VOCAB_SIZE, ByteTokenizer


@settings(deadline=None)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20))
def test_ids_give_the_text_back_and_pool_at_the_end_token(text: str) -> None:
    ids = ByteTokenizer(90)([text])[0]
    end = int(ids.argmax())
    assert int(ids[0]) == START
    assert int(ids[end]) == END
    assert END == VOCAB_SIZE - 1
    assert bytes(int(i) - 1 for i in ids[1:end]).decode() == text
    assert all(int(i) == PAD for i in ids[end + 1 :])


def test_a_long_text_loses_its_end_and_is_counted() -> None:
    tokenizer = ByteTokenizer(8)
    texts = ["abcdef", "abcdefg", "ééé", "éééé"]
    ids = tokenizer(texts)
    assert ids.shape == (4, 8)
    assert [int(i) for i in ids[1]] == [START, *(b + 1 for b in b"abcdef"), END]
    assert tokenizer.truncated(texts) == 2


def test_case_is_kept() -> None:
    ids = ByteTokenizer(8)(["A", "a"])
    assert not bool((ids[0] == ids[1]).all())


def test_a_context_without_room_for_a_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="context_length"):
        ByteTokenizer(2)
