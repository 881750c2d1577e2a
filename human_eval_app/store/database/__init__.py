"""The vote store's database: SQLite or PostgreSQL, its tables, and how it is opened and migrated."""
