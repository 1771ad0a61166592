"""How often a batch comes again, and which failures count."""

import time
from typing import Any

from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError

from tests.doubles.errors import client_error
from tests.doubles.kinesis import Kinesis
from tests.pipe.harness import CHAIR, LAPTOP, QUEUE, Harness, broken


def test_a_batch_is_given_up_after_maximum_retry_attempts(harness: Harness) -> None:
    """API model: MaximumRetryAttempts, "Discard records after the specified number of retries"."""
    harness.function.does = broken
    harness.kinesis.put(LAPTOP)
    run = harness.run(maximum_retry_attempts=3, dead_letter_arn=QUEUE)
    harness.eventually(lambda: harness.is_drained(run))
    assert len(harness.function.batches) == 1 + 3
    assert [letter["context"]["condition"] for _, letter in harness.mailbox.letters] == ["RetryAttemptsExhausted"]


def test_retries_never_end_by_default(harness: Harness) -> None:
    """API model: "The default value is -1, which sets the maximum number of retries to infinite"."""
    harness.function.does = broken
    harness.kinesis.put(LAPTOP, "stubborn")
    run = harness.run(dead_letter_arn=QUEUE)
    harness.eventually(lambda: len(harness.function.batches) > 60)
    harness.function.does = lambda records: None
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.mailbox.letters == []


def test_a_failing_batch_blocks_its_shard_and_no_other(harness: Harness) -> None:
    """Lambda guide, kinesis-on-failure-destination: a bad record can block the affected shard for up to a week."""
    harness.kinesis = Kinesis(shards=2)
    blocked, free = harness.kinesis.shards
    harness.function.does = lambda records: broken(records) if records[0]["eventID"].startswith(blocked) else None
    harness.kinesis.put(LAPTOP, "poison", shard_id=blocked)
    run = harness.run(batch_size=1)
    harness.eventually(lambda: len(harness.function.batches) > 3)
    harness.kinesis.put(LAPTOP, "behind it", shard_id=blocked)
    last = harness.kinesis.put(CHAIR, "elsewhere", shard_id=free)
    harness.eventually(lambda: run.checkpoints.after(free) == last)
    harness.eventually(lambda: run.readers[blocked].progress.unfinished == 2)
    assert "behind it" not in harness.delivered()


def test_a_record_older_than_its_maximum_age_is_given_up_unseen(harness: Harness) -> None:
    """API model: MaximumRecordAgeInSeconds, "Discard records older than the specified age"."""
    harness.kinesis.clock = lambda: time.time() - 120
    harness.kinesis.put(LAPTOP, "old")
    harness.kinesis.clock = time.time
    harness.kinesis.put(LAPTOP, "new")
    run = harness.run(maximum_record_age_seconds=60, dead_letter_arn=QUEUE)
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.delivered() == ["new"]
    [(_, letter)] = harness.mailbox.letters
    assert letter["context"]["condition"] == "RecordAgeExceeded" and letter["KinesisBatchInfo"]["batchSize"] == 1


def test_no_record_is_too_old_by_default(harness: Harness) -> None:
    """API model: "When the value is set to infinite, EventBridge never discards old records"."""
    harness.kinesis.clock = lambda: time.time() - 23 * 3600
    harness.kinesis.put(LAPTOP, "old")
    run = harness.run(dead_letter_arn=QUEUE)
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.delivered() == ["old"] and harness.mailbox.letters == []


def _fails_first(harness: Harness, *errors: Exception) -> None:
    left = list(errors)

    def does(records: Any) -> None:
        if left:
            raise left.pop(0)

    harness.function.does = does


def test_faults_of_the_pipe_and_the_service_do_not_count_as_retries(harness: Harness) -> None:
    """Guide, eb-pipes-error-troubleshooting: "does not count retries for internal errors against the maximum"."""
    nowhere = {"endpoint_url": "http://127.0.0.1:1"}
    _fails_first(
        harness,
        EndpointConnectionError(**nowhere),
        ConnectTimeoutError(**nowhere),
        client_error("Invoke", "ServiceException", status=500),
        client_error("Invoke", "InternalFailure", status=503),
    )
    harness.kinesis.put(LAPTOP)
    run = harness.run(maximum_retry_attempts=0, dead_letter_arn=QUEUE)
    harness.eventually(lambda: harness.is_drained(run))
    assert len(harness.function.batches) == 5 and harness.mailbox.letters == []


def test_a_throttled_function_does_not_count_as_a_retry(harness: Harness) -> None:
    """Lambda guide, kinesis-on-failure-destination: throttled, it is tried until the record expires (?)."""
    _fails_first(harness, *(client_error("Invoke", "TooManyRequestsException", status=429) for _ in range(4)))
    harness.kinesis.put(LAPTOP)
    run = harness.run(maximum_retry_attempts=0, dead_letter_arn=QUEUE, bisect=True)
    harness.eventually(lambda: harness.is_drained(run))
    assert len(harness.function.batches) == 5 and harness.mailbox.letters == []


def test_a_missing_permission_counts_as_a_retry(harness: Harness) -> None:
    """Guide, eb-pipes-error-troubleshooting: a customer error, retried up to the maximum of the retry policy."""
    _fails_first(harness, *(client_error("Invoke", "AccessDeniedException", status=403) for _ in range(9)))
    harness.kinesis.put(LAPTOP)
    run = harness.run(maximum_retry_attempts=2, dead_letter_arn=QUEUE)
    harness.eventually(lambda: harness.is_drained(run))
    assert len(harness.function.batches) == 3 and len(harness.mailbox.letters) == 1
