"""The protocols that a text names: one, several with commas between, or all learned scorers that are here."""

import csv
from collections.abc import Callable, Iterable, Sequence

from drawbench.errors import UserError
from drawbench.prompts.prompt_set import Prompt
from drawbench.scoring.kinds.asked import OfSomePrompts
from drawbench.scoring.learned import ALL_LEARNED, LEARNED
from drawbench.scoring.protocol import MetricDefinition, Protocol
from drawbench.scoring.protocols import get_protocol
from metrics.features.weights import located


def named_protocols(text: str, size: int | None, note: Callable[[str], None]) -> dict[str, Protocol]:
    """The protocols that `text` names, each by the name that `get_protocol` knows it by, in its order.

    A name that has a comma itself, in a path, stands in quotation marks, as in CSV: `bundled,"qa:a,b.csv@MODEL"`.
    `learned` stands for every learned scorer; of one whose weights are not here, `note` is told how to get them.
    size: as for `get_protocol`. Raises UserError for names that there are not, and where no learned scorer is here.
    """
    (row,) = csv.reader([" ".join(text.splitlines())], skipinitialspace=True)
    names = [name.strip() for name in row or [""]]
    found: dict[str, Protocol] = {}
    for name in names:
        for each in _present(note) if name == ALL_LEARNED else [name]:
            found[each] = get_protocol(each, size)
    return found


def quoted(name: str) -> str:
    """A protocol's name as `named_protocols` takes it."""
    return '"{}"'.format(name.replace('"', '""')) if "," in name else name


def refuse_inapplicable(protocols: Iterable[Protocol], prompts: Sequence[Prompt]) -> None:
    """Raises UserError for a protocol that has nothing to say of any of these prompts, before any is drawn."""
    for protocol in protocols:
        reasons = [_inapplicable(metric, prompts) for metric in protocol.metrics]
        if all(reasons):
            raise UserError(
                f"protocol {protocol.name} would measure nothing: {protocol.metrics[0].metric} {reasons[0]}; choose "
                "another protocol, or other prompts"
            )


def _inapplicable(metric: MetricDefinition, prompts: Sequence[Prompt]) -> str:
    """Why a metric has nothing to say of any of these prompts; empty where it has, or may have."""
    applies, kind = metric.extractor.applies_to, metric.kind
    if applies is None or not isinstance(kind, OfSomePrompts) or any(applies(prompt.text) for prompt in prompts):
        return ""
    return kind.reason


def _present(note: Callable[[str], None]) -> list[str]:
    """The learned scorers whose files are all here."""
    missing = {
        name: [file.file for file in scorer.files if located(file) is None] for name, (_, scorer) in LEARNED.items()
    }
    if all(missing.values()):
        raise UserError(
            "the weights of no learned scorer are here: get those of one, such as `drawbench weights fetch aesthetic`"
        )
    for name, files in missing.items():
        if files:
            note(f"no {name}: {' and '.join(files)} not here, get them with `drawbench weights fetch {name}`")
    return [name for name, files in missing.items() if not files]
