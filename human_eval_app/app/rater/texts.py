"""What raters read, by language: one TOML file each in texts/, all with the same keys."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

DEFAULT_LANGUAGE = "en"

Texts = Mapping[str, Mapping[str, str]]


@cache
def languages() -> dict[str, str]:
    """Language code -> the language's own name, English first."""
    folder = files("human_eval_app.app.rater").joinpath("texts")
    codes = sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))
    codes.sort(key=lambda code: code != DEFAULT_LANGUAGE)
    return {code: str(_read(code)["language"]) for code in codes}


@cache
def texts(language: str) -> Texts:
    """The sentences of a language, by section and key. Raises KeyError for a language that there is not."""
    if language not in languages():
        raise KeyError(language)
    return {section: content for section, content in _read(language).items() if isinstance(content, dict)}


def best_language(wanted: str | None) -> str:
    """The language there is for a browser's locale such as `de-CH`; English when there is none."""
    code = (wanted or "").split("-")[0].lower()
    return code if code in languages() else DEFAULT_LANGUAGE


def _read(language: str) -> dict[str, object]:
    path = files("human_eval_app.app.rater").joinpath("texts", f"{language}.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))
