"""Diffusion: noise schedules, guidance and thresholding, samplers."""
