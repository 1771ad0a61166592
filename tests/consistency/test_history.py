"""The history of one product: every record with its outcome, and the stock at any place or time."""

from random import Random

import pytest

from pipeline.consistency import history, oracle
from pipeline.errors import UserError, WrongUsageError
from pipeline.stories import scenarios
from tests.consistency.shop import DAY, OUTPUTS, Shop
from tests.doubles.events import added, decremented, incremented, removed


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop(monkeypatch, shards=3)


def told(shop: Shop, product_id: str = "P98765") -> history.History:
    return history.history(shop.cloud, OUTPUTS, product_id)


def test_every_record_with_its_outcome_and_the_stock_after_it(shop):
    sale = decremented(quantity=3, event_id="sale-1")
    shop.sell(added(quantity=10), added("MOUSE", 5), sale, sale, decremented(quantity=99), b"{", removed())
    shop.send(added(quantity=4))
    result = told(shop)
    assert [(e.event_type, e.quantity, e.outcome, e.reason, e.stock, e.version) for e in result.entries] == [
        ("product_added", 10, "applied", None, 10, 1),
        ("quantity_decremented", 3, "applied", None, 7, 2),
        ("quantity_decremented", 3, "duplicate", None, 7, 2),
        ("quantity_decremented", 99, "quarantined", "insufficient_stock", 7, 2),
        (None, None, "quarantined", "not_json", 7, 2),
        ("product_removed", None, "applied", None, 0, 3),
        ("product_added", 4, "pending", None, 0, 3),
    ]
    assert result.discrepancies == []


def test_only_the_products_own_shards_are_read(shop):
    shop.sell(added(quantity=10), added("MOUSE", 5), added("LAMP", 1))
    shop.kinesis.polls.clear()
    told(shop)
    assert {shard_id for shard_id, _ in shop.kinesis.polls} == {shop.kinesis.shard_of("P98765").shard_id}


def test_a_product_that_never_was_has_no_history(shop):
    shop.sell(added(quantity=10))
    assert (told(shop, "GHOST").entries, told(shop, "GHOST").discrepancies) == ([], [])


def test_what_the_table_has_against_it_is_told(shop):
    shop.sell(added(quantity=10))
    shop.edit(quantity={"N": "999"})
    assert told(shop).discrepancies == ["P98765: quantity should be 10, is 999"]


def test_a_thousand_probes_of_product_and_place_equal_the_oracle(shop):
    random = Random(20260501)
    story = scenarios.write_story("rough-day", events=600, products=20, seed=5)
    for record in story:
        shop.send(record.data, key=record.partition_key)
    shop.deliver()
    records = [(s, raw) for s, shard in shop.kinesis.shards.items() for raw in shard.records]
    records.sort(key=lambda each: int(each[1]["SequenceNumber"]))
    products = sorted({raw["PartitionKey"] for _, raw in records})
    histories = {product_id: told(shop, product_id) for product_id in products}
    states: dict[str, oracle.Product] = {}
    stock_at = {product_id: [("0", 0, 0)] for product_id in products}
    for _, raw in records:
        oracle.judge(raw["Data"], raw["PartitionKey"], raw["SequenceNumber"], states)
        product = states.get(raw["PartitionKey"], oracle.Product())
        stock_at[raw["PartitionKey"]].append((raw["SequenceNumber"], product.quantity, product.version))
    for _ in range(1_000):
        product_id, place = random.choice(products), random.choice(records)[1]["SequenceNumber"]
        due = [each for each in stock_at[product_id] if int(each[0]) <= int(place)][-1]
        entry = history.at(histories[product_id], place)
        assert due[1:] == ((entry.stock, entry.version) if entry else (0, 0)), (product_id, place)


def test_the_stock_as_it_was_at_a_time(shop):
    shop.sell(added(quantity=10), decremented(quantity=3), decremented(quantity=2))
    entries = told(shop).entries
    assert history.at(told(shop), entries[1].arrived_at).stock == 7
    assert history.at(told(shop), "2999-01-01T00:00:00Z").stock == 5
    assert history.at(told(shop), "1999-01-01") is None
    with pytest.raises(WrongUsageError, match="'noon' is neither a time"):
        history.at(told(shop), "noon")


def test_a_history_goes_on_from_the_oldest_snapshot_that_the_stream_reaches_back_to(shop):
    for day in range(4):
        shop.sell(*([incremented(), incremented("MOUSE")] if day else [added(quantity=10), added("MOUSE", 1)]))
        shop.snapshot()
        shop.now += 0.7 * DAY
    entries = told(shop).entries
    assert [(entry.outcome, entry.stock, entry.version) for entry in entries] == [("snapshot", 13, 4)]
    with pytest.raises(UserError, match="the history of P98765 begins at"):
        history.at(told(shop), "2023-09-11T12:00:00Z")


def test_a_history_without_a_beginning_is_not_told(shop):
    shop.sell(added(quantity=10))
    shop.now += 1.5 * DAY
    shop.sell(decremented(quantity=3))
    with pytest.raises(UserError, match="the stream has forgotten how P98765 began"):
        told(shop)
