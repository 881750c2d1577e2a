"""Every language says everything, with the same places to fill in."""

import string

import pytest

from human_eval_app.app.texts import best_language, languages, texts


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
