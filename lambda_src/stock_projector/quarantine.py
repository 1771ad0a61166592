"""The quarantine queue: where a record goes that can never be applied, with the reason and its bytes."""

import base64
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from stock_projector.events import Record, Refusal, load_json

MOST_BYTES = 256 * 1024  # of one message, and of one request
MOST_MESSAGES = 10  # in one request


class QuarantineFailedError(Exception):
    """SQS took the request but not every message in it."""


def message_for(record: Record, refusal: Refusal) -> str:
    """Write the message: JSON, at most `MOST_BYTES` long. What does not fit is cut: first the event, then the data."""
    message: dict[str, Any] = {
        "reason": refusal.reason,
        "detail": refusal.detail,
        "event": None,
        "data": base64.b64encode(record.data).decode(),
        "partition_key": record.partition_key,
        "shard_id": record.shard_id,
        "sequence_number": str(record.sequence_number),
        "arrived_at": datetime.fromtimestamp(record.arrived_at, UTC).isoformat(timespec="milliseconds"),
    }
    whole = message | {"event": _event_or_null(record.data)}
    return _written(whole) or _written(message) or _cut(message, record.data)


def _written(message: dict[str, Any]) -> str | None:
    """Write a message as JSON, if it fits, and if it can be: 1e999 reads as a number that JSON cannot write."""
    try:
        body = json.dumps(message, allow_nan=False)
    except ValueError:
        return None
    return body if len(body) <= MOST_BYTES else None


def _cut(message: dict[str, Any], data: bytes) -> str:
    message = message | {"data": "", "truncated": True}
    room = MOST_BYTES - len(json.dumps(message))
    return json.dumps(message | {"data": base64.b64encode(data[: room // 4 * 3]).decode()})


def send(sqs: Any, queue_url: str, bodies: Iterable[str]) -> None:
    """Send the messages, or raise: no record may count as quarantined whose message is not in the queue."""
    for request in _requests(bodies):
        entries = [{"Id": str(index), "MessageBody": body} for index, body in enumerate(request)]
        answer = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
        if answer.get("Failed"):
            raise QuarantineFailedError(answer["Failed"][0].get("Message", answer["Failed"][0]["Code"]))


def _requests(bodies: Iterable[str]) -> Iterator[list[str]]:
    request: list[str] = []
    size = 0
    for body in bodies:
        if request and (len(request) == MOST_MESSAGES or size + len(body) > MOST_BYTES):
            yield request
            request, size = [], 0
        request.append(body)
        size += len(body)
    if request:
        yield request


def _event_or_null(data: bytes) -> Any:
    try:
        return load_json(data)
    except ValueError:
        return None
