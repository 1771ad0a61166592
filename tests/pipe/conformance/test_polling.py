"""How often a shard is read, and what a read that fails does."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from types import SimpleNamespace
from unittest.mock import patch

from pipeline.pipe import pipe, shard
from pipeline.pipe.pipe import PipeRun
from pipeline.pipe.shard import LONGEST_PAUSE_SECONDS, POLL_SECONDS
from tests.doubles.errors import client_error
from tests.pipe.harness import LAPTOP, SHARD, Harness


class NotedPauses(threading.Event):
    """The signal that stops a pipe. Notes how long a shard's reader pauses between polls, and lets it go on at once."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        if "shardId" in threading.current_thread().name and timeout is not None:
            self.seconds.append(round(timeout, 6))
            timeout = 0.001
        return super().wait(timeout)


@contextmanager
def clock_of_polls(seconds: float) -> Iterator[None]:
    """Let every poll take this long, by the clock that the reader looks at; pauses are as long as they really are."""
    ticks = count()
    with (
        patch.object(shard, "time", SimpleNamespace(monotonic=lambda: next(ticks) * seconds)),
        patch.object(shard, "POLL_SECONDS", POLL_SECONDS),
        patch.object(shard, "LONGEST_PAUSE_SECONDS", LONGEST_PAUSE_SECONDS),
        patch.object(pipe, "Event", NotedPauses),
    ):
        yield


def pauses(run: PipeRun) -> list[float]:
    assert isinstance(run.stop, NotedPauses)
    return run.stop.seconds


def test_a_shard_is_polled_at_most_four_times_a_second(harness: Harness) -> None:
    """Kinesis guide, quotas: five reads a second and shard; Lambda guide, with-kinesis, reads once a second (?)."""
    with clock_of_polls(0.1):
        run = harness.run()
        harness.eventually(lambda: len(pauses(run)) >= 4)
        harness.stop(run)
    assert pauses(run)[:4] == [0.15] * 4


def test_a_throttled_read_slows_down_and_loses_nothing(harness: Harness) -> None:
    """API_GetRecords: ProvisionedThroughputExceededException; "reduce the frequency or size of your requests"."""
    for n in range(10):
        harness.kinesis.put(LAPTOP, str(n))
    throttled = client_error("GetRecords", "ProvisionedThroughputExceededException")
    harness.kinesis.read_errors.extend([throttled] * 6)
    with clock_of_polls(0):
        run = harness.run()
        harness.eventually(lambda: harness.is_drained(run))
    assert pauses(run)[:6] == [0.5, 1, 2, 4, 5, 5]
    assert harness.delivered() == [str(n) for n in range(10)]
    assert run.readers[SHARD].error == ""


def test_a_throttle_that_passes_is_no_trouble(harness: Harness) -> None:
    """This design: somebody else read the shard too; only throttles in a row are worth telling."""
    throttled = client_error("GetRecords", "ProvisionedThroughputExceededException")
    run = harness.run()
    harness.eventually(lambda: harness.kinesis.polls)
    harness.stop(run)
    errors = []
    for _ in range(4):
        run.readers[SHARD]._note_failure(throttled)
        errors.append(bool(run.readers[SHARD].error))
    assert errors == [False, False, True, True]


def test_an_expired_iterator_is_replaced_without_loss_or_repetition(harness: Harness) -> None:
    """API_GetRecords: ExpiredIteratorException, five minutes after the iterator was returned."""
    run = harness.run()
    for n in range(5):
        harness.kinesis.put(LAPTOP, str(n))
        harness.eventually(lambda n=n: len(harness.delivered()) == n + 1)
        harness.kinesis.expire_iterators()
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.delivered() == ["0", "1", "2", "3", "4"]
