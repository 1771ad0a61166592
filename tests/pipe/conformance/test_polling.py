"""How often a shard is read, and what a read that fails does."""

import time
from unittest.mock import patch

from pipeline.pipe import shard
from tests.doubles.errors import client_error
from tests.pipe.harness import LAPTOP, SHARD, Harness


def test_a_shard_is_polled_at_most_four_times_a_second(harness: Harness) -> None:
    """Kinesis guide, quotas: five reads a second and shard; Lambda guide, with-kinesis, reads once a second (?)."""
    with patch.object(shard, "POLL_SECONDS", 0.25), patch.object(shard, "LONGEST_PAUSE_SECONDS", 5.0):
        run = harness.run()
        harness.eventually(lambda: len(harness.kinesis.polls) >= 4)
        harness.stop(run)
    times = [at for _, at in harness.kinesis.polls[:4]]
    assert times[3] - times[0] >= 0.7


def test_a_throttled_read_slows_down_and_loses_nothing(harness: Harness) -> None:
    """API_GetRecords: ProvisionedThroughputExceededException; "reduce the frequency or size of your requests"."""
    for n in range(10):
        harness.kinesis.put(LAPTOP, str(n))
    harness.kinesis.read_errors.extend(
        client_error("GetRecords", "ProvisionedThroughputExceededException") for _ in range(5)
    )
    with patch.object(shard, "POLL_SECONDS", 0.02), patch.object(shard, "LONGEST_PAUSE_SECONDS", 5.0):
        started = time.monotonic()
        run = harness.run()
        harness.eventually(lambda: SHARD in run.readers and run.readers[SHARD].error)
        harness.eventually(lambda: harness.is_drained(run))
    assert time.monotonic() - started >= 0.02 * (2 + 4 + 8 + 16 + 32) / 2
    assert harness.delivered() == [str(n) for n in range(10)]
    assert run.readers[SHARD].error == ""


def test_an_expired_iterator_is_replaced_without_loss_or_repetition(harness: Harness) -> None:
    """API_GetRecords: ExpiredIteratorException, five minutes after the iterator was returned."""
    run = harness.run()
    for n in range(5):
        harness.kinesis.put(LAPTOP, str(n))
        harness.eventually(lambda n=n: len(harness.delivered()) == n + 1)
        harness.kinesis.expire_iterators()
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.delivered() == ["0", "1", "2", "3", "4"]
