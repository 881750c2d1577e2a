"""Every language says everything, with the same places to fill in."""

import string

import pytest

from human_eval_app.app.rater.texts import best_language, languages, texts
from human_eval_app.store.database.schema import (
    ArrivalTable,
    ProblemTable,
    RaterTable,
    SittingTable,
    UndoTable,
    VoteTable,
)


def _placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("language", languages())
def test_a_language_has_every_sentence_and_every_placeholder_of_english(language: str) -> None:
    english, other = texts("en"), texts(language)
    assert {s: set(keys) for s, keys in other.items()} == {s: set(keys) for s, keys in english.items()}
    for section, sentences in english.items():
        for key, sentence in sentences.items():
            assert _placeholders(other[section][key]) == _placeholders(sentence), f"{section}.{key}"
            assert other[section][key].strip()


COMING = ("when you come, answer and stop", "wann Sie kommen, antworten und aufhören")
NAMED = {  # what is recorded about a rater, and the words by which the first page names it
    "external_id": ("number in your link", "Nummer in Ihrem Link"),
    "session": ("number of your visit", "Nummer Ihres Besuchs"),
    "language": ("your language", "Ihre Sprache"),
    "answers": ("your answers", "Ihre Antworten"),
    "load_ms": ("how long the pictures load", "wie lange die Bilder laden"),
    "dwell_ms": ("how long you look at them", "wie lange Sie sie ansehen"),
    "zooms": ("how often you enlarge one", "wie oft Sie eines vergrößern"),
    "text": ("what you write to us about a problem", "was Sie uns über ein Problem schreiben"),
    "client_time": ("your browser's clock", "Uhr Ihres Browsers"),
    **dict.fromkeys(("entered_at", "at", "consented_at", "instructions_at", "server_time", "ended_at"), COMING),
    "withdrawn_at": COMING,
}
OURS = {  # the rows' own keys, and what the study gave the rater
    *("id", "rater_id", "seat_id", "sitting_id", "vote_id", "source", "panel", "state", "part", "position", "sequence"),
    *("instructions_version", "app_version", "submission"),
}


def test_the_first_page_names_all_that_is_recorded_about_a_rater() -> None:
    tables = (RaterTable, ArrivalTable, SittingTable, VoteTable, UndoTable, ProblemTable)
    recorded = {column.name for table in tables for column in table.__table__.columns}
    assert recorded - OURS == set(NAMED)
    for language, words in zip(("en", "de"), zip(*NAMED.values(), strict=True), strict=True):
        data = texts(language)["consent"]["data"]
        assert [word for word in words if word not in data] == []


def test_there_are_two_languages_and_english_comes_first() -> None:
    assert next(iter(languages())) == "en"
    assert len(languages()) >= 2


@pytest.mark.parametrize(
    ("locale", "expected"), [("de-CH", "de"), ("DE", "de"), ("en-GB", "en"), ("xx", "en"), (None, "en")]
)
def test_a_browsers_locale_finds_its_language(locale: str | None, expected: str) -> None:
    assert best_language(locale) == expected


def test_the_translation_translates() -> None:
    same = [
        key
        for section in texts("en")
        for key in texts("en")[section]
        if texts("de")[section][key] == texts("en")[section][key]
    ]
    assert same in ([], ["caption"])  # "Text" is a German word too
