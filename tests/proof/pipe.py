"""A pipe, for the simulation: reads the stream through its client, keeps order per shard, retries until it is through.

It stands where the project's own pipe runtime can stand: both see a boto3-shaped Kinesis client and a handler.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

from tests.proof.invocation import Invocation
from tests.proof.reference import Key, LoggedRecord, read
from tests.proof.story import redeliveries

Hear = Callable[[list[LoggedRecord]], None]  # takes the records that have to come again; only the first call counts
Invoke = Callable[[Invocation, Hear], None]


class Lane:
    """What the pipe knows of one shard: where it reads, what it has to deliver again, what it has delivered."""

    def __init__(self, iterator: str) -> None:
        self.iterator: str | None = iterator
        self.waiting: list[Sequence[LoggedRecord]] = []
        self.log: list[LoggedRecord] = []
        self.through: set[Key] = set()
        self.busy = False

    @property
    def drained(self) -> bool:
        return self.iterator is None and not self.waiting and not self.busy


class Pipe:
    """One batch at a time per shard, a child shard only after its parents, redelivery as a pipe may choose it."""

    def __init__(
        self, client: Any, stream_name: str, batch_size: int, random: Random, found: Callable[..., None]
    ) -> None:
        self._client, self._name, self._batch_size, self._random = client, stream_name, batch_size, random
        self._found = found  # told of every record when it is first read
        self.lanes: dict[str, Lane] = {}

    def look(self) -> None:
        """Find the shards whose parents are drained."""
        for shard in self._client.list_shards(StreamName=self._name)["Shards"]:
            parents = {shard.get("ParentShardId"), shard.get("AdjacentParentShardId")} - {None}
            ready = all(parent in self.lanes and self.lanes[parent].drained for parent in parents)
            if shard["ShardId"] not in self.lanes and ready:
                start = self._client.get_shard_iterator(
                    StreamName=self._name, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
                )
                self.lanes[shard["ShardId"]] = self._lane(shard["ShardId"], start["ShardIterator"])

    def _lane(self, shard_id: str, iterator: str) -> Lane:
        return Lane(iterator)

    def deliver(self, invoke: Invoke) -> bool:
        """Deliver one batch of one shard; return whether there was any."""
        self.look()
        idle = [shard_id for shard_id, lane in self.lanes.items() if not lane.busy and not lane.drained]
        self._random.shuffle(idle)
        for shard_id in idle:
            if batch := self._next(shard_id, self.lanes[shard_id]):
                self._deliver(self.lanes[shard_id], batch, invoke)
                return True
        return False

    def redeliver(self, invoke: Invoke) -> None:
        """Deliver a part of what is through once more, as a pipe may at any time."""
        lane = self._random.choice(list(self.lanes.values()))
        if lane.busy or not lane.log:
            return
        start = self._random.randrange(len(lane.log))
        once_more = [each for each in lane.log[start : start + self._batch_size] if each.key in lane.through]
        if once_more:
            self._deliver(lane, once_more, invoke)

    def _next(self, shard_id: str, lane: Lane) -> Sequence[LoggedRecord]:
        if lane.waiting:
            return lane.waiting.pop(0)
        answer = self._client.get_records(ShardIterator=lane.iterator, Limit=self._random.randint(1, self._batch_size))
        lane.iterator = answer.get("NextShardIterator")
        batch = [self._read(shard_id, each) for each in answer["Records"]]
        lane.log += batch
        return batch

    def _read(self, shard_id: str, record: dict[str, Any]) -> LoggedRecord:
        arrived = record["ApproximateArrivalTimestamp"].timestamp()
        logged = read(shard_id, record["SequenceNumber"], record["PartitionKey"], record["Data"], arrived)
        self._found(logged)
        return logged

    def _deliver(self, lane: Lane, batch: Sequence[LoggedRecord], invoke: Invoke) -> None:
        """Deliver, and note what comes again. The invocation itself may let the pipe go on before it is through."""
        lane.busy = True
        invocation = Invocation(batch)
        heard = False

        def hear(again: list[LoggedRecord]) -> None:
            nonlocal heard
            if heard:
                return
            heard, lane.busy = True, False
            if again:
                lane.waiting[:0] = self._random.choice(redeliveries(batch, again))
            lane.through |= {record.key for record in batch} - {record.key for record in again}

        invoke(invocation, hear)
