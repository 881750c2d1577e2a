"""What the raters' pages say before the first screen, without a browser."""

import pytest
from streamlit.testing.v1 import AppTest

from human_eval_app.app.rater.texts import texts
from human_eval_app.app.service import Service
from human_eval_app.app.tokens import TOKEN
from human_eval_app.store.records import Identity
from human_eval_app.study.design import INSTRUCTIONS_VERSION
from tests.human_eval_app.app.conftest import OpenStudy
from tests.human_eval_app.designs import make_design


def _instructions(service: Service) -> str:
    """The paragraphs of the page, of a rater who agrees and starts."""

    def script() -> None:
        from human_eval_app.app.rater.rate import rate_page

        rate_page()

    page = AppTest.from_function(script, default_timeout=60)
    page.query_params[TOKEN] = service.signer.invitation("one")
    page.run()
    page.checkbox(key="agreed").check().run()
    page.button[0].click().run()
    assert service.store.enter(Identity("invite", "one")).stage == "instructions"
    return "\n".join(str(paragraph.value) for paragraph in page.markdown)


@pytest.mark.parametrize("gold", [0, 1])
def test_only_a_study_with_control_trials_tells_of_them(open_study: OpenStudy, gold: int) -> None:
    service, words = open_study(make_design(gold=gold)), texts("en")["instructions"]
    said = _instructions(service)
    assert words["careful"] in said
    assert (words["known"] in said) == (gold > 0)
    (rater,) = service.store.raters()
    assert rater.instructions_version == INSTRUCTIONS_VERSION
