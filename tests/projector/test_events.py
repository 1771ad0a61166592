"""docs/contract.md, section 1: which records are events, and what is said of those that are not."""

import base64
import runpy

import pydantic
import pytest
from stock_projector import events
from stock_projector.events import (
    ProductAdded,
    ProductRemoved,
    QuantityDecremented,
    QuantityIncremented,
    Record,
    Refusal,
    SequenceNumber,
    parse,
)

from tests.doubles import cases
from tests.doubles.events import PIPE_BATCH, SAMPLE, added, decremented, flat, incremented, key_of, record, removed


def keyed(data: bytes) -> Record:
    """Put bytes into a record, under the key that its event asks for."""
    return record(data, partition_key=key_of(data))


def test_the_briefs_own_sample_is_valid_as_it_stands():
    event = parse(record(SAMPLE))
    assert isinstance(event, ProductAdded)
    assert event.product.product_id == "P98765"
    assert event.product.product_name == "Laptop"
    assert event.product.quantity == 10
    assert event.product.timestamp == "2023-09-11T12:00:00Z"
    assert event.event_id == ""


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (added(), ProductAdded),
        (removed(), ProductRemoved),
        (incremented(), QuantityIncremented),
        (decremented(), QuantityDecremented),
    ],
)
def test_every_event_type_is_read_as_what_it_is(event, expected):
    assert type(parse(record(event))) is expected


def test_an_event_within_the_bounds_is_accepted(subtests):
    for name, data in cases.VALID + cases.VALID_LATER:
        with subtests.test(name):
            assert not isinstance(parse(keyed(data)), Refusal)


def test_a_refusal_has_its_reason_is_short_and_can_be_written_as_utf_8(subtests):
    for reason, refused in cases.REFUSED.items():
        for name, data in refused:
            with subtests.test(name):
                refusal = parse(keyed(data))
                assert refusal.reason == reason
                assert len(refusal.detail.encode()) < 500


def test_an_event_type_that_nobody_knows_is_refused_by_its_name(subtests):
    for name, data in cases.UNKNOWN_TYPE:
        with subtests.test(name):
            assert parse(keyed(data)).detail.startswith("event_type: ")


def test_an_event_that_breaks_a_rule_is_refused_with_the_field_and_the_rule(subtests):
    for name, data, field in cases.INVALID:
        with subtests.test(name):
            named_field, _, rule = parse(keyed(data)).detail.partition(": ")
            assert named_field.split(".")[-1] == field
            assert "should" in rule or "missing" in rule or "month" in rule


@pytest.mark.parametrize("partition_key", ["P98766", "p98765", "P98765 ", "no-product"])
def test_a_record_under_another_key_than_its_product_is_refused_because_its_order_is_not_guaranteed(partition_key):
    refusal = parse(record(SAMPLE, partition_key=partition_key))
    assert refusal.reason == "wrong_partition_key"


def test_two_spellings_of_one_letter_are_two_products():
    composed, decomposed = "Caf\u00e9", "Cafe\u0301"
    assert parse(record(added(composed), partition_key=decomposed)).reason == "wrong_partition_key"
    assert parse(record(added(composed), partition_key=composed)).product.product_id == composed


def test_what_is_wrong_inside_counts_before_what_is_wrong_outside():
    assert parse(record(added(quantity=-1), partition_key="P1")).reason == "invalid_event"
    assert parse(record({"event_type": "gift"}, partition_key="P1")).reason == "unknown_event_type"


def test_text_is_kept_as_the_producer_wrote_it():
    event = parse(record(added(name="  Laptop\u00a015\u2033  ", timestamp="2023-09-11t12:00:00.50-03:30")))
    assert event.product.product_name == "  Laptop\u00a015\u2033  "
    assert event.product.timestamp == "2023-09-11t12:00:00.50-03:30"


def test_a_flat_record_of_a_pipe_is_read_as_aws_documents_it():
    read = [Record.from_pipe(each) for each in PIPE_BATCH]
    assert [each.data for each in read] == [b"Hello, this is a test.", b"This is only a test."]
    assert read[0] == Record(
        data=b"Hello, this is a test.",
        partition_key="1",
        sequence_number=SequenceNumber("49590338271490256608559692538361571095921575989136588898"),
        shard_id="shardId-000000000006",
        arrived_at=1545084650.987,
        item_identifier="shardId-000000000006:49590338271490256608559692538361571095921575989136588898",
    )


def test_a_record_survives_the_way_through_a_pipe():
    sent = record(b"\x00\xff any bytes", partition_key="P98765")
    assert Record.from_pipe(flat(sent)) == sent
    assert base64.b64decode(flat(sent)["data"]) == sent.data


def test_sequence_numbers_are_ordered_as_integers_and_written_as_kinesis_wrote_them():
    padded, longer = SequenceNumber("000000000000000000000000000009"), SequenceNumber("1" + "0" * 56)
    assert padded < longer
    assert "9" > "1" + "0" * 56, "as strings they would sort the other way round"
    assert f"{padded}" == str(padded) == "000000000000000000000000000009"


@pytest.mark.parametrize("version", ["1.10.24", "2.10.6"])
def test_with_a_pydantic_that_judges_otherwise_nothing_is_judged(monkeypatch, version):
    monkeypatch.setattr(pydantic, "VERSION", version)
    with pytest.raises(ImportError, match=rf"pydantic {version} judges .* needs 2\.11 or later"):
        runpy.run_path(events.__file__)


@pytest.mark.parametrize("version", ["2.11.0", "2.12.0b1", "3.0.0"])
def test_with_a_later_pydantic_events_are_judged(monkeypatch, version):
    monkeypatch.setattr(pydantic, "VERSION", version)
    runpy.run_path(events.__file__, run_name="stock_projector.events_again")
