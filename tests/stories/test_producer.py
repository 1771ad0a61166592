"""The producer: every product's events in their order, whatever the stream does in between."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UserError
from pipeline.stories import producer, scenarios
from pipeline.stories.scenarios import NewRecord, pack
from tests.doubles.errors import client_error
from tests.doubles.events import added, decremented, incremented
from tests.doubles.kinesis import Kinesis

LAMP, MUG = "CRUNCHY-LAMP", "ROUND-MUG"


def answering(*turns):
    """Return a stream that answers each request in turn like this; after that all goes well.

    A turn is an exception to raise, or a function that says whether it accepts the record with that number and key.
    """
    kinesis, left = Kinesis(name="events"), list(turns)

    def answer(entries):
        turn = left.pop(0) if left else accepts_all
        if isinstance(turn, Exception):
            return set(range(len(entries))), turn
        return {number for number, entry in enumerate(entries) if not turn(number, entry["PartitionKey"])}, None

    kinesis.write_trouble = answer
    return kinesis


def accepts_all(number, key):
    return True


def accepts_none(number, key):
    return False


def refusing(*keys):
    return lambda number, key: key not in keys


def accepted(kinesis):
    return [(record["PartitionKey"], record["Data"]) for record in kinesis.records]


def published(kinesis, entries, **options):
    waits = []
    sent = producer.publish(kinesis, "events", entries, progress=False, wait=waits.append, **options)
    return sent, waits


def story_of(*events):
    return [pack(event) for event in events]


def by_product(log):
    ordered = {}
    for key, data in log:
        ordered.setdefault(key, []).append(data)
    return ordered


def entries_by_product(entries):
    return by_product((entry.partition_key, entry.data) for entry in entries)


def test_a_story_is_sent_whole_and_every_product_in_its_order():
    kinesis, story = answering(), scenarios.write_story("everyday", 2000, 40)
    sent, waits = published(kinesis, story)
    assert sent.records == len(accepted(kinesis)) == 2000
    assert sent.requests == len(kinesis.requests)
    assert by_product(accepted(kinesis)) == entries_by_product(story)
    assert waits == []


def test_a_product_is_never_twice_in_one_request():
    kinesis = answering()
    published(kinesis, scenarios.write_story("flash-sale", 1000, 10))
    for request in kinesis.requests:
        keys = [record["PartitionKey"] for record in request]
        assert len(set(keys)) == len(keys)


def test_a_request_holds_at_most_500_records_however_many_products_there_are():
    kinesis, story = answering(), story_of(*(added(f"P{number}") for number in range(1200)))
    published(kinesis, story)
    assert [len(request) for request in kinesis.requests] == [500, 500, 200]


def test_a_product_whose_record_was_not_accepted_waits_and_the_others_go_on():
    kinesis = answering(refusing(LAMP), refusing(LAMP))
    story = story_of(added(LAMP, 3), added(MUG, 3), decremented(LAMP, 1), decremented(MUG, 1), incremented(MUG, 7))
    sent, waits = published(kinesis, story)
    assert sent.records == 5
    assert [key for key, _ in accepted(kinesis)] == [MUG, MUG, LAMP, MUG, LAMP]
    assert by_product(accepted(kinesis)) == entries_by_product(story)
    assert len(waits) == 2, "and it slows down"


@pytest.mark.parametrize(
    "trouble",
    [
        client_error("PutRecords", "ProvisionedThroughputExceededException"),
        client_error("PutRecords", "LimitExceededException"),
        client_error("PutRecords", "ThrottlingException"),
        client_error("PutRecords", "InternalFailure", status=500),
        client_error("PutRecords", "ServiceUnavailable", status=503),
        EndpointConnectionError(endpoint_url="https://kinesis.us-east-2.amazonaws.com"),
    ],
    ids=lambda trouble: (
        type(trouble).__name__ if not isinstance(trouble, ClientError) else trouble.response["Error"]["Code"]
    ),
)
def test_trouble_that_passes_is_sat_out(trouble):
    kinesis, story = answering(trouble, trouble, trouble), scenarios.write_story("everyday", 50, 5)
    sent, waits = published(kinesis, story)
    assert sent.records == 50
    assert by_product(accepted(kinesis)) == entries_by_product(story)
    assert len(waits) == 3 and waits == sorted(waits) and waits[0] < waits[2], "longer each time"


@given(st.data())
def test_whatever_the_stream_refuses_every_product_keeps_its_order(data):
    keys = st.sampled_from(["P1", "P2", "P3", "P4"])
    entries = [NewRecord(str(place).encode(), key) for place, key in enumerate(data.draw(st.lists(keys, max_size=40)))]
    accepts = data.draw(st.lists(st.frozensets(st.integers(0, 3)), max_size=30))
    kinesis = answering(*((lambda number, key, taken=taken: number in taken) for taken in accepts))
    sent, _ = published(kinesis, entries)
    assert sent.records == len(entries)
    assert by_product(accepted(kinesis)) == entries_by_product(entries)
    for request in kinesis.requests:
        assert len({record["PartitionKey"] for record in request}) == len(request)


def test_a_stream_that_accepts_no_more_is_given_up_with_one_sentence(tmp_path):
    kinesis = answering(refusing(LAMP), *[accepts_none] * 200)
    log = tmp_path / "sent.jsonl"
    with pytest.raises(UserError, match=r"accepted 1 of 3 records, then no more: Rate exceeded"):
        published(kinesis, story_of(added(LAMP, 3), added(MUG, 3), decremented(MUG, 1)), sent_log=log)
    [noted] = [json.loads(line) for line in log.read_text().splitlines()]
    assert noted["partition_key"] == MUG
    assert len(kinesis.requests) < 100


@pytest.mark.parametrize(
    "code", ["ResourceNotFoundException", "AccessDeniedException", "ValidationException", "KMSDisabledException"]
)
def test_trouble_that_does_not_pass_is_reported_at_once(tmp_path, code):
    kinesis, log = answering(accepts_all, client_error("PutRecords", code)), tmp_path / "sent.jsonl"
    with pytest.raises(UserError, match=code):
        published(kinesis, story_of(added(LAMP, 3), decremented(LAMP, 1), decremented(LAMP, 1)), sent_log=log)
    assert len(kinesis.requests) == 2
    assert len(log.read_text().splitlines()) == 1


def test_ctrl_c_while_an_answer_is_on_its_way_does_not_leave_an_accepted_record_out_of_the_sent_log(tmp_path):
    kinesis, log = answering(), tmp_path / "sent.jsonl"
    put_records = kinesis.put_records

    def put_records_and_be_interrupted(**request):
        answer = put_records(**request)
        if len(accepted(kinesis)) == 2:
            signal.raise_signal(signal.SIGINT)
        return answer

    kinesis.put_records = put_records_and_be_interrupted
    with pytest.raises(KeyboardInterrupt):
        published(kinesis, story_of(added(LAMP, 3), decremented(LAMP, 1), decremented(LAMP, 1)), sent_log=log)
    assert len(accepted(kinesis)) == 2, "and nothing more is sent"
    assert len(log.read_text().splitlines()) == 2


def test_the_sent_log_says_where_every_accepted_record_lies(tmp_path):
    kinesis, log = answering(refusing(MUG)), tmp_path / "not" / "there" / "yet" / "sent.jsonl"
    published(kinesis, story_of(added(LAMP, 3), added(MUG, 3), decremented(LAMP, 1)), sent_log=log)
    noted = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line["partition_key"] for line in noted] == [record["PartitionKey"] for record in kinesis.records]
    assert [line["sequence_number"] for line in noted] == [record["SequenceNumber"] for record in kinesis.records]
    assert [line["partition_key"] for line in noted] == [LAMP, MUG, LAMP]
    assert {line["shard_id"] for line in noted} == {"shardId-000000000000"}
    published(answering(), story_of(added(LAMP, 3)), sent_log=log)
    assert len(log.read_text().splitlines()) == 4, "what was sent before stays noted"


def test_a_sent_log_that_cannot_be_written_is_found_out_before_anything_is_sent(tmp_path):
    kinesis = answering()
    (tmp_path / "sent").write_text("a file, not a folder")
    with pytest.raises(UserError, match="cannot write the sent log"):
        published(kinesis, story_of(added()), sent_log=tmp_path / "sent" / "log.jsonl")
    assert kinesis.requests == []


def test_a_rate_is_kept(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(producer.time, "monotonic", lambda: now[0])
    kinesis, accepted_at = answering(), []
    producer.publish(
        kinesis, "events", scenarios.write_story("everyday", 200, 20), rate=50, progress=False,
        wait=lambda seconds: now.__setitem__(0, now[0] + seconds),
        on_sent=lambda count: accepted_at.append((now[0], count)),
    )  # fmt: skip
    assert len(accepted(kinesis)) == 200
    assert all(count <= 50 * at + 1 for at, count in accepted_at), "never ahead of it"
    assert 3.9 < now[0] < 4.5, "and not far behind"


def test_a_rate_beyond_all_bounds_is_as_fast_as_it_goes():
    sent, _ = published(answering(), scenarios.write_story("everyday", 2000, 40), rate=1e308)
    assert sent.records == 2000


def test_who_knows_that_the_stream_is_gone_ends_the_sending_at_once():
    def is_gone():
        raise UserError("the local cloud is gone")

    kinesis = answering(*[EndpointConnectionError(endpoint_url="http://127.0.0.1:1")] * 200)
    with pytest.raises(UserError, match="is gone"):
        published(kinesis, story_of(added(LAMP)), on_failure=is_gone)


def test_progress_is_reported_after_every_request():
    counts = []
    published(answering(), scenarios.write_story("everyday", 30, 3), on_sent=counts.append)
    assert counts == sorted(counts) and counts[-1] == 30


def test_a_request_stays_below_what_kinesis_takes_in_bytes():
    entries = [NewRecord(b"x" * 900_000, f"P{number}") for number in range(12)]
    kinesis = answering()
    published(kinesis, entries)
    assert len(accepted(kinesis)) == 12


def test_an_empty_story_is_sent_at_once():
    sent, _ = published(answering(), [])
    assert (sent.records, sent.requests) == (0, 0)


def test_the_producer_is_also_a_plain_script():
    path = Path(__file__).parents[2] / "pipeline" / "stories" / "producer.py"
    done = subprocess.run([sys.executable, str(path), "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "--scenario" in done.stdout
