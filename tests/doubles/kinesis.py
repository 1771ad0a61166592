"""Kinesis in process, shaped like boto3's client: shards that split, merge and close, refusals, lost replies.

The embedded cloud gets resharding wrong and never throttles; so pipe, producer and proof are tested on this stream.
Sequence numbers rise over the whole stream, from 55 digits to 56: whoever compares them as strings fails.
"""

import hashlib
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import RLock
from typing import Any

from tests.doubles.errors import client_error

STREAM = "product-events"
ARN = f"arn:aws:kinesis:eu-central-1:123456789012:stream/{STREAM}"
HASH_KEYS = 2**128
MOST_RECORDS = 500  # of one PutRecords
MOST_BYTES = 5 * 1024 * 1024  # of one PutRecords, partition keys included
BEFORE_THE_FIRST = 10**55 - 20

Entries = Sequence[dict[str, Any]]
WriteTrouble = Callable[[Entries], tuple[set[int], Exception | None]]


@dataclass
class Shard:
    """An ordered log of records, for one range of hash keys. Closed: it takes no more, but can be read."""

    shard_id: str
    hash_keys: tuple[int, int]
    parents: tuple[str, ...] = ()
    records: list[dict[str, Any]] = field(default_factory=list)
    closed: bool = False

    def described(self) -> dict[str, Any]:
        """Return the shard as ListShards describes it."""
        first, last = self.hash_keys
        names = ("ParentShardId", "AdjacentParentShardId")
        return {
            "ShardId": self.shard_id,
            "HashKeyRange": {"StartingHashKey": str(first), "EndingHashKey": str(last)},
            **dict(zip(names, self.parents, strict=False)),
        }

    def index_of(self, sequence_number: int) -> int:
        """Return where the first record from a sequence number on lies."""
        return bisect_left(self.records, sequence_number, key=number_of)

    def trim(self, before: float) -> None:
        """Forget the oldest records, up to a time."""
        kept = next((i for i, record in enumerate(self.records) if arrival_of(record) > before), len(self.records))
        del self.records[:kept]


class Kinesis:
    """A stream and its client in one. A call that names another stream is refused."""

    def __init__(
        self,
        shards: int = 1,
        name: str = STREAM,
        clock: Callable[[], float] = time.time,
        last: int = BEFORE_THE_FIRST,
        gap: Callable[[], int] = lambda: 7,
        width: int = 0,
    ) -> None:
        """Open a stream.

        Args:
            shards: How many shards it starts with.
            name: What the stream is called.
            clock: Says when a record arrives, in seconds since 1970.
            last: The sequence number before the first one.
            gap: Says how far the next sequence number lies from the last.
            width: Sequence numbers shorter than this are padded with zeros, as emulators do.
        """
        self.name, self.clock = name, clock
        self.arn = ARN.replace(STREAM, name)
        self.retention_seconds = 24 * 3600.0
        self.created_at = datetime.fromtimestamp(clock(), UTC)
        self.read_errors: deque[Exception] = deque()  # what the next GetRecords raise
        # what becomes of a PutRecords: which entries are not accepted, and what is raised once the others are written
        self.write_trouble: WriteTrouble = lambda entries: (set(), None)
        self.shards: dict[str, Shard] = {}
        self.requests: list[Entries] = []  # every PutRecords
        self.polls: list[tuple[str, float]] = []  # every GetRecords: shard, and when
        self.listings = 0  # how often ListShards was called
        self._last, self._gap, self._width = last, gap, width
        self._iterators: dict[str, tuple[str, int]] = {}  # token → shard, sequence number to begin with
        self._lock = RLock()
        for number in range(shards):
            self._open((HASH_KEYS * number // shards, HASH_KEYS * (number + 1) // shards - 1))

    @property
    def records(self) -> list[dict[str, Any]]:
        """Every record that can still be read, in the order in which they were written."""
        return sorted((record for shard in self.shards.values() for record in shard.records), key=number_of)

    def shard_of(self, partition_key: str) -> Shard:
        """Return the open shard that a key belongs to."""
        key = int(hashlib.md5(partition_key.encode()).hexdigest(), 16)
        return next(s for s in self.shards.values() if not s.closed and s.hash_keys[0] <= key <= s.hash_keys[1])

    # --- what producers call

    def put(self, partition_key: str, data: str | bytes = "{}", shard_id: str | None = None) -> str:
        """Write a record, to the shard of its key or a given one. Returns its sequence number."""
        with self._lock:
            shard = self.shards[shard_id] if shard_id else self.shard_of(partition_key)
            self._last += self._gap()
            record = {
                "SequenceNumber": str(self._last).zfill(self._width),
                "ApproximateArrivalTimestamp": datetime.fromtimestamp(self.clock(), UTC),
                "Data": data.encode() if isinstance(data, str) else data,
                "PartitionKey": partition_key,
            }
            shard.records.append(record)
            return record["SequenceNumber"]

    def put_record(self, *, Data: bytes, PartitionKey: str, **stream: str) -> dict[str, str]:  # noqa: N803
        """Write one record."""
        self._check(stream)
        return {"ShardId": self.shard_of(PartitionKey).shard_id, "SequenceNumber": self.put(PartitionKey, Data)}

    def put_records(self, *, Records: Entries, **stream: str) -> dict[str, Any]:  # noqa: N803
        """Write records, or some of them, as `write_trouble` decides."""
        self._check(stream)
        size = sum(len(entry["Data"]) + len(entry["PartitionKey"].encode()) for entry in Records)
        if not 1 <= len(Records) <= MOST_RECORDS or size > MOST_BYTES:
            message = f"{len(Records)} records of {size} bytes in one request"
            raise client_error("PutRecords", "InvalidArgumentException", message)
        with self._lock:
            self.requests.append(Records)
            failing, error = self.write_trouble(Records)
            answers = [
                {"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "Rate exceeded for shard"}
                if number in failing
                else self.put_record(Data=entry["Data"], PartitionKey=entry["PartitionKey"])
                for number, entry in enumerate(Records)
            ]
        if error:
            raise error
        return {"FailedRecordCount": len(failing), "Records": answers, "EncryptionType": "NONE"}

    # --- what operators call

    def split(self, shard_id: str) -> list[str]:
        """Close a shard and open two children. Returns their ids."""
        with self._lock:
            first, last = self.shards[shard_id].hash_keys
            middle = (first + last + 1) // 2
            halves = (first, middle - 1), (middle, last)
            return [self._open(half, self.shards[shard_id]) for half in halves]

    def merge(self, left: str, right: str) -> str:
        """Close two neighbours and open their child. Returns its id."""
        with self._lock:
            pair = sorted((self.shards[left], self.shards[right]), key=lambda shard: shard.hash_keys)
            (first, middle), (after, last) = (shard.hash_keys for shard in pair)
            if middle + 1 != after or any(shard.closed for shard in pair):
                raise client_error("MergeShards", "InvalidArgumentException", "The shards are not adjacent.")
            return self._open((first, last), *pair)

    def expire_iterators(self) -> None:
        """Let every iterator be older than five minutes."""
        with self._lock:
            self._iterators.clear()

    # --- what readers call

    def describe_stream_summary(self, **stream: str) -> dict[str, Any]:
        """Describe the stream."""
        self._check(stream)
        opened = sum(not shard.closed for shard in self.shards.values())
        summary = {"StreamName": self.name, "StreamARN": self.arn, "StreamStatus": "ACTIVE", "OpenShardCount": opened}
        summary["StreamCreationTimestamp"] = self.created_at
        return {"StreamDescriptionSummary": summary | {"RetentionPeriodHours": int(self.retention_seconds // 3600)}}

    def get_paginator(self, operation: str) -> "Kinesis":
        """Return what pages through `list_shards`."""
        assert operation == "list_shards"
        return self

    def paginate(self, **stream: Any) -> list[dict[str, Any]]:
        """Return the shards, one a page."""
        return [{"Shards": [shard]} for shard in self.list_shards(**stream)["Shards"]]

    def list_shards(self, **stream: Any) -> dict[str, Any]:
        """Describe the shards: newest first, as no order is promised."""
        self._check(stream)
        with self._lock:
            self.listings += 1
            return {"Shards": [shard.described() for shard in reversed(list(self.shards.values()))]}

    def get_shard_iterator(
        self,
        *,
        ShardId: str,  # noqa: N803
        ShardIteratorType: str,  # noqa: N803
        StartingSequenceNumber: str = "0",  # noqa: N803
        Timestamp: datetime | None = None,  # noqa: N803
        **stream: Any,
    ) -> dict[str, str]:
        """Return an iterator."""
        self._check(stream)
        with self._lock:
            if ShardId not in self.shards:
                raise client_error("GetShardIterator", "ResourceNotFoundException", f"Shard {ShardId} does not exist")
            records, number = self.shards[ShardId].records, int(StartingSequenceNumber)
            begin = {
                "TRIM_HORIZON": lambda: 0,
                "LATEST": lambda: self._last + 1,
                "AT_SEQUENCE_NUMBER": lambda: number,
                "AFTER_SEQUENCE_NUMBER": lambda: number + 1,
                "AT_TIMESTAMP": lambda: next(
                    (number_of(record) for record in records if record["ApproximateArrivalTimestamp"] >= Timestamp),
                    self._last + 1,
                ),
            }[ShardIteratorType]()
            return {"ShardIterator": self._iterator(ShardId, begin)}

    def get_records(self, *, ShardIterator: str, Limit: int = 10_000, **_: Any) -> dict[str, Any]:  # noqa: N803
        """Read on. A closed shard ends with its children instead of a next iterator."""
        with self._lock:
            if self.read_errors:
                raise self.read_errors.popleft()
            if ShardIterator not in self._iterators:
                raise client_error("GetRecords", "ExpiredIteratorException")
            shard_id, begin = self._iterators[ShardIterator]
            self.polls.append((shard_id, time.monotonic()))
            shard, now = self.shards[shard_id], self.clock()
            shard.trim(now - self.retention_seconds)
            start = shard.index_of(begin)
            end = min(start + Limit, len(shard.records))
            records = shard.records[start:end]
            behind = max(int((now - arrival_of(shard.records[end])) * 1000), 1) if end < len(shard.records) else 0
            answer: dict[str, Any] = {"Records": records, "MillisBehindLatest": behind}
            if end < len(shard.records) or not shard.closed:
                following = number_of(records[-1]) + 1 if records else begin
                return answer | {"NextShardIterator": self._iterator(shard_id, following)}
            children = [child for child in self.shards.values() if shard_id in child.parents]
            return answer | {
                "ChildShards": [{"ShardId": child.shard_id, "ParentShards": list(child.parents)} for child in children]
            }

    def _iterator(self, shard_id: str, begin: int) -> str:
        token = f"{shard_id}|{begin}|{len(self._iterators)}|{self.clock()}"
        self._iterators[token] = (shard_id, begin)
        return token

    def _open(self, hash_keys: tuple[int, int], *parents: Shard) -> str:
        shard_id = f"shardId-{len(self.shards):012d}"
        self.shards[shard_id] = Shard(shard_id, hash_keys, tuple(parent.shard_id for parent in parents))
        for parent in parents:
            parent.closed = True
        return shard_id

    def _check(self, stream: dict[str, Any]) -> None:
        if stream.get("StreamName", self.name) != self.name or stream.get("StreamARN", self.arn) != self.arn:
            raise client_error("the request", "ResourceNotFoundException", f"Stream {stream} not found.")


def number_of(record: dict[str, Any]) -> int:
    """Return a record's sequence number as the integer that it stands for."""
    return int(record["SequenceNumber"])


def arrival_of(record: dict[str, Any]) -> float:
    """Return when a record arrived, in seconds since 1970."""
    return record["ApproximateArrivalTimestamp"].timestamp()
