"""Where reading starts."""

import time

from tests.pipe.world import LAPTOP, SHARD, World


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
