"""Powertools idempotency around one UpdateItem an event, as its documentation shows for records of a batch."""

import os
from typing import Any

import boto3
from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from contenders.single_event import event_in, update_for

dynamodb = boto3.client("dynamodb")
seen = DynamoDBPersistenceLayer(os.environ["IDEMPOTENCY_TABLE_NAME"], boto3_client=dynamodb)
config = IdempotencyConfig(event_key_jmespath="event_id", expires_after_seconds=48 * 3600)


@idempotent_function(data_keyword_argument="event", config=config, persistence_store=seen)
def apply(event: dict[str, Any]) -> None:
    """Update the table by one event, once."""
    dynamodb.update_item(**update_for(event))


def handler(event: list[dict[str, Any]], context: Any) -> dict[str, Any]:
    """Update the table by each record; the first failure and all behind it come again, so that order holds."""
    config.register_lambda_context(context)
    for place, record in enumerate(event):
        try:
            apply(event=event_in(record))
        except Exception:
            return {"batchItemFailures": [{"itemIdentifier": record["eventID"]} for record in event[place:]]}
    return {"batchItemFailures": []}
