"""Imagen (arXiv 2205.11487): text encoder, U-Nets, diffusion, sampling, cascade, training, and a procedural world."""
