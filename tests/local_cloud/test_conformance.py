"""The pipe runtime, fact by fact. A test's name is the fact; the docstring says where it is from.

Sources: "guide" is the EventBridge user guide, by page (eb-pipes-kinesis and so on); "API model" is the Pipes API as
botocore carries it; "Lambda guide" is AWS Lambda's, where the pipe's own is silent; (?) marks our reading of a gap.
"""

import base64
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError

from pipeline.local_cloud import aws, checkpoints, metrics, runtime, shard, status
from pipeline.local_cloud.pipe import PipeRun
from pipeline.local_cloud.validation import problem_of
from tests.local_cloud.kinesis import ARN, Kinesis, refused
from tests.local_cloud.world import PIPE, QUEUE, ROLE, TOPIC, FunctionError, World, data_of

SHARD = "shardId-000000000000"
LAPTOP, CHAIR = "P98765", "CRUNCHY-ARMCHAIR"


def failures(*identifiers: Any) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": each} for each in identifiers]}


def tally_of(run: PipeRun) -> dict[str, Any]:
    [described] = status.of_pipe(run)["shards"]
    return described


# ── What the target receives ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_target_receives_a_bare_array_of_flat_records(world: World) -> None:
    """Guide, eb-pipes-kinesis, "Example event"."""
    world.kinesis.clock = lambda: 1545084650.987
    world.kinesis.retention_seconds = 10**10
    numbers = [world.kinesis.put(LAPTOP, "Hello, this is a test."), world.kinesis.put(CHAIR, b"\xff\x00")]
    run = world.run()
    world.eventually(lambda: world.is_drained(run))
    [batch] = world.function.batches
    assert batch == [
        {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": key,
            "sequenceNumber": number,
            "data": data,
            "approximateArrivalTimestamp": 1545084650.987,
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": f"{SHARD}:{number}",
            "eventName": "aws:kinesis:record",
            "invokeIdentityArn": ROLE,
            "awsRegion": "eu-central-1",
            "eventSourceARN": ARN,
        }
        for number, key, data in zip(
            numbers, [LAPTOP, CHAIR], ["SGVsbG8sIHRoaXMgaXMgYSB0ZXN0Lg==", "/wA="], strict=True
        )
    ]


def test_a_single_record_comes_in_an_array_too(world: World) -> None:
    """Guide, eb-pipes-batching-concurrency: "The request will be sent as a JSON array even if the batch size is 1"."""
    world.kinesis.put(LAPTOP)
    world.kinesis.put(CHAIR)
    run = world.run(batch_size=1)
    world.eventually(lambda: world.is_drained(run))
    assert [[record["partitionKey"] for record in batch] for batch in world.function.batches] == [[LAPTOP], [CHAIR]]


def test_a_batch_comes_from_one_shard(world: World) -> None:
    """Guide, eb-pipes-kinesis: the shard is the unit of reading; dead letters name one shard for a batch."""
    world.kinesis = Kinesis(shards=4)
    for n in range(80):
        world.kinesis.put(f"P{n}", str(n))
    run = world.run()
    world.eventually(lambda: world.is_drained(run))
    assert all(len({record["eventID"].split(":")[0] for record in batch}) == 1 for batch in world.function.batches)
    assert sorted(map(int, world.delivered())) == list(range(80))


# ── Order ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_shard_is_read_and_delivered_in_order(world: World) -> None:
    """Guide, eb-pipes-kinesis: "EventBridge Pipes maintains the order of records from the data stream"."""
    world.kinesis = Kinesis(shards=5)
    for n in range(200):
        world.kinesis.put(f"P{n % 23}", str(n))
    run = world.run(batch_size=7)
    world.eventually(lambda: world.is_drained(run))
    for shard_id in world.kinesis.shards:
        lies = [record["Data"].decode() for record in world.kinesis.shards[shard_id].records]
        came = [data_of(r) for batch in world.function.batches for r in batch if r["eventID"].startswith(shard_id)]
        assert came == lies


def test_a_child_shard_waits_until_its_parent_is_drained(world: World) -> None:
    """Guide, eb-pipes-kinesis (order is kept); Kinesis guide, "Resharding": parents first, or order per key is lost."""
    may_go_on = world.gate()
    world.function.does = lambda records: may_go_on.wait(30) and None
    for n in range(10):
        world.kinesis.put(LAPTOP, f"before {n}")
    for child in world.kinesis.split(SHARD):
        world.kinesis.put(LAPTOP, f"after on {child}", shard_id=child)
    run = world.run(batch_size=4)
    world.eventually(lambda: world.function.batches and run.readers[SHARD].progress.unfinished == 10)
    world.looks_again()
    polled = {shard_id for shard_id, _ in world.kinesis.polls}
    may_go_on.set()
    world.eventually(lambda: world.is_drained(run))
    assert polled == {SHARD}
    assert [data.split()[0] for data in world.delivered()] == ["before"] * 10 + ["after"] * 2


def test_a_merged_shard_waits_for_both_parents(world: World) -> None:
    """As above: a merge has two parents (API_Shard: ParentShardId, AdjacentParentShardId)."""
    world.kinesis = Kinesis(shards=2)
    left, right = world.kinesis.shards
    for n in range(6):
        world.kinesis.put("left", f"before {n}", shard_id=left)
        world.kinesis.put("right", f"before {n}", shard_id=right)
    world.kinesis.put(LAPTOP, "after", shard_id=world.kinesis.merge(left, right))
    slow_side = world.gate()
    world.function.does = lambda records: records[0]["partitionKey"] == "right" and slow_side.wait(30) and None
    run = world.run(batch_size=6)
    world.eventually(lambda: run.checkpoints.is_drained(left))
    world.looks_again()
    assert "after" not in world.delivered()
    slow_side.set()
    world.eventually(lambda: world.is_drained(run))
    assert world.delivered()[-1] == "after"


# ── Where reading starts ──────────────────────────────────────────────────────────────────────────────────────────────


def test_trim_horizon_starts_with_the_oldest_record_that_is_kept(world: World) -> None:
    """Guide, eb-pipes-kinesis: "Trim horizon", "the last untrimmed record in the shard"."""
    now = time.time()
    for age in (7200, 1800, 0):
        world.kinesis.clock = lambda age=age: now - age
        world.kinesis.put(LAPTOP, f"{age} s old")
    world.kinesis.retention_seconds = 3600
    run = world.run(starting_position="TRIM_HORIZON")
    world.eventually(lambda: world.is_drained(run))
    assert world.delivered() == ["1800 s old", "0 s old"]


def test_latest_starts_with_what_comes_after_the_pipe_started(world: World) -> None:
    """Guide, eb-pipes-kinesis: "Latest - Start reading the stream with the most recent record in the shard"."""
    world.kinesis.clock = lambda: time.time() - 60
    world.kinesis.put(LAPTOP, "before")
    world.kinesis.clock = time.time
    run = world.run(starting_position="LATEST")
    world.eventually(lambda: world.kinesis.polls)
    world.kinesis.put(LAPTOP, "since")
    world.eventually(world.delivered)
    assert world.delivered() == ["since"] and run.error == ""


def test_latest_misses_nothing_of_a_reshard_and_repeats_nothing_from_before(world: World) -> None:
    """As above, with the Kinesis guide's "Resharding": a child that opens later is read whole, an old one is not."""
    world.kinesis.clock = lambda: time.time() - 60
    old_child = world.kinesis.split(SHARD)[0]
    world.kinesis.put(LAPTOP, "before", shard_id=old_child)
    world.kinesis.clock = time.time
    run = world.run(starting_position="LATEST")
    world.eventually(lambda: old_child in run.readers)
    new_child = world.kinesis.split(old_child)[1]
    world.kinesis.put(LAPTOP, "since", shard_id=new_child)
    world.eventually(world.delivered)
    assert world.delivered() == ["since"]


def test_at_timestamp_starts_with_the_first_record_from_then_on(world: World) -> None:
    """API model: "the time from which to start reading, in Unix time seconds"."""
    now = time.time()
    for age in (300, 200, 100):
        world.kinesis.clock = lambda age=age: now - age
        world.kinesis.put(LAPTOP, f"{age} s old")
    world.run(starting_position="AT_TIMESTAMP", starting_timestamp=now - 200)
    world.eventually(lambda: len(world.delivered()) == 2)
    assert world.delivered() == ["200 s old", "100 s old"]


# ── Batches ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_batch_holds_at_most_batch_size_records(world: World) -> None:
    """API model: BatchSize, "The maximum number of records to include in each batch", 1 to 10,000, default 100."""
    for n in range(250):
        world.kinesis.put(LAPTOP, str(n))
    run = world.run()
    world.eventually(lambda: world.is_drained(run))
    assert [len(batch) for batch in world.function.batches] == [100, 100, 50]


def test_without_a_window_records_are_sent_as_soon_as_they_are_there(world: World) -> None:
    """Guide, eb-pipes-kinesis: "By default, EventBridge invokes your pipe as soon as records are available"."""
    world.run()
    world.kinesis.put(LAPTOP, "alone")
    world.eventually(lambda: world.delivered() == ["alone"])


def test_a_batch_waits_for_its_window_to_end(world: World) -> None:
    """Guide, eb-pipes-kinesis: "...until it has gathered a full batch, the batching window expires, or..."."""
    started = time.monotonic()
    world.kinesis.put(LAPTOP, "first")
    run = world.run(batching_window_seconds=0.3)
    world.eventually(lambda: SHARD in run.readers and run.readers[SHARD].progress.unfinished)
    world.kinesis.put(LAPTOP, "second")
    world.eventually(world.delivered)
    assert world.delivered() == ["first", "second"]
    assert time.monotonic() - started >= 0.3


def test_a_full_batch_does_not_wait_for_its_window(world: World) -> None:
    """Guide, eb-pipes-kinesis: the first of the three conditions counts."""
    for n in range(5):
        world.kinesis.put(LAPTOP, str(n))
    world.run(batching_window_seconds=300, batch_size=5)
    world.eventually(lambda: len(world.delivered()) == 5)


def test_a_batch_is_sent_at_six_megabytes(world: World) -> None:
    """Guide, eb-pipes-kinesis: "...or the batch reaches the payload limit of 6 MB"."""
    for n in range(7):
        world.kinesis.put(f"P{n}", b"x" * 1_000_000)
    run = world.run(batching_window_seconds=300, batch_size=10)
    world.eventually(lambda: world.function.batches)
    assert len(world.function.batches[0]) == 4  # base64 makes 1.33 MB of each
    assert len(world.function.payloads[0]) <= 6 * 1024 * 1024
    assert run.readers[SHARD].progress.unfinished == 3


# ── Polling ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_shard_is_polled_at_most_four_times_a_second(world: World) -> None:
    """Kinesis guide, quotas: five reads a second and shard; Lambda guide, with-kinesis, reads once a second (?)."""
    with patch.object(shard, "POLL_SECONDS", 0.25), patch.object(shard, "LONGEST_PAUSE_SECONDS", 5.0):
        run = world.run()
        world.eventually(lambda: len(world.kinesis.polls) >= 4)
        world.stop(run)
    times = [at for _, at in world.kinesis.polls[:4]]
    assert times[3] - times[0] >= 0.7


def test_a_throttled_read_slows_down_and_loses_nothing(world: World) -> None:
    """API_GetRecords: ProvisionedThroughputExceededException; "reduce the frequency or size of your requests"."""
    for n in range(10):
        world.kinesis.put(LAPTOP, str(n))
    world.kinesis.trouble.extend(refused("ProvisionedThroughputExceededException") for _ in range(5))
    with patch.object(shard, "POLL_SECONDS", 0.02), patch.object(shard, "LONGEST_PAUSE_SECONDS", 5.0):
        started = time.monotonic()
        run = world.run()
        world.eventually(lambda: SHARD in run.readers and run.readers[SHARD].error)
        world.eventually(lambda: world.is_drained(run))
    assert time.monotonic() - started >= 0.02 * (2 + 4 + 8 + 16 + 32) / 2
    assert world.delivered() == [str(n) for n in range(10)]
    assert run.readers[SHARD].error == ""


def test_an_expired_iterator_is_replaced_without_loss_or_repetition(world: World) -> None:
    """API_GetRecords: ExpiredIteratorException, five minutes after the iterator was returned."""
    run = world.run()
    for n in range(5):
        world.kinesis.put(LAPTOP, str(n))
        world.eventually(lambda n=n: len(world.delivered()) == n + 1)
        world.kinesis.expire_iterators()
    world.eventually(lambda: world.is_drained(run))
    assert world.delivered() == ["0", "1", "2", "3", "4"]


# ── ParallelizationFactor ─────────────────────────────────────────────────────────────────────────────────────────────


def test_one_batch_of_a_shard_is_under_way_at_a_time(world: World) -> None:
    """API model: ParallelizationFactor, default 1."""

    def takes_a_while(records: Any) -> None:
        before = len(world.kinesis.polls)
        world.eventually(lambda: len(world.kinesis.polls) > before + 1)

    world.function.does = takes_a_while
    for n in range(60):
        world.kinesis.put(f"P{n}", str(n))
    run = world.run(batch_size=5)
    world.eventually(lambda: world.is_drained(run))
    assert world.function.most_at_once == 1


def test_a_factor_lets_batches_of_a_shard_run_at_once_and_keeps_order_per_key(world: World) -> None:
    """API model: "The number of batches to process concurrently from each shard"; Lambda guide: in order per key."""
    both = threading.Barrier(3, timeout=world.patience)
    three_at_once = threading.Event()

    def meet(records: Any) -> None:
        if not three_at_once.is_set():
            both.wait()
            three_at_once.set()

    world.function.does = meet
    for n in range(120):
        world.kinesis.put(f"P{n % 17}", str(n))
    run = world.run(batch_size=100, parallelization_factor=3)
    world.eventually(lambda: world.is_drained(run))
    assert three_at_once.is_set() and world.function.most_at_once == 3
    by_key: dict[str, list[int]] = {}
    for batch in world.function.batches:
        for record in batch:
            by_key.setdefault(record["partitionKey"], []).append(int(data_of(record)))
    assert all(numbers == sorted(numbers) for numbers in by_key.values())
    lanes = [{record["partitionKey"] for record in batch} for batch in world.function.batches[:3]]
    assert not lanes[0] & lanes[1] | lanes[1] & lanes[2] | lanes[0] & lanes[2]


def test_the_checkpoint_does_not_pass_a_batch_that_another_lane_still_has(world: World) -> None:
    """Guide, eb-pipes-kinesis: "it checkpoints to the highest sequence number of a batch"."""
    held = world.gate()
    numbers = [world.kinesis.put(f"P{n}", str(n)) for n in range(40)]
    first = f"{SHARD}:{numbers[0]}"
    world.function.does = lambda records: any(r["eventID"] == first for r in records) and held.wait(30) and None
    run = world.run(batch_size=100, parallelization_factor=4)
    world.eventually(lambda: len(world.function.batches) == 4 and world.function.at_once == 1)
    assert run.checkpoints.after(SHARD) is None
    held.set()
    world.eventually(lambda: run.checkpoints.after(SHARD) == numbers[-1])


# ── Retries ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def broken(records: Any) -> None:
    raise FunctionError("the table is gone")


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
        refused("ServiceException", 500),
        refused("InternalFailure", 503),
    )
    world.kinesis.put(LAPTOP)
    run = world.run(maximum_retry_attempts=0, dead_letter_arn=QUEUE)
    world.eventually(lambda: world.is_drained(run))
    assert len(world.function.batches) == 5 and world.mailbox.letters == []


def test_a_throttled_function_does_not_count_as_a_retry(world: World) -> None:
    """Lambda guide, kinesis-on-failure-destination: throttled, it is tried until the record expires (?)."""
    _fails_first(world, *(refused("TooManyRequestsException", 429) for _ in range(4)))
    world.kinesis.put(LAPTOP)
    run = world.run(maximum_retry_attempts=0, dead_letter_arn=QUEUE, bisect=True)
    world.eventually(lambda: world.is_drained(run))
    assert len(world.function.batches) == 5 and world.mailbox.letters == []


def test_a_missing_permission_counts_as_a_retry(world: World) -> None:
    """Guide, eb-pipes-error-troubleshooting: a customer error, retried up to the maximum of the retry policy."""
    _fails_first(world, *(refused("AccessDeniedException", 403) for _ in range(9)))
    world.kinesis.put(LAPTOP)
    run = world.run(maximum_retry_attempts=2, dead_letter_arn=QUEUE)
    world.eventually(lambda: world.is_drained(run))
    assert len(world.function.batches) == 3 and len(world.mailbox.letters) == 1


# ── What the target answers ───────────────────────────────────────────────────────────────────────────────────────────


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


# ── AUTOMATIC_BISECT ──────────────────────────────────────────────────────────────────────────────────────────────────


def poisoned(records: Any) -> None:
    if any(data_of(record) == "poison" for record in records):
        raise FunctionError("poison")


def test_bisect_halves_a_failing_batch_until_one_record_is_left(world: World) -> None:
    """API model: AUTOMATIC_BISECT "halves each batch and retry each half until all the records are processed or...".

    Splitting uses up no retry: Lambda guide, kinesis-on-failure-destination.
    """
    world.function.does = poisoned
    for n in range(16):
        world.kinesis.put(LAPTOP, "poison" if n == 10 else str(n))
    run = world.run(bisect=True, maximum_retry_attempts=0, dead_letter_arn=QUEUE)
    world.eventually(lambda: world.is_drained(run))
    assert [len(batch) for batch in world.function.batches] == [16, 8, 8, 4, 2, 2, 1, 1, 4]
    taken = [data_of(r) for batch in world.function.batches for r in batch if not _has_poison(batch)]
    assert taken == [str(n) for n in range(16) if n != 10]
    assert [letter["KinesisBatchInfo"]["batchSize"] for _, letter in world.mailbox.letters] == [1]


def _has_poison(batch: Any) -> bool:
    return any(data_of(record) == "poison" for record in batch)


def test_without_bisect_a_failing_batch_comes_again_whole(world: World) -> None:
    """Guide, eb-pipes-kinesis, "On partial batch item failure": halving is what AUTOMATIC_BISECT adds."""
    world.function.does = poisoned
    for n in range(4):
        world.kinesis.put(LAPTOP, "poison" if n == 2 else str(n))
    run = world.run(maximum_retry_attempts=2, dead_letter_arn=QUEUE)
    world.eventually(lambda: world.is_drained(run))
    assert [len(batch) for batch in world.function.batches] == [4, 4, 4]
    assert [letter["KinesisBatchInfo"]["batchSize"] for _, letter in world.mailbox.letters] == [4]


def test_records_that_the_target_names_are_bisected_too(world: World) -> None:
    """API model: OnPartialBatchItemFailure "Define how to handle item process failures"."""
    world.function.does = lambda records: failures(*(r["eventID"] for r in records)) if len(records) > 1 else None
    for n in range(4):
        world.kinesis.put(LAPTOP, str(n))
    run = world.run(bisect=True, maximum_retry_attempts=0, dead_letter_arn=QUEUE)
    world.eventually(lambda: world.is_drained(run))
    assert [len(batch) for batch in world.function.batches] == [4, 2, 1, 1, 2, 1, 1] and world.mailbox.letters == []


# ── Failures told apart ───────────────────────────────────────────────────────────────────────────────────────────────


def test_errors_time_outs_and_throttles_are_told_apart(world: World) -> None:
    """Guide, eb-pipes-monitoring: ExecutionFailed, ExecutionTimeout, ExecutionThrottled, ExecutionPartiallyFailed."""
    steps: list[Any] = [
        FunctionError("division by zero"),
        FunctionError("Task timed out after 60.00 seconds"),
        ReadTimeoutError(endpoint_url="http://127.0.0.1:1"),
        refused("TooManyRequestsException", 429),
        refused("AccessDeniedException", 403),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
        None,
    ]

    def does(records: Any) -> Any:
        step = steps.pop(0) if steps else {}
        if isinstance(step, Exception):
            raise step
        return failures(records[0]["eventID"]) if step is None else None

    world.function.does = does
    world.kinesis.put(LAPTOP)
    run = world.run()
    world.eventually(lambda: world.is_drained(run))
    world.eventually(lambda: tally_of(run)["batches"] == 1)
    counted = {kind: tally_of(run)[kind] for kind in ("failed", "timed_out", "throttled", "refused", "unreachable")}
    assert counted == {"failed": 1, "timed_out": 2, "throttled": 1, "refused": 1, "unreachable": 1}
    assert tally_of(run)["partially_failed"] == 1 and tally_of(run)["retries"] == 7


# ── Dead letters ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("arn", "where"), [(QUEUE, "http://127.0.0.1:4566/123456789012/dead-letters"), (TOPIC, TOPIC)], ids=["SQS", "SNS"]
)
def test_a_dead_letter_says_where_the_records_lie_and_not_what_they_say(world: World, arn: str, where: str) -> None:
    """Guide, eb-pipes-error-troubleshooting, "DLQ behavior"; Lambda guide, kinesis-on-failure-destination."""
    times = iter([1700000000.123, 1700000001.5, 1700000002.75])
    world.kinesis.retention_seconds = 10**10
    world.kinesis.clock = lambda: next(times)
    numbers = [world.kinesis.put(LAPTOP, "secret") for _ in range(3)]
    world.kinesis.clock = time.time
    world.function.does = broken
    run = world.run(maximum_retry_attempts=0, dead_letter_arn=arn)
    world.eventually(lambda: world.is_drained(run))
    [(sent_to, letter)] = world.mailbox.letters
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


def test_nothing_passes_a_dead_letter_that_cannot_be_sent(world: World) -> None:
    """Guide, eb-pipes-kinesis: the batch has not ended before its letter is out; the role needs sqs:SendMessage (?)."""
    world.mailbox.trouble = [refused("AccessDenied", 403) for _ in range(10)]
    world.function.does = poisoned
    world.kinesis.put(LAPTOP, "poison")
    world.kinesis.put(LAPTOP, "next")
    run = world.run(batch_size=1, maximum_retry_attempts=0, dead_letter_arn=QUEUE)
    world.eventually(lambda: "could not be sent" in tally_of(run)["last_error"] if run.readers else False)
    world.eventually(lambda: world.is_drained(run))
    assert world.delivered() == ["poison", "next"]
    assert len(world.mailbox.letters) == 1 and world.mailbox.trouble == []


def test_without_a_dead_letter_queue_records_are_given_up_in_silence(world: World) -> None:
    """API model: DeadLetterConfig is optional."""
    world.function.does = poisoned
    world.kinesis.put(LAPTOP, "poison")
    world.kinesis.put(LAPTOP, "next")
    run = world.run(batch_size=1, maximum_retry_attempts=0)
    world.eventually(lambda: world.is_drained(run))
    assert world.delivered() == ["poison", "next"] and world.mailbox.letters == []


def test_dead_letters_do_not_go_to_a_fifo_queue(world: World) -> None:
    """Guide, eb-pipes-kinesis, "Dead-letter queue": a standard queue or topic."""
    assert "FIFO" in problem_of(world.settings(dead_letter_arn=f"{QUEUE}.fifo"))
    assert problem_of(world.settings(dead_letter_arn=QUEUE)) == ""


# ── Checkpoints ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_pipe_goes_on_behind_what_had_ended(world: World) -> None:
    """Guide, eb-pipes-kinesis: "it checkpoints to the highest sequence number of a batch"."""
    for n in range(5):
        world.kinesis.put(LAPTOP, str(n))
    first = world.run()
    world.eventually(lambda: world.is_drained(first))
    world.stop(first)
    world.kinesis.put(LAPTOP, "5")
    second = world.run()
    world.eventually(lambda: world.is_drained(second))
    assert world.delivered() == ["0", "1", "2", "3", "4", "5"]


def test_only_what_had_not_ended_comes_again(world: World) -> None:
    """As above: "but only when the batch is a complete success"."""
    world.function.does = poisoned
    for n in range(6):
        world.kinesis.put(LAPTOP, "poison" if n == 3 else str(n))
    first = world.run(batch_size=2)
    world.eventually(lambda: len(world.function.batches) > 4)
    world.stop(first)
    world.function.does = lambda records: None
    before = len(world.function.batches)
    second = world.run(batch_size=2)
    world.eventually(lambda: world.is_drained(second))
    assert [data_of(r) for batch in world.function.batches[before:] for r in batch] == ["2", "poison", "4", "5"]


def test_latest_misses_nothing_over_a_restart_before_its_first_record(world: World) -> None:
    """Guide, eb-pipes-kinesis: a pipe that ran has a place in the stream, also while it delivered nothing (?)."""
    first = world.run(starting_position="LATEST")
    world.eventually(lambda: world.kinesis.polls)
    world.stop(first)
    world.kinesis.put(LAPTOP, "meanwhile")
    world.run(starting_position="LATEST")
    world.eventually(lambda: world.delivered() == ["meanwhile"])


def test_a_pipe_made_again_under_its_name_starts_from_its_starting_position(world: World) -> None:
    """Guide, eb-pipes-error-troubleshooting: "delete the pipe and create a new one" starts over."""
    world.kinesis.put(LAPTOP, "0")
    first = world.run(created_at=1.0)
    world.eventually(lambda: world.is_drained(first))
    world.stop(first)
    world.run(created_at=2.0)
    world.eventually(lambda: world.delivered() == ["0", "0"])


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"shards": 7}'])
def test_a_checkpoint_file_that_cannot_be_read_means_starting_over(world: World, text: str) -> None:
    """Ours: at least once is kept, and the log says so."""
    world.kinesis.put(LAPTOP, "0")
    first = world.run()
    world.eventually(lambda: world.is_drained(first))
    world.stop(first)
    [file] = world.folder.glob("*.json")
    file.write_text(text)
    world.run()
    world.eventually(lambda: world.delivered() == ["0", "0"])


def test_a_full_disk_stops_nothing_and_is_told(world: World) -> None:
    """Ours: what could not be written is written later; until then a crash would repeat records, not lose them."""
    full = OSError(28, "No space left on device")
    with patch.object(checkpoints, "write_json", side_effect=full):
        world.kinesis.put(LAPTOP, "0")
        world.kinesis.split(SHARD)
        first = world.run()
        world.eventually(lambda: world.delivered() == ["0"])
        world.eventually(lambda: "No space left" in status.of_pipe(first)["error"])
        world.eventually(lambda: not first.readers[SHARD].lanes[0].is_alive())
        world.looks_again()
        assert list(first.readers) == [SHARD]  # the children wait until the disk knows that their parent is drained
    world.eventually(lambda: len(first.readers) == 3 and first.error == "")
    world.stop(first)
    second = world.run()
    world.eventually(lambda: second.checkpoints.is_drained(SHARD) and len(second.readers) == 2)
    assert world.delivered() == ["0"]


# ── The life of a pipe ────────────────────────────────────────────────────────────────────────────────────────────────


class Followed:
    """The runtime, with pipes that the test deploys, and the world's clients."""

    def __init__(self, world: World) -> None:
        self.deployed: list[Any] = []
        self._world = world

    def __enter__(self) -> "Followed":
        self._patches = [
            patch.object(runtime, "discover", lambda client: list(self.deployed)),
            patch.object(aws, "role_session", lambda *_: None),
            patch.object(aws, "client", lambda session, service, *_, **__: session or self._world.client(service)),
        ]  # fmt: skip
        for each in self._patches:
            each.start()
        self.runtime = runtime.Runtime("http://127.0.0.1:1", self._world.folder)
        return self

    def __exit__(self, *_: Any) -> None:
        self._world.open_gates()
        self.runtime.stop()
        for each in self._patches:
            each.stop()

    def follow(self, *deployed: Any) -> None:
        self.deployed = list(deployed)
        self.runtime.follow()


def test_several_pipes_on_one_stream_each_deliver_everything(world: World) -> None:
    """Guide, eb-pipes-kinesis: "The pipe shares the read throughput with other consumers of the shard"."""
    for n in range(20):
        world.kinesis.put(LAPTOP, str(n))
    with Followed(world) as followed:
        followed.follow(world.settings(), world.settings(arn=f"{PIPE}-2", batch_size=7))
        world.eventually(lambda: len(world.delivered()) == 40)
        assert sorted(map(int, world.delivered())) == sorted([*range(20), *range(20)])
        assert {pipe["pipe"] for pipe in followed.runtime.status()} == {"stock-pipe", "stock-pipe-2"}


def test_a_pipe_is_started_stopped_and_started_again_live(world: World) -> None:
    """API_StopPipe, API_StartPipe: a stopped pipe keeps its place."""
    with Followed(world) as followed:
        followed.follow(world.settings())
        world.kinesis.put(LAPTOP, "0")
        world.eventually(lambda: world.delivered() == ["0"])
        [run] = followed.runtime.runs.values()
        followed.follow()
        world.eventually(lambda: run.is_over)
        world.kinesis.put(LAPTOP, "1")
        assert followed.runtime.runs == {} and world.delivered() == ["0"]
        followed.follow(world.settings())
        world.eventually(lambda: world.delivered() == ["0", "1"])


def test_a_changed_pipe_goes_on_with_its_new_settings_once_the_batch_under_way_has_ended(world: World) -> None:
    """API_UpdatePipe; ours: no batch is delivered twice at once for an update."""
    held = world.gate()
    world.function.does = lambda records: held.wait(30) and None
    for n in range(4):
        world.kinesis.put(LAPTOP, str(n))
    with Followed(world) as followed:
        followed.follow(world.settings(batch_size=2))
        world.eventually(lambda: world.function.at_once == 1)
        changed = world.settings(batch_size=1)
        followed.follow(changed)
        followed.follow(changed)
        assert followed.runtime.runs == {} and len(world.function.batches) == 1
        held.set()
        world.eventually(lambda: followed.follow(changed) or followed.runtime.runs)
        world.eventually(lambda: len(world.delivered()) == 4)
        assert [len(batch) for batch in world.function.batches] == [2, 1, 1]


def test_a_runtime_that_is_told_to_end_lets_the_batch_under_way_end(world: World) -> None:
    """Ours: SIGTERM in mid-batch, as from `down`; a batch that takes longer comes again."""
    held = world.gate()
    world.function.does = lambda records: held.wait(30) and None
    number = world.kinesis.put(LAPTOP)
    with Followed(world) as followed:
        followed.follow(world.settings())
        world.eventually(lambda: world.function.at_once == 1)
        [run] = followed.runtime.runs.values()
        threading.Timer(0.05, held.set).start()
        followed.runtime.stop()
        assert run.checkpoints.after(SHARD) == number


def test_a_pipe_that_aws_would_refuse_is_not_run_and_says_why(world: World) -> None:
    """API model: the bounds of the parameters."""
    with Followed(world) as followed:
        followed.follow(world.settings(batch_size=10_001), world.settings(arn=f"{PIPE}-2"))
        followed.follow(*followed.deployed)
        told = {pipe["pipe"]: pipe["error"] for pipe in followed.runtime.status()}
        assert told["stock-pipe-2"] == "" and "10001" in told["stock-pipe"]
        assert [run.pipe.name for run in followed.runtime.runs.values()] == ["stock-pipe-2"]
        for wrong in (
            {"batch_size": 0},
            {"batching_window_seconds": 301},
            {"parallelization_factor": 11},
            {"maximum_retry_attempts": 10_001},
            {"maximum_record_age_seconds": 604_801},
            {"starting_position": "AT_SEQUENCE_NUMBER"},
            {"starting_position": "AT_TIMESTAMP"},
        ):
            assert problem_of(world.settings(**wrong)), wrong


# ── Filters ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _filtered(world: World, *patterns: Any, **given: Any) -> list[str]:
    """Run a pipe with filters over what lies in the stream, and return what came through."""
    run = world.run(filters=tuple(json.dumps(pattern) for pattern in patterns), **given)
    world.eventually(lambda: world.is_drained(run))
    return world.delivered()


def test_a_filter_lets_through_what_matches_and_passes_over_the_rest(world: World) -> None:
    """Guide, eb-pipes-event-filtering: "the streams iterator advances past this record"."""
    for key in (LAPTOP, CHAIR, LAPTOP):
        world.kinesis.put(key, key)
    assert _filtered(world, {"partitionKey": [LAPTOP]}) == [LAPTOP, LAPTOP]
    assert world.mailbox.letters == []


def test_a_filter_looks_into_data_as_json(world: World) -> None:
    """Guide, eb-pipes-event-filtering: "you can use filters on the decoded fields"."""
    for city in ("Seattle", "Bremen"):
        world.kinesis.put(LAPTOP, json.dumps({"place": {"City": city}}))
    assert _filtered(world, {"data": {"place": {"City": ["Seattle"]}}}) == ['{"place": {"City": "Seattle"}}']


def test_a_filter_on_data_drops_what_is_not_json_without_a_trace(world: World) -> None:
    """Guide, eb-pipes-event-filtering, table: incoming data Non-JSON, pattern valid JSON: drops the record."""
    for data in (b"not json", b"\xff", b"[" * 100_000, b'{"a": 1}'):
        world.kinesis.put(LAPTOP, data)
    assert _filtered(world, {"data": {"a": [1]}}, dead_letter_arn=QUEUE) == ['{"a": 1}']
    assert world.mailbox.letters == []


def test_a_filter_on_other_fields_lets_through_what_is_not_json(world: World) -> None:
    """Guide, eb-pipes-event-filtering, table: no pattern for data: filters on the other properties only."""
    world.kinesis.put(LAPTOP, b"not json")
    world.kinesis.put(CHAIR, b"not json either")
    assert _filtered(world, {"partitionKey": [LAPTOP]}) == ["not json"]


def test_one_of_several_filters_is_enough(world: World) -> None:
    """Guide, eb-pipes-event-filtering, a list of filters; Lambda guide: "logically ORed together"; five at most."""
    for key in ("a", "b", "c"):
        world.kinesis.put(key, key)
    assert _filtered(world, {"partitionKey": ["a"]}, {"partitionKey": ["c"]}) == ["a", "c"]
    assert "5" in problem_of(world.settings(filters=('{"partitionKey": ["a"]}',) * 6))


MATCHES: dict[str, tuple[Any, list[Any], list[Any]]] = {
    "equals": (["Al", 7, True, None, ""], ["Al", 7, True, None, "", ["Bob", "Al"]], ["al", "7", 1, False, 7.0]),
    "prefix": ([{"prefix": "us-"}], ["us-east-1"], ["eu-us-", 7, None]),
    "prefix ignoring case": ([{"prefix": {"equals-ignore-case": "EventB"}}], ["eventbridge"], ["bridge"]),
    "suffix": ([{"suffix": ".png"}], ["dir/a.png", ".png"], ["a.PNG", "png", "a.png.txt"]),
    "suffix ignoring case": ([{"suffix": {"equals-ignore-case": "TBridge"}}], ["eventbridge"], ["bridge-t"]),
    "equals ignoring case": ([{"equals-ignore-case": "alice"}], ["ALICE", "Alice"], ["Alicia", 7]),
    "anything but": ([{"anything-but": "initializing"}], ["running", 7], ["initializing"]),
    "anything but several": ([{"anything-but": [100, 200]}], [300, "100"], [100, 200]),
    "numeric range": ([{"numeric": [">", 0, "<=", 5]}], [1, 5, 0.5], [0, 6, "1", True, None]),
    "numeric equals": ([{"numeric": ["=", 3.018e2]}], [301.8], [302]),
    "or": (["Credit", {"prefix": "Deb"}], ["Credit", "Debit"], ["Cash"]),
}  # fmt: skip


@pytest.mark.parametrize("operator", MATCHES)
def test_the_comparison_operators_of_pipes(world: World, operator: str) -> None:
    """Guide, eb-create-pattern-operators: the operators whose column "Pipe support" says yes."""
    pattern, matching, other = MATCHES[operator]
    for value in [*matching, *other]:
        world.kinesis.put(LAPTOP, json.dumps({"value": value}))
    assert [json.loads(data)["value"] for data in _filtered(world, {"data": {"value": pattern}})] == matching


def test_exists_asks_for_a_leaf(world: World) -> None:
    """Guide, eb-event-patterns-content-based-filtering: "Exists matching only works on leaf nodes"."""
    for event in ({"count": 0}, {"other": 1}, {"count": {"c1": 100}}):
        world.kinesis.put(LAPTOP, json.dumps(event))
    assert _filtered(world, {"data": {"count": [{"exists": True}]}}) == ['{"count": 0}']
    world.stop(world.runs[0])
    world.function.batches.clear()
    assert _filtered(world, {"data": {"count": [{"exists": False}]}}, created_at=2.0) == [
        '{"other": 1}', '{"count": {"c1": 100}}',
    ]  # fmt: skip


def test_fields_are_anded_and_dollar_or_gives_alternatives(world: World) -> None:
    """Guide, eb-create-pattern-operators: And, and "Or (multiple fields)"."""
    for event in ({"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 2}, {"a": 1, "b": 3}):
        world.kinesis.put(LAPTOP, json.dumps(event))
    pattern = {"data": {"a": [1], "$or": [{"b": [1]}, {"b": [{"numeric": [">", 2]}]}]}}
    assert _filtered(world, pattern) == ['{"a": 1, "b": 1}', '{"a": 1, "b": 3}']


def test_operators_of_event_buses_are_refused(world: World) -> None:
    """Guide, eb-create-pattern-operators: wildcard and anything-but with an operator in it have "Pipe support: No"."""
    for rule in ({"wildcard": "dir/*.png"}, {"anything-but": {"prefix": "us-"}}):
        filters = (json.dumps({"data": {"value": [rule]}}),)
        assert "not in a pipe" in problem_of(world.settings(filters=filters))
        assert problem_of(world.settings(filters=filters, bus_operators=True)) == ""


def test_operators_of_event_buses_work_where_the_setting_says_so(world: World) -> None:
    """Guide, eb-event-patterns-content-based-filtering, with PIPES_EVENT_BUS_OPERATORS."""
    for value in ("dir/a.png", "dir/*.gif", "lib/a.png"):
        world.kinesis.put(LAPTOP, json.dumps({"value": value}))
    patterns = [{"data": {"value": [{"wildcard": rule}]}} for rule in ("dir/*.png", r"dir/\*.gif")]
    unlike = {"data": {"value": [{"anything-but": {"prefix": "dir/"}}]}}
    assert len(_filtered(world, *patterns, bus_operators=True)) == 2
    world.stop(world.runs[0])
    world.function.batches.clear()
    assert _filtered(world, unlike, bus_operators=True, created_at=2.0) == ['{"value": "lib/a.png"}']


def test_a_filter_that_cannot_work_is_refused(world: World) -> None:
    """Guide, eb-pipes-event-filtering: "throws an exception"; fields added by polling "can't be used"."""
    for text in (
        "not json", '{"data": ["text"]}', '{"eventSource": ["aws:kinesis"]}', '{"data": {"a": "text"}}', "{}",
        '{"data": {"a": [{"sounds-like": "x"}]}}', '{"data": {"a": [{"numeric": ["~", 1]}]}}', '{"$or": [{"a": [1]}]}',
        '{"$or": [{"awsRegion": ["x"]}, {"partitionKey": ["y"]}]}',
    ):  # fmt: skip
        assert problem_of(world.settings(filters=(text,))), text


# ── Input templates ───────────────────────────────────────────────────────────────────────────────────────────────────


def _transformed(world: World, template: str, *data: str) -> list[Any]:
    for each in data:
        world.kinesis.put(LAPTOP, each)
    run = world.run(input_template=template)
    world.eventually(lambda: world.is_drained(run))
    return [record for batch in world.function.batches for record in batch]


def test_a_template_is_applied_to_every_record_and_looks_into_data(world: World) -> None:
    """Guide, eb-pipes-input-transformation, "Implicit body data parsing": `<$.data.someKey>`; one by one in a batch."""
    template = (
        '{"id": <$.data.product.id>, "n": <$.data.n>, "key": <$.partitionKey>, "all": <$.data>, "one": <$.data.l[1]>}'
    )
    events = [{"product": {"id": 'a"b'}, "n": 1, "l": [1, 2]}, {"product": {"id": "c"}, "n": None, "l": [3, [4]]}]
    assert _transformed(world, template, *map(json.dumps, events)) == [
        {"id": 'a"b', "n": 1, "key": LAPTOP, "all": events[0], "one": 2},
        {"id": "c", "n": None, "key": LAPTOP, "all": events[1], "one": [4]},
    ]
    assert len(world.function.batches) == 1


def test_a_variable_in_quotes_becomes_text(world: World) -> None:
    """Guide, eb-pipes-input-transformation: "Dynamic string"; and the quotes of an object within quotes go."""
    template = '{"hello": "Hello, <$.data.name>: <$.data.n> of \\"it\\"", "flat": "<$.data.o>", "none": "<$.data.x>"}'
    assert _transformed(world, template, json.dumps({"name": 'A"l\n', "n": 2, "o": {"key": "value"}})) == [
        {"hello": 'Hello, A"l\n: 2 of "it"', "flat": "{key: value}", "none": ""}
    ]


def test_a_lone_path_to_an_object_loses_its_quotes(world: World) -> None:
    """Guide, eb-pipes-input-transformation: `{"key": "value"}` "will become `"{key: value}"` when delivered"."""
    assert _transformed(world, "<$.data>", '{"key": "value"}') == ["{key: value}"]


def test_a_template_may_be_plain_text(world: World) -> None:
    """Guide, eb-pipes-input-transformation: "Static string", "Dynamic string"."""
    assert _transformed(world, "Hello, <$.data.name>!", '{"name": "Al"}') == ["Hello, Al!"]


def test_data_that_is_not_json_stays_base64(world: World) -> None:
    """Guide, eb-pipes-input-transformation: "if the payload is not valid JSON, EventBridge base64-encodes"."""
    assert _transformed(world, '{"data": <$.data>, "inside": <$.data.x>}', "plain") == [
        {"data": base64.b64encode(b"plain").decode(), "inside": ""}
    ]


def test_the_reserved_variables(world: World) -> None:
    """Guide, eb-pipes-input-transformation, "Reserved variables"."""
    template = (
        '{"arn": <aws.pipes.pipe-arn>, "name": <aws.pipes.pipe-name>, "source": <aws.pipes.source-arn>, '
        '"target": "<aws.pipes.target-arn>", "at": <aws.pipes.event.ingestion-time>, "event": <aws.pipes.event>, '
        '"json": <aws.pipes.event.json>}'
    )
    [made] = _transformed(world, template, '{"a": 1}')
    assert (made["arn"], made["name"], made["source"]) == (PIPE, "stock-pipe", ARN)
    assert made["target"].endswith(":function:projector")
    assert abs(datetime.fromisoformat(made["at"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert json.loads(made["event"])["data"] == base64.b64encode(b'{"a": 1}').decode()
    assert made["json"] == json.loads(made["event"]) | {"data": {"a": 1}}


def test_a_template_that_makes_no_json_fails_the_delivery(world: World) -> None:
    """Guide, eb-pipes-input-transformation: for Lambda, "this will cause delivery failure"."""
    world.kinesis.put(LAPTOP, '{"a": 1}')
    run = world.run(input_template='{"a": <$.data.a>', maximum_retry_attempts=0, dead_letter_arn=QUEUE)
    world.eventually(lambda: world.is_drained(run))
    assert world.function.batches == [] and len(world.mailbox.letters) == 1
    assert problem_of(world.settings(input_template="<$.data..a>"))
    assert problem_of(world.settings(input_template="<aws.pipes.unknown>"))


def test_transformed_records_are_named_by_their_event_id(world: World) -> None:
    """Guide, eb-pipes-batching-concurrency: "these fields need to be included"."""
    world.function.does = lambda records: failures(records[1]["id"]) if len(records) > 1 else None
    made = _transformed(world, '{"id": <$.eventID>, "n": <$.data>}', "0", "1")
    assert [record["n"] for record in made] == [0, 1, 1]


# ── Credentials ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_credentials_are_renewed_before_they_expire(world: World) -> None:
    """STS, API_AssumeRole: credentials last an hour by default; a pipe runs for longer."""
    lasts = [timedelta(minutes=2), timedelta(hours=1)]
    given: list[str] = []

    class Sts:
        def assume_role(self, **asked: str) -> dict[str, Any]:
            assert asked == {"RoleArn": ROLE, "RoleSessionName": "stock-pipe"}
            given.append(f"key-{len(given)}")
            expires = datetime.now(UTC) + lasts[len(given) - 1]
            keys = {"AccessKeyId": given[-1], "SecretAccessKey": "s", "SessionToken": "t", "Expiration": expires}
            return {"Credentials": keys}

    with patch.object(aws, "client", lambda *_, **__: Sts()):
        session = aws.role_session("http://127.0.0.1:1", ROLE, "stock-pipe")
        assert given == []
        used = [session.get_credentials().get_frozen_credentials().access_key for _ in range(3)]  # type: ignore[union-attr]
    assert used == ["key-0", "key-1", "key-1"]  # the first were about to expire


# ── Trouble ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_lane_that_something_unforeseen_stops_is_seen_and_goes_on(world: World) -> None:
    """Ours: a dead lane would be a shard that stands still in silence."""
    held = world.gate()
    run = world.run(batch_size=2)
    world.eventually(lambda: SHARD in run.readers)
    [lane] = run.readers[SHARD].lanes
    whole = lane.delivery.deliver

    def breaks(batch: Any, retries: int = 0) -> None:
        if not held.is_set():
            raise MemoryError("no room")
        whole(batch, retries)

    lane.delivery.deliver = breaks  # type: ignore[method-assign]
    for n in range(4):
        world.kinesis.put(LAPTOP, str(n))
    world.eventually(lambda: "MemoryError: no room" in tally_of(run)["error"])
    held.set()
    world.eventually(lambda: world.is_drained(run))
    assert world.delivered() == ["0", "1", "2", "3"]
    world.eventually(lambda: tally_of(run)["error"] == "")
    assert tally_of(run)["crashes"] > 0


def test_a_reader_that_something_unforeseen_stops_is_seen_and_goes_on(world: World) -> None:
    """Ours: and nothing of what it had read is lost or repeated."""
    held = world.gate()
    world.kinesis.put(LAPTOP, "0")
    run = world.run()
    world.eventually(lambda: world.is_drained(run))
    reader = run.readers[SHARD]
    whole = reader._filters.accept

    def breaks(text: str) -> bool:
        if not held.is_set():
            raise RuntimeError("what now")
        return whole(text)

    reader._filters.accept = breaks  # type: ignore[method-assign]
    world.kinesis.put(LAPTOP, "1")
    world.eventually(lambda: "what now" in tally_of(run)["error"])
    held.set()
    world.eventually(lambda: world.is_drained(run))
    assert world.delivered() == ["0", "1"]


def test_a_stalled_stream_is_waited_for(world: World) -> None:
    """Ours: whatever GetRecords raises, the shard stays where it was, and the operator sees it."""
    world.kinesis.put(LAPTOP, "0")
    stalled = [ReadTimeoutError(endpoint_url="http://127.0.0.1:1") for _ in range(40)]
    world.kinesis.trouble.extend(stalled)
    run = world.run()
    world.eventually(lambda: run.readers and "Read timeout" in tally_of(run)["error"])
    world.eventually(lambda: world.is_drained(run))
    assert world.delivered() == ["0"] and run.readers[SHARD].error == ""


def test_a_shard_that_is_gone_is_left_and_its_children_are_read(world: World) -> None:
    """Ours: a shard goes when its retention has passed; an emulator may drop it with the reshard."""
    run = world.run()
    world.eventually(lambda: SHARD in run.readers)
    for child in world.kinesis.split(SHARD):
        world.kinesis.put(LAPTOP, child, shard_id=child)
    del world.kinesis.shards[SHARD]
    world.eventually(lambda: len(world.delivered()) == 2)


# ── What an operator sees ─────────────────────────────────────────────────────────────────────────────────────────────


def test_metrics_have_the_names_units_and_dimensions_of_aws(world: World) -> None:
    """Guide, eb-pipes-monitoring, "CloudWatch metrics"."""
    sent: list[dict[str, Any]] = []

    class CloudWatch:
        def put_metric_data(self, **data: Any) -> None:
            sent.append(data)

    gathered = metrics.Metrics(lambda: None, lambda: 3, threading.Event())
    for kind in ("taken", "taken", "partially_failed", "failed", "refused", "timed_out", "throttled", "unreachable"):
        gathered.measure("stock-pipe", metrics.Execution(kind, records=10, bytes=500, seconds=0.25))
    gathered.send(CloudWatch())
    gathered.send(CloudWatch())
    [data] = sent
    told = {each["MetricName"]: each for each in data["MetricData"]}
    concurrency = told.pop("Concurrency")
    sums = {name: each["StatisticValues"]["Sum"] for name, each in told.items()}
    assert data["Namespace"] == "AWS/EventBridge/Pipes"
    assert sums == {
        "Invocations": 8, "EventCount": 80, "EventSize": 4000, "Duration": 2000.0, "TargetStageDuration": 2000.0,
        "ExecutionFailed": 3, "ExecutionPartiallyFailed": 1, "ExecutionThrottled": 1, "ExecutionTimeout": 1,
        "TargetStageFailed": 5, "TargetStagePartiallyFailed": 1,
    }  # fmt: skip
    units = {name: each["Unit"] for name, each in told.items()}
    assert {name for name, unit in units.items() if unit == "Milliseconds"} == {"Duration", "TargetStageDuration"}
    assert units["EventSize"] == "Bytes" and units["Invocations"] == "None"
    assert all(each["Dimensions"] == [{"Name": "PipeName", "Value": "stock-pipe"}] for each in told.values())
    assert concurrency["Value"] == 3 and concurrency["Dimensions"][0]["Name"] == "AwsAccountId"


def test_metrics_that_cannot_be_sent_are_dropped(world: World) -> None:
    """Guide, eb-pipes-monitoring: "CloudWatch metrics are delivered on a best-effort basis"."""

    class CloudWatch:
        def put_metric_data(self, **data: Any) -> None:
            raise refused("InternalFailure", 500)

    gathered = metrics.Metrics(lambda: None, lambda: 0, threading.Event())
    gathered.measure("stock-pipe", metrics.Execution("taken", 1, 1, 0.1))
    gathered.send(CloudWatch())
    assert not gathered._gathered


def test_the_status_says_how_far_a_shard_is_and_what_is_left(world: World) -> None:
    """Ours: `inventory status`; audit reads the same."""
    held = world.gate()
    world.function.does = lambda records: held.wait(30) and None
    world.kinesis.clock = lambda: time.time() - 60
    numbers = [world.kinesis.put(LAPTOP, str(n)) for n in range(6)]
    world.kinesis.clock = time.time
    run = world.run(batch_size=2)
    world.eventually(lambda: SHARD in run.readers and run.readers[SHARD].progress.unfinished == 6)
    world.eventually(lambda: tally_of(run)["behind_seconds"] == 0)
    said = tally_of(run)
    assert said["lag_records"] == 6 and 59 < said["lag_seconds"] < 90
    held.set()
    world.eventually(lambda: tally_of(run)["batches"] == 3)
    said = tally_of(run)
    assert (said["lag_records"], said["lag_seconds"], said["unfinished"]) == (0, 0, 0)
    assert (said["checkpoint"], said["delivered"], said["invocations"]) == (numbers[-1], 6, 3)
    assert (said["drained"], said["error"], said["last_error"], said["last_error_at"]) == (False, "", "", None)


# ── What does not hold ────────────────────────────────────────────────────────────────────────────────────────────────

NOT_HELD = {
    "Records may be pushed to a consumer with enhanced fan-out": "Guide, eb-pipes-kinesis",
    "A pipe may enrich its records; such a pipe is not run, and says so": "Guide, pipes-enrichment",
    "Targets other than Lambda; such a pipe is not run, and says so": "Guide, eb-pipes-event-target",
    "A pipe that meets nearly continuous 4xx errors may be disabled": "Guide, eb-pipes-error-troubleshooting",
    "A failed condition while a pipe is created shows in its StateReason": "Guide, eb-pipes-error-troubleshooting",
    "Exact matching of numbers compares how they are written (300.0 and 3.0e2 differ)": "Guide, eb-event-patterns",
}
