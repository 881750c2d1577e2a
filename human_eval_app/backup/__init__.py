"""A study in one file: written, read back, and its rows moved between databases."""
