"""When a batch is full, and when its time is up."""

import time

from tests.pipe.harness import LAPTOP, SHARD, Harness


def test_a_batch_holds_at_most_batch_size_records(harness: Harness) -> None:
    """API model: BatchSize, "The maximum number of records to include in each batch", 1 to 10,000, default 100."""
    for n in range(250):
        harness.kinesis.put(LAPTOP, str(n))
    run = harness.run()
    harness.eventually(lambda: harness.is_drained(run))
    assert [len(batch) for batch in harness.function.batches] == [100, 100, 50]


def test_without_a_window_records_are_sent_as_soon_as_they_are_there(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis: "By default, EventBridge invokes your pipe as soon as records are available"."""
    harness.run()
    harness.kinesis.put(LAPTOP, "alone")
    harness.eventually(lambda: harness.delivered() == ["alone"])


def test_a_batch_waits_for_its_window_to_end(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis: "...until it has gathered a full batch, the batching window expires, or..."."""
    started = time.monotonic()
    harness.kinesis.put(LAPTOP, "first")
    run = harness.run(batching_window_seconds=0.3)
    harness.eventually(lambda: SHARD in run.readers and run.readers[SHARD].progress.unfinished)
    harness.kinesis.put(LAPTOP, "second")
    harness.eventually(harness.delivered)
    assert harness.delivered() == ["first", "second"]
    assert time.monotonic() - started >= 0.3


def test_a_full_batch_does_not_wait_for_its_window(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis: the first of the three conditions counts."""
    for n in range(5):
        harness.kinesis.put(LAPTOP, str(n))
    harness.run(batching_window_seconds=300, batch_size=5)
    harness.eventually(lambda: len(harness.delivered()) == 5)


def test_a_batch_is_sent_at_six_megabytes(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis: "...or the batch reaches the payload limit of 6 MB"."""
    for n in range(7):
        harness.kinesis.put(f"P{n}", b"x" * 1_000_000)
    run = harness.run(batching_window_seconds=300, batch_size=10)
    harness.eventually(lambda: harness.function.batches)
    assert len(harness.function.batches[0]) == 4  # base64 makes 1.33 MB of each
    assert len(harness.function.payloads[0]) <= 6 * 1024 * 1024
    assert run.readers[SHARD].progress.unfinished == 3
