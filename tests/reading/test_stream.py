"""The stream's reader: every record once, in order, to an end, and never in the pipe's way."""

from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline.reading import stream, turns
from tests.doubles.errors import client_error
from tests.doubles.kinesis import Kinesis

NAME = "product-events"


def reading(kinesis: Kinesis, pause_seconds: float = 0, **more: Any) -> stream.Reading:
    return stream.Reading(kinesis, NAME, stream.describe(kinesis, NAME).parents, pause_seconds=pause_seconds, **more)


def fill(kinesis: Kinesis, records: int, data: str = "{}") -> list[str]:
    return [kinesis.put(f"P{number % 7}", data) for number in range(records)]


def test_every_record_once_parents_before_children(monkeypatch):
    monkeypatch.setattr(stream, "MOST_RECORDS", 10)
    kinesis = Kinesis(2)
    places = fill(kinesis, 70)
    [low, high] = kinesis.split("shardId-000000000000")
    places += fill(kinesis, 70)
    kinesis.merge(high, "shardId-000000000001")
    places += fill(kinesis, 70)
    whole = reading(kinesis)
    records = list(whole)
    assert sorted(record.place for record in records) == sorted(map(int, places))
    for key in {record.partition_key for record in records}:
        own = [record.place for record in records if record.partition_key == key]
        assert own == sorted(own)
    assert whole.ends.keys() == kinesis.shards.keys()
    assert {place for place in whole.ends.values() if place} <= set(places)
    assert low in whole.ends


def test_reading_goes_on_after_a_place():
    kinesis = Kinesis(1)
    places = fill(kinesis, 10)
    whole = reading(kinesis, after={"shardId-000000000000": places[6]})
    assert [record.sequence_number for record in whole] == places[7:]
    nothing = reading(kinesis, after={"shardId-000000000000": places[9]})
    assert (list(nothing), nothing.ends) == ([], {"shardId-000000000000": places[9]})


@pytest.mark.parametrize("code", ["ProvisionedThroughputExceededException", "ExpiredIteratorException"])
def test_what_passes_is_waited_for(monkeypatch, code):
    monkeypatch.setattr(stream, "MOST_RECORDS", 10)
    kinesis = Kinesis(1)
    places = fill(kinesis, 35)
    kinesis.read_errors.extend([client_error("GetRecords", code)] * 3)
    assert [record.sequence_number for record in reading(kinesis)] == places


def test_what_does_not_pass_is_told():
    kinesis = Kinesis(1)
    kinesis.read_errors.append(client_error("GetRecords", "AccessDeniedException"))
    with pytest.raises(Exception, match="AccessDenied"):
        list(reading(kinesis))


def test_a_stream_that_never_stands_still_is_read_to_an_end(monkeypatch):
    """A shard that takes as many records as are read of it: reading ends at what was there when it began."""
    monkeypatch.setattr(stream, "MOST_RECORDS", 10)
    clock = SimpleNamespace(now=1000.0)
    monkeypatch.setattr(stream, "time", SimpleNamespace(time=lambda: clock.now, monotonic=lambda: 0.0))
    kinesis = Kinesis(1, clock=lambda: clock.now)
    before = fill(kinesis, 50)
    get_records = kinesis.get_records

    def meanwhile(**request: Any) -> dict[str, Any]:
        clock.now += 1
        fill(kinesis, 10)
        return get_records(**request)

    monkeypatch.setattr(kinesis, "get_records", meanwhile)
    places = [record.sequence_number for record in reading(kinesis)]
    assert places[:50] == before
    assert len(places) < 200


@pytest.mark.parametrize("size", [10, 9_000, 400_000])
def test_a_shard_is_read_once_a_second_and_half_of_its_bytes_are_left_to_the_pipe(monkeypatch, size):
    clock = SimpleNamespace(now=0.0)

    def wait(holds: Any, every: float) -> None:
        clock.now += every
        assert holds()

    monkeypatch.setattr(turns, "eventually", wait)
    clocks = SimpleNamespace(time=lambda: 0.0, monotonic=lambda: clock.now)
    monkeypatch.setattr(stream, "time", clocks)
    monkeypatch.setattr(turns, "time", clocks)
    monkeypatch.setattr(stream, "FIRST_READ", 5)
    kinesis = Kinesis(1)
    fill(kinesis, 60, "x" * size)
    answers: list[tuple[float, int]] = []
    get_records = kinesis.get_records

    def noted(**request: Any) -> dict[str, Any]:
        answer = get_records(**request)
        answers.append((clock.now, sum(len(record["Data"]) for record in answer["Records"])))
        return answer

    monkeypatch.setattr(kinesis, "get_records", noted)
    assert len(list(reading(kinesis, pause_seconds=1.0))) == 60
    assert len(list(reading(kinesis, pause_seconds=1.0))) == 60, "who reads again goes on at the same pace"
    for (asked, taken), (again, _) in pairwise(answers):
        assert again - asked > max(1.0, taken / 1_000_000) - 0.001


def test_one_record_is_found_at_its_place():
    kinesis = Kinesis(1)
    places = fill(kinesis, 10)
    found = stream.record_at(kinesis, NAME, "shardId-000000000000", places[4])
    assert found and found.sequence_number == places[4]
    assert stream.record_at(kinesis, NAME, "shardId-000000000000", str(int(places[4]) + 1)) is None
