"""Gradients as a text-to-image model: a template of an adapter package."""
