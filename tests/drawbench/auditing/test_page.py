"""docs/audit.md: its cards are those of docs/audits.json, which the command makes."""

import re
from pathlib import Path

import pytest

from drawbench.auditing.audit import audit
from drawbench.auditing.examples import KINDS
from drawbench.auditing.records import Audit, Bribe, Share
from drawbench.auditing.render import render_audit
from drawbench.auditing.scorers import scorer_named
from drawbench.auditing.words import sentence, verdict
from drawbench.runs.png import encode_png
from tests.metrics.captioned_photographs import CAPTIONS, photographs

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs/audit.md").read_text(encoding="utf-8")
MADE = Audit.model_validate_json((ROOT / "docs/audits.json").read_text(encoding="utf-8"))


def test_the_page_shows_the_cards() -> None:
    shown = render_audit(MADE, "markdown")
    blocks = [block for block in shown.split("\n\n") if block.startswith("|")]
    notes = [line.strip() for line in shown.splitlines() if line.startswith("§")]
    assert (len(blocks), len(notes)) == (4, 1)
    for each in (*blocks, *notes):
        assert each in PAGE
    for card in MADE.cards:
        assert card.sentence == sentence(card)
        assert card.sentence in PAGE.replace("\\", "")
    assert f"{MADE.trials} scenes of each kind, seed {MADE.seed}" in PAGE


def test_the_scorers_are_ranked_rightly() -> None:
    """The reader is right on all kinds, the engine on words, who reads no caption on none; saturation is for sale."""
    cards = {card.scorer: card for card in MADE.cards}
    assert list(cards) == ["reader", "ocr-rapidocr", "bundled", "offline", "saturation", "random"]
    for kind in KINDS:
        told = {name: verdict(card.scenes.right[kind]) for name, card in cards.items() if kind in card.scenes.right}
        assert (told["reader"], told["saturation"], told["random"]) == ("tells", "is blind to", "is blind to")
        assert cards["reader"].scenes.right[kind].value >= 0.97
    assert verdict(cards["ocr-rapidocr"].scenes.right["word"]) == "tells"
    assert verdict(cards["bundled"].scenes.right["colour"]) == "tells"
    paid = {name: card.scenes.bribes["saturation"] for name, card in cards.items()}
    assert paid["saturation"].paid > 0.4
    assert all(bribe.p > 0.05 or bribe.paid < 0 for name, bribe in paid.items() if name != "saturation")
    assert cards["ocr-rapidocr"].scenes.bribes["prompt written in"].paid > 0.2


@pytest.mark.proof
def test_the_command_makes_the_cards_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that take a minute; the bundled scorer's up to decisions that rounding may turn."""
    names = ["bundled", "saturation", "random"]
    again = audit([scorer_named(name) for name in names], count=MADE.trials, seed=MADE.seed)
    assert again.scenes_sha256 == MADE.scenes_sha256
    for name, card in zip(names, again.cards, strict=True):
        there = next(each for each in MADE.cards if each.scorer == name)
        near = 0.02 if name == "bundled" else 1e-9
        for part in ("right", "bribes", "kept"):
            found, told = getattr(card.scenes, part), getattr(there.scenes, part)
            assert {each: _value(number) for each, number in found.items()} == pytest.approx(
                {each: _value(number) for each, number in told.items()}, abs=near
            )


@pytest.mark.proof
@pytest.mark.usefixtures("no_guidance")
def test_offline_tells_photographs(tmp_path: Path) -> None:
    rows = ["file,caption"]
    for number, (image, caption) in enumerate(zip(photographs(), CAPTIONS.values(), strict=True)):
        (tmp_path / f"{number}.png").write_bytes(encode_png(image))
        rows.append(f'{number}.png,"{caption}"')
    (tmp_path / "captions.csv").write_text("\n".join(rows), encoding="utf-8")
    found = audit([scorer_named("offline")], count=20, photographs=tmp_path).cards[0].photographs
    assert found is not None
    share = found.right["photograph"]
    told = re.search(r"(\d+) of scikit-image's (\d+) photographs", PAGE)
    assert told
    assert (round(share.value * share.n), share.n) == (int(told[1]), int(told[2]))


def _value(number: Share | Bribe) -> float:
    return number.paid if isinstance(number, Bribe) else number.value
