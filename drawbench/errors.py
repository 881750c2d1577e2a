"""What a command can fail with, and the exit code of each."""


class UserError(Exception):
    """The input is wrong. One sentence: what is wrong, where, what to do. Exit code 2, no traceback."""


class StageError(Exception):
    """A stage stopped half way and can be resumed. One sentence that names the command to resume. Exit code 1."""
