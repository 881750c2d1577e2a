"""Scorers that were trained on people's preferences or ratings, each as its authors' code computes it."""
