"""A Kinesis stream in process, boto3-shaped: what the embedded cloud gets wrong (resharding) or never does (trouble).

Sequence numbers rise over the whole stream, have gaps, and cross from 55 to 56 digits; with a width, they are padded
with zeros, as emulators do. A split or merge closes its parents; what they hold stays readable. `trouble(entries)`
decides what becomes of a PutRecords call.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

from botocore.exceptions import ClientError, ReadTimeoutError

HASH_KEYS = 2**128
MOST_GAP = 2**28  # between two sequence numbers
MOST_RECORDS = 500  # of one PutRecords
Trouble = Callable[[Sequence[dict[str, Any]]], tuple[set[int], bool]]  # → entries that fail, whether the reply is lost


@dataclass
class Shard:
    """An ordered log of records, for one range of hash keys. Closed: it takes no more, but can be read."""

    shard_id: str
    hash_keys: tuple[int, int]
    parents: tuple[str, ...] = ()
    records: list[dict[str, Any]] = field(default_factory=list)
    closed: bool = False


class StreamClient:
    """The client, and behind it the stream."""

    def __init__(self, name: str, shards: int, random: Random, trouble: Trouble | None = None, width: int = 0) -> None:
        self.name, self._random, self._width = name, random, width
        self.trouble: Trouble = trouble or (lambda entries: (set(), False))
        self.shards: dict[str, Shard] = {}
        self.now = 1_694_433_600.0
        self._last = 10**55 - random.randrange(MOST_GAP, 1000 * MOST_GAP)
        for at in range(shards):
            self._open((HASH_KEYS * at // shards, HASH_KEYS * (at + 1) // shards - 1))

    def _open(self, hash_keys: tuple[int, int], *parents: Shard) -> Shard:
        shard = Shard(f"shardId-{len(self.shards):012d}", hash_keys, tuple(each.shard_id for each in parents))
        self.shards[shard.shard_id] = shard
        for parent in parents:
            parent.closed = True
        return shard

    def _shard_for(self, partition_key: str) -> Shard:
        key = int(hashlib.md5(partition_key.encode()).hexdigest(), 16)
        return next(s for s in self.shards.values() if not s.closed and s.hash_keys[0] <= key <= s.hash_keys[1])

    def put_records(self, Records: Sequence[dict[str, Any]], **stream: str) -> dict[str, Any]:  # noqa: N803
        """Write, in part if trouble says so. A lost reply comes after the writing."""
        if not 1 <= len(Records) <= MOST_RECORDS:
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "1 to 500"}}, "PutRecords")
        failing, lost = self.trouble(Records)
        answers = []
        for at, entry in enumerate(Records):
            if at in failing:
                answers.append({"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow down"})
            else:
                answers.append(self._put(entry["Data"], entry["PartitionKey"]))
        if lost:
            raise ReadTimeoutError(endpoint_url="https://kinesis.invalid")
        return {"FailedRecordCount": len(failing), "Records": answers, "EncryptionType": "NONE"}

    def _put(self, data: bytes | str, partition_key: str) -> dict[str, str]:
        shard = self._shard_for(partition_key)
        self._last += self._random.randrange(1, MOST_GAP)
        self.now += 0.001
        written = str(self._last).zfill(self._width)
        shard.records.append(
            {
                "SequenceNumber": written,
                "ApproximateArrivalTimestamp": datetime.fromtimestamp(self.now, UTC),
                "Data": data.encode() if isinstance(data, str) else data,
                "PartitionKey": partition_key,
            }
        )
        return {"SequenceNumber": written, "ShardId": shard.shard_id}

    def split_shard(self, ShardToSplit: str, NewStartingHashKey: str = "", **stream: str) -> None:  # noqa: N803
        shard = self.shards[ShardToSplit]
        first, last = shard.hash_keys
        middle = int(NewStartingHashKey or (first + last + 1) // 2)
        self._open((first, middle - 1), shard)
        self._open((middle, last), shard)

    def merge_shards(self, ShardToMerge: str, AdjacentShardToMerge: str, **stream: str) -> None:  # noqa: N803
        pair = sorted((self.shards[ShardToMerge], self.shards[AdjacentShardToMerge]), key=lambda each: each.hash_keys)
        if pair[0].hash_keys[1] + 1 != pair[1].hash_keys[0] or any(each.closed for each in pair):
            raise ClientError({"Error": {"Code": "InvalidArgumentException", "Message": "adjacent"}}, "MergeShards")
        self._open((pair[0].hash_keys[0], pair[1].hash_keys[1]), *pair)

    def list_shards(self, **request: Any) -> dict[str, Any]:
        return {"Shards": [self._described(shard) for shard in self.shards.values()]}

    def _described(self, shard: Shard) -> dict[str, Any]:
        told: dict[str, Any] = {
            "ShardId": shard.shard_id,
            "HashKeyRange": {"StartingHashKey": str(shard.hash_keys[0]), "EndingHashKey": str(shard.hash_keys[1])},
            "SequenceNumberRange": {"StartingSequenceNumber": "1"},
        }
        for name, parent in zip(("ParentShardId", "AdjacentParentShardId"), shard.parents, strict=False):
            told[name] = parent
        if shard.closed:
            told["SequenceNumberRange"]["EndingSequenceNumber"] = str(self._last)
        return told

    def describe_stream_summary(self, **stream: str) -> dict[str, Any]:
        opened = sum(not shard.closed for shard in self.shards.values())
        summary = {"StreamName": self.name, "StreamStatus": "ACTIVE", "OpenShardCount": opened}
        arn = f"arn:aws:kinesis:eu-central-1:123456789012:stream/{self.name}"
        return {"StreamDescriptionSummary": summary | {"StreamARN": arn, "RetentionPeriodHours": 24}}

    def get_shard_iterator(
        self,
        ShardId: str,  # noqa: N803
        ShardIteratorType: str,  # noqa: N803
        StartingSequenceNumber: str = "0",  # noqa: N803
        **stream: Any,
    ) -> dict[str, str]:
        records, wanted = self.shards[ShardId].records, int(StartingSequenceNumber)
        at = {
            "TRIM_HORIZON": lambda: 0,
            "LATEST": lambda: len(records),
            "AT_SEQUENCE_NUMBER": lambda: sum(int(each["SequenceNumber"]) < wanted for each in records),
            "AFTER_SEQUENCE_NUMBER": lambda: sum(int(each["SequenceNumber"]) <= wanted for each in records),
        }[ShardIteratorType]()
        return {"ShardIterator": f"{ShardId}|{at}"}

    def get_records(self, ShardIterator: str, Limit: int = 10_000, **stream: Any) -> dict[str, Any]:  # noqa: N803
        """Read on. A closed shard ends with its children instead of a next iterator."""
        shard_id, _, start = ShardIterator.partition("|")
        shard, at = self.shards[shard_id], int(start)
        records = shard.records[at : at + Limit]
        at += len(records)
        answer: dict[str, Any] = {"Records": records, "MillisBehindLatest": 0}
        if not shard.closed or at < len(shard.records):
            return answer | {"NextShardIterator": f"{shard_id}|{at}"}
        children = [each for each in self.shards.values() if shard_id in each.parents]
        return answer | {
            "ChildShards": [{"ShardId": each.shard_id, "ParentShards": list(each.parents)} for each in children]
        }
