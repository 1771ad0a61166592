"""ParallelizationFactor: how many batches of a shard are under way."""

import threading
from typing import Any

from tests.pipe.world import SHARD, World, data_of


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
