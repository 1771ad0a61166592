"""What a rate of events needs in shards and parallel batches, and how long it takes to recover from an outage.

A shard, or each of its parallel parts, works off one batch at a time. Some of these parts are simulated, the busiest
among them. That is enough, because they do not wait for each other: a product lives on one part, and the function and
the table grow with them. What they share, the account's limits, is not in the model.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import ceil, inf

import numpy as np

from pipeline.scale.calibration import Work
from pipeline.scale.cost import Assumptions
from pipeline.scale.simulation import simulate
from pipeline.scale.simulation_model import PartResult, Pipe, Projector, ShardPart
from pipeline.scale.write_formula import MOST_BYTES, Shares, expected_products, popularity

SHARD_RECORDS, SHARD_BYTES_OUT = 1000, 2_000_000  # a second: what a shard takes in, and gives out
MOST_PARALLEL = 10  # batches of one shard at once: ParallelizationFactor
STEADY_SECONDS, OUTAGE_SECONDS, PATIENCE_SECONDS = 120.0, 3600.0, 24 * 3600.0
SAMPLE = 4  # parts of shards


@dataclass(frozen=True)
class Shop:
    """What is assumed of the shop at every rate. Its catalogue grows with its traffic."""

    fill: float = 0.7  # of what a shard takes in
    products_for_a_rate: float = 10.0  # products for each event a second: an event in ten seconds each, on average
    skew: float = 0.5
    headroom: float = 2.0  # a part works off at least twice what arrives: an outage is made up for in its own time
    batch_size: int = 1000
    window: float = 0.0  # seconds
    seed: int = 7


@dataclass(frozen=True)
class Capacity:
    """A rate, and what it takes: shards, and parallel batches of each."""

    rate: float
    shards: int
    parallel: int
    products: int

    @property
    def shard_parts(self) -> int:
        """Return how many batches can be in flight at most."""
        return self.shards * self.parallel


def capacity_for(rate: float, work: Work, shop: Shop) -> Capacity:
    """Find the shards for a rate, and the least parallelism with which a part has its headroom.

    Args:
        rate: events a second.
        work: how long a batch takes.
        shop: what is assumed besides.
    """
    shards, products = ceil(rate / SHARD_RECORDS / shop.fill), ceil(rate * shop.products_for_a_rate)
    capacity = Capacity(rate, shards, MOST_PARALLEL, products)
    for parallel in range(1, MOST_PARALLEL):
        capacity = Capacity(rate, shards, parallel, products)
        if throughput(capacity, work, shop) >= shop.headroom * rate / capacity.shard_parts:
            return capacity
    return replace(capacity, parallel=MOST_PARALLEL)


def throughput(capacity: Capacity, work: Work, shop: Shop) -> float:
    """Return the records a second that an average part works off in full batches, or that it may read."""
    pipe = pipe_of(capacity, shop)
    products = max(1, capacity.products // capacity.shard_parts)
    full = work.seconds(pipe.batch_size, expected_products(np.full(products, 1 / products), pipe.batch_size))
    return min(pipe.reads_a_second, pipe.batch_size / full if full else inf)


def recovery(outage: float, rate: float, worked_off: float) -> float:
    """Return the seconds that it takes to make up for an outage, as a fluid would.

    Args:
        outage: seconds.
        rate: records a second that arrive.
        worked_off: records a second that are worked off.
    """
    return outage * rate / (worked_off - rate) if worked_off > rate else inf


def pipe_of(capacity: Capacity, shop: Shop) -> Pipe:
    """Return the pipe as one part sees it: the parts share what a shard gives out; a batch fits into an invocation."""
    reads = SHARD_BYTES_OUT / Assumptions.record_bytes / capacity.parallel
    fits = MOST_BYTES // Assumptions.flat_bytes
    return Pipe(min(shop.batch_size, fits), shop.window, reads_a_second=reads)


def shard_parts_of(capacity: Capacity, shop: Shop, sample: int = SAMPLE) -> tuple[list[ShardPart], float]:
    """Put every product on a part of a shard, as a hash would, and return some of the parts.

    Returns:
        The parts, the busiest first, the others drawn; and the events a second of the fullest shard.
    """
    random = np.random.default_rng(shop.seed)
    shares = popularity(capacity.products, shop.skew)
    part_of = random.integers(capacity.shard_parts, size=capacity.products)
    loads = np.bincount(part_of, weights=shares, minlength=capacity.shard_parts)
    fullest = float(loads.reshape(capacity.shards, capacity.parallel).sum(axis=1).max()) * capacity.rate
    busiest = int(loads.argmax())
    others = [part for part in random.permutation(capacity.shard_parts).tolist() if part != busiest and loads[part]]
    return [_part(shares, part_of == part, capacity.rate) for part in [busiest, *others[: sample - 1]]], fullest


def _part(shares: Shares, here: np.ndarray, rate: float) -> ShardPart:
    return ShardPart(rate * float(shares[here].sum()), shares[here])


@dataclass(frozen=True)
class SimulatedRate:
    """One rate, simulated: some parts of its shards when all is well, and after an hour's outage."""

    capacity: Capacity
    work: Work
    sampled: list[ShardPart]
    fullest_shard: float
    steady: list[PartResult]
    after_outage: list[PartResult]

    @property
    def utilisation(self) -> float:
        """Return what share of the time a part is busy, on average."""
        return float(np.mean([result.busy for result in self.others(self.steady)])) / STEADY_SECONDS

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
        return float(np.median([age for result in self.steady for _, _, age in result.seen]))

    @property
    def recovered(self) -> float:
        """Return the seconds until the slowest of the parts had made up for the outage."""
        return max(result.recovered for result in self.after_outage)

    def others(self, results: list[PartResult]) -> list[PartResult]:
        """Leave out the busiest part where there are others: it is in the sample on purpose, not by chance."""
        return results[1:] or results


def _sum(results: Iterable[PartResult], name: str) -> float:
    return float(sum(getattr(result, name) for result in results))


def simulate_rate(rate: float, work: Work, shop: Shop) -> SimulatedRate:
    """Simulate a rate: some parts when all is well, and the same parts with an outage of an hour."""
    capacity = capacity_for(rate, work, shop)
    parts, fullest = shard_parts_of(capacity, shop)
    pipe, projector = pipe_of(capacity, shop), Projector(work)
    steady = simulate(parts, pipe, projector, seconds=STEADY_SECONDS, seed=shop.seed)
    outage = (60.0, 60.0 + OUTAGE_SECONDS)
    after = simulate(parts, pipe, projector, seconds=outage[1] + PATIENCE_SECONDS, outage=outage, seed=shop.seed)
    return SimulatedRate(capacity, work, parts, fullest, steady, after)
