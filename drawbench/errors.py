"""What a command can fail with, and the exit code of each."""


class UserError(Exception):
    """The input is wrong. One sentence: what is wrong, where, what to do. Exit code 2, no traceback."""


class StageError(Exception):
    """A stage stopped half way and can be resumed. One sentence that names the command to resume. Exit code 1."""


class StoppedError(StageError):
    """Somebody, or a scheduler, stopped it; it can be resumed. One sentence that says how. Exit code 130."""


def first_line(error: BaseException) -> str:
    """The first line of an error's text that says something, or its type; without a full stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".:")[:300] if lines else type(error).__name__


def is_input_error(error: Exception) -> bool:
    """Whether it is the UserError of `metrics` or of `reference_model`, which have classes of their own."""
    from metrics.errors import MetricInputError
    from reference_model.errors import ReferenceModelError

    return isinstance(error, MetricInputError | ReferenceModelError)
