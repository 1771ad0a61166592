"""What a month costs at each rate, and the table that compares the rates."""

from collections.abc import Sequence
from dataclasses import asdict

import pandas as pd

from pipeline.scale import cost
from pipeline.scale.capacity import SHARD_RECORDS, RatePlan
from pipeline.scale.cost import MILLION, MONTH_HOURS, Assumptions
from pipeline.scale.prices import Prices


def monthly_bill(prices: Prices, planned: RatePlan) -> dict[str, float]:
    """Price a month at that rate, in dollars: the same lines as for a million events, with what the simulation used."""
    given = Assumptions(rate=planned.capacity.rate, shards=planned.capacity.shards)
    millions = planned.capacity.rate * 3600 * MONTH_HOURS / MILLION
    bill = cost.per_million(prices, given, planned.use)
    least, most = cost.totals(bill)
    of_both = {"in all, at least": least, "in all, at most": most}
    return {name: price * millions for name, price in (bill | of_both).items()}


def table(rates: Sequence[RatePlan], prices: Prices) -> pd.DataFrame:
    """Return one column for each planned rate, one row for each thing to know about it.

    Where a rate was planned more than once, the columns' names say how the shops differ.
    """
    columns = [pd.Series(_column(planned, monthly_bill(prices, planned))) for planned in rates]
    frame = pd.concat(columns, axis="columns").set_axis([_name(planned, rates) for planned in rates], axis="columns")
    return frame.rename_axis("at a rate of")


def _name(planned: RatePlan, rates: Sequence[RatePlan]) -> str:
    shops = [asdict(other.shop) for other in rates if other.capacity.rate == planned.capacity.rate]
    differing = [field for field in sorted(shops[0]) if len({shop[field] for shop in shops}) > 1]
    words = (f"{field} {getattr(planned.shop, field):g}" for field in differing)
    return ", ".join([f"{planned.capacity.rate:,.0f} events/s", *words])


def _column(planned: RatePlan, bill: dict[str, float]) -> dict[str, str]:
    capacity = planned.capacity
    kinesis = sorted((bill["Kinesis, provisioned"], bill["Kinesis, on demand"]))
    return {
        "products": f"{capacity.products:,}",
        "shards, ParallelizationFactor": f"{capacity.shards:,}, {capacity.parallel}",
        "fullest shard, events/s": f"{planned.fullest_shard:,.0f} of {SHARD_RECORDS:,}",
        "invocations at once": f"{planned.at_once:,.0f}, at most {capacity.shard_parts:,}",
        "records in a batch": f"{planned.batch:,.0f}",
        "writes for an event": f"{planned.writes_of_an_event:.2f}",
        "oldest record of a batch, s": f"{planned.oldest:.2f}",
        "recovery from an hour's outage": f"{planned.recovered / 60:,.0f} min",
        "a month: Kinesis": " to ".join(map(_dollars, kinesis)),
        "a month: pipe": f"{_dollars(bill['Pipes, by 64 KB'])} to {_dollars(bill['Pipes, by record'])}",
        "a month: Lambda": _dollars(bill["Lambda"]),
        "a month: DynamoDB": _dollars(bill["DynamoDB writes"] + bill["DynamoDB reads"]),
        "a month: quarantine, logs": _dollars(bill["Quarantine"] + bill["Logs"]),
        "a month, in all": f"{_dollars(bill['in all, at least'])} to {_dollars(bill['in all, at most'])}",
    }


def _dollars(amount: float) -> str:
    return f"${float(f'{amount:.2g}'):,.0f}"  # more digits than two would only look exact
