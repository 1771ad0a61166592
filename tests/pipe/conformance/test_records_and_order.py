"""What the target receives, and in which order."""

from tests.doubles.kinesis import ARN, Kinesis
from tests.pipe.world import CHAIR, LAPTOP, ROLE, SHARD, World, data_of

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
