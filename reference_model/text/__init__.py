"""Frozen text encoders: the bundled byte-level T5, pretrained ones, and a cache of their features."""
