"""What the pipe runtime does where AWS leaves it open, or does it when it likes: read from PIPES_... variables."""

import os
from collections.abc import Callable
from typing import Any

from pipeline.emulator import limits
from pipeline.errors import WrongUsageError

START_SECONDS = 0.5  # minutes on AWS
DISABLED_AFTER_SECONDS = 300.0  # AWS says "nearly continuous"
NAMES = {  # variable → the setting of `PipeSettings`
    "PIPES_ITEM_IDENTIFIER": "item_identifier",
    "PIPES_EVENT_BUS_OPERATORS": "bus_operators",
    "PIPES_PARTIAL_FAILURE": "partial_failure",
    "PIPES_START_SECONDS": "start_seconds",
    "PIPES_DISABLED_AFTER_SECONDS": "disabled_after_seconds",
}


def read() -> dict[str, Any]:
    """Return the settings that are not the runtime's defaults.

    Raises:
        WrongUsageError: a variable has no such value.
    """
    settings: dict[str, Any] = {}
    if limits.is_on("pipe-start"):
        settings["start_seconds"] = START_SECONDS
    if limits.is_on("pipe-disabled"):
        settings["disabled_after_seconds"] = DISABLED_AFTER_SECONDS
    return settings | {NAMES[name]: _of(name)(name) for name in NAMES if os.environ.get(name)}


def _of(name: str) -> Callable[[str], Any]:
    if name.endswith("_SECONDS"):
        return _seconds
    return (lambda name: True) if name == "PIPES_EVENT_BUS_OPERATORS" else os.environ.__getitem__


def _seconds(name: str) -> float:
    text = os.environ[name]
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds < 86_400:
        raise WrongUsageError(f"{name}={text}: it takes a number of seconds, less than a day")
    return seconds
