"""Send records of one shard in order, one batch at a time. A shard has as many senders as its ParallelizationFactor."""

import time
from collections.abc import Callable
from threading import Condition, Event

from pipeline.pipe.delivery import Delivery
from pipeline.pipe.records import Batch, take_batch
from pipeline.pipe.restarting import RestartingThread
from pipeline.pipe.settings import PipeSettings


class Sender(RestartingThread):
    """Delivers its share of a shard: all records of the partition keys that fall to it."""

    def __init__(self, pipe: PipeSettings, delivery: Delivery, ended: Callable[[Batch], None], stop: Event) -> None:
        super().__init__(f"{pipe.name} {delivery.shard_id} sender", stop)
        self.pipe, self.delivery, self._ended = pipe, delivery, ended
        self._waiting: Batch = []
        self._under_way: Batch = []
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

    def wake(self) -> None:
        """Let the sender notice that the pipe stops."""
        with self._changed:
            self._changed.notify()

    def work(self) -> None:
        """Deliver batch after batch. A batch that something unforeseen cut off comes again whole."""
        while batch := self._under_way or self._next_batch():
            self._under_way = batch
            self.delivery.deliver(batch)
            self._ended(batch)
            self._under_way = []
            self.delivery.tally.batches += 1
            self.recovered()

    @property
    def is_busy(self) -> bool:
        """Say whether a batch is under way."""
        return bool(self._under_way)

    def _next_batch(self) -> Batch:
        """Wait for a batch: full, or its window over. Empty once nothing more will come."""
        with self._changed:
            while not self.stop.is_set():
                batch, full = take_batch(self._waiting, self.pipe.batch_size)
                window_left = self._first_came + self.pipe.batching_window_seconds - time.monotonic()
                if batch and (full or window_left <= 0 or self._closed):
                    self._waiting = self._waiting[len(batch) :]
                    self._first_came = time.monotonic()
                    return batch
                if self._closed and not batch:
                    break
                self._changed.wait(window_left if batch else None)
        return []
