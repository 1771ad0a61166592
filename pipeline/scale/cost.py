"""What a million events cost, service by service, in dollars. Pure functions of prices, assumptions and use."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from math import ceil
from typing import Any

import pandas as pd

from pipeline.scale.prices import Prices

MILLION = 1_000_000
KB, GB = 1024, 1024**3
REQUEST_BYTES = 64 * KB  # of a pipe's, or a queue's, request
PUT_UNIT_BYTES = 25 * KB
FREE_RETENTION_HOURS = 24
MONTH_HOURS = 730

Dollars = float


def _assumed(value: Any, unit: str, why: str) -> Any:
    return field(default=value, metadata={"unit": unit, "why": why})


@dataclass(frozen=True)
class Assumptions:
    """All that the bill depends on and the benchmark does not measure."""

    rate: float = _assumed(1000, "events a second", "day and night; what stands idle is paid all the same")
    shards: int = _assumed(2, "shards", "the template's default; half of what they could take in")
    batch: float = _assumed(
        1000, "records in a batch", "as in the benchmark; at this rate it takes a batching window of 2 s"
    )
    record_bytes: int = _assumed(200, "bytes of a record", "event and key, as our producer writes them, rounded up")
    flat_bytes: int = _assumed(850, "bytes of a record", "as the pipe hands it over: base64 and ten fields more")
    memory_gb: float = _assumed(0.5, "GB", "the template's 512 MB")
    retention_hours: float = _assumed(48, "hours", "the template's default; beyond 24 hours it costs extra")
    quarantined: float = _assumed(0.001, "of all records", "each an item of 1 to 2 KB: two write units")
    log_bytes: int = _assumed(1600, "bytes of log a batch", "two lines of the projector and three of Lambda")

    def table(self) -> pd.DataFrame:
        """Return one row for each assumption, with its reason."""
        rows = [
            {
                "assumed": assumption.name.replace("_", " "),
                "value": f"{getattr(self, assumption.name):,}",
                "unit": assumption.metadata["unit"],
                "because": assumption.metadata["why"],
            }
            for assumption in fields(self)
        ]
        return pd.DataFrame(rows).set_index("assumed")


@dataclass(frozen=True)
class Use:
    """What one event uses up, on average.

    Args:
        write_units: DynamoDB write units; those of a transaction count twice already.
        read_units: DynamoDB read units; a consistent read of up to 4 KB is one.
        lambda_seconds: seconds of the function's run.
        batch: records in a batch, where it is not what is assumed.
    """

    write_units: float
    read_units: float
    lambda_seconds: float
    batch: float | None = None


def kinesis_provisioned(prices: Prices, given: Assumptions) -> Dollars:
    """Price a million events on shards that are there whether anything flows or not."""
    hours = MILLION / given.rate / 3600
    shard_hour = prices["kinesis_shard_hour"]
    if given.retention_hours > FREE_RETENTION_HOURS:
        shard_hour += prices["kinesis_extended_retention_shard_hour"]
    put_units = ceil(given.record_bytes / PUT_UNIT_BYTES)
    return given.shards * hours * shard_hour + put_units * prices["kinesis_put_million"]


def kinesis_on_demand(prices: Prices, given: Assumptions) -> Dollars:
    """Price a million events by the GB: in, with each record rounded up to 1 KB; out, as it is. Kept for 24 hours."""
    hours = MILLION / given.rate / 3600
    gb_in = MILLION * ceil(given.record_bytes / KB) * KB / GB
    gb_out = MILLION * given.record_bytes / GB
    return (
        hours * prices["kinesis_on_demand_stream_hour"]
        + gb_in * prices["kinesis_on_demand_gb_in"]
        + gb_out * prices["kinesis_on_demand_gb_out"]
    )


def pipes_by_record(prices: Prices, given: Assumptions) -> Dollars:
    """Price a million events if every record is a request: the dear reading of the price list."""
    return ceil(given.record_bytes / REQUEST_BYTES) * prices["pipes_million"]


def pipes_by_64_kb(prices: Prices, given: Assumptions) -> Dollars:
    """Price a million events if every 64 KB of a batch are a request: the cheap reading of the price list."""
    requests_of_a_batch = ceil(given.batch * given.flat_bytes / REQUEST_BYTES)
    return requests_of_a_batch / given.batch * prices["pipes_million"]


def function(prices: Prices, given: Assumptions, use: Use) -> Dollars:
    """Price the Lambda function for a million events: its invocations, and its GB-seconds."""
    gb_seconds = MILLION * use.lambda_seconds * given.memory_gb
    return prices["lambda_million"] / given.batch + gb_seconds * prices["lambda_gb_second"]


def table_writes(prices: Prices, use: Use) -> Dollars:
    """Price DynamoDB's writes for a million events, on demand."""
    return use.write_units * prices["dynamodb_write_million"]


def table_reads(prices: Prices, use: Use) -> Dollars:
    """Price DynamoDB's reads for a million events, on demand."""
    return use.read_units * prices["dynamodb_read_million"]


def quarantine(prices: Prices, given: Assumptions) -> Dollars:
    """Price what a million events put into the quarantine table."""
    return given.quarantined * 2 * prices["dynamodb_write_million"]


def logs(prices: Prices, given: Assumptions) -> Dollars:
    """Price the log that a million events leave."""
    return MILLION / given.batch * given.log_bytes / GB * prices["logs_gb"]


def per_million(prices: Prices, given: Assumptions, use: Use) -> dict[str, Dollars]:
    """Price a million events, line by line. Of the two lines for Kinesis, and of the two for Pipes, one is paid."""
    given = replace(given, batch=use.batch) if use.batch else given
    return {
        "Kinesis, provisioned": kinesis_provisioned(prices, given),
        "Kinesis, on demand": kinesis_on_demand(prices, given),
        "Pipes, by record": pipes_by_record(prices, given),
        "Pipes, by 64 KB": pipes_by_64_kb(prices, given),
        "Lambda": function(prices, given, use),
        "DynamoDB writes": table_writes(prices, use),
        "DynamoDB reads": table_reads(prices, use),
        "Quarantine": quarantine(prices, given),
        "Logs": logs(prices, given),
    }


def totals(lines: Mapping[str, Dollars]) -> tuple[Dollars, Dollars]:
    """Add up a bill: with the cheaper, and with the dearer of each pair of lines."""
    of_both = sum(price for name, price in lines.items() if not name.startswith(("Kinesis", "Pipes")))
    kinesis = (lines["Kinesis, provisioned"], lines["Kinesis, on demand"])
    pipes = (lines["Pipes, by record"], lines["Pipes, by 64 KB"])
    return of_both + min(kinesis) + min(pipes), of_both + max(kinesis) + max(pipes)


def bills(prices: Prices, given: Assumptions, uses: Mapping[str, Use]) -> pd.DataFrame:
    """Return one column for each who is compared, one row for each line of the bill, in dollars per million events."""
    lines = {name: per_million(prices, given, use) for name, use in uses.items()}
    sums = {
        name: dict(zip(("in all, at least", "in all, at most"), totals(bill), strict=True))
        for name, bill in lines.items()
    }
    return pd.DataFrame({name: lines[name] | sums[name] for name in uses}).rename_axis("dollars")


def as_text(priced: pd.DataFrame, names: Mapping[str, str]) -> pd.DataFrame:
    """Return bills as a reader wants them: to a tenth of a cent, under everybody's name."""
    return priced.map("{:.3f}".format).rename(columns=names)
