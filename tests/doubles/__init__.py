"""Events and records for the tests: a few verbatim payloads, and a way to say more of the same."""

import base64
import json
from pathlib import Path
from typing import Any

from stock_projector.events import Record, SequenceNumber

FOLDER = Path(__file__).parent
SAMPLE = json.loads((FOLDER / "sample_event.json").read_text())
PIPE_BATCH = json.loads((FOLDER / "pipe_batch.json").read_text())
DEAD_LETTER = json.loads((FOLDER / "dead_letter.json").read_text())

SHARD = "shardId-000000000006"
FIRST = 49590338271490256608559692538361571095921575989136588898  # as long as on AWS: 56 digits
STEP = 2564131663402632534000926720  # how far apart two of them lie in the user guide's example
NOON = "2023-09-11T12:00:00Z"


def added(product_id: str = "P98765", quantity: Any = 10, name: str = "Laptop", **more: Any) -> dict[str, Any]:
    """Say that a product is for sale."""
    return event("product_added", product_id, **({"product_name": name, "quantity": quantity} | more))


def removed(product_id: str = "P98765", **more: Any) -> dict[str, Any]:
    """Say that a product is no longer for sale."""
    return event("product_removed", product_id, **more)


def incremented(product_id: str = "P98765", quantity: Any = 1, **more: Any) -> dict[str, Any]:
    """Say that units came in."""
    return event("quantity_incremented", product_id, quantity=quantity, **more)


def decremented(product_id: str = "P98765", quantity: Any = 1, **more: Any) -> dict[str, Any]:
    """Say that units went out."""
    return event("quantity_decremented", product_id, quantity=quantity, **more)


def event(event_type: str, product_id: str, event_id: str | None = None, **product: Any) -> dict[str, Any]:
    """Say anything about a product."""
    body = {"event_type": event_type, "product": {"product_id": product_id, "timestamp": NOON} | product}
    return body if event_id is None else body | {"event_id": event_id}


def place(number: int) -> SequenceNumber:
    """Return the sequence number of the record at some place of a shard, as AWS would count."""
    return SequenceNumber(str(FIRST + number * STEP))


def record(said: Any, number: int = 0, partition_key: str | None = None, shard_id: str = SHARD) -> Record:
    """Put an event (or any bytes) into a record, at some place of the shard."""
    data = said if isinstance(said, bytes) else json.dumps(said).encode()
    key = partition_key or (said["product"]["product_id"] if isinstance(said, dict) else "P98765")
    return Record(data, key, place(number), shard_id, 1694433600.0 + number, f"{shard_id}:{place(number)}")


def flat(each: Record) -> dict[str, Any]:
    """Write a record as a pipe hands it to its target."""
    return PIPE_BATCH[0] | {
        "partitionKey": each.partition_key,
        "sequenceNumber": str(each.sequence_number),
        "data": base64.b64encode(each.data).decode(),
        "approximateArrivalTimestamp": each.arrived_at,
        "eventID": each.item_identifier,
    }
