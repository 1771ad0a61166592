"""What the pipe and the projector do, step by step by hand: records as delivered, one invocation, one item."""

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pandas as pd
from stock_projector.events import Record, Refusal, parse
from stock_projector.projection import StockLevel, fold

from pipeline.errors import UserError
from pipeline.pipe.records import FlatRecord
from pipeline.provisioning.deployment import Deployment
from pipeline.reading.stream import StreamRecord
from pipeline.stories import scenarios
from pipeline.stories.scenarios import NewRecord

LATER = "2023-09-11T12:10:00Z"  # than the events of a usual story


def laptop_event(event_type: str, quantity: Any) -> scenarios.Event:
    """Return an event as somebody might write it by hand: without an `event_id`, and with whatever as its quantity."""
    product = {"product_id": scenarios.LAPTOP, "quantity": quantity, "timestamp": LATER}
    return {"event_type": event_type, "product": product}


def sample_record(event: dict[str, Any], place: int) -> dict[str, Any]:
    """Return an event as the flat record that the pipe would deliver, if it lay at this place on a stream."""
    record = StreamRecord(
        data=json.dumps(event).encode(),
        partition_key=event["product"]["product_id"],
        shard_id="shardId-000000000000",
        sequence_number=str(place),
        arrived_at=scenarios.OPENING.timestamp(),
    )
    stream_arn = "arn:aws:kinesis:us-east-1:000000000000:stream/example"
    role_arn = "arn:aws:iam::000000000000:role/example"
    return json.loads(FlatRecord.of(_as_read(record), record.shard_id, stream_arn, role_arn).text)


def as_delivered(pipeline: Deployment, log: Iterable[StreamRecord]) -> list[dict[str, Any]]:
    """Write records as the pipe hands them over: one batch, a bare array of flat records."""
    kinesis, pipes = pipeline.cloud.client("kinesis"), pipeline.cloud.client("pipes")
    summary = kinesis.describe_stream_summary(StreamName=pipeline.outputs["StreamName"])
    stream_arn = summary["StreamDescriptionSummary"]["StreamARN"]
    role_arn = pipes.describe_pipe(Name=pipeline.outputs["PipeName"])["RoleArn"]
    return [json.loads(FlatRecord.of(_as_read(record), record.shard_id, stream_arn, role_arn).text) for record in log]


def _as_read(record: StreamRecord) -> dict[str, Any]:
    """Write a record as GetRecords does."""
    return {
        "Data": record.data,
        "PartitionKey": record.partition_key,
        "SequenceNumber": record.sequence_number,
        "ApproximateArrivalTimestamp": datetime.fromtimestamp(record.arrived_at, UTC),
    }


def deliver(pipeline: Deployment, batch: list[dict[str, Any]]) -> Any:
    """Invoke the deployed projector with a batch, by hand, as the pipe does; return what it answers."""
    answer = pipeline.cloud.client("lambda").invoke(
        FunctionName=pipeline.outputs["ProjectorName"], Payload=json.dumps(batch).encode()
    )
    return json.load(answer["Payload"])


def records_of(log: Iterable[StreamRecord], product_id: str) -> list[StreamRecord]:
    """Pick one product's records out of a stream, in order.

    Raises:
        UserError: there is none.
    """
    of_product = [record for record in log if record.partition_key == product_id]
    if not of_product:
        raise UserError(
            f"this stream has no record of product {product_id}, which this notebook follows. Every story has some: "
            "give the parameter stack_name another value, run all cells again, and a story gets a stack of its own"
        )
    return of_product


def item(pipeline: Deployment, product_id: str) -> dict[str, Any]:
    """Read one item of the stock table, consistently, as DynamoDB writes it."""
    answer = pipeline.cloud.client("dynamodb").get_item(
        TableName=pipeline.outputs["StockTableName"], Key={"product_id": {"S": product_id}}, ConsistentRead=True
    )
    return answer["Item"]


@contextmanager
def edited_item(pipeline: Deployment, product_id: str, **numbers: int) -> Iterator[None]:
    """While the block runs, let a product's item have other numbers, written past all conditions."""
    dynamodb, table_name = pipeline.cloud.client("dynamodb"), pipeline.outputs["StockTableName"]
    before = item(pipeline, product_id)
    dynamodb.put_item(TableName=table_name, Item=before | {name: {"N": str(n)} for name, n in numbers.items()})
    try:
        yield
    finally:
        dynamodb.put_item(TableName=table_name, Item=before)


def attributes(item: dict[str, Any]) -> pd.Series:
    """List an item's attributes and what they hold, without DynamoDB's types; of bytes, how many."""
    plain = {name: content for name, value in item.items() for content in value.values()}
    written = {name: f"{len(it)} bytes" if isinstance(it, bytes) else it for name, it in plain.items()}
    return pd.Series(written, name="value").rename_axis("attribute")


def item_bytes(item: dict[str, Any]) -> int:
    """Return how large an item is to DynamoDB, about: its names and its contents, in bytes."""
    return sum(len(name) + len(content) for name, value in item.items() for content in value.values())


def ledger(events: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Fold events of one product with the projector's own code, as records one after the other.

    Returns:
        One row for each record: what it says, its outcome (and why it was quarantined), and the stock after it.
    """
    level, rows = StockLevel(""), []
    for place, event in enumerate(events, start=1):
        product = event["product"]
        level.product_id = product["product_id"]
        parsed = parse(Record.from_pipe(sample_record(event, place)))
        outcome: Any = parsed
        if not isinstance(parsed, Refusal):
            level, [outcome] = fold(level, [(place, parsed)])
        rows.append(
            {
                "record": place,
                "event type": event["event_type"],
                "event_id": event["event_id"],
                "quantity": str(product["quantity"]),
                "outcome": "quarantined" if isinstance(outcome, Refusal) else str(outcome),
                "why": f"{outcome.reason}: {outcome.detail}" if isinstance(outcome, Refusal) else "",
                "stock after": level.quantity,
            }
        )
    return pd.DataFrame(rows)


def remembered_through() -> int:
    """Try with the projector's fold through how many later events of its product an event is recognised."""
    return next(later for later in count() if not _is_recognised(later + 1))


def _is_recognised(later: int) -> bool:
    """Say whether an event is still recognised when that many later events of its product have been applied."""
    added = laptop_event("product_added", 1)
    added["product"]["product_name"] = "Laptop"
    told = [added, *(laptop_event("quantity_incremented", 1) for _ in range(1 + later))]
    told = [event | {"event_id": f"event-{number}"} for number, event in enumerate(told)]
    return bool(ledger([*told, told[1]])["outcome"].iloc[-1] == "duplicate")


def stops(written: NewRecord, record: StreamRecord, flat: dict[str, Any], level: StockLevel) -> pd.DataFrame:
    """Lay one event beside itself at each stop of its path: as written, on the shard, as delivered, as decided."""
    data = written.data.decode()
    rows = [
        ("1 the producer writes", "data", data),
        ("", "partition key", written.partition_key),
        ("2 on the shard", "data", "the same bytes"),
        ("", "shard", record.shard_id),
        ("", "sequence number", record.sequence_number),
        ("3 the pipe delivers", "data", f"{flat['data'][:24]}… (base64, in a bare JSON array)"),
        ("", "eventID", flat["eventID"]),
        ("4 the projector decides", "outcome", f"applied: {level.quantity} units, version {level.version}"),
    ]
    return pd.DataFrame(rows, columns=["stop", "field", "what it is there"]).set_index("stop")
