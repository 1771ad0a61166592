"""How long something has been going on without a break."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Streak:
    """What goes on, and since when; None: it does not."""

    clock: Callable[[], float] = time.monotonic
    since: float | None = None
    why: str = ""

    def goes_on(self, why: str) -> None:
        """Note that it happened again."""
        self.since, self.why = self.clock() if self.since is None else self.since, why

    def ends(self) -> None:
        """Note that something else happened."""
        self.since = None

    def lasts(self, seconds: float) -> bool:
        """Say whether it has been going on for so long."""
        return self.since is not None and self.clock() - self.since >= seconds
