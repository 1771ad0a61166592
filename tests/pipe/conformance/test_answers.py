"""What the target answers, and which records come again for it."""

from typing import Any

import pytest

from tests.pipe.world import LAPTOP, QUEUE, World, data_of, failures


@pytest.mark.parametrize(
    "answer", [failures(), {"batchItemFailures": None}, {}, None, {"statusCode": 200}, "done"], ids=repr
)
def test_an_answer_that_names_no_record_is_a_success(world: World, answer: Any) -> None:
    """Guide, eb-pipes-kinesis, "Success and failure conditions": an empty or null list, an empty or null response."""
    world.function.does = lambda records: answer
    world.kinesis.put(LAPTOP)
    run = world.run(maximum_retry_attempts=0, dead_letter_arn=QUEUE)
    world.eventually(lambda: world.is_drained(run))
    assert len(world.function.batches) == 1 and world.mailbox.letters == []


def test_only_the_records_that_are_named_come_again(world: World) -> None:
    """Guide, eb-pipes-batching-concurrency, "Partial batch failure"; itemIdentifier is the `eventID`."""
    answers = [[1, 3], [1], []]
    world.function.does = lambda records: failures(
        *(record["eventID"] for record in records if int(data_of(record)) in answers[len(world.function.batches) - 1])
    )
    for n in range(5):
        world.kinesis.put(LAPTOP, str(n))
    run = world.run()
    world.eventually(lambda: world.is_drained(run))
    assert [[data_of(record) for record in batch] for batch in world.function.batches] == [
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
def test_an_identifier_that_is_empty_unknown_or_misspelt_fails_the_whole_batch(world: World, answer: Any) -> None:
    """Guide, eb-pipes-kinesis: an empty or null itemIdentifier, one with a bad key name; unknown, malformed: (?)."""
    world.function.does = lambda records: answer if len(world.function.batches) == 1 else None
    world.kinesis.put(LAPTOP, "0")
    world.kinesis.put(LAPTOP, "1")
    run = world.run()
    world.eventually(lambda: world.is_drained(run))
    assert world.delivered() == ["0", "1", "0", "1"]


def test_a_sequence_number_is_not_an_identifier(world: World) -> None:
    """Guide, eb-pipes-batching-concurrency: "For Kinesis and DynamoDB, this is the `eventID`"; a setting changes it."""
    world.function.does = lambda records: (
        failures(records[0]["sequenceNumber"]) if len(world.function.batches) == 1 else None
    )
    world.kinesis.put(LAPTOP, "0")
    world.kinesis.put(LAPTOP, "1")
    run = world.run()
    world.eventually(lambda: world.is_drained(run))
    assert world.delivered() == ["0", "1", "0", "1"]


@pytest.mark.parametrize("setting", ["sequenceNumber", "either"])
def test_a_sequence_number_is_an_identifier_where_the_setting_says_so(world: World, setting: str) -> None:
    """Lambda guide, services-kinesis-batchfailurereporting, and readers that follow it: PIPES_ITEM_IDENTIFIER."""
    world.function.does = lambda records: (
        failures(records[0]["sequenceNumber"]) if len(world.function.batches) == 1 else None
    )
    world.kinesis.put(LAPTOP, "0")
    world.kinesis.put(LAPTOP, "1")
    run = world.run(item_identifier=setting)
    world.eventually(lambda: world.is_drained(run))
    assert world.delivered() == ["0", "1", "0"]


def test_a_batch_that_is_not_answered_for_is_a_success(world: World) -> None:
    """API model: FIRE_AND_FORGET invokes asynchronously; guide, eb-pipes-error-troubleshooting: no failure is seen."""
    world.function.does = lambda records: b""
    world.kinesis.put(LAPTOP)
    run = world.run(invocation_type="FIRE_AND_FORGET")
    world.eventually(lambda: world.is_drained(run))
    assert world.function.invocation_types == ["Event"]
