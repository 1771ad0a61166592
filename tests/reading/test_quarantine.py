"""The quarantine, read as a table: the items that the projector put there."""

import time

import pytest
from stock_projector.events import Refusal, SequenceNumber
from stock_projector.quarantine import Quarantine, Refused

from pipeline.reading import frames, quarantine
from tests.doubles.events import SHARD, added, place, record

TABLE = "reading-tests"


@pytest.fixture(scope="module")
def table(running):
    dynamodb = running.client("dynamodb")
    dynamodb.create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "record_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "record_id", "KeyType": "HASH"}],
    )
    yield Quarantine(dynamodb, TABLE, 3600, clock=time.time)
    dynamodb.delete_table(TableName=TABLE)


def test_an_empty_quarantine_is_an_empty_table_and_a_full_one_is_in_the_order_of_the_log(table, joined):
    frame = frames.quarantine(joined, TABLE)
    assert (len(frame), list(frame.columns)) == (0, frames.QUARANTINE_COLUMNS)

    padded = record(b"\xff\0", 1)._replace(sequence_number=SequenceNumber("0" * 60 + "7"), item_identifier="padded")
    refused = [
        Refused(record(added(), 5), Refusal("already_active", "it is active", "41")),
        Refused(record(b"x" * 700_000, 2), Refusal("not_json", "all the same letter")),
        Refused(padded, Refusal("not_json", "an ff")),
    ]
    assert table.put(refused) == [None] * 3
    assert quarantine.count(joined, TABLE) == 3
    frame = frames.quarantine(joined, TABLE)
    assert list(frame["sequence_number"]) == ["0" * 60 + "7", str(place(2)), str(place(5))]
    assert frame["data"][0] == b"\xff\0", "bytes are given back as bytes"
    assert list(frame["truncated"].fillna(False)) == [False, True, False]
    assert list(frame["reason"]) == ["not_json", "not_json", "already_active"]
    verdicts = {each["record_id"]: each for each in quarantine.verdicts(joined, TABLE)}
    assert verdicts[f"{SHARD}:{place(5)}"]["judged_on"] == "41"
    assert all("data" not in each for each in verdicts.values())
