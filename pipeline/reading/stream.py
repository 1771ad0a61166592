"""The whole stream, read from its beginning: what the audit folds again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

READS_AT_ONCE = 8


@dataclass(frozen=True)
class StreamRecord:
    """A record as it lies on the stream."""

    data: bytes
    partition_key: str
    shard_id: str
    sequence_number: str
    arrived_at: float  # epoch seconds


def read_all(kinesis: Any, stream_name: str) -> list[StreamRecord]:
    """Read every record that the stream still keeps: shard by shard, parents before their children, each in order."""
    shards = _parents_first(parents(kinesis, stream_name))
    with ThreadPoolExecutor(READS_AT_ONCE) as pool:
        return [
            record
            for records in pool.map(lambda shard: _read(kinesis, stream_name, shard), shards)
            for record in records
        ]


def parents(kinesis: Any, stream_name: str) -> dict[str, list[str]]:
    """List the stream's shards, each with those that it was split or merged from."""
    pages = kinesis.get_paginator("list_shards").paginate(StreamName=stream_name)
    links = ("ParentShardId", "AdjacentParentShardId")
    return {
        shard["ShardId"]: [shard[link] for link in links if shard.get(link)]
        for page in pages
        for shard in page["Shards"]
    }


def _parents_first(parents: dict[str, list[str]]) -> list[str]:
    ordered: list[str] = []

    def visit(shard_id: str) -> None:
        if shard_id in parents and shard_id not in ordered:
            for parent in parents[shard_id]:
                visit(parent)
            ordered.append(shard_id)

    for shard_id in sorted(parents):
        visit(shard_id)
    return ordered


def _read(kinesis: Any, stream_name: str, shard_id: str) -> list[StreamRecord]:
    return list(_records(kinesis, stream_name, shard_id))


def _records(kinesis: Any, stream_name: str, shard_id: str) -> Iterator[StreamRecord]:
    iterator = kinesis.get_shard_iterator(StreamName=stream_name, ShardId=shard_id, ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    while iterator:
        answer = kinesis.get_records(ShardIterator=iterator, Limit=10_000)
        for record in answer["Records"]:
            arrived_at = record["ApproximateArrivalTimestamp"].timestamp()
            yield StreamRecord(record["Data"], record["PartitionKey"], shard_id, record["SequenceNumber"], arrived_at)
        if not answer["Records"] and not answer.get("MillisBehindLatest"):
            return
        iterator = answer.get("NextShardIterator")
