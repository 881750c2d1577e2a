"""What was measured, as files: aggregates of a run, results for a leaderboard, published numbers."""
