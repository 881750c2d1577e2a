"""Fréchet distances: moments, the Gaussians they make, the distance between two, and what is known of its error."""
