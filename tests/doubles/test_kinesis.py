"""The in-process Kinesis answers as the embedded cloud's does, wherever that one answers as AWS documents."""

from datetime import UTC, datetime

import pytest
from botocore.exceptions import ClientError

from tests.doubles.kinesis import Kinesis

PRODUCTS = ["CRUNCHY-LAMP", "ROUND-MUG", "TINY-CHAIR", "GOLD-BAR", "QUIET-CLOCK", "PATIENT-KETTLE"]
STREAM = "double-or-not"


@pytest.fixture(params=["in process", "embedded cloud"])
def kinesis(request):
    """A client, and behind it a stream of two shards."""
    if request.param == "in process":
        yield Kinesis(shards=2, name=STREAM)
        return
    client = request.getfixturevalue("joined").client("kinesis")
    client.create_stream(StreamName=STREAM, ShardCount=2)
    yield client
    client.delete_stream(StreamName=STREAM)


def put(kinesis, *data):
    entries = [{"Data": text.encode(), "PartitionKey": "CRUNCHY-LAMP"} for text in data]
    return kinesis.put_records(StreamName=STREAM, Records=entries)["Records"]


def read(kinesis, shard_id, kind, limit=100, **start):
    """Return what an iterator of some kind reads first."""
    place = {"StreamName": STREAM, "ShardId": shard_id, "ShardIteratorType": kind}
    iterator = kinesis.get_shard_iterator(**place, **start)["ShardIterator"]
    return kinesis.get_records(ShardIterator=iterator, Limit=limit)


def data_of(answer):
    return [record["Data"].decode() for record in answer["Records"]]


def test_a_key_belongs_to_the_shard_that_its_hash_says(kinesis):
    expected = Kinesis(shards=2)
    for key in PRODUCTS:
        answer = kinesis.put_record(StreamName=STREAM, Data=b"{}", PartitionKey=key)
        assert answer["ShardId"] == expected.shard_of(key).shard_id


def test_sequence_numbers_rise_and_are_those_that_are_read(kinesis):
    accepted = put(kinesis, "first", "second", "third")
    numbers = [record["SequenceNumber"] for record in accepted]
    assert sorted(set(numbers), key=int) == numbers
    answer = read(kinesis, accepted[0]["ShardId"], "TRIM_HORIZON")
    assert [record["SequenceNumber"] for record in answer["Records"]] == numbers
    assert {record["PartitionKey"] for record in answer["Records"]} == {"CRUNCHY-LAMP"}


def test_an_iterator_begins_where_its_type_says(kinesis):
    _, second, _ = put(kinesis, "first", "second", "third")
    shard_id, start = second["ShardId"], {"StartingSequenceNumber": second["SequenceNumber"]}
    assert data_of(read(kinesis, shard_id, "TRIM_HORIZON")) == ["first", "second", "third"]
    assert data_of(read(kinesis, shard_id, "AT_SEQUENCE_NUMBER", **start)) == ["second", "third"]
    assert data_of(read(kinesis, shard_id, "AFTER_SEQUENCE_NUMBER", **start)) == ["third"]
    assert data_of(read(kinesis, shard_id, "LATEST")) == []
    long_ago = datetime(2023, 9, 11, tzinfo=UTC)
    assert data_of(read(kinesis, shard_id, "AT_TIMESTAMP", Timestamp=long_ago)) == ["first", "second", "third"]


def test_reading_goes_on_behind_what_was_read(kinesis):
    shard_id = put(kinesis, "first", "second", "third")[0]["ShardId"]
    answer = read(kinesis, shard_id, "TRIM_HORIZON", limit=2)
    assert data_of(answer) == ["first", "second"]
    rest = kinesis.get_records(ShardIterator=answer["NextShardIterator"])
    assert data_of(rest) == ["third"]
    assert rest["MillisBehindLatest"] == 0
    assert data_of(kinesis.get_records(ShardIterator=rest["NextShardIterator"])) == []


def test_the_stream_is_described(kinesis):
    summary = kinesis.describe_stream_summary(StreamName=STREAM)["StreamDescriptionSummary"]
    assert (summary["StreamName"], summary["StreamStatus"], summary["OpenShardCount"]) == (STREAM, "ACTIVE", 2)
    assert summary["RetentionPeriodHours"] == 24
    shards = kinesis.list_shards(StreamName=STREAM)["Shards"]
    halves = sorted(
        (int(s["HashKeyRange"]["StartingHashKey"]), int(s["HashKeyRange"]["EndingHashKey"])) for s in shards
    )
    assert halves == [(0, 2**127 - 1), (2**127, 2**128 - 1)]


def test_a_stream_that_is_not_there_is_refused(kinesis):
    with pytest.raises(ClientError) as refused:
        kinesis.put_record(StreamName="nowhere", Data=b"{}", PartitionKey="CRUNCHY-LAMP")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parametrize("count", [0, 501])
def test_a_request_has_1_to_500_records(kinesis, count):
    with pytest.raises(Exception, match=r"500|at least 1|InvalidArgument|Invalid length"):
        kinesis.put_records(StreamName=STREAM, Records=[{"Data": b"{}", "PartitionKey": "GOLD-BAR"}] * count)
