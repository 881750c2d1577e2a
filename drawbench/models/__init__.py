"""Model adapters: everything that turns prompts into images for a run."""
