"""What the target answers, and which records come again for it."""

from typing import Any

import pytest

from tests.pipe.harness import LAPTOP, QUEUE, Harness, data_of, failures


@pytest.mark.parametrize(
    "answer", [failures(), {"batchItemFailures": None}, {}, None, {"statusCode": 200}, "done"], ids=repr
)
def test_an_answer_that_names_no_record_is_a_success(harness: Harness, answer: Any) -> None:
    """Guide, eb-pipes-kinesis, "Success and failure conditions": an empty or null list, an empty or null response."""
    harness.function.does = lambda records: answer
    harness.kinesis.put(LAPTOP)
    run = harness.run(maximum_retry_attempts=0, dead_letter_arn=QUEUE)
    harness.eventually(lambda: harness.is_drained(run))
    assert len(harness.function.batches) == 1 and harness.mailbox.letters == []


def test_only_the_records_that_are_named_come_again(harness: Harness) -> None:
    """Guide, eb-pipes-batching-concurrency, "Partial batch failure"; itemIdentifier is the `eventID`."""
    answers = [[1, 3], [1], []]
    harness.function.does = lambda records: failures(
        *(record["eventID"] for record in records if int(data_of(record)) in answers[len(harness.function.batches) - 1])
    )
    for n in range(5):
        harness.kinesis.put(LAPTOP, str(n))
    run = harness.run()
    harness.eventually(lambda: harness.is_drained(run))
    assert [[data_of(record) for record in batch] for batch in harness.function.batches] == [
        ["0", "1", "2", "3", "4"], ["1", "3"], ["1"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "answer",
    [
        failures(""),
        failures(None),
        failures("shardId-000000000000:1"),
        {"batchItemFailures": [{"itemId": "shardId-000000000000:1"}]},
        {"batchItemFailures": ["shardId-000000000000:1"]},
        {"batchItemFailures": 7},
        b"<html>",
    ],
    ids=repr,
)
def test_an_identifier_that_is_empty_unknown_or_misspelt_fails_the_whole_batch(harness: Harness, answer: Any) -> None:
    """Guide, eb-pipes-kinesis: an empty or null itemIdentifier, one with a bad key name; unknown, malformed: (?)."""
    harness.function.does = lambda records: answer if len(harness.function.batches) == 1 else None
    harness.kinesis.put(LAPTOP, "0")
    harness.kinesis.put(LAPTOP, "1")
    run = harness.run()
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.delivered() == ["0", "1", "0", "1"]


def test_a_sequence_number_is_not_an_identifier(harness: Harness) -> None:
    """Guide, eb-pipes-batching-concurrency: "For Kinesis and DynamoDB, this is the `eventID`"; a setting changes it."""
    harness.function.does = lambda records: (
        failures(records[0]["sequenceNumber"]) if len(harness.function.batches) == 1 else None
    )
    harness.kinesis.put(LAPTOP, "0")
    harness.kinesis.put(LAPTOP, "1")
    run = harness.run()
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.delivered() == ["0", "1", "0", "1"]


@pytest.mark.parametrize("setting", ["sequenceNumber", "either"])
def test_a_sequence_number_is_an_identifier_where_the_setting_says_so(harness: Harness, setting: str) -> None:
    """Lambda guide, services-kinesis-batchfailurereporting, and readers that follow it: PIPES_ITEM_IDENTIFIER."""
    harness.function.does = lambda records: (
        failures(records[0]["sequenceNumber"]) if len(harness.function.batches) == 1 else None
    )
    harness.kinesis.put(LAPTOP, "0")
    harness.kinesis.put(LAPTOP, "1")
    run = harness.run(item_identifier=setting)
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.delivered() == ["0", "1", "0"]


@pytest.mark.parametrize(("setting", "again"), [("lowest", ["1", "2"]), ("whole", ["0", "1", "2"])])
def test_more_than_the_named_records_come_again_where_the_setting_says_so(
    harness: Harness, setting: str, again: list[str]
) -> None:
    """Lambda guide, services-kinesis-batchfailurereporting: from the lowest on (?): PIPES_PARTIAL_FAILURE."""
    harness.function.does = lambda records: (
        failures(records[1]["eventID"]) if len(harness.function.batches) == 1 else None
    )
    for number in range(3):
        harness.kinesis.put(LAPTOP, str(number))
    run = harness.run(partial_failure=setting)
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.delivered() == ["0", "1", "2", *again]


def test_a_batch_that_is_not_answered_for_is_a_success(harness: Harness) -> None:
    """API model: FIRE_AND_FORGET invokes asynchronously; guide, eb-pipes-error-troubleshooting: no failure is seen."""
    harness.function.does = lambda records: b""
    harness.kinesis.put(LAPTOP)
    run = harness.run(invocation_type="FIRE_AND_FORGET")
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.function.invocation_types == ["Event"]
