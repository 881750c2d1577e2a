"""What a command can fail with, and the exit code of each."""


class UserError(Exception):
    """The input is wrong. One sentence: what is wrong, where, what to do. Exit code 2, no traceback."""


class StageError(Exception):
    """A stage stopped half way and can be resumed. One sentence that names the command to resume. Exit code 1."""


class StoppedError(StageError):
    """Somebody, or a scheduler, stopped it; it can be resumed. One sentence that says how. Exit code 130."""


def is_input_error(error: Exception) -> bool:
    """Whether it is the UserError of `metrics` or of `reference_model`, which have classes of their own."""
    from metrics.errors import MetricInputError
    from reference_model.errors import ReferenceModelError

    return isinstance(error, MetricInputError | ReferenceModelError)
