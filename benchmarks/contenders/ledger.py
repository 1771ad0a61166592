"""A ledger: the event's id and its effect in one transaction, so that an event is applied once."""

import os
from typing import Any

import boto3
from contenders.single_event import event_in, update_for

LEDGER = os.environ["LEDGER_TABLE_NAME"]
dynamodb = boto3.client("dynamodb")


def handler(event: list[dict[str, Any]], context: object) -> dict[str, Any]:
    """Update the table by each record, unless the ledger has it."""
    for record in event:
        _apply(event_in(record))
    return {"batchItemFailures": []}


def _apply(event: dict[str, Any]) -> None:
    entry = {
        "TableName": LEDGER,
        "Item": {"event_id": {"S": event["event_id"]}},
        "ConditionExpression": "attribute_not_exists(event_id)",
    }
    try:
        dynamodb.transact_write_items(TransactItems=[{"Put": entry}, {"Update": update_for(event)}])
    except dynamodb.exceptions.TransactionCanceledException as cancelled:
        if cancelled.response["CancellationReasons"][0]["Code"] != "ConditionalCheckFailed":
            raise  # not a duplicate: the pipe has to bring the batch again
