"""What the pipe and the projector do, step by step by hand: records as delivered, one invocation, one item."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from pipeline.pipe.records import FlatRecord
from pipeline.provisioning.deployment import Deployment
from pipeline.reading.stream import StreamRecord
from pipeline.stories import scenarios


def sample_record(event: dict[str, Any], place: int) -> dict[str, Any]:
    """Return an event as the flat record that the pipe would deliver, had it this place on the stream."""
    record = StreamRecord(
        data=json.dumps(event).encode(),
        partition_key=event["product"]["product_id"],
        shard_id="shardId-000000000000",
        sequence_number=str(place),
        arrived_at=scenarios.OPENING.timestamp(),
    )
    stream_arn = "arn:aws:kinesis:us-east-1:000000000000:stream/imagined"
    role_arn = "arn:aws:iam::000000000000:role/imagined"
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


def item(pipeline: Deployment, product_id: str) -> dict[str, Any]:
    """Read one item of the stock table, consistently, as DynamoDB writes it."""
    answer = pipeline.cloud.client("dynamodb").get_item(
        TableName=pipeline.outputs["StockTableName"], Key={"product_id": {"S": product_id}}, ConsistentRead=True
    )
    return answer["Item"]
