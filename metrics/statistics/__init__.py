"""What metrics share: results with intervals, the jackknife, prompts as the unit, lengths of vectors."""
