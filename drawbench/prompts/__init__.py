"""Prompt sets: DrawBench, the embedded `open` set, COCO captions, and files."""
