"""One key takes 1,000 write units a second, statement by statement; one answer holds 16 MB."""

import json
from types import SimpleNamespace

import pytest
from ministack.services import dynamodb as emulated

from pipeline.emulator.limits import dynamodb
from pipeline.reading import stock

TABLE = "limited"
PUT = {"TableName": TABLE, "Item": {"product_id": {"S": "P1"}, "note": {"S": "x" * 900}}}


@pytest.fixture
def clock(monkeypatch):
    """A table, and the seconds that have passed."""
    now = [1000.0]
    monkeypatch.setattr(dynamodb, "clock", lambda: now[0])
    monkeypatch.setattr(dynamodb, "_keys", {})
    key = {"AttributeName": "product_id"}
    emulated._create_table({
        "TableName": TABLE, "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [key | {"KeyType": "HASH"}], "AttributeDefinitions": [key | {"AttributeType": "S"}],
    })  # fmt: skip
    yield now
    emulated._delete_table({"TableName": TABLE})


def answer(response):
    status, _, body = response
    return status, json.loads(body)


def insert(product_id, size=10):
    return {
        "Statement": f"INSERT INTO \"{TABLE}\" VALUE {{'product_id': ?, 'note': ?}}",
        "Parameters": [{"S": product_id}, {"S": "x" * size}],
    }


def test_a_hot_key_takes_a_thousand_write_units_a_second(clock):
    put = dynamodb.limited(emulated._put_item)
    assert [answer(put(PUT))[0] for _ in range(1000)] == [200] * 1000
    status, body = answer(put(PUT))
    assert (status, body["__type"]) == (400, "ThrottlingException")
    assert answer(put(PUT | {"Item": {"product_id": {"S": "P2"}}}))[0] == 200, "another key has its own"
    clock[0] += 0.5
    assert answer(put(PUT))[0] == 200


def test_a_batch_of_statements_is_throttled_one_by_one(clock):
    for _ in range(1000):
        assert dynamodb.may_write(TABLE, {"S": "HOT"}, 1)
    statements = [insert("COLD"), insert("HOT"), insert("WARM")]
    status, body = answer(dynamodb.batch_execute_statement({"Statements": statements}))
    assert status == 200
    assert [each.get("Error", {}).get("Code") for each in body["Responses"]] == [None, "ThrottlingError", None]
    assert set(emulated._tables[TABLE]["items"]) == {"COLD", "WARM"}


def test_an_answer_holds_sixteen_megabytes_and_the_rest_is_read_again(clock, monkeypatch):
    items = {f"P{number}": {"product_id": {"S": f"P{number}"}, "note": {"S": "x" * 390_000}} for number in range(60)}
    for item in items.values():
        assert answer(emulated._put_item({"TableName": TABLE, "Item": item}))[0] == 200
    keys = [{"product_id": item["product_id"]} for item in items.values()]
    status, body = answer(dynamodb.batch_get_item({"RequestItems": {TABLE: {"Keys": keys}}}))
    read, left = body["Responses"][TABLE], body["UnprocessedKeys"][TABLE]["Keys"]
    assert (status, len(read) + len(left)) == (200, 60)
    assert 16 * 1024**2 - 400_000 < sum(len(each["note"]["S"]) for each in read) < 16 * 1024**2

    client = SimpleNamespace(batch_get_item=lambda **asked: answer(dynamodb.batch_get_item(asked))[1])
    cloud = SimpleNamespace(client=lambda name: client)
    assert len(list(stock.raw_items_of(cloud, TABLE, keys))) == 60
