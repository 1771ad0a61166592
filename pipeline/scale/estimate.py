"""About what a pipeline of the template will cost: an hour in which nothing flows, and a million events."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pipeline.scale import benchmark, cost, prices
from pipeline.scale.cost import Assumptions

MEASURED = "projector"  # this project's, in docs/benchmark.json
BATCH = 1000  # records, at which it was measured


def idle_hour(values: Mapping[str, Any]) -> float:
    """Price an hour of the stream's shards, in dollars: all that is paid for while nothing flows.

    Args:
        values: of the template's parameters, as they will be in force.
    """
    priced = prices.load()
    shard_hour = priced["kinesis_shard_hour"]
    if int(values["RetentionHours"]) > cost.FREE_RETENTION_HOURS:
        shard_hour += priced["kinesis_extended_retention_shard_hour"]
    return int(values["ShardCount"]) * shard_hour


def million_events(values: Mapping[str, Any]) -> tuple[float, float]:
    """Price a million events without the shards' hours, in dollars: at least, and at most.

    At most: no two of a product in a batch, so each is read and written by itself; and each record a pipe's request.
    """
    priced, use = prices.load(), benchmark.uses(benchmark.load(), BATCH)[MEASURED]
    given = Assumptions(memory_gb=int(values["ProjectorMemoryMb"]) / 1024, batch=min(int(values["BatchSize"]), BATCH))
    folded = cost.per_million(priced, given, use)
    alone = cost.per_million(priced, given, replace(use, write_units=1, read_units=1))
    return _without_hours(folded, priced, min), _without_hours(alone, priced, max)


def _without_hours(bill: dict[str, float], priced: prices.Prices, of_both: Callable[..., float]) -> float:
    others = sum(price for name, price in bill.items() if not name.startswith(("Kinesis", "Pipes")))
    return others + priced["kinesis_put_million"] + of_both(bill["Pipes, by record"], bill["Pipes, by 64 KB"])


def lines(values: Mapping[str, Any]) -> list[str]:
    """Write the estimate for people, with where its numbers come from."""
    least, most = million_events(values)
    read = prices.read()
    return [
        f"an hour costs about ${idle_hour(values):.3f} while nothing flows ({values['ShardCount']} shards), "
        f"a million events ${least:.2f} to ${most:.2f}",
        f"prices of {read['region']} as read on {read['looked_up']}, without {read['left_out']}",
    ]
