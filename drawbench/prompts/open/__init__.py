"""The embedded prompt set `open`: 200 prompts in the 11 categories of DrawBench."""
