"""Read one shard, from where the pipe left off to its end, and deliver it in order."""

import time
import zlib
from datetime import UTC, datetime
from threading import Condition, Event, Thread
from typing import Any

from botocore.exceptions import ClientError

from pipeline.local_cloud.checkpoints import Checkpoints, Progress
from pipeline.local_cloud.delivery import Delivery, StoppedError
from pipeline.local_cloud.records import Batch, FlatRecord, take_batch
from pipeline.local_cloud.settings import PipeSettings

POLL_SECONDS = 0.25  # four times a second, as the pipe does on AWS
MOST_WAITING = 20_000  # records read and not yet delivered: beyond that, reading waits


class ShardReader(Thread):
    """Polls one shard and feeds its lanes. Ends when the shard is drained, or the pipe stops."""

    def __init__(
        self,
        pipe: PipeSettings,
        shard_id: str,
        position: dict[str, Any],
        kinesis: Any,
        checkpoints: Checkpoints,
        deliveries: list[Delivery],
        stop: Event,
    ) -> None:
        super().__init__(name=f"{pipe.name} {shard_id}", daemon=True)
        self.pipe, self.shard_id, self.stop = pipe, shard_id, stop
        self._position, self._kinesis, self._checkpoints = position, kinesis, checkpoints
        self._progress = Progress()
        self._iterator: str | None = None
        self.lanes = [Lane(pipe, delivery, self._ended, stop) for delivery in deliveries]
        self.behind_seconds: float | None = None
        self.error = ""

    def run(self) -> None:
        """Poll until the shard is drained."""
        for lane in self.lanes:
            lane.start()
        while not self.stop.is_set():
            started = time.monotonic()
            closed = False
            if self._progress.unfinished < MOST_WAITING:
                closed = self._poll()
            if closed:
                break
            self.stop.wait(max(0.0, POLL_SECONDS - (time.monotonic() - started)))
        for lane in self.lanes:
            lane.finish()
        if not self.stop.is_set():
            self._checkpoints.save(self.shard_id, drained=True)

    @property
    def unfinished(self) -> int:
        """Records read and not ended yet."""
        return self._progress.unfinished

    def _poll(self) -> bool:
        """Read once. Returns whether the shard is closed and was read to its end."""
        try:
            self._iterator = (
                self._iterator
                or self._kinesis.get_shard_iterator(
                    StreamARN=self.pipe.source_arn, ShardId=self.shard_id, **self._position
                )["ShardIterator"]
            )
            answer = self._kinesis.get_records(
                StreamARN=self.pipe.source_arn, ShardIterator=self._iterator, Limit=10_000
            )
        except Exception as error:  # throttled, denied, expired: whatever it is, the shard stays where it was
            self._iterator = None
            self.error = str(error)
            slow_down = not (isinstance(error, ClientError) and "ExpiredIterator" in str(error))
            self.stop.wait(4 * POLL_SECONDS if slow_down else 0)
            return False
        self.error = ""
        self._take(answer["Records"])
        self._iterator = answer.get("NextShardIterator")
        self.behind_seconds = answer.get("MillisBehindLatest", 0) / 1000
        return self._iterator is None

    def _take(self, raw: list[dict[str, Any]]) -> None:
        if not raw:
            return
        records = [FlatRecord.of(each, self.shard_id, self.pipe.source_arn, self.pipe.role_arn) for each in raw]
        self._progress.read([record.sequence_number for record in records])
        self._position = after(records[-1].sequence_number)
        shares: list[Batch] = [[] for _ in self.lanes]
        for record in records:  # one product, one lane: so order holds per partition key
            shares[zlib.crc32(record.partition_key.encode()) % len(shares)].append(record)
        for lane, share in zip(self.lanes, shares, strict=True):
            lane.put(share)

    def _ended(self, batch: Batch) -> None:
        moved_to = self._progress.done([record.sequence_number for record in batch])
        if moved_to:
            self._checkpoints.save(self.shard_id, after=moved_to)


class Lane(Thread):
    """Delivers its share of a shard, one batch at a time."""

    def __init__(self, pipe: PipeSettings, delivery: Delivery, ended: Any, stop: Event) -> None:
        super().__init__(name=f"{pipe.name} {delivery.shard_id} lane", daemon=True)
        self.pipe, self.delivery, self._ended, self._stop_event = pipe, delivery, ended, stop
        self._waiting: Batch = []
        self._first_came = 0.0
        self._closed = False
        self._changed = Condition()

    def put(self, records: Batch) -> None:
        """Queue records behind those that wait."""
        if records:
            with self._changed:
                if not self._waiting:
                    self._first_came = time.monotonic()
                self._waiting += records
                self._changed.notify()

    def finish(self) -> None:
        """Wait until everything queued has ended, or the pipe stops."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self.join()

    def run(self) -> None:
        """Deliver batch after batch."""
        try:
            while batch := self._next_batch():
                self.delivery.deliver(batch)
                self._ended(batch)
        except StoppedError:
            return

    def _next_batch(self) -> Batch:
        """Wait for a batch: full, or its window over. Empty once nothing more will come."""
        with self._changed:
            while not self._stop_event.is_set():
                batch, full = take_batch(self._waiting, self.pipe.batch_size)
                window_left = self._first_came + self.pipe.batching_window_seconds - time.monotonic()
                if batch and (full or window_left <= 0 or self._closed):
                    self._waiting = self._waiting[len(batch) :]
                    self._first_came = time.monotonic()
                    return batch
                if self._closed and not self._waiting:
                    break
                self._changed.wait(min(window_left, 1.0) if batch else 1.0)
        return []


def after(sequence_number: str) -> dict[str, Any]:
    """Return the iterator arguments to go on behind a record."""
    return {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": sequence_number}


def start_of(pipe: PipeSettings, is_child: bool, first_seen: float) -> dict[str, Any]:
    """Return the iterator arguments for a shard that was never read. A child is always read from its start."""
    if is_child or pipe.starting_position == "TRIM_HORIZON":
        return {"ShardIteratorType": "TRIM_HORIZON"}
    timestamp = pipe.starting_timestamp if pipe.starting_position == "AT_TIMESTAMP" else first_seen
    return {"ShardIteratorType": "AT_TIMESTAMP", "Timestamp": datetime.fromtimestamp(timestamp or first_seen, UTC)}
