"""Events, and the records that carry them.

Three payloads are written as others wrote them, so that the code is not held to what it made up itself:
`sample_event.json` is the brief's; `pipe_batch.json` is what a pipe hands to its target in the EventBridge user guide,
"Amazon Kinesis stream as a source"; `dead_letter.json` is the guide's shape of a dead letter.
"""

import base64
import json
from pathlib import Path
from typing import Any

from stock_projector.events import Record, SequenceNumber

from pipeline.reading.stream import StreamRecord

FOLDER = Path(__file__).parent
SAMPLE = json.loads((FOLDER / "sample_event.json").read_text())
PIPE_BATCH = json.loads((FOLDER / "pipe_batch.json").read_text())
DEAD_LETTER = json.loads((FOLDER / "dead_letter.json").read_text())

SHARD = "shardId-000000000006"
FIRST = 49590338271490256608559692538361571095921575989136588898  # as long as on AWS: 56 digits
STEP = 2564131663402632534000926720  # how far apart two of them lie in the user guide's example
NOON = "2023-09-11T12:00:00Z"
NOON_SECONDS = 1694433600.0


def event(event_type: str, product_id: str, event_id: str | None = None, **product: Any) -> dict[str, Any]:
    """Return an event of any type, with any fields of its product."""
    body = {"event_type": event_type, "product": {"product_id": product_id, "timestamp": NOON} | product}
    return body if event_id is None else body | {"event_id": event_id}


def added(product_id: str = "P98765", quantity: Any = 10, name: str = "Laptop", **more: Any) -> dict[str, Any]:
    """Return the event that a product is for sale."""
    return event("product_added", product_id, **({"product_name": name, "quantity": quantity} | more))


def removed(product_id: str = "P98765", **more: Any) -> dict[str, Any]:
    """Return the event that a product is no longer for sale."""
    return event("product_removed", product_id, **more)


def incremented(product_id: str = "P98765", quantity: Any = 1, **more: Any) -> dict[str, Any]:
    """Return the event that units came in."""
    return event("quantity_incremented", product_id, quantity=quantity, **more)


def decremented(product_id: str = "P98765", quantity: Any = 1, **more: Any) -> dict[str, Any]:
    """Return the event that units went out."""
    return event("quantity_decremented", product_id, quantity=quantity, **more)


def place(number: int) -> SequenceNumber:
    """Return the sequence number of the record at some place of a shard, as AWS would count."""
    return SequenceNumber(str(FIRST + number * STEP))


def as_bytes(body: Any) -> bytes:
    """Write an event as JSON; what is bytes already stays as it is."""
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def key_of(data: bytes) -> str:
    """Return the partition key that an event asks for; the laptop's, if it names no product."""
    try:
        key = json.loads(data)["product"]["product_id"]
    except (ValueError, KeyError, TypeError, RecursionError):
        key = ""
    return key if isinstance(key, str) and key else "P98765"


def record(body: Any, number: int = 0, partition_key: str | None = None, shard_id: str = SHARD) -> Record:
    """Put an event (or any bytes) into a record, at some place of the shard."""
    data = as_bytes(body)
    key = partition_key or (body["product"]["product_id"] if isinstance(body, dict) else "P98765")
    return Record(data, key, place(number), shard_id, NOON_SECONDS + number, f"{shard_id}:{place(number)}")


def flat(record: Record | StreamRecord) -> dict[str, Any]:
    """Write a record as a pipe hands it to its target."""
    return PIPE_BATCH[0] | {
        "partitionKey": record.partition_key,
        "sequenceNumber": str(record.sequence_number),
        "data": base64.b64encode(record.data).decode(),
        "approximateArrivalTimestamp": record.arrived_at,
        "eventID": f"{record.shard_id}:{record.sequence_number}",
    }
