"""The number of shards changes in the emulator as on AWS: no record is lost, a closed shard is read to its end."""

import json

import pytest
from ministack.services import kinesis as emulated

from pipeline.emulator import resharding

STREAM = "resharded"


@pytest.fixture
def call(monkeypatch):
    """Call a handler as the launcher has put it in place; the answer's body, or its error's code."""
    monkeypatch.setattr(emulated, "_route_to_shard", resharding.route_to_shard)
    emulated._create_stream({"StreamName": STREAM, "ShardCount": 2})
    emulated._streams[STREAM]["StreamStatus"] = "ACTIVE"

    def called(handler, **request):
        status, _, body = handler({"StreamName": STREAM, **request})
        return json.loads(body) if status == 200 else json.loads(body)["__type"]

    yield called
    emulated._delete_stream({"StreamName": STREAM})


def put(call, count):
    return [
        call(emulated._put_record, Data=str(number), PartitionKey=f"P{number}")["SequenceNumber"]
        for number in range(count)
    ]


def read(call, shard_id):
    """Read a shard; returns the sequence numbers, and whether that was its end for good."""
    asked = {"ShardId": shard_id, "ShardIteratorType": "TRIM_HORIZON"}
    iterator = call(emulated._get_shard_iterator, **asked)["ShardIterator"]
    answer = call(resharding.get_records, ShardIterator=iterator)
    return [record["SequenceNumber"] for record in answer["Records"]], answer["NextShardIterator"] is None


@pytest.mark.parametrize(("counts", "shards"), [([4], 6), ([1], 3), ([3, 2], 7)])
def test_no_record_is_lost_and_children_follow_their_parents(call, counts, shards):
    sent = put(call, 40)
    for count in counts:
        answer = call(resharding.update_shard_count, TargetShardCount=count)
        assert answer["TargetShardCount"] == count
        sent += put(call, 40)
    listed = {shard["ShardId"]: shard for shard in call(emulated._list_shards)["Shards"]}
    assert len(listed) == shards
    read_of = {shard_id: read(call, shard_id) for shard_id in listed}
    assert sorted(place for places, _ in read_of.values() for place in places) == sorted(sent)
    closed = {shard_id for shard_id, (_, is_over) in read_of.items() if is_over}
    parents = {shard.get(name) for shard in listed.values() for name in ("ParentShardId", "AdjacentParentShardId")}
    assert closed == parents - {None}
    described = call(resharding.describe_stream_summary)["StreamDescriptionSummary"]
    assert described["OpenShardCount"] == counts[-1] == shards - len(closed)


@pytest.mark.parametrize("wanted", [5, 100])
def test_more_than_double_is_refused(call, wanted):
    assert call(resharding.update_shard_count, TargetShardCount=wanted) == "LimitExceededException"
    assert len(call(emulated._list_shards)["Shards"]) == 2


def test_a_shard_that_would_follow_three_is_refused(call):
    for count in (4, 5):
        call(resharding.update_shard_count, TargetShardCount=count)
    assert call(resharding.update_shard_count, TargetShardCount=3) == "LimitExceededException"
    assert call(resharding.describe_stream_summary)["StreamDescriptionSummary"]["OpenShardCount"] == 5
