"""What a month costs at each rate, and the table that compares the rates."""

from collections.abc import Iterable

import pandas as pd

from pipeline.scale import cost
from pipeline.scale.capacity import SHARD_RECORDS, SimulatedRate
from pipeline.scale.cost import MILLION, MONTH_HOURS, Assumptions, Use
from pipeline.scale.prices import Prices


def monthly_bill(prices: Prices, simulated: SimulatedRate) -> dict[str, float]:
    """Price a month at that rate, in dollars: the same lines as for a million events, with what the simulation used."""
    given = Assumptions(rate=simulated.capacity.rate, shards=simulated.capacity.shards, batch=simulated.batch)
    use = Use(
        simulated.writes_of_an_event, simulated.writes_of_an_event, simulated.seconds_of_an_event
    )  # a read with each write
    millions = simulated.capacity.rate * 3600 * MONTH_HOURS / MILLION
    bill = cost.per_million(prices, given, use)
    least, most = cost.totals(bill)
    of_both = {"in all, at least": least, "in all, at most": most}
    steady = {"DynamoDB, provisioned": cost.table_provisioned(prices, use)}
    return {name: price * millions for name, price in (bill | steady | of_both).items()}


def table(rates: Iterable[SimulatedRate], prices: Prices) -> pd.DataFrame:
    """Return one column for each rate, one row for each thing to know about it."""
    columns = {
        f"{simulated.capacity.rate:,.0f} events/s": _column(simulated, monthly_bill(prices, simulated))
        for simulated in rates
    }
    return pd.DataFrame(columns).rename_axis("at a rate of")


def _column(simulated: SimulatedRate, bill: dict[str, float]) -> dict[str, str]:
    capacity = simulated.capacity
    return {
        "products": f"{capacity.products:,}",
        "shards": f"{capacity.shards:,}",
        "fullest shard, events/s": f"{simulated.fullest_shard:,.0f} of {SHARD_RECORDS:,}",
        "ParallelizationFactor": f"{capacity.parallel}",
        "invocations at once": f"{capacity.shard_parts * simulated.utilisation:,.0f}, at most {capacity.shard_parts:,}",
        "records in a batch": f"{simulated.batch:,.0f}",
        "writes for an event": f"{simulated.writes_of_an_event:.2f}",
        "oldest record of a batch, s": f"{simulated.oldest:.2f}",
        "recovery from an hour's outage": f"{simulated.recovered / 60:,.0f} min",
        "a month: Kinesis, provisioned": _dollars(bill["Kinesis, provisioned"]),
        "a month: Kinesis, on demand": _dollars(bill["Kinesis, on demand"]),
        "a month: Pipes, by record": _dollars(bill["Pipes, by record"]),
        "a month: Pipes, by 64 KB": _dollars(bill["Pipes, by 64 KB"]),
        "a month: Lambda": _dollars(bill["Lambda"]),
        "a month: DynamoDB, on demand": _dollars(bill["DynamoDB writes"] + bill["DynamoDB reads"]),
        "a month: quarantine and logs": _dollars(bill["Quarantine"] + bill["Logs"]),
        "a month, in all": f"{_dollars(bill['in all, at least'])} to {_dollars(bill['in all, at most'])}",
        "not in it: DynamoDB, provisioned": _dollars(bill["DynamoDB, provisioned"]),
    }


def _dollars(amount: float) -> str:
    return f"${amount:,.0f}"
