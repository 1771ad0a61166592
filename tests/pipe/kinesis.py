"""Kinesis in process, boto3-shaped: shards that split, merge and close, records that are kept, throttled reads.

Sequence numbers rise over the whole stream, from 55 digits to 56: whoever compares them as strings fails.
"""

import hashlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import RLock
from typing import Any

from botocore.exceptions import ClientError

HASH_KEYS = 2**128
ARN = "arn:aws:kinesis:eu-central-1:123456789012:stream/product-events"


def refused(code: str, status: int = 400, message: str = "", operation: str = "GetRecords") -> ClientError:
    """Return what boto3 raises."""
    return ClientError(
        {"Error": {"Code": code, "Message": message or code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        operation,
    )


@dataclass
class Shard:
    """An ordered log of records. Closed: it takes no more, and what it holds stays readable."""

    shard_id: str
    first_key: int
    last_key: int
    parents: tuple[str, ...] = ()
    records: list[dict[str, Any]] = field(default_factory=list)
    closed: bool = False


class Kinesis:
    """A stream and its client in one."""

    def __init__(self, shards: int = 1, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.shards: dict[str, Shard] = {}
        self.polls: list[tuple[str, float]] = []  # every GetRecords: shard, and when
        self.looks = 0  # how often ListShards was called
        self.trouble: deque[Exception] = deque()  # what the next GetRecords raise
        self.reads_per_second: int | None = None
        self.retention_seconds = 24 * 3600.0
        self._last = 10**55 - 20
        self._iterators: dict[str, tuple[str, int]] = {}  # token → shard, sequence number to begin with
        self._lock = RLock()
        for at in range(shards):
            self._open(HASH_KEYS * at // shards, HASH_KEYS * (at + 1) // shards - 1)

    # --- what producers and operators do

    def put(self, partition_key: str, data: str | bytes = "{}", shard_id: str | None = None) -> str:
        """Write a record, to the shard of its key or a given one. Returns its sequence number."""
        with self._lock:
            shard = self.shards[shard_id] if shard_id else self.shard_of(partition_key)
            self._last += 7
            record = {
                "SequenceNumber": str(self._last),
                "ApproximateArrivalTimestamp": datetime.fromtimestamp(self.clock(), UTC),
                "Data": data.encode() if isinstance(data, str) else data,
                "PartitionKey": partition_key,
            }
            shard.records.append(record)
            return record["SequenceNumber"]

    def put_record(self, *, Data: bytes, PartitionKey: str, **_: Any) -> dict[str, str]:  # noqa: N803
        """Write one record."""
        return {
            "ShardId": self.shard_of(PartitionKey).shard_id,
            "SequenceNumber": self.put(PartitionKey, Data),
        }

    def put_records(self, *, Records: list[dict[str, Any]], **_: Any) -> dict[str, Any]:  # noqa: N803
        """Write records."""
        return {"FailedRecordCount": 0, "Records": [self.put_record(**record) for record in Records]}

    def split(self, shard_id: str) -> list[str]:
        """Close a shard and open two children. Returns their ids."""
        with self._lock:
            old = self.shards[shard_id]
            middle = (old.first_key + old.last_key + 1) // 2
            return [self._open(old.first_key, middle - 1, old), self._open(middle, old.last_key, old)]

    def merge(self, left: str, right: str) -> str:
        """Close two shards and open their child. Returns its id."""
        with self._lock:
            pair = self.shards[left], self.shards[right]
            return self._open(pair[0].first_key, pair[1].last_key, *pair)

    def shard_of(self, partition_key: str) -> Shard:
        """Return the open shard that a key belongs to."""
        key = int(hashlib.md5(partition_key.encode()).hexdigest(), 16)
        return next(s for s in self.shards.values() if not s.closed and s.first_key <= key <= s.last_key)

    def expire_iterators(self) -> None:
        """Let every iterator be older than five minutes."""
        with self._lock:
            self._iterators.clear()

    # --- what a reader calls

    def get_paginator(self, operation: str) -> "Kinesis":
        """Return what pages through `list_shards`."""
        assert operation == "list_shards"
        return self

    def paginate(self, **request: Any) -> list[dict[str, Any]]:
        """Return the shards, one a page."""
        return [{"Shards": [shard]} for shard in self.list_shards(**request)["Shards"]]

    def list_shards(self, **_: Any) -> dict[str, Any]:
        """Describe the shards: newest first, as no order is promised."""
        with self._lock:
            self.looks += 1
            return {"Shards": [_described(shard) for shard in reversed(list(self.shards.values()))]}

    def get_shard_iterator(
        self,
        *,
        ShardId: str,  # noqa: N803
        ShardIteratorType: str,  # noqa: N803
        StartingSequenceNumber: str = "0",  # noqa: N803
        Timestamp: datetime | None = None,  # noqa: N803
        **_: Any,
    ) -> dict[str, str]:
        """Return an iterator."""
        with self._lock:
            records, number = self.shards[ShardId].records, int(StartingSequenceNumber)
            begin = {
                "TRIM_HORIZON": lambda: 0,
                "LATEST": lambda: self._last + 1,
                "AT_SEQUENCE_NUMBER": lambda: number,
                "AFTER_SEQUENCE_NUMBER": lambda: number + 1,
                "AT_TIMESTAMP": lambda: next(
                    (int(r["SequenceNumber"]) for r in records if r["ApproximateArrivalTimestamp"] >= Timestamp),
                    self._last + 1,
                ),
            }[ShardIteratorType]()
            return {"ShardIterator": self._iterator(ShardId, begin)}

    def get_records(self, *, ShardIterator: str, Limit: int = 10_000, **_: Any) -> dict[str, Any]:  # noqa: N803
        """Read on. At the end of a closed shard there is no next iterator."""
        with self._lock:
            if self.trouble:
                raise self.trouble.popleft()
            if ShardIterator not in self._iterators:
                raise refused("ExpiredIteratorException")
            shard_id, begin = self._iterators[ShardIterator]
            self._poll(shard_id)
            shard, trimmed = self.shards[shard_id], self.clock() - self.retention_seconds
            shard.records = [r for r in shard.records if r["ApproximateArrivalTimestamp"].timestamp() > trimmed]
            left = [record for record in shard.records if int(record["SequenceNumber"]) >= begin]
            found, left = left[:Limit], left[Limit:]
            next_begin = int(found[-1]["SequenceNumber"]) + 1 if found else begin
            behind = (self.clock() - left[0]["ApproximateArrivalTimestamp"].timestamp()) if left else 0
            answer = {"Records": found, "MillisBehindLatest": max(int(behind * 1000), 1 if left else 0)}
            if left or not shard.closed:
                answer["NextShardIterator"] = self._iterator(shard_id, next_begin)
            return answer

    def _poll(self, shard_id: str) -> None:
        now = time.monotonic()
        recent = [at for shard, at in self.polls if shard == shard_id and now - at < 1]
        if self.reads_per_second is not None and len(recent) >= self.reads_per_second:
            raise refused("ProvisionedThroughputExceededException")
        self.polls.append((shard_id, now))

    def _iterator(self, shard_id: str, begin: int) -> str:
        token = f"{shard_id}|{begin}|{len(self._iterators)}|{self.clock()}"
        self._iterators[token] = (shard_id, begin)
        return token

    def _open(self, first_key: int, last_key: int, *parents: Shard) -> str:
        shard_id = f"shardId-{len(self.shards):012d}"
        self.shards[shard_id] = Shard(shard_id, first_key, last_key, tuple(each.shard_id for each in parents))
        for parent in parents:
            parent.closed = True
        return shard_id


def _described(shard: Shard) -> dict[str, Any]:
    said: dict[str, Any] = {"ShardId": shard.shard_id}
    for name, parent in zip(("ParentShardId", "AdjacentParentShardId"), shard.parents, strict=False):
        said[name] = parent
    return said
