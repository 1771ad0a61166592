"""The quarantine message: what it says, how it is cut, and that none is lost without a word."""

import base64
import json

import pytest
from stock_projector import quarantine
from stock_projector.events import Refusal, parse
from stock_projector.quarantine import MOST_BYTES, QuarantineFailedError, message_for

from tests.doubles import cases
from tests.doubles.events import SHARD, added, place, record
from tests.doubles.fakes import FakeQueue

NEITHER = Refusal("invalid_event", "product.quantity: Input should be a valid integer")


def written(each, refusal=NEITHER):
    body = message_for(each, refusal)
    assert len(body.encode()) <= MOST_BYTES == 262_144
    return json.loads(body, parse_constant=pytest.fail)  # NaN and Infinity are not JSON: no consumer has to take them


def test_a_message_has_the_fields_of_the_contract_and_no_others():
    said = added(quantity="a dozen")
    assert written(record(said, 3)) == {
        "reason": "invalid_event",
        "detail": "product.quantity: Input should be a valid integer",
        "event": said,
        "data": base64.b64encode(json.dumps(said).encode()).decode(),
        "partition_key": "P98765",
        "shard_id": SHARD,
        "sequence_number": str(place(3)),
        "arrived_at": "2023-09-11T12:00:03.000+00:00",
    }


def test_what_is_not_json_has_its_bytes_and_no_event():
    message = written(record(b"\xff\x00not an event"), Refusal("not_json", "an ff"))
    assert message["event"] is None
    assert base64.b64decode(message["data"]) == b"\xff\x00not an event"


@pytest.mark.parametrize(
    "data", [pytest.param(case[1], id=case[0]) for case in [*cases.NOT_JSON, *cases.UNKNOWN_TYPE, *cases.INVALID]]
)
def test_every_refused_record_can_be_written_down_with_all_its_bytes(data):
    each = record(data, partition_key="P98765")
    message = written(each, parse(each))
    assert base64.b64decode(message["data"]) == data
    assert message["reason"] == parse(each).reason


def test_a_padded_sequence_number_is_quoted_as_kinesis_wrote_it():
    from stock_projector.events import SequenceNumber

    each = record(added())._replace(sequence_number=SequenceNumber("000000000000000000000000000042"))
    assert written(each)["sequence_number"] == "000000000000000000000000000042"


def test_a_message_is_plain_ascii_so_that_sqs_takes_any_character():
    body = message_for(record(json.dumps(added(name="\ud83d \0 \ufffe \N{DUMPLING}")).encode()), NEITHER)
    assert body.isascii()
    assert all(character >= " " for character in body)


def test_the_event_goes_first_when_a_message_is_too_long():
    said = added(name="L" * 120_000)
    message = written(record(said))
    assert message["event"] is None
    assert "truncated" not in message
    assert base64.b64decode(message["data"]) == json.dumps(said).encode()


@pytest.mark.parametrize("size", [190_000, 197_000, 1_000_000, 10_000_000])
def test_then_the_bytes_are_cut_from_behind_and_the_message_says_so(size):
    data = bytes(range(256)) * (size // 256)
    message = written(record(data, partition_key="\N{DUMPLING}" * 256))
    kept = base64.b64decode(message["data"], validate=True)
    if message.get("truncated"):
        assert data.startswith(kept) and 190_000 < len(kept) < len(data)
    else:
        assert kept == data


def test_a_record_of_a_megabyte_fills_the_message_to_the_brim():
    body = message_for(record(b"x" * 1_048_576), NEITHER)
    assert MOST_BYTES - 4 < len(body) <= MOST_BYTES


def test_messages_are_sent_ten_at_a_time():
    queue = FakeQueue([])
    quarantine.send(queue, "queue", [f"message {number}" for number in range(23)])
    assert [len(request) for request in queue.requests] == [10, 10, 3]
    assert queue.bodies == [f"message {number}" for number in range(23)]


def test_a_request_stays_below_256_kb_even_of_long_messages():
    queue = FakeQueue([])
    bodies = ["a" * 100_000, "b" * 100_000, "c" * 100_000, "d" * MOST_BYTES, "e"]
    quarantine.send(queue, "queue", bodies)
    assert [len(request) for request in queue.requests] == [2, 1, 1, 1]
    assert queue.bodies == bodies


def test_nothing_to_quarantine_is_no_request():
    queue = FakeQueue([])
    quarantine.send(queue, "queue", [])
    assert queue.requests == []


def test_one_message_that_sqs_did_not_take_fails_the_call_though_sqs_said_200():
    queue = FakeQueue([])
    queue.refuse = lambda body: body == "message 4"
    with pytest.raises(QuarantineFailedError, match="try again"):
        quarantine.send(queue, "queue", [f"message {number}" for number in range(6)])
