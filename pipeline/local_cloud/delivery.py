"""Deliver a batch: invoke, retry, bisect, give up. When `deliver` returns, every record has ended."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from threading import Event
from typing import Any

from pipeline.local_cloud.records import Batch, FlatRecord, payload
from pipeline.local_cloud.settings import FOREVER, PipeSettings

FIRST_WAIT_SECONDS = 0.2  # before the first retry; doubles up to
LONGEST_WAIT_SECONDS = 15.0  # AWS publishes neither


class StoppedError(Exception):
    """The pipe was stopped in the middle of a batch; it will come again."""


@dataclass
class Tally:
    """What a shard's deliveries came to."""

    invocations: int = 0
    delivered: int = 0
    retries: int = 0
    dead_letters: int = 0
    last_error: str = ""


@dataclass
class Delivery:
    """Takes batches of one shard to the target, under the pipe's role."""

    pipe: PipeSettings
    shard_id: str
    invoke: Callable[[bytes], dict[str, Any]]  # the target's answer: `FunctionError`, or not, and `Payload` (bytes)
    send_dead_letter: Callable[[str], None]
    stop: Event
    tally: Tally = field(default_factory=Tally)
    clock: Callable[[], float] = time.time

    def deliver(self, batch: Batch, retries: int = 0) -> None:
        """Bring every record to its end: taken by the target, or given up with a dead letter.

        Raises:
            StoppedError: the pipe was stopped first.
        """
        while batch := self._young_enough(batch):
            failed = self._attempt(batch)
            if not failed:
                return
            if self.pipe.maximum_retry_attempts != FOREVER and retries >= self.pipe.maximum_retry_attempts:
                self._give_up(failed, "RetryAttemptsExhausted")
                return
            self._wait_before_retry(retries)
            self.tally.retries += 1
            if self.pipe.bisect and len(failed) > 1:
                middle = len(failed) // 2
                self.deliver(failed[:middle], retries)  # a split does not count as a retry, or a batch of
                batch = failed[middle:]  # 1,000 would spend ten of them on its way to the one bad record
            else:
                batch, retries = failed, retries + 1

    def _attempt(self, batch: Batch) -> Batch:
        """Invoke the target once. Returns the records that have to come again."""
        self.tally.invocations += 1
        try:
            answer = self.invoke(payload(batch))
            body = answer["Payload"]
        except Exception as error:
            return self._failed(batch, error)
        if answer.get("FunctionError"):
            return self._failed(batch, f"the function failed: {body.decode(errors='replace')[:500]}")
        failed = failures_named_in(body, batch)
        self.tally.delivered += len(batch) - len(failed)
        return self._failed(failed, f"the target named {len(failed)} of {len(batch)} records") if failed else []

    def _failed(self, batch: Batch, error: object) -> Batch:
        self.tally.last_error = str(error)
        return batch

    def _young_enough(self, batch: Batch) -> Batch:
        limit = self.pipe.maximum_record_age_seconds
        if limit == FOREVER:
            return batch
        oldest = self.clock() - limit
        expired = [record for record in batch if record.arrived_at < oldest]
        if expired:
            self._give_up(expired, "RecordAgeExceeded")
        return [record for record in batch if record.arrived_at >= oldest]

    def _give_up(self, batch: Batch, condition: str) -> None:
        """Say where in the stream the records lie, before they are passed over."""
        self.tally.dead_letters += 1
        if not self.pipe.dead_letter_arn:
            return
        letter = json.dumps(dead_letter(self.pipe, self.shard_id, batch, condition, self.clock()))
        for tries in count():
            try:
                self.send_dead_letter(letter)
                break
            except Exception as error:
                self._failed(batch, f"the dead letter could not be sent: {error}")
                self._wait_before_retry(tries)

    def _wait_before_retry(self, retries: int) -> None:
        if self.stop.wait(min(FIRST_WAIT_SECONDS * 2 ** min(retries, 20), LONGEST_WAIT_SECONDS)):
            raise StoppedError


def failures_named_in(body: bytes, batch: Batch) -> Batch:
    """Read the target's answer: which records failed. An answer that cannot be understood fails the whole batch."""
    try:
        answer = json.loads(body or b"null")
        named = (answer or {}).get("batchItemFailures") or []
        identifiers = {item["itemIdentifier"] for item in named}
    except (ValueError, AttributeError, KeyError, TypeError):
        return batch
    by_identifier: dict[str, FlatRecord] = {record.event_id: record for record in batch}
    by_identifier |= {record.sequence_number: record for record in batch}  # some readers use these; both are accepted
    if any(identifier not in by_identifier for identifier in identifiers):
        return batch
    failed = {by_identifier[identifier].event_id for identifier in identifiers}
    return [record for record in batch if record.event_id in failed]


def dead_letter(pipe: PipeSettings, shard_id: str, batch: Batch, condition: str, now: float) -> dict[str, Any]:
    """Write the message that AWS writes: where the records lie, not what they say."""
    arrivals = [record.arrived_at for record in batch]
    return {
        "context": {"partnerResourceArn": pipe.arn, "condition": condition},
        "version": "1.0",
        "timestamp": _iso(now),
        "KinesisBatchInfo": {
            "shardId": shard_id,
            "startSequenceNumber": batch[0].sequence_number,
            "endSequenceNumber": batch[-1].sequence_number,
            "approximateArrivalOfFirstRecord": _iso(min(arrivals)),
            "approximateArrivalOfLastRecord": _iso(max(arrivals)),
            "batchSize": len(batch),
            "streamArn": pipe.source_arn,
        },
    }


def _iso(epoch: float) -> str:
    return datetime.fromtimestamp(epoch, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
