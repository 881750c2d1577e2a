"""What a study's folder tells its owner."""

import tomllib

from human_eval_app.app.settings import Settings
from human_eval_app.study.folder_texts import facts_text, readme_text, screens_text, settings_text
from tests.human_eval_app.designs import make_design


def test_the_settings_template_is_valid_and_complete() -> None:
    content = tomllib.loads(settings_text())
    settings = Settings.model_validate(content)
    assert settings.model_copy(update={"codes": Settings().codes}) == Settings()
    assert set(content) == set(Settings.model_fields) - {"admin"}


def test_codes_are_never_the_same() -> None:
    codes = {code for _ in range(20) for code in tomllib.loads(settings_text())["codes"].values()}
    assert len(codes) == 100


def test_the_readme_tells_what_the_study_is() -> None:
    design = make_design(gold=1, training=2)
    text = readme_text(design)
    assert design.sha256 in text
    assert all(departure in text for departure in design.departures)
    assert "model one and model two on 5 prompts of made up, 2 images of 64 px on a side" in text
    assert "| Counting" in text
    assert "imulated" not in text
    assert "None." in readme_text(design.model_copy(update={"departures": ()}))
    assert "**Simulated raters" in readme_text(make_design(simulated=True))


def test_screens_count_training_and_gold() -> None:
    assert screens_text(make_design(gold=1, training=2)) == "5 to 6 screens"
    assert screens_text(make_design(categories={"Colors": 4})) == "4 screens each"
    assert "1 image of" in facts_text(make_design(samples=1))
