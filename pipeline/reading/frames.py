"""Both tables as data frames. Apart from what reads them: pandas takes a second to import, and few verbs need it."""

from typing import Any

import pandas as pd

from pipeline.cloud import Cloud
from pipeline.reading.stock import items
from pipeline.safe_text import one_line

STOCK_COLUMNS = ["product_id", "product_name", "status", "quantity", "version", "updated_at"]
QUARANTINE_COLUMNS = [
    "record_id", "reason", "detail", "event", "data", "truncated", "partition_key", "shard_id", "sequence_number",
    "arrived_at", "quarantined_at", "judged_on", "state",
]  # fmt: skip


def stock(cloud: Cloud, table_name: str, include_removed: bool = False) -> pd.DataFrame:
    """Return what is in stock: one row per product, by product_id. Quantities in units.

    Args:
        cloud: where the table is.
        table_name: the table.
        include_removed: whether products that were removed are listed too.
    """
    frame = pd.DataFrame(items(cloud, table_name), columns=STOCK_COLUMNS)
    if not include_removed:
        frame = frame[frame["status"] == "active"]
    return frame.sort_values("product_id").reset_index(drop=True)


def lines(frame: pd.DataFrame) -> list[str]:
    """Write the stock for people: a table whose columns no product's name can move."""
    if frame.empty:
        return ["Nothing is in stock."]
    shown = frame.map(lambda value: one_line(value) if isinstance(value, str) else value)
    return shown.to_string(index=False).split("\n")


def quarantine(cloud: Cloud, table_name: str) -> pd.DataFrame:
    """Return the quarantined records, one row each, in the order of the log, with their bytes."""
    frame = pd.DataFrame(items(cloud, table_name), columns=QUARANTINE_COLUMNS)
    return frame.sort_values(["shard_id", "sequence_number"], key=_in_order).reset_index(drop=True)


def _in_order(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Sequence numbers are ordered as integers: as strings they sort wrongly."""
    return column.map(lambda text: int(text)).astype(object) if column.name == "sequence_number" else column
