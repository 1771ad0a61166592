"""What the target receives, and in which order."""

from tests.doubles.kinesis import ARN, Kinesis
from tests.pipe.harness import CHAIR, LAPTOP, ROLE, SHARD, Harness, data_of

# ── What the target receives ──────────────────────────────────────────────────────────────────────────────────────────


def test_the_target_receives_a_bare_array_of_flat_records(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis, "Example event"."""
    harness.kinesis.clock = lambda: 1545084650.987
    harness.kinesis.retention_seconds = 10**10
    numbers = [harness.kinesis.put(LAPTOP, "Hello, this is a test."), harness.kinesis.put(CHAIR, b"\xff\x00")]
    run = harness.run()
    harness.eventually(lambda: harness.is_drained(run))
    [batch] = harness.function.batches
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


def test_a_single_record_comes_in_an_array_too(harness: Harness) -> None:
    """Guide, eb-pipes-batching-concurrency: "The request will be sent as a JSON array even if the batch size is 1"."""
    harness.kinesis.put(LAPTOP)
    harness.kinesis.put(CHAIR)
    run = harness.run(batch_size=1)
    harness.eventually(lambda: harness.is_drained(run))
    assert [[record["partitionKey"] for record in batch] for batch in harness.function.batches] == [[LAPTOP], [CHAIR]]


def test_a_batch_comes_from_one_shard(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis: the shard is the unit of reading; dead letters name one shard for a batch."""
    harness.kinesis = Kinesis(shards=4)
    for n in range(80):
        harness.kinesis.put(f"P{n}", str(n))
    run = harness.run()
    harness.eventually(lambda: harness.is_drained(run))
    assert all(len({record["eventID"].split(":")[0] for record in batch}) == 1 for batch in harness.function.batches)
    assert sorted(map(int, harness.delivered())) == list(range(80))


# ── Order ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_shard_is_read_and_delivered_in_order(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis: "EventBridge Pipes maintains the order of records from the data stream"."""
    harness.kinesis = Kinesis(shards=5)
    for n in range(200):
        harness.kinesis.put(f"P{n % 23}", str(n))
    run = harness.run(batch_size=7)
    harness.eventually(lambda: harness.is_drained(run))
    for shard_id in harness.kinesis.shards:
        lies = [record["Data"].decode() for record in harness.kinesis.shards[shard_id].records]
        came = [data_of(r) for batch in harness.function.batches for r in batch if r["eventID"].startswith(shard_id)]
        assert came == lies


def test_a_child_shard_waits_until_its_parent_is_drained(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis (order is kept); Kinesis guide, "Resharding": parents first, or order per key is lost."""
    may_go_on = harness.gate()
    harness.function.does = lambda records: may_go_on.wait(30) and None
    for n in range(10):
        harness.kinesis.put(LAPTOP, f"before {n}")
    for child in harness.kinesis.split(SHARD):
        harness.kinesis.put(LAPTOP, f"after on {child}", shard_id=child)
    run = harness.run(batch_size=4)
    harness.eventually(lambda: harness.function.batches and run.readers[SHARD].progress.unfinished == 10)
    harness.looks_again()
    polled = {shard_id for shard_id, _ in harness.kinesis.polls}
    may_go_on.set()
    harness.eventually(lambda: harness.is_drained(run))
    assert polled == {SHARD}
    assert [data.split()[0] for data in harness.delivered()] == ["before"] * 10 + ["after"] * 2


def test_a_merged_shard_waits_for_both_parents(harness: Harness) -> None:
    """As above: a merge has two parents (API_Shard: ParentShardId, AdjacentParentShardId)."""
    harness.kinesis = Kinesis(shards=2)
    left, right = harness.kinesis.shards
    for n in range(6):
        harness.kinesis.put("left", f"before {n}", shard_id=left)
        harness.kinesis.put("right", f"before {n}", shard_id=right)
    harness.kinesis.put(LAPTOP, "after", shard_id=harness.kinesis.merge(left, right))
    slow_side = harness.gate()
    harness.function.does = lambda records: records[0]["partitionKey"] == "right" and slow_side.wait(30) and None
    run = harness.run(batch_size=6)
    harness.eventually(lambda: run.checkpoints.is_drained(left))
    harness.looks_again()
    assert "after" not in harness.delivered()
    slow_side.set()
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.delivered()[-1] == "after"
