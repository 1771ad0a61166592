"""How often a batch comes again, and which failures count."""

import time
from typing import Any

from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError

from tests.doubles.errors import client_error
from tests.doubles.kinesis import Kinesis
from tests.pipe.world import CHAIR, LAPTOP, QUEUE, World, broken


def test_a_batch_is_given_up_after_maximum_retry_attempts(world: World) -> None:
    """API model: MaximumRetryAttempts, "Discard records after the specified number of retries"."""
    world.function.does = broken
    world.kinesis.put(LAPTOP)
    run = world.run(maximum_retry_attempts=3, dead_letter_arn=QUEUE)
    world.eventually(lambda: world.is_drained(run))
    assert len(world.function.batches) == 1 + 3
    assert [letter["context"]["condition"] for _, letter in world.mailbox.letters] == ["RetryAttemptsExhausted"]


def test_retries_never_end_by_default(world: World) -> None:
    """API model: "The default value is -1, which sets the maximum number of retries to infinite"."""
    world.function.does = broken
    world.kinesis.put(LAPTOP, "stubborn")
    run = world.run(dead_letter_arn=QUEUE)
    world.eventually(lambda: len(world.function.batches) > 60)
    world.function.does = lambda records: None
    world.eventually(lambda: world.is_drained(run))
    assert world.mailbox.letters == []


def test_a_failing_batch_blocks_its_shard_and_no_other(world: World) -> None:
    """Lambda guide, kinesis-on-failure-destination: a bad record can block the affected shard for up to a week."""
    world.kinesis = Kinesis(shards=2)
    blocked, free = world.kinesis.shards
    world.function.does = lambda records: broken(records) if records[0]["eventID"].startswith(blocked) else None
    world.kinesis.put(LAPTOP, "poison", shard_id=blocked)
    run = world.run(batch_size=1)
    world.eventually(lambda: len(world.function.batches) > 3)
    world.kinesis.put(LAPTOP, "behind it", shard_id=blocked)
    last = world.kinesis.put(CHAIR, "elsewhere", shard_id=free)
    world.eventually(lambda: run.checkpoints.after(free) == last)
    world.eventually(lambda: run.readers[blocked].progress.unfinished == 2)
    assert "behind it" not in world.delivered()


def test_a_record_older_than_its_maximum_age_is_given_up_unseen(world: World) -> None:
    """API model: MaximumRecordAgeInSeconds, "Discard records older than the specified age"."""
    world.kinesis.clock = lambda: time.time() - 120
    world.kinesis.put(LAPTOP, "old")
    world.kinesis.clock = time.time
    world.kinesis.put(LAPTOP, "new")
    run = world.run(maximum_record_age_seconds=60, dead_letter_arn=QUEUE)
    world.eventually(lambda: world.is_drained(run))
    assert world.delivered() == ["new"]
    [(_, letter)] = world.mailbox.letters
    assert letter["context"]["condition"] == "RecordAgeExceeded" and letter["KinesisBatchInfo"]["batchSize"] == 1


def test_no_record_is_too_old_by_default(world: World) -> None:
    """API model: "When the value is set to infinite, EventBridge never discards old records"."""
    world.kinesis.clock = lambda: time.time() - 23 * 3600
    world.kinesis.put(LAPTOP, "old")
    run = world.run(dead_letter_arn=QUEUE)
    world.eventually(lambda: world.is_drained(run))
    assert world.delivered() == ["old"] and world.mailbox.letters == []


def _fails_first(world: World, *errors: Exception) -> None:
    left = list(errors)

    def does(records: Any) -> None:
        if left:
            raise left.pop(0)

    world.function.does = does


def test_faults_of_the_pipe_and_the_service_do_not_count_as_retries(world: World) -> None:
    """Guide, eb-pipes-error-troubleshooting: "does not count retries for internal errors against the maximum"."""
    nowhere = {"endpoint_url": "http://127.0.0.1:1"}
    _fails_first(
        world,
        EndpointConnectionError(**nowhere),
        ConnectTimeoutError(**nowhere),
        client_error("Invoke", "ServiceException", status=500),
        client_error("Invoke", "InternalFailure", status=503),
    )
    world.kinesis.put(LAPTOP)
    run = world.run(maximum_retry_attempts=0, dead_letter_arn=QUEUE)
    world.eventually(lambda: world.is_drained(run))
    assert len(world.function.batches) == 5 and world.mailbox.letters == []


def test_a_throttled_function_does_not_count_as_a_retry(world: World) -> None:
    """Lambda guide, kinesis-on-failure-destination: throttled, it is tried until the record expires (?)."""
    _fails_first(world, *(client_error("Invoke", "TooManyRequestsException", status=429) for _ in range(4)))
    world.kinesis.put(LAPTOP)
    run = world.run(maximum_retry_attempts=0, dead_letter_arn=QUEUE, bisect=True)
    world.eventually(lambda: world.is_drained(run))
    assert len(world.function.batches) == 5 and world.mailbox.letters == []


def test_a_missing_permission_counts_as_a_retry(world: World) -> None:
    """Guide, eb-pipes-error-troubleshooting: a customer error, retried up to the maximum of the retry policy."""
    _fails_first(world, *(client_error("Invoke", "AccessDeniedException", status=403) for _ in range(9)))
    world.kinesis.put(LAPTOP)
    run = world.run(maximum_retry_attempts=2, dead_letter_arn=QUEUE)
    world.eventually(lambda: world.is_drained(run))
    assert len(world.function.batches) == 3 and len(world.mailbox.letters) == 1
