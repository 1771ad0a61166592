"""The pipeline as a simulation of discrete events: shards that fill, a pipe that polls, a function that takes time.

What moves is a batch. Records between two polls are counted, not moved one by one; which products a batch is about is
drawn anew for each. Time is simulated: an hour of outage takes no longer than its batches.

Left out: cold starts, the pause between retries, and limits of the account.
"""

from collections import deque
from collections.abc import Generator, Sequence
from math import inf
from typing import Any

import numpy as np
import simpy

from pipeline.scale.simulation_model import PartResult, Pipe, Projector, ShardPart

MOST_READ = 10_000  # records that one GetRecords returns
A_MOMENT = 1e-9

Process = Generator[simpy.Event, Any, None]


def simulate(
    parts: Sequence[ShardPart],
    pipe: Pipe,
    projector: Projector,
    *,
    seconds: float = inf,
    outage: tuple[float, float] = (inf, inf),
    machines: int | None = None,
    seed: int = 7,
) -> list[PartResult]:
    """Simulate parts of shards beside each other.

    Args:
        parts: what arrives where.
        pipe: how it is read and sent.
        projector: what a batch costs.
        seconds: for how long at most. A part that nothing arrives on ends when it is empty.
        outage: from when until when no batch gets through. A part ends as soon as it has recovered from it.
        machines: how many batches can be worked on at once, all parts together. None: one for each part.
        seed: another seed, another outcome.

    Raises:
        ValueError: it would never end.
    """
    if seconds == outage[1] == inf and any(part.rate for part in parts):
        raise ValueError("records arrive for ever: say for how many seconds")
    env = simpy.Environment()
    shared = simpy.Resource(env, capacity=machines or len(parts))
    seeds = np.random.SeedSequence(seed).spawn(len(parts))
    runs = [
        _Run(env, part, pipe, projector, outage, shared, np.random.default_rng(own))
        for part, own in zip(parts, seeds, strict=True)
    ]
    for run in runs:
        env.process(run.go())
    env.run(until=seconds if seconds < inf else None)
    return [run.finish() for run in runs]


class _Run:
    """One part at work: what is in the stream, what the pipe has read of it, what has become of it."""

    def __init__(
        self,
        env: simpy.Environment,
        part: ShardPart,
        pipe: Pipe,
        projector: Projector,
        outage: tuple[float, float],
        machines: simpy.Resource,
        random: np.random.Generator,
    ) -> None:
        self.env, self.part, self.pipe, self.projector = env, part, pipe, projector
        self.outage, self.machines, self.random = outage, machines, random
        self.result = PartResult(arrived=part.waiting)
        self.up_to = np.cumsum(part.shares) / part.shares.sum()
        self.stream, self.read = part.waiting, 0
        self.ages = deque([(0.0, 0.0, part.waiting)])  # arrived from, until, how many: the oldest first
        self.now = self.polled = self.oldest_read = 0.0
        self.allowance = pipe.reads_a_second * pipe.poll_every
        self.is_over = False

    def go(self) -> Process:
        yield self.env.timeout(self.random.uniform(0, self.pipe.poll_every))  # parts are not in step
        next_poll = self.env.now
        while True:
            if self.env.now >= next_poll - A_MOMENT:
                self.poll()
                next_poll = self.env.now + self.pipe.poll_every
                if self.result.recovered < inf:
                    break
            if self.is_down():
                yield self.env.timeout(self.outage[1] - self.env.now)
            elif self.can_send():
                yield from self.send()
            elif not self.part.rate and not self.stream and not self.read:
                break
            else:
                yield self.env.timeout(max(next_poll - self.env.now, A_MOMENT))
        self.is_over = True

    def arrive(self) -> None:
        """Count what has arrived since the last time."""
        since, self.now = self.now, self.env.now
        came = int(self.random.poisson(self.part.rate * (self.now - since))) if self.part.rate else 0
        self.result.arrived += came
        self.stream += came
        self.ages.append((since, self.now, came))

    def poll(self) -> None:
        """Read what there is, no more than the shard may be read at."""
        self.arrive()
        earned = (self.env.now - self.polled) * self.pipe.reads_a_second
        self.allowance = min(self.allowance + earned, max(MOST_READ, self.pipe.reads_a_second))
        self.polled = self.env.now
        take = min(self.stream, int(self.allowance), MOST_READ - self.read)
        if not self.read:
            self.oldest_read = self.env.now
        self.allowance -= take
        self.stream -= take
        self.read += take
        caught_up = not self.stream and self.read <= self.pipe.batch_size
        if caught_up and self.env.now >= self.outage[1] and self.result.recovered == inf:
            self.result.recovered = self.env.now - self.outage[1]

    def is_down(self) -> bool:
        return self.outage[0] <= self.env.now < self.outage[1] - A_MOMENT

    def can_send(self) -> bool:
        waited = self.env.now - self.oldest_read >= self.pipe.window - A_MOMENT
        last = not self.part.rate and not self.stream
        return self.read > 0 and (self.read >= self.pipe.batch_size or waited or last)

    def send(self) -> Process:
        """Take a batch, and be busy with it."""
        records = min(self.read, self.pipe.batch_size)
        writes, of_the_hottest = self.draw(records)
        capped = of_the_hottest * self.projector.item_units / self.projector.units_a_second
        takes = max(self.projector.work.seconds(records, writes), capped)
        self.read -= records
        self.oldest_read = self.polled
        self.result.in_flight = records
        with self.machines.request() as turn:
            yield turn
            yield self.env.timeout(takes)
        self.result.in_flight = 0
        self.result.done += records
        self.result.invocations += 1
        self.result.writes += writes
        self.result.busy += takes
        self.result.ended = self.env.now
        self.result.seen.append((self.env.now, self.stream + self.read, self.env.now - self.oldest_of(records)))

    def draw(self, records: int) -> tuple[int, int]:
        """Draw the products of a batch; return its writes, and how many of them the busiest product gets."""
        products = np.searchsorted(self.up_to, self.random.random(records), side="right")
        counts = np.bincount(products, minlength=len(self.up_to))
        if self.projector.folds:
            return int(np.count_nonzero(counts)), 1
        return records, int(counts.max())

    def oldest_of(self, records: int) -> float:
        """Take records off the front; return when the oldest of them arrived."""
        while self.ages and not self.ages[0][2]:
            self.ages.popleft()
        oldest = self.ages[0][0] if self.ages else self.env.now
        while records and self.ages:
            start, end, number = self.ages.popleft()
            taken = min(records, number)
            records -= taken
            if taken < number:
                self.ages.appendleft((start + (end - start) * taken / number, end, number - taken))
        return oldest

    def finish(self) -> PartResult:
        """Count what is left when the simulation ends: with what arrived since the last poll."""
        if not self.is_over:
            self.arrive()
        self.result.left = self.stream + self.read
        return self.result
