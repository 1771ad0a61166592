"""Read one shard, from where the pipe left off to its end."""

import time
import zlib
from datetime import UTC, datetime
from threading import Event, Semaphore
from typing import Any

from botocore.exceptions import ClientError

from pipeline.pipe.checkpoints import Checkpoints, Progress
from pipeline.pipe.delivery import Delivery
from pipeline.pipe.filters import Filters
from pipeline.pipe.records import Batch, FlatRecord
from pipeline.pipe.restarting import RestartingThread
from pipeline.pipe.sender import Sender
from pipeline.pipe.settings import PipeSettings
from pipeline.pipe.streak import Streak
from pipeline.pipe.target import REFUSED, kind_of

POLL_SECONDS = 0.25  # four times a second, as the pipe does on AWS: a shard allows five reads
LONGEST_PAUSE_SECONDS = 5.0  # between polls that fail, doubling up to this
READS_AT_ONCE = Semaphore(8)  # of all shards; the others wait here, so that writers do not wait behind them
THROTTLED = "ProvisionedThroughputExceededException"
PASSING_THROTTLES = 2  # in a row: somebody else read the shard too, once; nobody has to know


class ShardReader(RestartingThread):
    """Polls one shard and hands the records to its senders. Ends when the shard is drained, or the pipe stops."""

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
        super().__init__(f"{pipe.name} {shard_id}", stop)
        self.pipe, self.shard_id = pipe, shard_id
        self._position, self._kinesis, self._checkpoints = position, kinesis, checkpoints
        self._filters = Filters(pipe.filters)
        self._iterator: str | None = None
        self._failures = 0  # polls in a row
        self.refusals = Streak()
        self._closed = False
        self.progress = Progress()
        self.senders = [Sender(pipe, delivery, self._ended, stop) for delivery in deliveries]
        self.behind_seconds: float | None = None
        self.filtered = 0
        self.error = ""

    def work(self) -> None:
        """Poll until the shard is drained, and the disk knows."""
        for sender in self.senders:
            if sender.ident is None:
                sender.start()
        while not (self._closed or self.stop.is_set()):
            started = time.monotonic()
            if self.progress.has_room:
                self._closed = self._poll()
                self.recovered()
            pause = min(POLL_SECONDS * 2**self._failures, LONGEST_PAUSE_SECONDS)
            self.stop.wait(max(0.0, pause - (time.monotonic() - started)))
        for sender in self.senders:
            sender.finish()
        while not self.stop.is_set() and not self._checkpoints.save(self.shard_id, drained=True):
            self.stop.wait(POLL_SECONDS)

    def leave(self) -> None:
        """Read no further: the shard is not there any more. What was read is still delivered."""
        self._closed = True

    def wake(self) -> None:
        """Let the senders notice that the pipe stops."""
        for sender in self.senders:
            sender.wake()

    def _poll(self) -> bool:
        """Read once. Returns whether the shard is closed and was read to its end."""
        try:
            if not self._iterator:
                asked = {"StreamARN": self.pipe.source_arn, "ShardId": self.shard_id, **self._position}
                self._iterator = self._kinesis.get_shard_iterator(**asked)["ShardIterator"]
            with READS_AT_ONCE:
                answer = self._kinesis.get_records(
                    StreamARN=self.pipe.source_arn, ShardIterator=self._iterator, Limit=10_000
                )
        except Exception as error:  # throttled, denied, stalled: whatever it is, the shard stays where it was
            self._note_failure(error)
            return False
        self._take(answer["Records"])
        self._iterator = answer.get("NextShardIterator")
        self.behind_seconds = answer.get("MillisBehindLatest", 0) / 1000
        self.error, self._failures = "", 0
        self.refusals.ends()
        return self._iterator is None

    def _note_failure(self, error: Exception) -> None:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
        if code != THROTTLED:  # the iterator is still good after a throttle
            self._iterator = None
        if code == "ExpiredIteratorException":
            self._failures = 0
            return
        self._failures = min(self._failures + 1, 10)
        if code != THROTTLED or self._failures > PASSING_THROTTLES:
            self.error = str(error)
        if code != THROTTLED and kind_of(error) == REFUSED:
            self.refusals.goes_on(str(error))

    def _take(self, raw: list[dict[str, Any]]) -> None:
        """Hand records to the senders. All that can fail comes first: then nothing is noted by half."""
        if not raw:
            return
        records = [FlatRecord.of(record, self.shard_id, self.pipe.source_arn, self.pipe.role_arn) for record in raw]
        shares: list[Batch] = [[] for _ in self.senders]
        passed_over: Batch = []
        for record in records:  # a partition key always goes to the same sender: so its order holds
            share = shares[zlib.crc32(record.partition_key.encode()) % len(shares)]
            (share if self._filters.accept(record.text) else passed_over).append(record)
        self.progress.read(records)
        self._position = after(records[-1].sequence_number)
        for sender, share in zip(self.senders, shares, strict=True):
            sender.put(share)
        self.filtered += len(passed_over)
        if passed_over:
            self._ended(passed_over)

    def _ended(self, batch: Batch) -> None:
        moved_to = self.progress.done(batch)
        if moved_to:
            self._checkpoints.save(self.shard_id, after=moved_to)


def after(sequence_number: str) -> dict[str, Any]:
    """Return the iterator arguments to go on behind a record."""
    return {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "StartingSequenceNumber": sequence_number}


def start_of(pipe: PipeSettings, started: float) -> dict[str, Any]:
    """Return the iterator arguments for a shard that was never read.

    By time, also for LATEST: so a child shard, or a pipe restarted before its first record, misses nothing that came
    since the pipe `started`, and gets nothing from before.
    """
    if pipe.starting_position == "TRIM_HORIZON":
        return {"ShardIteratorType": "TRIM_HORIZON"}
    timestamp = pipe.starting_timestamp if pipe.starting_position == "AT_TIMESTAMP" else None
    return {
        "ShardIteratorType": "AT_TIMESTAMP",
        "Timestamp": datetime.fromtimestamp(started if timestamp is None else timestamp, UTC),
    }
