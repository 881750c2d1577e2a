"""What a site shows: models with their results, tables, and the address of every number."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from drawbench.errors import UserError
from drawbench.interface import Setting
from drawbench.prompts.prompt_set import category_slug
from drawbench.report.provenance import (
    Provenance,
    Section,
    draw_command,
    human_section,
    prompts_option,
    scores_section,
)
from drawbench.report.sources import unique_slugs
from drawbench.results.files import Result, identity
from drawbench.sharing.collection import impossible
from drawbench.tables.cost import cost_words
from drawbench.tables.layout import table_title
from drawbench.tables.leaderboard import LeaderboardTable, build_tables

SLUG = 48  # characters of a name in an address
MODELS = "models"
OF_PROMPTS = ("long_prompts",)  # settings that say what is done with prompts: no part of what a model is
YOURS = ("FILE, ROOT, DATASET", "in the command: where you have the prompts that the hash tells")
SEEDS = "in the run, which its hash names; other ones draw other images"


@dataclass(frozen=True)
class Entry:
    """A model, known by its card: its name on all pages, its part of addresses, its results."""

    label: str
    slug: str
    results: tuple[Result, ...]
    sections: tuple[Section, ...]  # one a result

    @property
    def page(self) -> str:
        """Its page's address, from the folder of the site."""
        return f"{MODELS}/{self.slug}.html"


@dataclass(frozen=True)
class Contents:
    """Everything on a site. tables: of scores and of human preferences, those of scores with a slug each."""

    entries: tuple[Entry, ...]
    tables: tuple[LeaderboardTable, ...]
    slugs: tuple[str, ...]
    provenance: Provenance
    entry_of: dict[int, Entry]  # id of a result -> its model

    @property
    def results(self) -> list[Result]:
        """All of them, table by table."""
        return [row.result for table in self.tables for row in table.rows]

    @property
    def titles(self) -> list[tuple[str, str, int]]:
        """(slug, title, rows) of every table."""
        found = zip(self.slugs, self.tables, strict=True)
        return [(slug, table_title(table.first), len(table.rows)) for slug, table in found]

    @property
    def scored(self) -> list[tuple[str, LeaderboardTable]]:
        """(slug, table) of scores."""
        return [(slug, table) for slug, table in zip(self.slugs, self.tables, strict=True) if not table.first.human]

    @property
    def human(self) -> list[tuple[str, LeaderboardTable]]:
        """(slug, table) of human preferences."""
        return [(slug, table) for slug, table in zip(self.slugs, self.tables, strict=True) if table.first.human]


def contents_of(results: Sequence[Result]) -> Contents:
    """Sort results into models and tables.

    Raises UserError for a result that cannot be, and for two that are versions of one measurement.
    """
    tables = build_tables(results)
    shown = [row.result for table in tables for row in table.rows]  # each once
    _refuse(shown)
    groups: dict[str, list[Result]] = {}
    for result in shown:
        groups.setdefault(_card_key(result), []).append(result)
    labels = _labels(groups)
    order = sorted(groups, key=lambda key: (labels[key].casefold(), key))
    slugs = unique_slugs([category_slug(labels[key])[:SLUG] for key in order])
    provenance = Provenance()
    entries = []
    for key, slug in zip(order, slugs, strict=True):
        provenance.page = f"{MODELS}/{slug}.html"
        sections = tuple(_sections(provenance, slug, groups[key]))
        entries.append(Entry(labels[key], slug, tuple(groups[key]), sections))
    entry_of = {id(result): entry for entry in entries for result in entry.results}
    names = [category_slug(table_title(table.first))[: 2 * SLUG] for table in tables]
    return Contents(tuple(entries), tuple(tables), tuple(unique_slugs(names)), provenance, entry_of)


def _refuse(results: Sequence[Result]) -> None:
    """Raises UserError for what no table may show."""
    seen: dict[str, Result] = {}
    for result in results:
        where = f"of {result.model.name} on {result.prompt_set.name}, protocol {result.protocol.name}"
        if wrong := impossible(result):
            raise UserError(
                f"the result {where} {wrong[0]}: mend or remove it (`drawbench results check` names the file)"
            )
        if seen.setdefault(identity(result), result) is not result:
            raise UserError(
                f"two results {where} are of one measurement: keep the newer one (`drawbench results check` names them)"
            )


def _card_key(result: Result) -> str:
    card = result.model.model_copy(update={"settings": settings_of(result)})
    return json.dumps(card.model_dump(mode="json"), sort_keys=True)


def settings_of(result: Result) -> dict[str, Setting]:
    """Those that make the model what it is: the same on every prompt set."""
    return {name: value for name, value in result.model.settings.items() if name not in OF_PROMPTS}


def _labels(groups: dict[str, list[Result]]) -> dict[str, str]:
    """A model's name, and in what it differs from others of that name."""
    namesakes: dict[str, list[str]] = {}
    for key, results in groups.items():
        namesakes.setdefault(results[0].model.name, []).append(key)
    labels = {}
    for name, keys in namesakes.items():
        flat = {key: _flat(groups[key][0]) for key in keys}
        fields = sorted({field for facts in flat.values() for field in facts})
        telling = [field for field in fields if len({facts.get(field) for facts in flat.values()}) > 1]
        for key in keys:
            told = ", ".join(f"{field}={flat[key].get(field, 'default')}" for field in telling)
            labels[key] = f"{name} ({told})" if told else name
    return labels


def _flat(result: Result) -> dict[str, str]:
    card = result.model
    facts = {"adapter": card.adapter, "spec": card.spec, "revision": card.revision, "weights": card.weights_sha256[:8]}
    return {name: text for name, text in facts.items() if text} | {k: str(v) for k, v in settings_of(result).items()}


def _sections(provenance: Provenance, slug: str, results: Sequence[Result]) -> list[Section]:
    """What made each result of one model, with the addresses of its numbers."""
    names = unique_slugs([f"{result.prompt_set.name} {result.size} {result.samples}" for result in results])
    found = []
    for name, result in zip(names, results, strict=True):
        if result.human:
            found.append(human_section(provenance, result))
            continue
        folder = run_folder(slug, result)
        section = scores_section(provenance, folder, None, name, result)
        cost = (("cost", cost_words(result.cost)),) if result.cost else ()
        named = prompts_option(result.prompt_set.name) == result.prompt_set.name
        facts = (*section.facts, *cost, *(() if named else (YOURS,)), ("seed, slice size", SEEDS))
        drawn = draw_command(result.model, result.prompt_set.name, result.samples, result.size, folder)
        commands = (drawn, *section.commands)
        found.append(Section(section.id, table_title(result), facts, commands, section.groups))
    return found


def run_folder(slug: str, result: Result) -> str:
    """What a run of this result is called in the commands of a site."""
    return f"{slug}-{category_slug(result.prompt_set.name)[:SLUG]}"
