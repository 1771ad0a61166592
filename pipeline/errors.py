"""Trouble that a person can act on: one clear line, no traceback."""


class UserError(Exception):
    """What went wrong, where, and what to do; `usage` says whether the call itself was wrong."""

    def __init__(self, message: str, usage: bool = False) -> None:
        super().__init__(message)
        self.usage = usage
