"""The leaderboard: which results stand in one table, in which order, and in which of six formats."""
