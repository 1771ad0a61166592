"""One product that everybody wants: DynamoDB's cap of 1,000 write units a second on an item, and what folding does.

The function is taken to need no time at all here. What is left is what no faster function can buy.
"""

from math import inf

import numpy as np

from pipeline.scale.calibration import Work
from pipeline.scale.cost import Assumptions
from pipeline.scale.lanes import Course, Lane, Pipe, Projector
from pipeline.scale.simulation import simulate
from pipeline.scale.way import OUTAGE_SECONDS, SHARD_BYTES_OUT, SHARD_RECORDS
from pipeline.scale.writes import popularity

NO_TIME = Work(0, 0, 0)
PROJECTORS = {
    "folded: one write a batch": Projector(NO_TIME),
    "one write an event": Projector(NO_TIME, folds=False),
    "one transaction an event": Projector(NO_TIME, folds=False, item_units=2),  # a unit in a transaction counts twice
}
PIPE = Pipe(reads_a_second=SHARD_BYTES_OUT / Assumptions().record_bytes)
OUTAGE = (600.0, 600.0 + OUTAGE_SECONDS)
LOOK_SECONDS = 6 * 3600.0


def shares(of_the_hot_one: float, others: int = 100) -> np.ndarray:
    """Return a shard on which one product gets that part of the records."""
    return np.array([of_the_hot_one, *[(1 - of_the_hot_one) / others] * others])


def worked_off(projector: Projector, of_the_hot_one: float) -> float:
    """Return the records a second that the cap, or reading the shard, lets through on that shard."""
    if projector.folds:
        return PIPE.reads_a_second
    return min(PIPE.reads_a_second, projector.units_a_second / projector.item_units / of_the_hot_one)


def outage(rate: float = 900.0, of_the_hot_one: float = 0.9) -> dict[str, Course]:
    """Simulate an hour's outage on the shard of such a product, for each way of writing.

    Args:
        rate: records a second that arrive on the shard: at most 1,000.
        of_the_hot_one: the product's part of them.
    """
    lane = Lane(rate, shares(of_the_hot_one))
    return {
        name: simulate([lane], PIPE, projector, seconds=LOOK_SECONDS, outage=OUTAGE)[0]
        for name, projector in PROJECTORS.items()
    }


def too_hot(rate: float, products: int, skew: float) -> tuple[int, float]:
    """Return how many products get more events than a shard takes in, and which part of all events is theirs.

    A key lives on one shard, so for these no number of shards is enough: their events have to be folded by whoever
    sends them, or their order given up.
    """
    of_each = popularity(products, skew)
    hot = of_each * rate > SHARD_RECORDS
    return int(hot.sum()), float(of_each[hot].sum())


def said(course: Course) -> str:
    """Say how long it took to make up for the outage."""
    return "never" if course.recovered == inf else f"{course.recovered / 60:,.0f} min"
