"""Look into a queue without taking anything out of it."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import pandas as pd

HIDDEN_SECONDS = 60  # how long a message that we look at is hidden from others, unless we finish sooner
QUARANTINE_COLUMNS = [
    "reason", "detail", "event", "data", "partition_key", "shard_id", "sequence_number", "arrived_at",
]  # fmt: skip


def peek(sqs: Any, queue_url: str) -> list[dict[str, Any]]:
    """Return the bodies of all messages that can be seen now, and make them visible again."""
    messages = list(_receive_all(sqs, queue_url))
    for start in range(0, len(messages), 10):
        entries = [
            {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
            for index, message in enumerate(messages[start : start + 10])
        ]
        sqs.change_message_visibility_batch(QueueUrl=queue_url, Entries=entries)
    return [json.loads(message["Body"]) for message in messages]


def quarantine(sqs: Any, queue_url: str) -> pd.DataFrame:
    """Return the quarantined records, one row each, with their bytes: a message that came twice counts once."""
    frame = pd.DataFrame(peek(sqs, queue_url), columns=QUARANTINE_COLUMNS)
    frame["data"] = [base64.b64decode(data) for data in frame["data"]]
    unique = frame.drop_duplicates(["shard_id", "sequence_number"])
    return unique.sort_values(["shard_id", "sequence_number"]).reset_index(drop=True)


def dead_letters(sqs: Any, queue_url: str) -> list[dict[str, Any]]:
    """Return what the pipe wrote about the batches that it gave up on."""
    return peek(sqs, queue_url)


def _receive_all(sqs: Any, queue_url: str) -> Iterator[dict[str, Any]]:
    while True:
        answer = sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, VisibilityTimeout=HIDDEN_SECONDS, WaitTimeSeconds=0
        )
        messages = answer.get("Messages", [])
        if not messages:
            return
        yield from messages
