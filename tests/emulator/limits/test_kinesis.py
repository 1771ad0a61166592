"""Kinesis refuses what AWS refuses: the emulator's own handlers, with the limits in front of them, on a clock."""

import json
from base64 import b64encode
from collections import defaultdict

import pytest
from ministack.services import kinesis as emulated

from pipeline.emulator import limits
from pipeline.emulator.limits import kinesis

STREAM = "limited"
THROTTLED = "ProvisionedThroughputExceededException"


@pytest.fixture
def clock(monkeypatch):
    """A stream of one shard, and the seconds that have passed."""
    now = [1000.0]
    monkeypatch.setattr(kinesis, "clock", lambda: now[0])
    monkeypatch.setattr(kinesis, "_shards", defaultdict(kinesis.Shard))
    emulated._create_stream({"StreamName": STREAM, "ShardCount": 1})
    emulated._streams[STREAM]["StreamStatus"] = "ACTIVE"
    yield now
    emulated._delete_stream({"StreamName": STREAM})


def answer(response):
    status, _, body = response
    return status, json.loads(body)


def put(*sizes, key="P1"):
    records = [{"Data": b64encode(bytes(size - len(key))).decode(), "PartitionKey": key} for size in sizes]
    return answer(kinesis.put_records({"StreamName": STREAM, "Records": records}))


def fill(megabytes):
    """Put records of 1 MB past the limits."""
    record = {"Data": b64encode(bytes(1_000_000)).decode(), "PartitionKey": "P1"}
    for _ in range(megabytes):
        kinesis._put_record({"StreamName": STREAM, **record})


class Reader:
    def __init__(self):
        self.start()

    def start(self):
        asked = {"StreamName": STREAM, "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
        self.iterator = answer(emulated._get_shard_iterator(asked))[1]["ShardIterator"]

    def read(self, **more):
        status, body = answer(kinesis.get_records({"ShardIterator": self.iterator, **more}))
        if status == 200:
            self.iterator = body["NextShardIterator"]
            return len(body["Records"])
        assert (status, body["__type"]) == (400, THROTTLED)
        assert body["message"] == rate_exceeded()
        return THROTTLED


def rate_exceeded():
    account = kinesis.get_account_id()
    return f"Rate exceeded for shard shardId-000000000000 in stream {STREAM} under account {account}."


def test_a_shard_is_read_five_times_in_any_second_by_all_together(clock):
    one, other = Reader(), Reader()
    assert [reader.read() for reader in (one, other, one, other, one, other)] == [0] * 5 + [THROTTLED]
    clock[0] += 0.99
    assert one.read() == THROTTLED
    clock[0] += 0.01
    assert [one.read() for _ in range(6)] == [0] * 5 + [THROTTLED]


def test_a_shard_gives_two_megabytes_a_second(clock):
    fill(8)
    reader = Reader()
    assert [reader.read(Limit=3), reader.read(Limit=1)] == [3, THROTTLED]
    clock[0] += 0.49
    assert reader.read(Limit=1) == THROTTLED
    clock[0] += 0.02
    assert reader.read(Limit=1) == 1
    clock[0] += 2
    assert sum(reader.read(Limit=1) == 1 for _ in range(4)) == 2


def test_after_a_full_answer_a_shard_rests_for_five_seconds(clock):
    fill(12)
    reader = Reader()
    assert reader.read() == 10  # of 1 MB: an eleventh would pass 10 MiB
    clock[0] += 4.99
    assert reader.read() == THROTTLED
    clock[0] += 0.01
    assert reader.read() == 2


def test_an_iterator_is_good_for_five_minutes(clock, monkeypatch):
    reader, began = Reader(), emulated.time.time()
    monkeypatch.setattr(emulated.time, "time", lambda: began + 299)
    assert reader.read() == 0
    reader.start()
    monkeypatch.setattr(emulated.time, "time", lambda: began + 299 + 301)
    status, body = answer(kinesis.get_records({"ShardIterator": reader.iterator}))
    assert (status, body["__type"]) == (400, "ExpiredIteratorException")


def test_a_shard_takes_a_thousand_records_a_second_and_the_request_fails_in_part(clock):
    assert put(*[10] * 500)[1]["FailedRecordCount"] == put(*[10] * 400)[1]["FailedRecordCount"] == 0
    status, body = put(*[10] * 150)
    assert (status, body["FailedRecordCount"]) == (200, 50)
    assert ["SequenceNumber" in each for each in body["Records"]] == [True] * 100 + [False] * 50
    assert body["Records"][100] == {
        "ErrorCode": THROTTLED,
        "ErrorMessage": rate_exceeded(),
    }
    assert len(emulated._streams[STREAM]["shards"]["shardId-000000000000"]["records"]) == 1000
    clock[0] += 0.125
    assert put(*[10] * 150)[1]["FailedRecordCount"] == 25


def test_a_shard_takes_one_megabyte_a_second_and_a_smaller_record_still_fits(clock):
    status, body = put(900_000, 200_000, 50_000)
    assert (status, body["FailedRecordCount"]) == (200, 1)
    assert ["SequenceNumber" in each for each in body["Records"]] == [True, False, True]
    alone = {"StreamName": STREAM, "PartitionKey": "P1", "Data": b64encode(bytes(60_000)).decode()}
    status, body = answer(kinesis.put_record(alone))
    assert (status, body["__type"]) == (400, THROTTLED)
    clock[0] += 1
    assert answer(kinesis.put_record(alone))[0] == 200


@pytest.mark.parametrize("sizes", [[1024 * 1024 + 1], [1_000_000] * 11, [9] * 501], ids=["record", "request", "count"])
def test_what_is_too_large_is_refused_whole(clock, sizes):
    status, body = put(*sizes)
    assert (status, body["__type"]) == (400, "ValidationException" if len(sizes) > 500 else "InvalidArgumentException")
    assert not emulated._streams[STREAM]["shards"]["shardId-000000000000"]["records"]


def test_ten_megabytes_are_taken_in_one_request_where_the_rate_is_off(clock, monkeypatch):
    monkeypatch.setenv(limits.VARIABLE, "kinesis-writes")
    status, body = put(*[1_000_000] * 10)
    assert (status, body["FailedRecordCount"], len(body["Records"])) == (200, 0, 10)
