"""The benchmark: prompt sets, model adapters, runs, scores, leaderboard and report."""

__version__ = "0.1.0"
