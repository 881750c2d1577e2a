"""The one error of this package that a user's input can cause."""


class MetricInputError(ValueError):
    """Images, features or weights that no metric can be computed from. One sentence: what, where, what to do."""
