"""The networks of the cascade, and their sizes as presets."""
