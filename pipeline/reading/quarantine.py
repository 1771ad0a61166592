"""The quarantine table, read: what was refused, and why. Reading it takes nothing out."""

from collections.abc import Iterator
from typing import Any

from pipeline.cloud import Cloud
from pipeline.errors import UserError
from pipeline.reading import stock

INDEX = "listing"
VERDICT = "record_id, reason, shard_id, sequence_number, judged_on, partition_key"  # without the bytes
DECISION = f"{VERDICT}, #state, decided_at, note"


def verdicts(cloud: Cloud, table_name: str) -> Iterator[dict[str, Any]]:
    """Read who was refused and why, consistently and without the records' bytes."""
    return stock.items(cloud, table_name, attributes=VERDICT)


def verdicts_of(cloud: Cloud, table_name: str, record_ids: list[str]) -> Iterator[dict[str, Any]]:
    """Read the verdicts on some records, and what was decided on them, consistently and without their bytes.

    A record that is not in quarantine is passed over.
    """
    keys = [{"record_id": {"S": record_id}} for record_id in record_ids]
    wanted = {"ProjectionExpression": DECISION, "ExpressionAttributeNames": {"#state": "state"}}
    for item in stock.raw_items_of(cloud, table_name, keys, wanted):
        yield stock.plain(item)


def listing(
    cloud: Cloud, table_name: str, reason: str | None = None, product_id: str | None = None, state: str | None = None
) -> Iterator[dict[str, Any]]:
    """List what is in quarantine, page by page, without the records themselves. Eventually consistent, as indexes are.

    Args:
        cloud: where the table is.
        table_name: the table.
        reason: only what was refused for that reason.
        product_id: only records with that partition key.
        state: only what is `open`, `re_sending`, `re_sent` or `dismissed`.
    """
    wanted = {"reason": reason, "partition_key": product_id, "state": state}
    given = {name: value for name, value in wanted.items() if value is not None}
    request: dict[str, Any] = {"TableName": table_name, "IndexName": INDEX}
    if given:
        request["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name in given)
        request["ExpressionAttributeNames"] = {f"#{name}": name for name in given}
        request["ExpressionAttributeValues"] = {f":{name}": {"S": value} for name, value in given.items()}
    for page in cloud.client("dynamodb").get_paginator("scan").paginate(**request):
        yield from (stock.plain(item) for item in page["Items"])


def item_of(cloud: Cloud, table_name: str, record_id: str) -> dict[str, Any]:
    """Read one record's item whole, consistently.

    Raises:
        UserError: it is not in quarantine.
    """
    key = {"record_id": {"S": record_id}}
    raw = cloud.client("dynamodb").get_item(TableName=table_name, Key=key, ConsistentRead=True).get("Item")
    if not raw:
        raise UserError(f"{record_id!r} is not in quarantine: `inventory quarantine` lists what is")
    return stock.plain(raw)


def count(cloud: Cloud, table_name: str) -> int:
    """Count the quarantined records."""
    pages = cloud.client("dynamodb").get_paginator("scan").paginate(TableName=table_name, Select="COUNT")
    return sum(page["Count"] for page in pages)
