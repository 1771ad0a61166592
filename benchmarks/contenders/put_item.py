"""The projector as it was: the same fold, but a conditional `PutItem` for each product, sixteen at once.

Without the quarantine: no event of the stories that it is measured with is refused.
"""

import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import boto3
from botocore.config import Config
from stock_projector.events import Event, Record, Refusal, parse
from stock_projector.item import from_item, to_item
from stock_projector.projection import StockLevel, fold

AT_ONCE, MOST_KEYS, MOST_ATTEMPTS = 16, 100, 10
TABLE = os.environ["STOCK_TABLE_NAME"]
config = Config(
    max_pool_connections=AT_ONCE,
    retries={"mode": "standard", "total_max_attempts": 4},
    user_agent="stock-projector",
)
dynamodb = boto3.client("dynamodb", config=config)
pool = ThreadPoolExecutor(AT_ONCE)

Entries = list[tuple[int, Event]]


def handler(event: list[dict[str, Any]], context: object) -> dict[str, Any]:
    """Read all products, fold each, and write each on its own."""
    entries: dict[str, Entries] = defaultdict(list)
    for record in map(Record.from_pipe, event):
        said = parse(record)
        if not isinstance(said, Refusal):
            entries[said.product.product_id].append((record.sequence_number, said))
    list(pool.map(lambda level: _project(level, entries[level.product_id]), _read(list(entries))))
    return {"batchItemFailures": []}


def _read(product_ids: list[str]) -> list[StockLevel]:
    levels = {product_id: StockLevel(product_id) for product_id in product_ids}
    for start in range(0, len(product_ids), MOST_KEYS):
        keys = [{"product_id": {"S": product_id}} for product_id in product_ids[start : start + MOST_KEYS]]
        answer = dynamodb.batch_get_item(RequestItems={TABLE: {"Keys": keys, "ConsistentRead": True}})
        levels |= {level.product_id: level for level in map(from_item, answer["Responses"][TABLE])}
    return list(levels.values())


def _project(level: StockLevel, entries: Entries) -> None:
    for _ in range(MOST_ATTEMPTS):
        after, _ = fold(level, entries)
        if after.last_sequence_number == level.last_sequence_number:
            return
        try:
            dynamodb.put_item(
                TableName=TABLE,
                Item=to_item(after),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **_nobody_wrote_since(level),
            )
        except dynamodb.exceptions.ConditionalCheckFailedException as failed:
            item = failed.response.get("Item")
            level = from_item(item) if item else StockLevel(level.product_id)
        else:
            return
    raise RuntimeError(f"{level.product_id} was overwritten {MOST_ATTEMPTS} times in a row")


def _nobody_wrote_since(level: StockLevel) -> dict[str, Any]:
    if not level.last_sequence_number:
        return {"ConditionExpression": "attribute_not_exists(product_id)"}
    return {
        "ConditionExpression": "last_sequence_number = :read",
        "ExpressionAttributeValues": {":read": {"S": str(level.last_sequence_number)}},
    }
