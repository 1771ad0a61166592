"""How long an invocation waits for a platform that asks to wait: longer each time, within the time that is left."""

import time
from collections.abc import Callable
from random import uniform

FIRST_SECONDS, LONGEST_SECONDS = 0.05, 1.0
RESERVED_SECONDS = 3.0  # what a further round and the answer take; ProjectorTimeoutSeconds is 5 or more


class Patience:
    """Waits between two attempts, for as long as the invocation has time."""

    def __init__(self, seconds_left: Callable[[], float], wait: Callable[[float], object] = time.sleep) -> None:
        self._seconds_left, self._wait = seconds_left, wait
        self._pause = FIRST_SECONDS

    def wait(self) -> bool:
        """Wait, and say whether there is time for another attempt; if there is none, do not wait either."""
        pause = uniform(self._pause / 2, self._pause)  # or all who were throttled together would come together
        if self._seconds_left() - pause < RESERVED_SECONDS:
            return False
        self._wait(pause)
        self._pause = min(2 * self._pause, LONGEST_SECONDS)
        return True
