"""Errors as the reader of a notebook needs them: one line that says what to do next, and no traceback."""

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from IPython import get_ipython

from pipeline.errors import CloudGoneError, UserError

RUN_AGAIN = "Run this notebook again from its first cell: Run ▸ Run All Cells"


def show_errors_in_one_line() -> None:
    """Let the kernel show the errors that a person can act on in one line; in a plain interpreter nothing changes."""
    if shell := get_ipython():
        shell.set_custom_exc((UserError, BotoCoreError, ClientError), _show)


def _show(shell: Any, kind: type[Exception], error: Exception, traceback: Any, tb_offset: int | None = None) -> None:
    line = in_one_line(error)
    shell._showtraceback(kind, line, [f"\x1b[31m{kind.__name__}\x1b[0m: {line}"])


def in_one_line(error: Exception) -> str:
    """Say in one line what went wrong, and what helps where the error itself does not say it."""
    said = " ".join(str(error).split()).rstrip(".")
    if isinstance(error, CloudGoneError):
        return f"{said}. In a notebook: Run ▸ Run All Cells, which makes the pipeline anew and sends the story again."
    if isinstance(error, ClientError) and _is_gone(error.response["Error"]["Code"]):
        return f"{said}. The stack was deleted, or made anew, since this notebook found it. {RUN_AGAIN}."
    return f"{said}."


def _is_gone(code: str) -> bool:
    return any(word in code for word in ("NotFound", "NonExistent", "DoesNotExist", "NoSuch"))
