"""Raters, their leased seats and their votes, in SQLite or PostgreSQL."""
