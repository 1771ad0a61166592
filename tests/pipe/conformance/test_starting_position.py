"""Where reading starts."""

import time

from tests.pipe.harness import LAPTOP, SHARD, Harness


def test_trim_horizon_starts_with_the_oldest_record_that_is_kept(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis: "Trim horizon", "the last untrimmed record in the shard"."""
    now = time.time()
    for age in (7200, 1800, 0):
        harness.kinesis.clock = lambda age=age: now - age
        harness.kinesis.put(LAPTOP, f"{age} s old")
    harness.kinesis.retention_seconds = 3600
    run = harness.run(starting_position="TRIM_HORIZON")
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.delivered() == ["1800 s old", "0 s old"]


def test_latest_starts_with_what_comes_after_the_pipe_started(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis: "Latest - Start reading the stream with the most recent record in the shard"."""
    harness.kinesis.clock = lambda: time.time() - 60
    harness.kinesis.put(LAPTOP, "before")
    harness.kinesis.clock = time.time
    run = harness.run(starting_position="LATEST")
    harness.eventually(lambda: harness.kinesis.polls)
    harness.kinesis.put(LAPTOP, "since")
    harness.eventually(harness.delivered)
    assert harness.delivered() == ["since"] and run.error == ""


def test_latest_misses_nothing_of_a_reshard_and_repeats_nothing_from_before(harness: Harness) -> None:
    """As above, with the Kinesis guide's "Resharding": a child that opens later is read whole, an old one is not."""
    harness.kinesis.clock = lambda: time.time() - 60
    old_child = harness.kinesis.split(SHARD)[0]
    harness.kinesis.put(LAPTOP, "before", shard_id=old_child)
    harness.kinesis.clock = time.time
    run = harness.run(starting_position="LATEST")
    harness.eventually(lambda: old_child in run.readers)
    new_child = harness.kinesis.split(old_child)[1]
    harness.kinesis.put(LAPTOP, "since", shard_id=new_child)
    harness.eventually(harness.delivered)
    assert harness.delivered() == ["since"]


def test_at_timestamp_starts_with_the_first_record_from_then_on(harness: Harness) -> None:
    """API model: "the time from which to start reading, in Unix time seconds"."""
    now = time.time()
    for age in (300, 200, 100):
        harness.kinesis.clock = lambda age=age: now - age
        harness.kinesis.put(LAPTOP, f"{age} s old")
    harness.run(starting_position="AT_TIMESTAMP", starting_timestamp=now - 200)
    harness.eventually(lambda: len(harness.delivered()) == 2)
    assert harness.delivered() == ["200 s old", "100 s old"]
