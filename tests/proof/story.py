"""What a story is: records, how the pipe brings them, what may go wrong on the way, how often."""

from collections.abc import Sequence
from typing import NamedTuple

from tests.proof.reference import REMEMBERED, LoggedRecord

Batches = Sequence[Sequence[LoggedRecord]]


class Bounds(NamedTuple):
    """How much may go wrong in one schedule."""

    faults: int = 2
    preemptions: int = 2


class Story(NamedTuple):
    """What lies on the log, and how the pipe brings it: each lane is delivered in order, all lanes at once.

    Two lanes with records of one product are a pipe that breaks its order, unless each brings a beginning of the log.
    """

    name: str
    lanes: Sequence[Batches]
    before: Batches = ()  # delivered first, undisturbed
    zombies: int = 0  # invocations that the pipe gives up waiting for, and that go on all the same
    remembered: int = REMEMBERED
    guards: int = 0  # how many lost guards the projector takes of one product; 0: as many as it is deployed to
    pauses: int = 10  # how often an invocation has the time to wait
    foreign: tuple[str, ...] = ()  # products in whose place an item lies that is not ours
    overlap: bool = False  # each lane brings a beginning of the same log

    @property
    def log(self) -> list[LoggedRecord]:
        batches = [*self.before, *(batch for lane in self.lanes for batch in lane)]
        return sorted({record for batch in batches for record in batch}, key=lambda record: record.sequence_number)

    @property
    def in_order(self) -> bool:
        return len(self.lanes) == 1 or self.overlap


def redeliveries(batch: Sequence[LoggedRecord], again: list[LoggedRecord]) -> list[list[Sequence[LoggedRecord]]]:
    """All that a pipe may do with a batch of which some records failed: those, all from the first one on, or halves."""
    plans: list[list[Sequence[LoggedRecord]]] = [[again]]
    from_first = batch[batch.index(again[0]) :]
    if len(from_first) > len(again):
        plans.append([from_first])
    if len(again) == len(batch) > 1:
        plans.append([batch[: len(batch) // 2], batch[len(batch) // 2 :]])
    return plans
