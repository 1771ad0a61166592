"""How much of something may pass in a second."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

Clock = Callable[[], float]


@dataclass
class Allowance:
    """So much a second, with one second's worth saved up: what a second did not use, the next one may."""

    a_second: float
    clock: Clock = time.monotonic
    _left: float = field(init=False)
    _at: float = field(init=False)

    def __post_init__(self) -> None:
        self._left, self._at = self.a_second, self.clock()

    def has(self, amount: float) -> bool:
        """Say whether so much is left."""
        now = self.clock()
        self._left = min(self.a_second, self._left + (now - self._at) * self.a_second)
        self._at = now
        return amount <= self._left

    def take(self, amount: float) -> None:
        """Use so much, also more than is left: then nothing is for as long as that takes to come."""
        self._left -= amount


@dataclass
class Turns:
    """So many in any one second."""

    a_second: int
    clock: Clock = time.monotonic
    _taken: deque[float] = field(default_factory=deque, init=False)

    def is_free(self) -> bool:
        """Say whether another may come now."""
        while self._taken and self.clock() - self._taken[0] >= 1:
            self._taken.popleft()
        return len(self._taken) < self.a_second

    def take(self) -> None:
        """Count one."""
        self._taken.append(self.clock())
