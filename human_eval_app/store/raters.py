"""Raters: registered once, whatever door they come through again."""

from sqlalchemy import Connection, bindparam, func, insert, select, update

from human_eval_app.store.database.engine import NOW
from human_eval_app.store.database.schema import ArrivalTable, RaterTable, SittingTable
from human_eval_app.store.records import Identity, StoreRefusal
from human_eval_app.store.whereabouts import Terms

MINUTE_MS = 60_000
LONGEST_TEXT = 500  # characters of what comes from outside: ids, versions, a browser's clock
RATER_OF = select(RaterTable.id).where(
    RaterTable.source == bindparam("source"), RaterTable.external_id == bindparam("external_id")
)


def check_identity(terms: Terms, identity: Identity) -> None:
    """Raise StoreRefusal for an identity that this study cannot seat."""
    check_texts(identity.external_id, identity.session)
    if not identity.external_id:
        raise StoreRefusal("bad_text", "Your link carries no id; please open it again as you received it.")
    if identity.panel is not None and identity.panel not in terms.design.panel_by_id:
        raise StoreRefusal("unknown_panel", "Your link is for another study; please ask for a new one.")
    if identity.source == "simulated" and terms.design.raters == "human":
        raise StoreRefusal("wrong_source", "This is a study of humans: simulated raters may not take part.")


def check_texts(*texts: str) -> None:
    """Raise StoreRefusal for a text that a database could not give back as it was."""
    for text in texts:
        whole = "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)
        if len(text) > LONGEST_TEXT or not whole:
            raise StoreRefusal("bad_text", "Your browser or your link sent a text that cannot be kept; please reload.")


def register(connection: Connection, terms: Terms, identity: Identity) -> int:
    """The number of the rater with this identity, who is written down if new. Also writes down a new session id."""
    who = {"source": identity.source, "external_id": identity.external_id}
    rater = connection.scalar(RATER_OF, who)
    if rater is None:
        rater = connection.scalar(
            insert(RaterTable).values(entered_at=NOW).returning(RaterTable.id),
            {**who, "panel": identity.panel, "now": terms.now},
        )
        assert rater is not None
    known = select(func.count()).where(ArrivalTable.rater_id == rater, ArrivalTable.session == identity.session)
    if identity.session and not connection.scalar(known):
        arrival = {"rater_id": rater, "session": identity.session, "now": terms.now}
        connection.execute(insert(ArrivalTable).values(at=NOW), arrival)
    return rater


def check_pace(connection: Connection, terms: Terms, rater: int, most: int) -> None:
    """Raise StoreRefusal when so many sittings of raters with this one's recruitment link began within a minute."""
    own = select(RaterTable.source, RaterTable.panel).where(RaterTable.id == rater)
    source, panel = connection.execute(own).one()
    if source not in ("prolific", "mturk"):
        return
    begun = (
        select(func.count())
        .select_from(SittingTable)
        .join(RaterTable, RaterTable.id == SittingTable.rater_id)
        .where(RaterTable.source == source, RaterTable.panel.is_not_distinct_from(panel))
        .where(SittingTable.consented_at > NOW - MINUTE_MS)
    )
    if (connection.scalar(begun, {"now": terms.now}) or 0) >= most:
        raise StoreRefusal("crowded", "Many people are beginning at this moment; please try again in a minute.")


def lock_rater(connection: Connection, rater: int) -> None:
    """Let no other transaction seat or withdraw this rater before this one ends."""
    if connection.dialect.name != "sqlite":  # there, a transaction that writes is alone from its start
        connection.execute(select(RaterTable.id).where(RaterTable.id == rater).with_for_update(key_share=True))


def finish_instructions(connection: Connection, terms: Terms, rater: int) -> None:
    """The rater has read the instructions; the first time counts."""
    connection.execute(
        update(SittingTable)
        .where(SittingTable.rater_id == rater, SittingTable.instructions_at.is_(None), SittingTable.state == "active")
        .values(instructions_at=NOW),
        {"now": terms.now},
    )


def mark_withdrawn(connection: Connection, terms: Terms, rater: int) -> None:
    """The rater will not come back."""
    connection.execute(update(RaterTable).where(RaterTable.id == rater).values(withdrawn_at=NOW), {"now": terms.now})
