"""Weights of the scorers: which there are, where they come from, and whether a file is the right one."""
