"""Checkpoints of diffusers as models to benchmark."""
