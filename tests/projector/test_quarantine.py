"""The quarantine item: what it says, how it is cut, and that it fits whatever the record is."""

import json

import pytest
from stock_projector.events import Refusal, SequenceNumber, parse
from stock_projector.quarantine import KB, MOST_DATA, MOST_EVENT_AND_DATA, Quarantine, Refused, item_for
from stock_projector.statements import MOST_BYTES

from tests.doubles import SHARD, added, cases, place, record
from tests.doubles.table import MOST_ITEM_BYTES, Client, Database, Table, size_of

NEITHER = Refusal("invalid_event", "product.quantity: Input should be a valid integer")
NOW, DAY = 1_694_433_600.25, 24 * 3600


def written(each, refusal=NEITHER):
    item = item_for(Refused(each, refusal), NOW, 90 * DAY)
    assert size_of(item) <= MOST_ITEM_BYTES
    return {name: content for name, value in item.items() for content in value.values()}


def test_an_item_has_the_attributes_of_the_contract_and_no_others():
    said = added(quantity="a dozen")
    each = record(said, 3)
    assert written(each) == {
        "record_id": f"{SHARD}:{place(3)}",
        "reason": "invalid_event",
        "detail": "product.quantity: Input should be a valid integer",
        "event": json.dumps(said),
        "data": json.dumps(said).encode(),
        "partition_key": "P98765",
        "shard_id": SHARD,
        "sequence_number": str(place(3)),
        "arrived_at": "2023-09-11T12:00:03.000+00:00",
        "quarantined_at": "2023-09-11T12:00:00.250+00:00",
        "state": "open",
        "expires_at": str(1_694_433_600 + 90 * DAY),
    }


def test_a_refusal_by_a_rule_of_the_business_says_what_it_was_judged_on():
    assert written(record(added()), Refusal("already_active", "", str(place(7))))["judged_on"] == str(place(7))


def test_what_is_not_json_has_its_bytes_and_no_event():
    item = written(record(b"\xff\x00not an event"), Refusal("not_json", "an ff"))
    assert "event" not in item
    assert item["data"] == b"\xff\x00not an event"


def test_every_refused_record_can_be_written_down_with_all_its_bytes():
    for name, data, *_ in [*cases.NOT_JSON, *cases.UNKNOWN_TYPE, *cases.INVALID]:
        each = record(data, partition_key="P98765")
        item = written(each, parse(each))
        assert (item["data"], item["reason"]) == (data, parse(each).reason), name
        assert item.get("event", "").isascii(), name


def test_lone_surrogates_stay_escaped_in_the_event():
    item = written(record(json.dumps(added(name="\ud83d \N{DUMPLING}")).encode()))
    assert r"\ud83d \ud83e\udd5f" in item["event"]


def test_a_padded_sequence_number_is_quoted_as_kinesis_wrote_it():
    each = record(added())._replace(sequence_number=SequenceNumber("000000000000000000000000000042"))
    assert written(each)["sequence_number"] == "000000000000000000000000000042"


@pytest.mark.parametrize("character", ["x", "\u00e9", "\N{DUMPLING}"], ids=["ASCII", "two bytes", "four bytes"])
@pytest.mark.parametrize("is_json", [True, False])
@pytest.mark.parametrize("size", [190 * KB, 200 * KB, 300 * KB, 301 * KB, 500 * KB, 1024 * KB])
def test_a_record_of_any_size_fits_and_what_is_cut_is_said(size, is_json, character):
    text = character * ((size - 2) // len(character.encode()))
    data = f'"{text}"'.encode() if is_json else f'"{text}'.encode()
    item = written(record(data, partition_key="\N{DUMPLING}" * 256), Refusal("invalid_event", "x" * 500))
    assert item["data"] == data[:MOST_DATA] and MOST_DATA == 300 * KB
    assert item.get("truncated", False) == (len(data) > MOST_DATA)
    event = json.dumps(text)
    room = MOST_EVENT_AND_DATA - len(item["data"])
    assert item.get("event") == (event if is_json and len(event) <= room else None)


def put(*refused):
    database = Database({"refused": Table("record_id")})
    requests = []

    def gate(call):
        requests.append(call.parts)
        return call.perform()

    quarantine = Quarantine(Client(database, gate), "refused", 90 * DAY, clock=lambda: NOW)
    return quarantine, database.tables["refused"], requests, quarantine.put(refused)


def test_a_record_is_quarantined_once_and_the_first_verdict_stays():
    each = record(b"{")
    quarantine, table, _, errors = put(Refused(each, Refusal("not_json", "first")))
    assert errors == [None]
    first = dict(table.items)
    assert quarantine.put([Refused(each, Refusal("out_of_order", "second"))]) == [None]
    assert table.items == first


def test_records_go_25_a_request_and_fewer_if_they_are_large():
    assert put(*(Refused(record(b"{", n), NEITHER) for n in range(60)))[2] == [20, 20, 20]
    large = put(*(Refused(record(b"x" * MOST_DATA, n), NEITHER) for n in range(30)))
    assert large[2] == [13, 13, 4] and 13 * MOST_DATA <= MOST_BYTES
    assert len(large[1].items) == 30


def test_nothing_to_quarantine_is_no_request():
    assert put()[2:] == ([], [])
