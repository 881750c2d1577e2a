"""The crash test of scorers: images with one thing wrong, dressed up, or as true as before."""
