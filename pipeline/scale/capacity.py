"""What a rate takes: shards, parallel batches, writes, and how long an outage is made up for. Closed forms, no clock.

All of it is computed from the measured time of a batch, and from assumptions about the shop. What all parts of a stream
share (the account's quotas, DynamoDB's own scaling) is not in it.
"""

from dataclasses import dataclass, replace
from math import ceil, inf

import numpy as np

from pipeline.scale.calibration import Work
from pipeline.scale.cost import Assumptions, Use
from pipeline.scale.write_formula import MOST_BYTES, Shares, expected_products, popularity

SHARD_RECORDS, SHARD_BYTES_OUT = 1000, 2_000_000  # a second: what a shard takes in, and gives out
ITEM_UNITS = 1000.0  # write units a second that one DynamoDB item takes
POLL_SECONDS = 0.25  # between two polls of the pipe
MOST_PARALLEL = 10  # batches of one shard at once: ParallelizationFactor
OUTAGE_SECONDS = 3600.0
SAMPLE = 4  # parts of shards
HOT_RATE, HOT_SHARE = 900.0, 0.9  # of a bestseller's shard: records a second, and its part of them


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


@dataclass(frozen=True)
class ShardPart:
    """A shard, or one of its parallel parts, which works off one batch at a time."""

    rate: float  # records a second
    shares: Shares  # of the part's records, for each of its products; they sum to 1


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
        products_of_part = max(1, products // capacity.shard_parts)
        part = ShardPart(rate / capacity.shard_parts, np.full(products_of_part, 1 / products_of_part))
        if throughput(part, capacity, work, shop) >= shop.headroom * part.rate:
            return capacity
    return replace(capacity, parallel=MOST_PARALLEL)


def throughput(part: ShardPart, capacity: Capacity, work: Work, shop: Shop) -> float:
    """Return the records a second that a part works off in full batches, or that it may read."""
    records = min(shop.batch_size, MOST_BYTES // Assumptions.flat_bytes)  # a batch fits into an invocation
    full = work.seconds(records, expected_products(part.shares, records))
    reads = SHARD_BYTES_OUT / Assumptions.record_bytes / capacity.parallel  # the parts share what a shard gives out
    return min(reads, records / full if full else inf)


def recovery(outage: float, rate: float, worked_off: float) -> float:
    """Return the seconds that it takes to make up for an outage.

    Args:
        outage: seconds.
        rate: records a second that arrive.
        worked_off: records a second that are worked off.
    """
    return outage * rate / (worked_off - rate) if worked_off > rate else inf


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
    chosen = [shares[part_of == part] for part in [busiest, *others[: sample - 1]]]
    return [ShardPart(capacity.rate * float(own.sum()), own / own.sum()) for own in chosen], fullest


@dataclass(frozen=True)
class RatePlan:
    """One rate, computed: what some parts of its shards do when all is well, and after an hour's outage."""

    capacity: Capacity
    shop: Shop
    work: Work
    parts: list[ShardPart]  # the busiest first: it is there on purpose, and not in the averages
    fullest_shard: float

    @property
    def batch(self) -> float:
        """Return how many records a batch has, when all is well: what arrives between two polls, or in the window."""
        drawn = self.parts[1:] or self.parts
        arriving = float(np.mean([part.rate for part in drawn])) * max(POLL_SECONDS, self.shop.window)
        return max(1.0, min(arriving, self.shop.batch_size, MOST_BYTES // Assumptions.flat_bytes))

    @property
    def writes_of_an_event(self) -> float:
        """Return how many writes an event costs, when all is well."""
        drawn = self.parts[1:] or self.parts
        return float(np.mean([expected_products(part.shares, self.batch) / self.batch for part in drawn]))

    @property
    def seconds_of_an_event(self) -> float:
        """Return how long the function is busy with an event, on average."""
        return float(self.work.seconds(1, self.writes_of_an_event, 1 / self.batch))

    @property
    def use(self) -> Use:
        """Return what an event uses up: a read goes with each write."""
        return Use(self.writes_of_an_event, self.writes_of_an_event, self.seconds_of_an_event, self.batch)

    @property
    def at_once(self) -> float:
        """Return how many invocations run at once, on average."""
        return self.capacity.rate * self.seconds_of_an_event

    @property
    def oldest(self) -> float:
        """Return the age in seconds of the oldest record of a batch when it is done."""
        return max(POLL_SECONDS, self.shop.window) + self.batch * self.seconds_of_an_event

    @property
    def recovered(self) -> float:
        """Return the seconds in which the busiest part makes up for an hour's outage."""
        busiest = self.parts[0]
        return recovery(OUTAGE_SECONDS, busiest.rate, throughput(busiest, self.capacity, self.work, self.shop))


def plan_for(rate: float, work: Work, shop: Shop) -> RatePlan:
    """Compute what a rate takes."""
    capacity = capacity_for(rate, work, shop)
    return RatePlan(capacity, shop, work, *shard_parts_of(capacity, shop))


def hot_product_recoveries(rate: float = HOT_RATE, hot_share: float = HOT_SHARE) -> dict[str, float]:
    """Return the seconds in which a shard makes up for an hour's outage when one product gets most of its records.

    The function is taken to need no time at all: what is left, no faster function can save.

    Args:
        rate: records a second that arrive on the shard: at most 1,000.
        hot_share: the product's part of them.
    """
    reads = SHARD_BYTES_OUT / Assumptions.record_bytes
    units = {"folded": 0.0, "one write an event": 1.0, "one transaction an event": 2.0}  # of the item, for an event
    caps = {name: ITEM_UNITS / of_an_event / hot_share if of_an_event else inf for name, of_an_event in units.items()}
    worked_off = {name: min(reads, cap) for name, cap in caps.items()}
    return {name: recovery(OUTAGE_SECONDS, rate, speed) for name, speed in worked_off.items()}


def products_above_a_shard(rate: float, products: int, skew: float) -> tuple[int, float]:
    """Return how many products get more events than a shard takes in, and which part of all events is theirs.

    A key lives on one shard, so for these no number of shards is enough: their events have to be folded by whoever
    sends them, or their order given up.
    """
    of_each = popularity(products, skew)
    is_hot = of_each * rate > SHARD_RECORDS
    return int(is_hot.sum()), float(of_each[is_hot].sum())


def beyond_pipes_quota(executions: int) -> str:
    """Say where so many executions at once exceed the quota of pipes: 1,000 in most Regions, 3,000 in others."""
    if executions > 3000:
        return "in every Region"
    return "in most Regions" if executions > 1000 else "nowhere"
