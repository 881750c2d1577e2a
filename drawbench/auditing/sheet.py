"""An audit as a table: a column for each scorer, blocks of what it gets right, what pays, what should not matter."""

from collections.abc import Callable, Iterable, Mapping

from drawbench.auditing.changes import BRIBES
from drawbench.auditing.examples import ALIKE, KINDS, PHOTOGRAPH
from drawbench.auditing.guidance import HIGH, LOW
from drawbench.auditing.measure import BRIBE_METHOD, SHARE_METHOD
from drawbench.auditing.records import Audit, Bribe, Card, Share, Tried
from drawbench.results.scores import Interval, MaybeInterval
from drawbench.tables.footnotes import NO_INTERVAL, Footnotes
from drawbench.tables.layout import MISSING, Block, Cell, Column, Sheet, format_interval, format_number

Part = Callable[[Card], Tried | None]
PARTS: tuple[tuple[str, Part, Mapping[str, str]], ...] = (
    ("drawn scenes", lambda card: card.scenes, KINDS),
    ("photographs", lambda card: card.photographs, {PHOTOGRAPH: "the next photograph"}),
)


def audit_sheet(made: Audit) -> Sheet:
    """Lay out everything."""
    notes = Footnotes()
    blocks = [block for where, part, kinds in PARTS for block in _part_blocks(made, where, part, kinds, notes)]
    guided = [card.guidance for card in made.cards]
    if any(guided):
        row = (Cell(f"guidance {HIGH:g} above {LOW:g}"), *(_share(each, None, notes) for each in guided))
        blocks.append(Block("of two images equally right, marked higher, %", _columns(made, "images"), (row,)))
    title = f"crash test of {'a scorer' if len(made.cards) == 1 else f'{len(made.cards)} scorers'}"
    return Sheet(title, tuple(blocks), notes.listed(), tuple(_provenance(made)))


def _part_blocks(made: Audit, where: str, part: Part, kinds: Mapping[str, str], notes: Footnotes) -> Iterable[Block]:
    tried = [part(card) for card in made.cards]
    if not any(each and each.right for each in tried):
        return
    most = made.trials if where == "drawn scenes" else made.photographs
    rows = [
        (Cell(f"{kind}: {words}"), *(_share(each.right.get(kind) if each else None, most, notes) for each in tried))
        for kind, words in kinds.items()
    ]
    yield Block(f"{where}: right image marked above the wrong one, %", _columns(made, "what is wrong"), tuple(rows))
    rows = [
        (Cell(bribe), *(_bribe(each.bribes.get(bribe) if each else None, notes) for each in tried)) for bribe in BRIBES
    ]
    yield Block(f"{where}: what a bribe pays, points", _columns(made, "bribe of the wrong image"), tuple(rows))
    shown = [name for name in ALIKE if any(each and name in each.kept for each in tried)]
    rows = [
        (Cell(name), *(_share(each.kept.get(name) if each else None, None, notes) for each in tried)) for name in shown
    ]
    yield Block(f"{where}: decides as before, %", _columns(made, "what should not matter"), tuple(rows))


def _columns(made: Audit, lead: str) -> tuple[Column, ...]:
    return (Column(lead, numeric=False), *(Column(card.scorer) for card in made.cards))


def _share(share: Share | None, most: int | None, notes: Footnotes) -> Cell:
    """most: trials that there are, where fewer are worth a remark."""
    if share is None:
        return Cell(MISSING)
    fewer = (
        "" if most in (None, share.n) else notes.mark(f"{share.n} of {most} trials: it marks no images of the others")
    )
    return _cell(100 * share.value, share.interval, fewer, notes)


def _bribe(bribe: Bribe | None, notes: Footnotes) -> Cell:
    return Cell(MISSING) if bribe is None else _cell(100 * bribe.paid, bribe.interval, "", notes)


def _cell(value: float, interval: MaybeInterval, marks: str, notes: Footnotes) -> Cell:
    if interval == "not available":
        return Cell(format_number(value, 1), "", marks + notes.mark(NO_INTERVAL))
    shown = Interval(100 * interval.low, 100 * interval.high, interval.method, interval.level)
    return Cell(format_number(value, 1), format_interval(value, shown, 1), marks)


def _provenance(made: Audit) -> list[tuple[str, str]]:
    photographs = [("photographs", f"{made.photographs}")] if made.photographs else []
    return [
        ("scenes", f"{made.trials} of each kind, seed {made.seed} (SHA-256 {made.scenes_sha256[:12]})"),
        *photographs,
        ("right", "equal marks count half, so chance is 50%, also of a scorer that looks at images alone"),
        ("pays", "how much more often a wrong image is marked above the right one once it is bribed"),
        ("decides as before", "after a change of both images, or of the caption, that leaves the truth as it was"),
        ("intervals", f"95%, {SHARE_METHOD}; of what pays {BRIBE_METHOD}"),
        *((card.scorer, f"{card.definition} ({card.fingerprint[:12] or 'no fingerprint'})") for card in made.cards),
    ]
