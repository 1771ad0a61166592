"""What a pipe says of records that it passes over: where they lie in the stream, not what they say."""

from datetime import UTC, datetime
from typing import Any

from pipeline.pipe.records import Batch
from pipeline.pipe.settings import PipeSettings

RETRIES_EXHAUSTED = "RetryAttemptsExhausted"
TOO_OLD = "RecordAgeExceeded"


def dead_letter(pipe: PipeSettings, shard_id: str, batch: Batch, condition: str, now: float) -> dict[str, Any]:
    """Write the message that AWS writes."""
    arrivals = [record.arrived_at for record in batch]
    return {
        "context": {"partnerResourceArn": pipe.arn, "condition": condition},
        "version": "1.0",
        "timestamp": _iso(now),
        "KinesisBatchInfo": {
            "shardId": shard_id,
            "startSequenceNumber": batch[0].sequence_number,
            "endSequenceNumber": batch[-1].sequence_number,
            "approximateArrivalOfFirstRecord": _iso(min(arrivals)),
            "approximateArrivalOfLastRecord": _iso(max(arrivals)),
            "batchSize": len(batch),
            "streamArn": pipe.source_arn,
        },
    }


def _iso(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
