"""The search through all schedules of a story: depth first, stateless, complete when no list of choices is left.

A list of choices is run from the start, the next one is the old one with its last open choice moved on. Schedules
that meet in the same state (table, queue, ledger, what is on its way, what every worker has been through, what may
still go wrong) have the same future: it is explored once, and counted for each.
"""

from collections.abc import Callable, Hashable
from functools import lru_cache
from typing import NamedTuple

from tests.proof.deployed import Deployed
from tests.proof.explorer import prepare
from tests.proof.items import ViolationError
from tests.proof.reference import REMEMBERED
from tests.proof.story import Bounds, Story


class Explored(NamedTuple):
    """What came of a story: so many schedules, by running so many of them."""

    schedules: int
    runs: int
    complete: bool
    violation: str = ""


class _MetError(Exception):
    """This state is explored already; `schedules` lead on from it."""

    def __init__(self, schedules: int) -> None:
        self.schedules = schedules


class Search:
    """The list of choices that is being tried, and the states on its way."""

    def __init__(self) -> None:
        self.chosen: list[int] = []
        self.options: list[int] = []
        self.schedules = 0
        self.names: dict[Hashable, int] = {}
        self._below: dict[Hashable, int | None] = {}  # schedules that lead on from a state; None while on the way
        self._way: list[tuple[int, Hashable, int]] = []  # choices made before, state, schedules counted before

    def choose(self, count: int) -> int:
        at = len(self.options)
        self.options.append(count)
        if at == len(self.chosen):
            self.chosen.append(0)
        return self.chosen[at]

    def arrive(self, where: Callable[[], Hashable]) -> None:
        """Stop where others have been. To come back to where this schedule has been itself is a livelock."""
        made = len(self.options)
        if made < len(self.chosen):
            return
        state = where()
        if state not in self._below:
            self._below[state] = None
            self._way.append((made, state, self.schedules))
        elif (below := self._below[state]) is None:
            raise ViolationError("it goes round in circles: a livelock")
        else:
            raise _MetError(below)

    def next(self) -> bool:
        """Move to the next list of choices, if there is one."""
        while self.chosen and self.chosen[-1] + 1 == self.options[len(self.chosen) - 1]:
            self.chosen.pop()
        while self._way and self._way[-1][0] >= len(self.chosen):
            _, state, before = self._way.pop()
            self._below[state] = self.schedules - before
        if self.chosen:
            self.chosen[-1] += 1
        self.options = []
        return bool(self.chosen)


def explore(story: Story, deployed: Deployed, bounds: Bounds) -> Explored:
    """Go through every schedule of a story, or up to the first violation."""
    deployed.remembering(story.remembered % REMEMBERED).losing(story.guards)
    batch = deployed.modules["batch"]
    if not hasattr(batch.parse, "cache_info"):
        batch.parse = lru_cache(batch.parse)  # pure, and the same few records a million times
    search, runs, more = Search(), 0, True
    while more:
        runs += 1
        schedule = prepare(story, deployed, search.choose, bounds)
        schedule.arrive, schedule.names = search.arrive, search.names
        try:
            schedule.run()
            search.schedules += 1
        except _MetError as met:
            search.schedules += met.schedules
        except ViolationError as violation:
            told = f"{story.name}: {violation}; " + " → ".join(map(", ".join, schedule.told))
            return Explored(search.schedules + 1, runs, False, told)
        more = search.next()
    return Explored(search.schedules, runs, True)
