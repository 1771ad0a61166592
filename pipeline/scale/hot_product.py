"""One product that everybody wants: DynamoDB's cap of 1,000 write units a second on an item, and what folding saves.

The function is taken to need no time at all here: what is left no faster function can save.
"""

from math import inf

import numpy as np

from pipeline.scale.calibration import Work
from pipeline.scale.capacity import OUTAGE_SECONDS, SHARD_BYTES_OUT, SHARD_RECORDS
from pipeline.scale.cost import Assumptions
from pipeline.scale.simulation import simulate
from pipeline.scale.simulation_model import PartResult, Pipe, Projector, ShardPart
from pipeline.scale.write_formula import popularity

NO_TIME = Work(0, 0, 0)
PROJECTORS = {
    "folded: one write a batch": Projector(NO_TIME),
    "one write an event": Projector(NO_TIME, folds=False),
    "one transaction an event": Projector(NO_TIME, folds=False, item_units=2),  # a unit in a transaction counts twice
}
PIPE = Pipe(reads_a_second=SHARD_BYTES_OUT / Assumptions().record_bytes)
OUTAGE = (600.0, 600.0 + OUTAGE_SECONDS)
SIMULATED_SECONDS = 6 * 3600.0


def shares_with_hot_product(hot_share: float, others: int = 100) -> np.ndarray:
    """Return the shares of a shard on which one product gets `hot_share` of the records."""
    return np.array([hot_share, *[(1 - hot_share) / others] * others])


def throughput(projector: Projector, hot_share: float) -> float:
    """Return the records a second that the cap, or reading the shard, lets through on that shard."""
    if projector.folds:
        return PIPE.reads_a_second
    return min(PIPE.reads_a_second, projector.units_a_second / projector.item_units / hot_share)


def simulate_outage(rate: float = 900.0, hot_share: float = 0.9) -> dict[str, PartResult]:
    """Simulate an hour's outage on the shard of such a product, for each way of writing.

    Args:
        rate: records a second that arrive on the shard: at most 1,000.
        hot_share: the product's part of them.
    """
    part = ShardPart(rate, shares_with_hot_product(hot_share))
    return {
        name: simulate([part], PIPE, projector, seconds=SIMULATED_SECONDS, outage=OUTAGE)[0]
        for name, projector in PROJECTORS.items()
    }


def products_above_a_shard(rate: float, products: int, skew: float) -> tuple[int, float]:
    """Return how many products get more events than a shard takes in, and which part of all events is theirs.

    A key lives on one shard, so for these no number of shards is enough: their events have to be folded by whoever
    sends them, or their order given up.
    """
    of_each = popularity(products, skew)
    is_hot = of_each * rate > SHARD_RECORDS
    return int(is_hot.sum()), float(of_each[is_hot].sum())


def recovery_text(result: PartResult) -> str:
    """Say how long it took to make up for the outage."""
    return "never" if result.recovered == inf else f"{result.recovered / 60:,.0f} min"
