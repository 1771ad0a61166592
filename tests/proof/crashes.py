"""Every crash point: one batch, and death before and after each I/O call; again while the batch comes again."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from tests.doubles.table import Call
from tests.proof.deployed import Deployed
from tests.proof.events import added, down, log, poison, removed, up
from tests.proof.items import ViolationError
from tests.proof.reference import REMEMBERED, LoggedRecord
from tests.proof.story import redeliveries
from tests.proof.world import Invocation, World

MOST_POINTS = 500  # of one run; more is a livelock


class DiedError(BaseException):
    """The process is gone."""


class Batch(NamedTuple):
    """A batch to die in, what was there before, and how many events a product remembers."""

    name: str
    before: Sequence[LoggedRecord]
    records: Sequence[LoggedRecord]
    remembered: int


def _batch(name: str, before: int, remembered: int) -> Batch:
    grown = [added("LAPTOP", 1, "first")] + [up("LAPTOP", 1, f"grown-{at}") for at in range(before - 1)]
    ten = [
        added("MOUSE", 5, "a"),
        up("LAPTOP", 4, "b") if before else added("LAPTOP", 4, "b"),
        down("MOUSE", 9, "c"),  # refused
        poison("LAPTOP"),
        up("MOUSE", 6, "d"),
        down("LAPTOP", 1, "e"),
        up("MOUSE", 6, "d"),  # sent again
        down("MOUSE", 9, "c"),  # refused before, accepted now
        removed("LAPTOP", "f"),
        up("LAPTOP", 1),  # refused: it is removed
    ]
    records = log(grown[:before] + ten)
    return Batch(name, records[:before], records[before:], remembered)


BATCHES = (
    _batch("ten events", 0, REMEMBERED),
    _batch("ten events, the memory is full", REMEMBERED - 1, REMEMBERED),
    _batch("ten events, a memory of two", 3, 2),
)


class Crashing:
    """Counts the points where the process may die, and lets it die at the chosen ones."""

    def __init__(self, deadly: Sequence[int]) -> None:
        self.deadly, self.passed = deadly, 0

    def point(self) -> None:
        self.passed += 1
        if self.passed - 1 in self.deadly:
            raise DiedError

    def gate(self, call: Call) -> Any:
        """Before the call is a point, after each of its statements, and after it: the reply is never read."""
        self.point()
        if call.operation == "batch_get_item":
            reply = call.perform()
        else:
            for position in range(call.parts):
                call.step(position)
                self.point()
            reply = call.reply()
        self.point()
        return reply


def crash(batch: Batch, deployed: Deployed, deadly: Sequence[int], halves: bool) -> int:
    """Deliver the batch until it is through, dying at the given points; return how many points there were."""
    world = World([*batch.before, *batch.records], batch.remembered)
    if batch.before:
        world.current = Invocation(batch.before)
        world.attach(deployed, Call.perform)([record.flat() for record in batch.before], None)
    crashing = Crashing(deadly)
    handler = world.attach(deployed, crashing.gate)
    lane: list[Sequence[LoggedRecord]] = [batch.records]
    while lane:
        invocation = world.current = Invocation(lane.pop(0))
        try:
            answer = handler([record.flat() for record in invocation.records], None)
            crashing.point()  # the answer may still be lost
        except DiedError:
            answer = None
        if again := world.returned(invocation, answer):
            lane[:0] = redeliveries(invocation.records, again)[-1 if halves else 0]
        if crashing.passed > MOST_POINTS:
            raise ViolationError("not drained: a livelock")
    world.check_drained(in_order=True)
    return crashing.passed


def deaths(batch: Batch, deployed: Deployed, halves: bool, most: int) -> Iterator[tuple[int, ...]]:
    """Yield every choice of up to `most` points to die at, after having run it."""

    def further(deadly: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        try:
            points = crash(batch, deployed, deadly, halves)
        except ViolationError as violation:
            raise ViolationError(f"died at {deadly}: {violation}") from violation
        yield deadly
        if len(deadly) < most:
            for point in range(deadly[-1] + 1 if deadly else 0, points):
                yield from further((*deadly, point))

    return further(())


def crash_everywhere(batch: Batch, deployed: Deployed, most: int) -> int:
    """Die everywhere in a batch, up to `most` times in a run; return how many runs that took.

    Raises:
        ViolationError: with the points.
    """
    runs = 0
    deployed.remembering(batch.remembered % REMEMBERED).losing(0)
    for halves in (False, True):
        try:
            runs += sum(1 for _ in deaths(batch, deployed, halves, most))
        except ViolationError as violation:
            raise ViolationError(f"{violation} (delivered again {'in halves' if halves else 'whole'})") from violation
    return runs
