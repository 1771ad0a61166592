"""Look into a queue without taking anything out of it."""

import json
from collections.abc import Iterator
from typing import Any

HIDDEN_SECONDS = 60  # how long a message that we look at is hidden from others, unless we finish sooner


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
