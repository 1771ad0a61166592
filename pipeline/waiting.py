"""Wait for a condition, never for a time: whoever has to wait for something does it here."""

import math
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
Tell = Callable[[str], None]  # shows a line of progress to whoever waits


def eventually(holds: Callable[[], T], seconds: float = math.inf, every: float = 0.05) -> T:
    """Wait until something holds. Returns what it then said.

    Args:
        holds: asked again and again, until it says something true.
        seconds: how long to wait at most; no limit is for conditions that see to an end themselves.
        every: seconds between two questions.

    Raises:
        TimeoutError: it did not hold within the given seconds.
    """
    deadline = time.monotonic() + seconds
    while not (said := holds()):
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(every)
    return said
