"""Records as the pipe hands them on, and how many fit into one batch."""

import base64
import json
from dataclasses import dataclass
from typing import Any

MOST_BYTES = 6 * 1024 * 1024  # what a synchronous Lambda invocation takes


@dataclass(frozen=True, slots=True)
class FlatRecord:
    """One record, as the JSON that the target receives and with what the pipe itself needs to know of it."""

    text: str
    event_id: str  # shard and sequence number: what the target names a failed record by
    sequence_number: str
    partition_key: str
    arrived_at: float  # epoch seconds

    @classmethod
    def of(cls, record: dict[str, Any], shard_id: str, stream_arn: str, role_arn: str) -> "FlatRecord":
        """Flatten what GetRecords returns."""
        sequence_number, arrived_at = record["SequenceNumber"], record["ApproximateArrivalTimestamp"].timestamp()
        event_id = f"{shard_id}:{sequence_number}"
        text = json.dumps(
            {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": record["PartitionKey"],
                "sequenceNumber": sequence_number,
                "data": base64.b64encode(record["Data"]).decode(),
                "approximateArrivalTimestamp": arrived_at,
                "eventSource": "aws:kinesis",
                "eventVersion": "1.0",
                "eventID": event_id,
                "eventName": "aws:kinesis:record",
                "invokeIdentityArn": role_arn,
                "awsRegion": stream_arn.split(":")[3],
                "eventSourceARN": stream_arn,
            }
        )
        return cls(text, event_id, sequence_number, record["PartitionKey"], arrived_at)


Batch = list[FlatRecord]


def payload(batch: Batch) -> bytes:
    """Write the bare array that the target is invoked with, also for one record."""
    return f"[{','.join(record.text for record in batch)}]".encode()


def take_batch(waiting: Batch, batch_size: int) -> tuple[Batch, bool]:
    """Take the next batch off the front.

    Returns:
        Its records, and whether it is full: by number, or because the next record would not fit.
    """
    room = MOST_BYTES - len("[]")
    for taken, record in enumerate(waiting[:batch_size]):
        room -= len(record.text) + len(",")
        if room < 0 and taken:
            return waiting[:taken], True
    return waiting[:batch_size], len(waiting) >= batch_size
