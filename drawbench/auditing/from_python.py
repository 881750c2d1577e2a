"""The crash test from Python."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from drawbench.auditing.audit import TRIALS
from drawbench.auditing.audit import audit as audit_scorers
from drawbench.auditing.records import Audit, Card
from drawbench.auditing.render import audit_fragment, render_audit
from drawbench.auditing.scorers import scorer_named, scorer_of
from drawbench.models.registry import choose_device
from drawbench.progress import Progress
from drawbench.terminal_progress import shown_progress


@dataclass(frozen=True)
class Cards:
    """What came of a crash test. Its text is the table that the command prints.

    audit: all of it.
    """

    audit: Audit

    def __getitem__(self, scorer: str) -> Card:
        """The card of a scorer. Raises KeyError."""
        found = next((card for card in self.audit.cards if card.scorer == scorer), None)
        if found is None:
            raise KeyError(
                f"there is no card of {scorer}: there is {', '.join(each.scorer for each in self.audit.cards)}"
            )
        return found

    def __str__(self) -> str:
        return render_audit(self.audit)

    def _repr_html_(self) -> str:
        return audit_fragment(self.audit)


def audit(
    *scorers: str | Callable[[Sequence[np.ndarray], Sequence[str]], Any],
    metric: str | None = None,
    trials: int = TRIALS,
    seed: int = 0,
    photographs: str | Path | None = None,
    device: str = "auto",
    progress: bool = False,
) -> Cards:
    """The crash test of scorers: `drawbench audit` from Python.

    scorers: what the command takes, or functions: images, uint8 (H, W, 3), and their captions to a mark for each, of
    which higher is better and NaN is none. Other arguments: as the command's options. progress: on stderr.
    Raises drawbench.UserError and metrics.MetricInputError for what the command refuses.
    """
    shown = shown_progress() if progress else Progress()
    chosen = choose_device(device)
    named = [
        scorer_named(each, metric, chosen, shown.note) if isinstance(each, str) else scorer_of(each) for each in scorers
    ]
    folder = Path(photographs) if photographs is not None else None
    return Cards(audit_scorers(named, count=trials, seed=seed, photographs=folder, progress=shown))
