"""What a month costs at each size, and the table of the way there."""

from collections.abc import Iterable

import pandas as pd

from pipeline.scale import cost
from pipeline.scale.cost import MILLION, MONTH_HOURS, Assumptions, Use
from pipeline.scale.prices import Prices
from pipeline.scale.way import SHARD_RECORDS, Trip


def month(prices: Prices, trip: Trip) -> dict[str, float]:
    """Price a month at that rate, in dollars: the same lines as for a million events, with what the simulation used."""
    given = Assumptions(rate=trip.size.rate, shards=trip.size.shards, batch=trip.batch)
    use = Use(trip.writes_of_an_event, trip.writes_of_an_event, trip.seconds_of_an_event)  # a read with each write
    millions = trip.size.rate * 3600 * MONTH_HOURS / MILLION
    bill = cost.per_million(prices, given, use)
    least, most = cost.totals(bill)
    of_both = {"in all, at least": least, "in all, at most": most}
    steady = {"DynamoDB, provisioned": cost.table_provisioned(prices, use)}
    return {name: price * millions for name, price in (bill | steady | of_both).items()}


def table(trips: Iterable[Trip], prices: Prices) -> pd.DataFrame:
    """Return one column for each rate, one row for each thing to know about it."""
    columns = {f"{trip.size.rate:,.0f} events/s": _column(trip, month(prices, trip)) for trip in trips}
    return pd.DataFrame(columns).rename_axis("at a rate of")


def _column(trip: Trip, bill: dict[str, float]) -> dict[str, str]:
    size = trip.size
    return {
        "products": f"{size.products:,}",
        "shards": f"{size.shards:,}",
        "fullest shard, events/s": f"{trip.fullest_shard:,.0f} of {SHARD_RECORDS:,}",
        "ParallelizationFactor": f"{size.parallel}",
        "invocations at once": f"{size.lanes * trip.utilisation:,.0f}, at most {size.lanes:,}",
        "records in a batch": f"{trip.batch:,.0f}",
        "writes for an event": f"{trip.writes_of_an_event:.2f}",
        "oldest record of a batch, s": f"{trip.oldest:.2f}",
        "recovery from an hour's outage": f"{trip.recovered / 60:,.0f} min",
        "a month: Kinesis, provisioned": _dollars(bill["Kinesis, provisioned"]),
        "a month: Kinesis, on demand": _dollars(bill["Kinesis, on demand"]),
        "a month: Pipes, by record": _dollars(bill["Pipes, by record"]),
        "a month: Pipes, by 64 KB": _dollars(bill["Pipes, by 64 KB"]),
        "a month: Lambda": _dollars(bill["Lambda"]),
        "a month: DynamoDB, on demand": _dollars(bill["DynamoDB writes"] + bill["DynamoDB reads"]),
        "a month: SQS and logs": _dollars(bill["SQS"] + bill["Logs"]),
        "a month, in all": f"{_dollars(bill['in all, at least'])} to {_dollars(bill['in all, at most'])}",
        "not in it: DynamoDB, provisioned": _dollars(bill["DynamoDB, provisioned"]),
    }


def _dollars(amount: float) -> str:
    return f"${amount:,.0f}"
