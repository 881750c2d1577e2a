"""Whether a result holds: against itself, against its run, against the model, and who signed it."""
