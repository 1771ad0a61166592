"""The quarantine table, read: what was refused, and why. Reading it takes nothing out."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from pipeline.cloud import Cloud
from pipeline.reading import stock

COLUMNS = [
    "record_id", "reason", "detail", "event", "data", "truncated", "partition_key", "shard_id", "sequence_number",
    "arrived_at", "quarantined_at", "judged_on", "state",
]  # fmt: skip
VERDICT = "record_id, reason, shard_id, sequence_number, judged_on, partition_key"  # without the bytes


def verdicts(cloud: Cloud, table_name: str) -> Iterator[dict[str, Any]]:
    """Read who was refused and why, consistently and without the records' bytes."""
    return stock.items(cloud, table_name, attributes=VERDICT)


def quarantine(cloud: Cloud, table_name: str) -> pd.DataFrame:
    """Return the quarantined records, one row each, in the order of the log, with their bytes."""
    frame = pd.DataFrame(stock.items(cloud, table_name), columns=COLUMNS)
    return frame.sort_values(["shard_id", "sequence_number"], key=_in_order).reset_index(drop=True)


def count(cloud: Cloud, table_name: str) -> int:
    """Count the quarantined records."""
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=table_name, Select="COUNT")
    return sum(page["Count"] for page in pages)


def _in_order(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Sequence numbers are ordered as integers: as strings they sort wrongly."""
    return column.map(lambda text: int(text)).astype(object) if column.name == "sequence_number" else column
