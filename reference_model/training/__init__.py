"""Resumable training of the text encoder, the stages of the cascade, and the bundled scorer."""
