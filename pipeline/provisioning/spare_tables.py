"""The tables that `rebuild` makes beside a stack: made, filled, found again, deleted."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from pipeline.cloud import Cloud
from pipeline.provisioning.ownership import tags_of
from pipeline.waiting import eventually

AT_ONCE = 25  # items of one BatchWriteItem
MADE_SECONDS = 300
NAME = "{}-rebuilt-%Y%m%d%H%M%S%f"


def exists(cloud: Cloud, table: str) -> bool:
    """Say whether a table is there."""
    return _status(cloud, table) == "ACTIVE"


def names(cloud: Cloud, stack_name: str) -> Iterator[str]:
    """List the tables that were rebuilt for a stack."""
    mine = re.compile(rf"{re.escape(stack_name)}-rebuilt-[0-9]{{20}}")
    for page in cloud.client("dynamodb").get_paginator("list_tables").paginate():
        yield from filter(mine.fullmatch, page["TableNames"])


def make(cloud: Cloud, stack_name: str) -> str:
    """Make a table like the template's stock table, and return its name once it can be used."""
    dynamodb, table = cloud.client("dynamodb"), datetime.now(UTC).strftime(NAME.format(stack_name))
    dynamodb.create_table(
        TableName=table,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "product_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "product_id", "KeyType": "HASH"}],
        SSESpecification={"Enabled": True},
        Tags=tags_of(stack_name, "inventory rebuild"),
    )
    if not cloud.is_dry:
        eventually(lambda: exists(cloud, table), MADE_SECONDS, every=cloud.poll_seconds)
    dynamodb.update_continuous_backups(
        TableName=table, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
    )
    return table


def fill(cloud: Cloud, table: str, items: list[dict[str, Any]], between: Callable[[int], None]) -> None:
    """Put items into a table of ours. `between` two requests: called with how many are in."""
    for start in range(0, len(items), AT_ONCE):
        left = [{"PutRequest": {"Item": each}} for each in items[start : start + AT_ONCE]]

        def is_in() -> bool:
            nonlocal left
            answer = cloud.client("dynamodb").batch_write_item(RequestItems={table: left})
            left = answer.get("UnprocessedItems", {}).get(table, [])
            return not left

        eventually(is_in)
        between(start)


def delete(cloud: Cloud, tables: list[str]) -> None:
    """Delete tables, and return when they are gone."""
    for table in tables:
        cloud.client("dynamodb").delete_table(TableName=table)
    if not cloud.is_dry:
        eventually(lambda: not any(_status(cloud, table) for table in tables), MADE_SECONDS, every=cloud.poll_seconds)


def _status(cloud: Cloud, table: str) -> str:
    dynamodb = cloud.client("dynamodb")
    try:
        return str(dynamodb.describe_table(TableName=table)["Table"]["TableStatus"])
    except dynamodb.exceptions.ResourceNotFoundException:
        return ""
