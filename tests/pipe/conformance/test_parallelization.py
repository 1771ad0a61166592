"""ParallelizationFactor: how many batches of a shard are under way."""

import threading
from typing import Any

from tests.pipe.harness import SHARD, Harness, data_of


def test_one_batch_of_a_shard_is_under_way_at_a_time(harness: Harness) -> None:
    """API model: ParallelizationFactor, default 1."""

    def takes_a_while(records: Any) -> None:
        before = len(harness.kinesis.polls)
        harness.eventually(lambda: len(harness.kinesis.polls) > before + 1)

    harness.function.does = takes_a_while
    for n in range(60):
        harness.kinesis.put(f"P{n}", str(n))
    run = harness.run(batch_size=5)
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.function.most_at_once == 1


def test_a_factor_lets_batches_of_a_shard_run_at_once_and_keeps_order_per_key(harness: Harness) -> None:
    """API model: "The number of batches to process concurrently from each shard"; Lambda guide: in order per key."""
    both = threading.Barrier(3, timeout=harness.patience)
    three_at_once = threading.Event()

    def meet(records: Any) -> None:
        if not three_at_once.is_set():
            both.wait()
            three_at_once.set()

    harness.function.does = meet
    for n in range(120):
        harness.kinesis.put(f"P{n % 17}", str(n))
    run = harness.run(batch_size=100, parallelization_factor=3)
    harness.eventually(lambda: harness.is_drained(run))
    assert three_at_once.is_set() and harness.function.most_at_once == 3
    by_key: dict[str, list[int]] = {}
    for batch in harness.function.batches:
        for record in batch:
            by_key.setdefault(record["partitionKey"], []).append(int(data_of(record)))
    assert all(numbers == sorted(numbers) for numbers in by_key.values())
    lanes = [{record["partitionKey"] for record in batch} for batch in harness.function.batches[:3]]
    assert not lanes[0] & lanes[1] | lanes[1] & lanes[2] | lanes[0] & lanes[2]


def test_the_checkpoint_does_not_pass_a_batch_that_another_lane_still_has(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis: "it checkpoints to the highest sequence number of a batch"."""
    held = harness.gate()
    numbers = [harness.kinesis.put(f"P{n}", str(n)) for n in range(40)]
    first = f"{SHARD}:{numbers[0]}"
    harness.function.does = lambda records: any(r["eventID"] == first for r in records) and held.wait(30) and None
    run = harness.run(batch_size=100, parallelization_factor=4)
    harness.eventually(lambda: len(harness.function.batches) == 4 and harness.function.at_once == 1)
    assert run.checkpoints.after(SHARD) is None
    held.set()
    harness.eventually(lambda: run.checkpoints.after(SHARD) == numbers[-1])
