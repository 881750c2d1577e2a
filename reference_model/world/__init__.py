"""Scenes drawn as vectors, with captions: the world on which the bundled model and scorer are trained."""
