"""The one exception that users cause and can fix."""


class InputError(Exception):
    """Bad input. Says in one line what is wrong, where, and what was expected; the command stops with exit code 1."""
