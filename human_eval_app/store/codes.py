"""A code for every ending: the study's own, made at random, unless its settings name one."""

from collections.abc import Mapping
from typing import get_args

from sqlalchemy import Connection, insert, select, update

from human_eval_app.store.database.schema import CodeTable
from human_eval_app.store.records import Ending
from human_eval_app.study.folder_texts import new_code


def add_codes(connection: Connection) -> None:
    """Give a code to every ending that has none."""
    known = codes(connection)
    missing = [ending for ending in get_args(Ending) if ending not in known]
    if missing:
        connection.execute(insert(CodeTable), [{"ending": ending, "code": new_code()} for ending in missing])


def set_codes(connection: Connection, given: Mapping[Ending, str]) -> None:
    """Replace the codes of the endings that are given."""
    for ending, code in given.items():
        connection.execute(update(CodeTable).where(CodeTable.ending == ending).values(code=code))


def codes(connection: Connection) -> dict[Ending, str]:
    """The codes by ending; empty in a database that was restored and not served since."""
    found = {row.ending: row.code for row in connection.execute(select(CodeTable.ending, CodeTable.code))}
    return {ending: found[ending] for ending in get_args(Ending) if ending in found}
