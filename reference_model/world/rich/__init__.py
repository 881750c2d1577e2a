"""The rich world: some seventy objects with patterns, named parts and twelve settings, for later trainings."""
