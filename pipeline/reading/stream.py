"""The stream, read as it is kept: every shard in its order, parents before their children, without getting in the way.

A shard allows five reads and 2 MB a second, and after an answer of 10 MB none for five seconds, whoever asks. The pipe
takes four of the five reads. So whoever else reads takes one a second, and asks for no more than half of the bytes.
"""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from pipeline.cloud import PAUSE_SECONDS
from pipeline.reading.turns import Turn

READS_AT_ONCE = 16
MOST_RECORDS = 10_000  # of one read
BYTES_A_SECOND = 1_000_000
FIRST_READ = 2_000  # records: how long they are is not known yet. Of this pipeline's, half a megabyte
MARGIN = 5.0  # seconds: by how much a stream that never stands still is read beyond the beginning
EXPIRED = "ExpiredIteratorException"
AGAIN = ("ProvisionedThroughputExceededException", "KMSThrottlingException", EXPIRED)


class StreamRecord(NamedTuple):
    """A record as it lies on the stream."""

    data: bytes
    partition_key: str
    shard_id: str
    sequence_number: str
    arrived_at: float  # epoch seconds

    @property
    def place(self) -> int:
        """Its sequence number, to compare: as texts they sort wrongly."""
        return int(self.sequence_number)


class Stream(NamedTuple):
    """What a stream says of itself."""

    arn: str
    created_at: float  # epoch seconds
    retention_hours: int
    parents: dict[str, tuple[str, ...]]  # of each shard that it still has
    hash_keys: dict[str, tuple[int, int]]  # of each shard: the first and the last that are its own

    def parents_for(self, partition_key: str) -> dict[str, tuple[str, ...]]:
        """Return the shards in which records of one key lie, with their parents."""
        key = int.from_bytes(md5(partition_key.encode(), usedforsecurity=False).digest())
        return {s: self.parents[s] for s, (first, last) in self.hash_keys.items() if first <= key <= last}


def describe(kinesis: Any, stream_name: str) -> Stream:
    """Ask a stream for its facts and its shards."""
    summary = kinesis.describe_stream_summary(StreamName=stream_name)["StreamDescriptionSummary"]
    pages = kinesis.get_paginator("list_shards").paginate(StreamName=stream_name)
    shards = [shard for page in pages for shard in page["Shards"]]
    return Stream(
        summary["StreamARN"],
        summary["StreamCreationTimestamp"].timestamp(),
        summary["RetentionPeriodHours"],
        {shard["ShardId"]: _parents(shard) for shard in shards},
        {shard["ShardId"]: _hash_keys(shard["HashKeyRange"]) for shard in shards},
    )


def read_all(kinesis: Any, stream_name: str, pause_seconds: float = PAUSE_SECONDS) -> list[StreamRecord]:
    """Read every record that the stream still keeps: shard by shard, parents before their children, each in order."""
    parents = describe(kinesis, stream_name).parents
    by_shard: dict[str, list[StreamRecord]] = {}
    for record in Reading(kinesis, stream_name, parents, pause_seconds=pause_seconds):
        by_shard.setdefault(record.shard_id, []).append(record)  # a child's first record comes after its parents' last
    return [record for records in by_shard.values() for record in records]


def record_at(kinesis: Any, stream_name: str, shard_id: str, sequence_number: str) -> StreamRecord | None:
    """Read the record at a place; None if the stream no longer has it."""
    iterator: str | None = kinesis.get_shard_iterator(
        StreamName=stream_name,
        ShardId=shard_id,
        ShardIteratorType="AT_SEQUENCE_NUMBER",
        StartingSequenceNumber=sequence_number,
    )["ShardIterator"]
    while iterator:
        answer = kinesis.get_records(ShardIterator=iterator, Limit=1)
        for raw in answer["Records"]:
            return _record(raw, shard_id) if int(raw["SequenceNumber"]) == int(sequence_number) else None
        iterator = answer.get("NextShardIterator") if answer.get("MillisBehindLatest") else None
    return None


@dataclass
class Reading:
    """One reading of a stream, from given places to its end. Iterate over it once.

    `ends` says up to where each shard was read so far: the sequence number of its last record, or at first the one to
    read on from.
    """

    kinesis: Any
    stream_name: str
    parents: Mapping[str, tuple[str, ...]]
    after: Mapping[str, str] = field(default_factory=dict)  # by shard: read what is above; else from the beginning
    pause_seconds: float = PAUSE_SECONDS  # 0 where nobody counts: the pace is that of the answers
    ends: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.ends = {shard_id: self.after.get(shard_id, "") for shard_id in self.parents}

    def __iter__(self) -> Iterator[StreamRecord]:
        """Yield the records: those of one shard in order, several shards mixed, children after their parents.

        All that was there when the iteration began is read. What arrives later is read if it comes in time, and never
        keeps the reading from ending.
        """
        began, waiting = time.time(), sorted(self.parents)
        with ThreadPoolExecutor(READS_AT_ONCE) as pool:
            reads: dict[Future[list[StreamRecord]], _ShardReading] = {}
            while waiting or reads:
                unread = {*waiting, *(shard.shard_id for shard in reads.values())}
                for shard_id in [each for each in waiting if not unread & {*self.parents[each]}]:
                    waiting.remove(shard_id)
                    shard = _ShardReading(self, shard_id, began)
                    reads[pool.submit(shard.read)] = shard
                for done in wait(reads, return_when=FIRST_COMPLETED).done:
                    shard, records = reads.pop(done), done.result()
                    if not shard.is_over:  # the next answer comes while this one is worked on
                        reads[pool.submit(shard.read)] = shard
                    yield from self._noted(records)

    def _noted(self, records: list[StreamRecord]) -> Iterator[StreamRecord]:
        for record in records:
            yield record
            self.ends[record.shard_id] = record.sequence_number


class _ShardReading:
    """Reads one shard, one answer at a time."""

    def __init__(self, whole: Reading, shard_id: str, began: float) -> None:
        self._whole, self.shard_id, self._began = whole, shard_id, began
        self._position = whole.after.get(shard_id, "")
        self._iterator: str | None = None
        self._turn = Turn.of(whole.kinesis, whole.stream_name, shard_id)
        self._limit = FIRST_READ if whole.pause_seconds else MOST_RECORDS
        self.is_over = False

    def read(self) -> list[StreamRecord]:
        """Wait for the shard's turn, and read once. Sets `is_over` at the end of what was there at the beginning."""
        self._turn.wait(self._whole.pause_seconds)
        try:
            self._iterator = self._iterator or self._begin()
            answer = self._whole.kinesis.get_records(ShardIterator=self._iterator, Limit=self._limit)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code not in AGAIN:
                raise
            if code == EXPIRED:
                self._iterator = None
            return []
        records = [_record(raw, self.shard_id) for raw in answer["Records"]]
        self._iterator = answer.get("NextShardIterator")
        behind_seconds = (answer.get("MillisBehindLatest") or 0) / 1000
        is_at_the_end = not behind_seconds and len(records) < self._limit
        self.is_over = not self._iterator or is_at_the_end or time.time() - behind_seconds > self._began + MARGIN
        if records:
            self._position = records[-1].sequence_number
            self._pace(records)
        return records

    def _begin(self) -> str:
        start = {"ShardIteratorType": "TRIM_HORIZON"}
        if self._position:
            start = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": self._position}
        asked = {"StreamName": self._whole.stream_name, "ShardId": self.shard_id, **start}
        return self._whole.kinesis.get_shard_iterator(**asked)["ShardIterator"]

    def _pace(self, records: list[StreamRecord]) -> None:
        if pause := self._whole.pause_seconds:
            size = sum(len(record.data) + len(record.partition_key) for record in records)
            self._turn.put_off(max(0.0, size / BYTES_A_SECOND - pause))
            self._limit = max(1, min(MOST_RECORDS, int(BYTES_A_SECOND * len(records) / (size + 1))))


def _record(raw: dict[str, Any], shard_id: str) -> StreamRecord:
    arrived_at = raw["ApproximateArrivalTimestamp"].timestamp()
    return StreamRecord(raw["Data"], raw["PartitionKey"], shard_id, raw["SequenceNumber"], arrived_at)


def _hash_keys(span: dict[str, str]) -> tuple[int, int]:
    return int(span["StartingHashKey"]), int(span["EndingHashKey"])


def _parents(shard: dict[str, Any]) -> tuple[str, ...]:
    return tuple(shard[name] for name in ("ParentShardId", "AdjacentParentShardId") if shard.get(name))
