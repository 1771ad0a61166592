"""Look into a queue without taking anything out of it, and take out what was named."""

import json
from collections.abc import Collection, Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from pipeline.waiting import eventually

LONG_POLL_SECONDS = 1  # a poll that does not wait asks some of the queue's servers only, and may miss messages
HIDDEN_SECONDS = 60  # how long a message that we look at is hidden from others, unless we finish sooner


class Message(NamedTuple):
    """A message, and when it was sent (epoch seconds, by the queue's clock)."""

    message_id: str
    sent_at: float
    body: dict[str, Any]


def peek(sqs: Any, queue_url: str) -> list[Message]:
    """Return all messages that can be seen now, and make them visible again."""
    received = list(_receive_all(sqs, queue_url))
    _put_back(sqs, queue_url, received)
    return [
        Message(each["MessageId"], int(each["Attributes"]["SentTimestamp"]) / 1000, _body(each["Body"]))
        for each in received
    ]


def delete(sqs: Any, queue_url: str, message_ids: Collection[str]) -> None:
    """Delete the messages that are named, as far as they can be seen now."""
    received = list(_receive_all(sqs, queue_url))
    for entries in _entries([each for each in received if each["MessageId"] in message_ids]):
        sqs.delete_message_batch(QueueUrl=queue_url, Entries=entries)
    _put_back(sqs, queue_url, [each for each in received if each["MessageId"] not in message_ids])


def dead_letters(sqs: Any, queue_url: str) -> list[Message]:
    """Return what the pipe wrote about the batches that it gave up on.

    Somebody else may be looking too, and hide messages for as long as that takes: then they are waited for.
    """
    url = {"QueueUrl": queue_url, "AttributeNames": ["ApproximateNumberOfMessagesNotVisible"]}

    def nobody_looks() -> bool:
        return sqs.get_queue_attributes(**url)["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "0"

    with suppress(TimeoutError):  # whoever took them away for so long is working on them
        eventually(nobody_looks, 2 * HIDDEN_SECONDS, every=0.2)
    return peek(sqs, queue_url)


def _put_back(sqs: Any, queue_url: str, received: list[Any]) -> None:
    for entries in _entries(received, VisibilityTimeout=0):
        sqs.change_message_visibility_batch(QueueUrl=queue_url, Entries=entries)


def _entries(received: list[Any], **more: Any) -> Iterator[list[dict[str, Any]]]:
    """Name messages as a batch request does, ten a request."""
    for start in range(0, len(received), 10):
        batch = received[start : start + 10]
        yield [{"Id": str(at), "ReceiptHandle": each["ReceiptHandle"], **more} for at, each in enumerate(batch)]


def _receive_all(sqs: Any, queue_url: str) -> Iterator[dict[str, Any]]:
    while True:
        answer = sqs.receive_message(
            QueueUrl=queue_url,
            AttributeNames=["SentTimestamp"],
            MaxNumberOfMessages=10,
            VisibilityTimeout=HIDDEN_SECONDS,
            WaitTimeSeconds=LONG_POLL_SECONDS,
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
