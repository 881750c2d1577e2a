"""The leaderboard as a site: static pages of results, for any host of files."""
