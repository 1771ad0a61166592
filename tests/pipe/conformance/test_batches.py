"""When a batch is full, and when its time is up."""

import time

from tests.pipe.world import LAPTOP, SHARD, World


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
