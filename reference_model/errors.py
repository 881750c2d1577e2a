"""The one error of this package that a user's input can cause."""


class ReferenceModelError(ValueError):
    """A checkpoint, preset or setting that cannot be used. One sentence: what, where, what to do."""
