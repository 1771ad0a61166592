"""The way to internet scale: what a rate needs in shards and invocations, what it costs, how long an outage lasts.

The numbers come from the simulation of some lanes, the busiest among them. That is enough, because lanes do not wait
for each other: a product lives on one lane, and the function and the table grow with them. What they do share (the
account's limits) is to be asked for, and not in the model.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil, inf

import numpy as np

from pipeline.scale.calibration import Work
from pipeline.scale.cost import Assumptions
from pipeline.scale.lanes import Course, Lane, Pipe, Projector
from pipeline.scale.simulation import simulate
from pipeline.scale.writes import MOST_BYTES, Shares, expected_products, popularity

SHARD_RECORDS, SHARD_BYTES_OUT = 1000, 2_000_000  # a second: what a shard takes in, and gives out
MOST_PARALLEL = 10  # batches of one shard at once: ParallelizationFactor
STEADY_SECONDS, OUTAGE_SECONDS, PATIENCE_SECONDS = 120.0, 3600.0, 24 * 3600.0
SAMPLE = 4  # lanes


@dataclass(frozen=True)
class Shop:
    """What is assumed of the shop at every size. Its catalogue grows with its traffic."""

    fill: float = 0.7  # of what a shard takes in
    products_for_a_rate: float = 10.0  # products for each event a second: each has an event in ten seconds on average
    skew: float = 0.5
    headroom: float = 2.0  # a lane works off at least twice what arrives: an outage is made up for in its own time
    batch_size: int = 1000
    window: float = 0.0  # seconds
    seed: int = 7


@dataclass(frozen=True)
class Size:
    """A rate, and what it takes: shards, and parallel batches of each."""

    rate: float
    shards: int
    parallel: int
    products: int

    @property
    def lanes(self) -> int:
        """Return how many batches can be in flight at most."""
        return self.shards * self.parallel


def size_for(rate: float, work: Work, shop: Shop) -> Size:
    """Find the shards for a rate, and the least parallelism with which a lane has its headroom.

    Args:
        rate: events a second.
        work: how long a batch takes.
        shop: what is assumed besides.
    """
    shards, products = ceil(rate / SHARD_RECORDS / shop.fill), ceil(rate * shop.products_for_a_rate)
    size = Size(rate, shards, MOST_PARALLEL, products)
    for parallel in range(1, MOST_PARALLEL):
        size = Size(rate, shards, parallel, products)
        if throughput(size, work, shop) >= shop.headroom * rate / size.lanes:
            return size
    return replace(size, parallel=MOST_PARALLEL)


def throughput(size: Size, work: Work, shop: Shop) -> float:
    """Return the records a second that an average lane works off in full batches, or that it may read."""
    pipe = pipe_of(size, shop)
    alike = np.full(max(1, size.products // size.lanes), 1 / max(1, size.products // size.lanes))
    full = work.seconds(pipe.batch_size, expected_products(alike, pipe.batch_size))
    return min(pipe.reads_a_second, pipe.batch_size / full if full else inf)


def recovery(outage: float, rate: float, worked_off: float) -> float:
    """Return the seconds that it takes to make up for an outage, as a fluid would.

    Args:
        outage: seconds.
        rate: records a second that arrive.
        worked_off: records a second that are worked off.
    """
    return outage * rate / (worked_off - rate) if worked_off > rate else inf


def pipe_of(size: Size, shop: Shop) -> Pipe:
    """Return the pipe for one lane: a shard's lanes share what the shard gives out; a batch fits into an invocation."""
    reads = SHARD_BYTES_OUT / Assumptions.record_bytes / size.parallel
    fits = MOST_BYTES // Assumptions.flat_bytes
    return Pipe(min(shop.batch_size, fits), shop.window, reads_a_second=reads)


def lanes_of(size: Size, shop: Shop, sample: int = SAMPLE) -> tuple[list[Lane], float]:
    """Put every product on a lane, as a hash would, and return some lanes.

    Returns:
        The lanes, the busiest first, the others drawn; and the events a second of the fullest shard.
    """
    random = np.random.default_rng(shop.seed)
    shares = popularity(size.products, shop.skew)
    lane_of = random.integers(size.lanes, size=size.products)
    loads = np.bincount(lane_of, weights=shares, minlength=size.lanes)
    fullest = float(loads.reshape(size.shards, size.parallel).sum(axis=1).max()) * size.rate
    busiest = int(loads.argmax())
    others = [lane for lane in random.permutation(size.lanes).tolist() if lane != busiest and loads[lane]]
    return [_lane(shares, lane_of == lane, size.rate) for lane in [busiest, *others[: sample - 1]]], fullest


def _lane(shares: Shares, here: np.ndarray, rate: float) -> Lane:
    return Lane(rate * float(shares[here].sum()), shares[here])


@dataclass(frozen=True)
class Trip:
    """One size, simulated: some of its lanes when all is well, and after an hour's outage."""

    size: Size
    work: Work
    sampled: list[Lane]
    fullest_shard: float
    steady: list[Course]
    after_outage: list[Course]

    @property
    def utilisation(self) -> float:
        """Return which part of the time a lane is busy, on average."""
        return float(np.mean([course.busy for course in self.others(self.steady)])) / STEADY_SECONDS

    @property
    def batch(self) -> float:
        """Return how many records a batch has, when all is well."""
        return _sum(self.others(self.steady), "done") / _sum(self.others(self.steady), "invocations")

    @property
    def writes_of_an_event(self) -> float:
        """Return how many writes an event costs, when all is well."""
        return _sum(self.others(self.steady), "writes") / _sum(self.others(self.steady), "done")

    @property
    def seconds_of_an_event(self) -> float:
        """Return how long the function is busy with an event, on average."""
        return _sum(self.others(self.steady), "busy") / _sum(self.others(self.steady), "done")

    @property
    def oldest(self) -> float:
        """Return the age in seconds of the oldest record of a batch when it was done, as a median."""
        return float(np.median([age for course in self.steady for _, _, age in course.seen]))

    @property
    def recovered(self) -> float:
        """Return the seconds until the slowest of the lanes had made up for the outage."""
        return max(course.recovered for course in self.after_outage)

    def others(self, courses: list[Course]) -> list[Course]:
        """Leave out the busiest lane where there are others: it is in the sample on purpose, not by chance."""
        return courses[1:] or courses


def _sum(courses: Iterable[Course], name: str) -> float:
    return float(sum(getattr(course, name) for course in courses))


def travel(rate: float, work: Work, shop: Shop) -> Trip:
    """Simulate a rate: some lanes when all is well, and the same lanes with an outage of an hour."""
    size = size_for(rate, work, shop)
    lanes, fullest = lanes_of(size, shop)
    pipe, projector = pipe_of(size, shop), Projector(work)
    steady = simulate(lanes, pipe, projector, seconds=STEADY_SECONDS, seed=shop.seed)
    outage = (60.0, 60.0 + OUTAGE_SECONDS)
    after = simulate(lanes, pipe, projector, seconds=outage[1] + PATIENCE_SECONDS, outage=outage, seed=shop.seed)
    return Trip(size, work, lanes, fullest, steady, after)
