"""Trouble that a person can act on: one clear line, no traceback. Every such error of the project is one of these."""


class UserError(Exception):
    """What went wrong, where, and what to do next."""

    exit_status = 1

    def _render_traceback_(self) -> list[str]:
        """Be one line in a notebook too: IPython asks for this."""
        return [f"{type(self).__name__}: {self}"]


class WrongUsageError(UserError):
    """The call itself was wrong: what it names does not exist, or is out of bounds. Nothing was begun."""

    exit_status = 2
