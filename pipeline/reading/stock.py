"""The read side: what the table says is in stock."""

import time
from collections.abc import Iterator
from typing import Any

from pipeline.cloud import Cloud
from pipeline.waiting import eventually

MOST_KEYS = 100  # of one BatchGetItem
THROTTLED_SECONDS = 0.5  # before what was not read is asked for again


def items(cloud: Cloud, table_name: str, attributes: str | None = None) -> Iterator[dict[str, Any]]:
    """Read every item of a table, consistently, as plain values: all attributes, or those named."""
    for item in raw_items(cloud, table_name, attributes):
        yield plain(item)


def raw_items(cloud: Cloud, table_name: str, attributes: str | None = None) -> Iterator[dict[str, Any]]:
    """Read every item of a table, consistently, as DynamoDB writes them, with the kind of each value."""
    wanted = {"ProjectionExpression": attributes} if attributes else {}
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=table_name, ConsistentRead=True, **wanted)
    for page in pages:
        yield from page["Items"]


def raw_items_of(
    cloud: Cloud, table_name: str, keys: list[dict[str, Any]], wanted: dict[str, Any] | None = None
) -> Iterator[dict[str, Any]]:
    """Read the items with some keys, consistently; a key without an item is passed over.

    Args:
        cloud: where the table is.
        table_name: the table.
        keys: as DynamoDB writes them.
        wanted: of BatchGetItem's request, what says which attributes are wanted; all.
    """
    for start in range(0, len(keys), MOST_KEYS):
        request: Any = {"Keys": keys[start : start + MOST_KEYS], "ConsistentRead": True} | (wanted or {})
        while request:
            answer = cloud.client("dynamodb").batch_get_item(RequestItems={table_name: request})
            found = answer["Responses"].get(table_name, [])
            yield from found
            request = answer.get("UnprocessedKeys", {}).get(table_name)
            if request and not found:  # throttled; else the answer was full
                _wait_until(time.monotonic() + THROTTLED_SECONDS)


def raw_item(cloud: Cloud, table_name: str, product_id: str) -> dict[str, Any] | None:
    """Read one product's item, consistently, as DynamoDB writes it; None if there is none."""
    key = {"product_id": {"S": product_id}}
    return cloud.client("dynamodb").get_item(TableName=table_name, Key=key, ConsistentRead=True).get("Item")


def plain(item: dict[str, Any]) -> dict[str, Any]:
    """Return an item's plain values, without their kinds."""
    return {name: _plain(value) for name, value in item.items()}


def _plain(value: dict[str, Any]) -> Any:
    [(kind, content)] = value.items()
    return int(content) if kind == "N" else content


def _wait_until(moment: float) -> None:
    eventually(lambda: time.monotonic() >= moment)
