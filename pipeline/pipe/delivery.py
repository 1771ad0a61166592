"""Deliver a batch: invoke, retry, bisect, give up. When `deliver` returns, every record has ended."""

import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from threading import Event

from pipeline.pipe import target
from pipeline.pipe.deadletters import RETRIES_EXHAUSTED, TOO_OLD, dead_letter
from pipeline.pipe.records import Batch, payload
from pipeline.pipe.restarting import StoppedError
from pipeline.pipe.settings import FOREVER, PipeSettings
from pipeline.pipe.streak import Streak
from pipeline.pipe.target import InvocationResult, Invoke

FIRST_WAIT_SECONDS = 0.2  # before the first retry; doubles up to
LONGEST_WAIT_SECONDS = 15.0  # AWS publishes neither

log = logging.getLogger("pipes")


@dataclass
class Tally:
    """What a shard's deliveries came to. One counter for every kind of result."""

    invocations: int = 0
    batches: int = 0  # that have ended
    delivered: int = 0
    retries: int = 0
    dead_letters: int = 0
    partially_failed: int = 0
    failed: int = 0
    timed_out: int = 0
    refused: int = 0
    throttled: int = 0
    unreachable: int = 0
    last_error: str = ""
    last_error_at: float | None = None


@dataclass(frozen=True)
class Execution:
    """One invocation, as it is measured."""

    kind: str
    records: int
    bytes: int
    seconds: float


@dataclass
class Delivery:
    """Takes batches of one shard to the target, under the pipe's role."""

    pipe: PipeSettings
    shard_id: str
    invoke: Invoke
    send_dead_letter: Callable[[str], None]
    stop: Event
    tally: Tally = field(default_factory=Tally)
    clock: Callable[[], float] = time.time
    render: Callable[[Batch], bytes] = payload
    measure: Callable[[Execution], None] = lambda execution: None
    refusals: Streak = field(default_factory=Streak)

    def deliver(self, batch: Batch, retries: int = 0) -> None:
        """Bring every record to its end: taken by the target, or given up with a dead letter.

        Raises:
            StoppedError: the pipe was stopped first.
        """
        tries = 0
        while batch := self._young_enough(batch):
            result = self._attempt(batch)
            batch = result.again
            if self.pipe.bisect and result.reached_the_function and len(batch) > 1:
                self._wait_before_retry(0)
                middle = len(batch) // 2  # a split does not count as a retry, or a batch of 1,000 would spend ten
                self.deliver(batch[:middle], retries)  # of them on its way to the one bad record
                batch = batch[middle:]
            elif batch and result.counts and self._are_spent(retries):
                self._give_up(batch, RETRIES_EXHAUSTED)
                return
            elif batch:
                self._wait_before_retry(tries)
                tries += 1
                retries += result.counts

    def _are_spent(self, retries: int) -> bool:
        return self.pipe.maximum_retry_attempts != FOREVER and retries >= self.pipe.maximum_retry_attempts

    def _attempt(self, batch: Batch) -> InvocationResult:
        """Invoke the target once, and count what came of it."""
        started = time.monotonic()
        result = target.call(self.invoke, self.render, batch, self.pipe)
        self.tally.invocations += 1
        self.tally.delivered += len(batch) - len(result.again)
        if result.kind != target.TAKEN:
            setattr(self.tally, result.kind, getattr(self.tally, result.kind) + 1)
            self._note(f"{result.kind.replace('_', ' ')}: {result.why}")
        if result.kind == target.REFUSED:
            self.refusals.goes_on(result.why)
        elif result.reached_the_function:
            self.refusals.ends()
        size = sum(len(record.text) + 1 for record in batch) + 1
        self.measure(Execution(result.kind, len(batch), size, time.monotonic() - started))
        return result

    def _young_enough(self, batch: Batch) -> Batch:
        limit = self.pipe.maximum_record_age_seconds
        if limit == FOREVER:
            return batch
        oldest = self.clock() - limit
        expired = [record for record in batch if record.arrived_at < oldest]
        if expired:
            self._give_up(expired, TOO_OLD)
        return [record for record in batch if record.arrived_at >= oldest]

    def _give_up(self, batch: Batch, condition: str) -> None:
        """Say where in the stream the records lie, before they are passed over."""
        letter = json.dumps(dead_letter(self.pipe, self.shard_id, batch, condition, self.clock()))
        log.warning("%s %s: gave up on %s records: %s", self.pipe.name, self.shard_id, len(batch), letter)
        for tries in count():
            try:
                if self.pipe.dead_letter_arn:
                    self.send_dead_letter(letter)
                break
            except Exception as error:
                self._note(f"the dead letter could not be sent: {error}")
                self._wait_before_retry(tries)
        self.tally.dead_letters += 1

    def _note(self, trouble: str) -> None:
        log.warning("%s %s: %s", self.pipe.name, self.shard_id, trouble)
        self.tally.last_error, self.tally.last_error_at = trouble, self.clock()

    def _wait_before_retry(self, retries: int) -> None:
        self.tally.retries += 1
        if self.stop.wait(min(FIRST_WAIT_SECONDS * 2 ** min(retries, 20), LONGEST_WAIT_SECONDS)):
            raise StoppedError
