"""Alembic's migrations of the vote store, run by `VoteStore.open`."""
