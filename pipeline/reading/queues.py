"""Look into a queue without taking anything out of it."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pipeline.waiting import eventually

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
    return [_body(message["Body"]) for message in messages]


def dead_letters(sqs: Any, queue_url: str) -> list[dict[str, Any]]:
    """Return what the pipe wrote about the batches that it gave up on.

    Somebody else may be looking too, and hide messages for as long as that takes: then they are waited for.
    """
    url = {"QueueUrl": queue_url, "AttributeNames": ["ApproximateNumberOfMessagesNotVisible"]}

    def nobody_looks() -> bool:
        return sqs.get_queue_attributes(**url)["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "0"

    with suppress(TimeoutError):  # whoever took them away for so long is working on them
        eventually(nobody_looks, 2 * HIDDEN_SECONDS, every=0.2)
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


def _body(text: str) -> dict[str, Any]:
    """Read a message; what is not a JSON object came from somebody else, and is passed on as it is."""
    try:
        body = json.loads(text)
    except ValueError:
        body = None
    return body if isinstance(body, dict) else {"body": text}
