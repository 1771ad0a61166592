"""Who reads a shard beside the pipe keeps within what the pipe leaves: seen on the limited emulator, on a clock."""

import io
import json
from base64 import b64encode
from collections import defaultdict
from types import SimpleNamespace

import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from ministack.services import kinesis as emulated

from pipeline.emulator import aws
from pipeline.emulator.limits import kinesis as limited
from pipeline.reading import stream, turns

STREAM, SHARD = "paced", "shardId-000000000000"
RECORD_BYTES = 900
RECORDS = 33_334  # 30 MB on one shard


class Client:
    """boto3's client, whose requests go to the limited handlers; it keeps when it read, and counts refusals."""

    def __init__(self, clock):
        self.clock, self.throttled, self.reads = clock, 0, []
        config = Config(retries={"total_max_attempts": 1})
        self.kinesis = aws.root_session().client("kinesis", endpoint_url="http://127.0.0.1:1", config=config)
        self.kinesis.meta.events.register("before-send", self._answer)

    def _answer(self, request, **_):
        action, asked = request.headers["X-Amz-Target"].decode().split(".")[1], json.loads(request.body)
        if action == "GetShardIterator":
            status, headers, body = emulated._get_shard_iterator(asked)
        else:
            self.reads.append(self.clock.now)
            status, headers, body = limited.get_records(asked)
            self.throttled += status != 200
        return AWSResponse(request.url, status, headers, Answer(body))


class Answer(io.BytesIO):
    def stream(self):
        yield self.read()


class Pipe:
    """Polls four times a second, and reads what comes: nothing, at the end of the shard."""

    def __init__(self, clock):
        self.client, self.next_at = Client(clock), clock.now
        asked = {"StreamName": STREAM, "ShardId": SHARD, "ShardIteratorType": "LATEST"}
        self.iterator = self.client.kinesis.get_shard_iterator(**asked)["ShardIterator"]

    def until(self, moment):
        while self.next_at <= moment:
            self.client.clock.now = self.next_at
            self.iterator = self.client.kinesis.get_records(ShardIterator=self.iterator)["NextShardIterator"]
            self.next_at += 0.25


@pytest.fixture
def clock(monkeypatch):
    """A shard with 30 MB on it, and a clock that everybody waits on."""
    now = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(limited, "clock", lambda: now.now)
    monkeypatch.setattr(limited, "_shards", defaultdict(limited.Shard))
    emulated._create_stream({"StreamName": STREAM, "ShardCount": 1})
    emulated._streams[STREAM] |= {"StreamStatus": "ACTIVE", "RetentionPeriodHours": 10**6}
    record = {"PartitionKey": "P1", "Data": b64encode(bytes(RECORD_BYTES)).decode(), "ApproximateArrivalTimestamp": 1.0}
    records = emulated._streams[STREAM]["shards"][SHARD]["records"]
    records += ({**record, "SequenceNumber": str(place)} for place in range(RECORDS))
    yield now
    emulated._delete_stream({"StreamName": STREAM})


def read_beside_a_pipe(monkeypatch, clock, pause_seconds):
    client, pipe = Client(clock), Pipe(clock)

    def wait(holds, every):
        moment = clock.now + max(every, 0.01)
        pipe.until(moment)
        clock.now = moment
        assert holds()

    monkeypatch.setattr(turns, "eventually", wait)
    clocks = SimpleNamespace(time=lambda: 0.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(stream, "time", clocks)
    monkeypatch.setattr(turns, "time", clocks)
    records = list(stream.Reading(client.kinesis, STREAM, {SHARD: ()}, pause_seconds=pause_seconds))
    assert len(records) == RECORDS
    return client, pipe


def test_thirty_megabytes_of_a_shard_are_read_once_a_second_and_neither_reader_nor_pipe_is_throttled(
    monkeypatch, clock
):
    client, pipe = read_beside_a_pipe(monkeypatch, clock, stream.PAUSE_SECONDS)
    assert (client.throttled, pipe.client.throttled) == (0, 0)
    assert all(later - earlier >= 1 for earlier, later in zip(client.reads, client.reads[1:], strict=False))
    assert len(pipe.client.reads) > 4 * 25


def test_a_reader_that_does_not_pause_is_throttled_and_so_is_the_pipe(monkeypatch, clock):
    with pytest.raises(Exception, match="ProvisionedThroughputExceeded"):
        read_beside_a_pipe(monkeypatch, clock, pause_seconds=0)
