"""How far a sending came, and how it goes on: nothing twice, nothing left out."""

import json

import pytest

from pipeline.errors import UserError
from pipeline.stories import producer
from pipeline.stories.scenarios import pack
from pipeline.stories.sent_log import remaining
from tests.doubles.events import added, decremented
from tests.doubles.kinesis import Kinesis

LAMP, MUG = "CRUNCHY-LAMP", "ROUND-MUG"
STORY = [pack(event) for event in (added(LAMP), added(MUG), *[decremented(LAMP)] * 3, *[decremented(MUG)] * 3)]


@pytest.fixture
def log(tmp_path):
    return tmp_path / "sent.jsonl"


def send(kinesis, log, story=STORY, stop_at=None, resume=False):
    """Send a story that holds the same event several times, none with an `event_id`; be interrupted at some count."""

    def on_sent(count):
        if stop_at is not None and count >= stop_at:
            raise KeyboardInterrupt

    options = {"sent_log": log, "resume": resume, "progress": False, "wait": lambda seconds: None, "on_sent": on_sent}
    return producer.publish(kinesis, "events", story, **options).records


def stopped(kinesis, log, stop_at, **options):
    with pytest.raises(KeyboardInterrupt):
        send(kinesis, log, stop_at=stop_at, **options)


def on_stream(kinesis, product_id):
    return [record["Data"] for record in kinesis.records if record["PartitionKey"] == product_id]


def test_a_sending_that_was_stopped_goes_on_where_it_stopped_however_often(log):
    kinesis = Kinesis(name="events")
    stopped(kinesis, log, 2)
    assert remaining(log, STORY) == 6
    stopped(kinesis, log, 2, resume=True)
    assert remaining(log, STORY) == 4
    assert send(kinesis, log, resume=True) == 4
    for product_id in (LAMP, MUG):
        assert on_stream(kinesis, product_id) == [each.data for each in STORY if each.partition_key == product_id]


def test_what_was_sent_whole_is_not_sent_again_by_resuming(log):
    kinesis = Kinesis(name="events")
    assert send(kinesis, log) == 8
    assert (remaining(log, STORY), send(kinesis, log, resume=True)) == (0, 0)


def test_what_was_never_sent_is_sent_whole_by_resuming(log):
    assert remaining(log, STORY) == 8
    assert send(Kinesis(name="events"), log, resume=True) == 8


def test_a_second_sending_that_was_stopped_is_not_taken_for_the_first_one(log):
    kinesis = Kinesis(name="events")
    send(kinesis, log)
    stopped(kinesis, log, 2)
    assert remaining(log, STORY) == 6
    assert send(kinesis, log, resume=True) == 6
    assert len(kinesis.records) == 16


def test_a_partial_failure_leaves_gaps_and_they_are_what_is_resumed(log):
    kinesis = Kinesis(name="events")
    kinesis.write_trouble = lambda entries: ({n for n, e in enumerate(entries) if e["PartitionKey"] == LAMP}, None)
    stopped(kinesis, log, 4)
    assert on_stream(kinesis, LAMP) == []
    kinesis.write_trouble = lambda entries: (set(), None)
    assert send(kinesis, log, resume=True) == 4
    assert on_stream(kinesis, LAMP) == [each.data for each in STORY if each.partition_key == LAMP]


def test_stories_are_told_apart_by_their_bytes_keys_and_order(log):
    stopped(Kinesis(name="events"), log, 2)
    assert [remaining(log, other) for other in (STORY[:-1], STORY[::-1], STORY)] == [7, 8, 6]


def test_a_log_with_a_torn_end_and_foreign_lines_is_still_read(log):
    stopped(Kinesis(name="events"), log, 2)
    lines = log.read_text().splitlines(keepends=True)
    log.write_text(json.dumps({"shard_id": "other"}) + "\n" + lines[0] + lines[1][:-10])
    assert remaining(log, STORY) == 7


def test_a_log_that_cannot_be_written_is_found_out_before_anything_is_sent(tmp_path):
    (tmp_path / "sent").write_text("a file, not a folder")
    kinesis = Kinesis(name="events")
    with pytest.raises(UserError, match="cannot write the sent log"):
        send(kinesis, tmp_path / "sent" / "log.jsonl")
    assert kinesis.records == []
