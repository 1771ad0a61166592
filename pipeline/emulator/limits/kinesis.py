"""What a shard takes and gives in a second, and what a request may hold."""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import error_response_json, get_account_id
from ministack.services import kinesis

from pipeline.emulator.limits import is_on
from pipeline.emulator.limits.rates import Allowance, Turns

READS_A_SECOND = 5
READ_BYTES_A_SECOND = 2_000_000
LARGEST_ANSWER = 10 * 1024 * 1024  # bytes; after one of that size, a shard gives nothing for
REST_SECONDS = 5.0
RECORDS_A_SECOND = 1000
BYTES_A_SECOND = 1_000_000
LARGEST_RECORD = 1024 * 1024  # bytes, with its partition key
MOST_RECORDS = 500  # of one PutRecords
LARGEST_REQUEST = 10 * 1024 * 1024  # bytes
LARGEST_OF_THE_EMULATOR = 5 * 1024 * 1024  # a larger request is handed to it in parts

THROTTLED = "ProvisionedThroughputExceededException"

clock: Callable[[], float] = time.monotonic


@dataclass
class Shard:
    """What is left of a shard's capacity."""

    reads: Turns = field(default_factory=lambda: Turns(READS_A_SECOND, lambda: clock()))
    read_bytes: Allowance = field(default_factory=lambda: Allowance(READ_BYTES_A_SECOND, lambda: clock()))
    rests_until: float = 0.0
    records: Allowance = field(default_factory=lambda: Allowance(RECORDS_A_SECOND, lambda: clock()))
    bytes: Allowance = field(default_factory=lambda: Allowance(BYTES_A_SECOND, lambda: clock()))

    def gives(self) -> bool:
        """Say whether it may be read now."""
        return clock() >= self.rests_until and self.reads.is_free() and self.read_bytes.has(0)

    def gave(self, size: int) -> None:
        """Count a read."""
        self.reads.take()
        self.read_bytes.take(size)
        if size > LARGEST_ANSWER - LARGEST_RECORD:  # it was full: the next record had no room
            self.rests_until = clock() + REST_SECONDS

    def takes(self, size: int) -> bool:
        """Take a record, if there is room for it in this second."""
        if not (self.records.has(1) and self.bytes.has(size)):
            return False
        self.records.take(1)
        self.bytes.take(size)
        return True


_shards: dict[tuple[str, str], Shard] = defaultdict(Shard)  # by stream's ARN and shard's id
_get_records, _put_record, _put_records = kinesis._get_records, kinesis._put_record, kinesis._put_records


def get_records(request: dict[str, Any]) -> Any:
    """Read a shard, if it may be read now; never more than an answer may hold."""
    iterator = kinesis._shard_iterators.get(request.get("ShardIterator"))
    stream = iterator and kinesis._streams.get(iterator["stream"])
    if not stream or iterator["shard_id"] not in stream["shards"]:
        return _get_records(request)
    shard = _shards[stream["StreamARN"], iterator["shard_id"]]
    if not shard.gives():
        message = _rate_exceeded(stream, iterator["shard_id"])
        return error_response_json(THROTTLED, message, 400)
    records = stream["shards"][iterator["shard_id"]]["records"]
    asked = min(request.get("Limit", 10_000), 10_000)
    fitting, size = _fitting(records, iterator["position"], asked)
    answer = _get_records(request | {"Limit": fitting or asked})
    shard.gave(size)
    return answer


def _fitting(records: list[dict[str, Any]], position: int, asked: int) -> tuple[int, int]:
    """Return how many records from a position on one answer can hold, and their bytes."""
    size = 0
    for count, record in enumerate(records[position : position + asked]):
        more = _size(record)
        if size + more > LARGEST_ANSWER:
            return count, size
        size += more
    return asked, size


def put_record(request: dict[str, Any]) -> Any:
    """Write a record, if it is not too large and its shard takes it now."""
    _, stream = kinesis._resolve_stream(request)
    if not stream:
        return _put_record(request)
    if refusal := _too_large([request]):
        return refusal
    shard_id = _shard_of(request, stream)
    if is_on("kinesis-writes") and not _shards[stream["StreamARN"], shard_id].takes(_size(request)):
        return error_response_json(THROTTLED, _rate_exceeded(stream, shard_id), 400)
    return _put_record(request)


def put_records(request: dict[str, Any]) -> Any:
    """Write the records that their shards take now; the others fail, each at its place, within an HTTP 200."""
    _, stream = kinesis._resolve_stream(request)
    records = request.get("Records", [])
    if not stream or len(records) > MOST_RECORDS:
        return _put_records(request)
    if refusal := _too_large(records):
        return refusal
    refused: dict[int, str] = {}  # where it stands in the request → its shard
    if is_on("kinesis-writes"):
        for place, record in enumerate(records):
            shard_id = _shard_of(record, stream)
            if not _shards[stream["StreamARN"], shard_id].takes(_size(record)):
                refused[place] = shard_id
    taken: list[dict[str, Any]] = []
    status, headers, body = 200, {"Content-Type": "application/x-amz-json-1.1"}, b"{}"
    for part in _parts([record for place, record in enumerate(records) if place not in refused]):
        status, headers, body = _put_records(request | {"Records": part})
        if status != 200:
            return status, headers, body
        taken += json.loads(body)["Records"]
    written = iter(taken)
    answer = {
        "FailedRecordCount": len(refused),
        "Records": [_failed(stream, refused[at]) if at in refused else next(written) for at in range(len(records))],
    }
    return status, headers, json.dumps(json.loads(body) | answer).encode()


def _parts(records: list[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Cut a request into parts that the emulator takes."""
    part: list[dict[str, Any]] = []
    size = 0
    for record in records:
        size += _size(record)
        if part and size > LARGEST_OF_THE_EMULATOR:
            yield part
            part, size = [], _size(record)
        part.append(record)
    if part:
        yield part


def _too_large(records: list[dict[str, Any]]) -> Any:
    """Return what AWS answers to a record or a request that is too large; None if none is."""
    if not is_on("kinesis-sizes"):
        return None
    sizes = [_size(record) for record in records]
    if max(sizes, default=0) > LARGEST_RECORD:
        message = f"Record size {max(sizes)} bytes exceeds the stream's maximum record size of {LARGEST_RECORD} bytes"
    elif sum(sizes) > LARGEST_REQUEST:
        message = f"Records size exceeds {LARGEST_REQUEST // 1024**2} MB limit"
    else:
        return None
    return error_response_json("InvalidArgumentException", message, 400)


def _size(record: Mapping[str, Any]) -> int:
    """Return the bytes of a record: its data, which is kept as base64, and its partition key."""
    data = record.get("Data", "")
    return len(data) * 3 // 4 - data.count("=", -2) + len(record.get("PartitionKey", "").encode())


def _shard_of(record: dict[str, Any], stream: dict[str, Any]) -> str:
    given = record.get("ExplicitHashKey")
    key = int(given) if given else kinesis._partition_key_to_hash(record.get("PartitionKey", ""))
    return kinesis._route_to_shard(key, stream)


def _failed(stream: dict[str, Any], shard_id: str) -> dict[str, str]:
    return {"ErrorCode": THROTTLED, "ErrorMessage": _rate_exceeded(stream, shard_id)}


def _rate_exceeded(stream: dict[str, Any], shard_id: str) -> str:
    return f"Rate exceeded for shard {shard_id} in stream {stream['StreamName']} under account {get_account_id()}."


def impose() -> None:
    """Put the limits in force that are not switched off, before whatever carries requests out by now."""
    global _get_records
    _get_records = kinesis._get_records
    if is_on("kinesis-reads"):
        kinesis._get_records = get_records
    if is_on("kinesis-writes") or is_on("kinesis-sizes"):
        kinesis._put_record, kinesis._put_records = put_record, put_records
