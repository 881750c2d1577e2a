"""Votes to numbers: pure functions of tables."""
