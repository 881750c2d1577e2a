"""Extractors: uint8 images to float32 features."""
