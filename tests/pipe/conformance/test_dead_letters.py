"""Failures are told apart, and what is given up leaves a letter."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from pipeline.pipe.validation import problem_of
from tests.doubles.errors import client_error
from tests.doubles.kinesis import ARN
from tests.pipe.harness import (
    LAPTOP,
    PIPE,
    QUEUE,
    SHARD,
    TOPIC,
    FunctionError,
    Harness,
    broken,
    failures,
    poisoned,
    tally_of,
)

# ── Failures told apart ───────────────────────────────────────────────────────────────────────────────────────────────


def test_errors_time_outs_and_throttles_are_told_apart(harness: Harness) -> None:
    """Guide, eb-pipes-monitoring: ExecutionFailed, ExecutionTimeout, ExecutionThrottled, ExecutionPartiallyFailed."""
    steps: list[Any] = [
        FunctionError("division by zero"),
        FunctionError("Task timed out after 60.00 seconds"),
        ReadTimeoutError(endpoint_url="http://127.0.0.1:1"),
        client_error("Invoke", "TooManyRequestsException", status=429),
        client_error("Invoke", "AccessDeniedException", status=403),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        None,
    ]

    def does(records: Any) -> Any:
        step = steps.pop(0) if steps else {}
        if isinstance(step, Exception):
            raise step
        return failures(records[0]["eventID"]) if step is None else None

    harness.function.does = does
    harness.kinesis.put(LAPTOP)
    run = harness.run()
    harness.eventually(lambda: harness.is_drained(run))
    harness.eventually(lambda: tally_of(run)["batches"] == 1)
    counted = {kind: tally_of(run)[kind] for kind in ("failed", "timed_out", "throttled", "refused", "unreachable")}
    assert counted == {"failed": 1, "timed_out": 2, "throttled": 1, "refused": 1, "unreachable": 1}
    assert tally_of(run)["partially_failed"] == 1 and tally_of(run)["retries"] == 7


# ── Dead letters ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arn", "where"), [(QUEUE, "http://127.0.0.1:4566/123456789012/dead-letters"), (TOPIC, TOPIC)], ids=["SQS", "SNS"]
)
def test_a_dead_letter_says_where_the_records_lie_and_not_what_they_say(harness: Harness, arn: str, where: str) -> None:
    """Guide, eb-pipes-error-troubleshooting, "DLQ behavior"; Lambda guide, kinesis-on-failure-destination."""
    times = iter([1700000000.123, 1700000001.5, 1700000002.75])
    harness.kinesis.retention_seconds = 10**10
    harness.kinesis.clock = lambda: next(times)
    numbers = [harness.kinesis.put(LAPTOP, "secret") for _ in range(3)]
    harness.kinesis.clock = time.time
    harness.function.does = broken
    run = harness.run(maximum_retry_attempts=0, dead_letter_arn=arn)
    harness.eventually(lambda: harness.is_drained(run))
    [(sent_to, letter)] = harness.mailbox.letters
    written_at = datetime.fromisoformat(letter.pop("timestamp"))
    assert abs(written_at - datetime.now(UTC)) < timedelta(minutes=1)
    assert sent_to == where
    assert letter == {
        "context": {"partnerResourceArn": PIPE, "condition": "RetryAttemptsExhausted"},
        "version": "1.0",
        "KinesisBatchInfo": {
            "shardId": SHARD,
            "startSequenceNumber": numbers[0],
            "endSequenceNumber": numbers[2],
            "approximateArrivalOfFirstRecord": "2023-11-14T22:13:20.123Z",
            "approximateArrivalOfLastRecord": "2023-11-14T22:13:22.750Z",
            "batchSize": 3,
            "streamArn": ARN,
        },
    }


def test_nothing_passes_a_dead_letter_that_cannot_be_sent(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis: the batch has not ended before its letter is out; the role needs sqs:SendMessage (?)."""
    harness.mailbox.trouble = [client_error("SendMessage", "AccessDenied", status=403) for _ in range(10)]
    harness.function.does = poisoned
    harness.kinesis.put(LAPTOP, "poison")
    harness.kinesis.put(LAPTOP, "next")
    run = harness.run(batch_size=1, maximum_retry_attempts=0, dead_letter_arn=QUEUE)
    harness.eventually(lambda: "could not be sent" in tally_of(run)["last_error"] if run.readers else False)
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.delivered() == ["poison", "next"]
    assert len(harness.mailbox.letters) == 1 and harness.mailbox.trouble == []


def test_without_a_dead_letter_queue_records_are_given_up_in_silence(harness: Harness) -> None:
    """API model: DeadLetterConfig is optional."""
    harness.function.does = poisoned
    harness.kinesis.put(LAPTOP, "poison")
    harness.kinesis.put(LAPTOP, "next")
    run = harness.run(batch_size=1, maximum_retry_attempts=0)
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.delivered() == ["poison", "next"] and harness.mailbox.letters == []


def test_dead_letters_do_not_go_to_a_fifo_queue(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis, "Dead-letter queue": a standard queue or topic."""
    assert "FIFO" in problem_of(harness.settings(dead_letter_arn=f"{QUEUE}.fifo"))
    assert problem_of(harness.settings(dead_letter_arn=QUEUE)) == ""
