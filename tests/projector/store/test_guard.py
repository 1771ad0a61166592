"""Read, quarantine, one conditional write: against the embedded cloud."""

import pytest
from botocore.exceptions import ClientError
from stock_projector.events import parse
from stock_projector.projection import Outcome, StockLevel, fold
from stock_projector.store import Lost, Store

from tests.doubles import added, decremented, place, record, removed
from tests.projector.store.kettles import NOW, TOMBSTONE_SECONDS, brought_forward, entries, messages


def test_a_product_is_found_as_it_was_left(store):
    brought_forward(store, "AMBER-KETTLE", (0, added("AMBER-KETTLE", 10)), (1, decremented("AMBER-KETTLE", 4)))
    level = store.read(["AMBER-KETTLE", "NEVER-SEEN"])
    assert (level["AMBER-KETTLE"].quantity, level["AMBER-KETTLE"].version) == (6, 2)
    assert str(level["AMBER-KETTLE"].last_sequence_number) == str(place(1))
    assert level["NEVER-SEEN"] == StockLevel("NEVER-SEEN")


def test_ids_of_any_script_are_kept_apart(store):
    products = ["Caf\u00e9", "Cafe\u0301", "\N{DUMPLING}" * 128, " ", "'; DROP TABLE", "<script>"]
    for number, product_id in enumerate(products):
        brought_forward(store, product_id, (0, added(product_id, number)))
    assert [store.read(products)[product_id].quantity for product_id in products] == list(range(6))


def test_a_write_onto_a_state_that_is_no_more_is_lost_and_says_who_won(store):
    kettle = "BRAVE-KETTLE"
    brought_forward(store, kettle, (0, added(kettle, 10)))
    stale = store.read([kettle])[kettle]
    brought_forward(store, kettle, (1, decremented(kettle, 3)))
    mine, _ = fold(stale, [(place(2), parse(record(decremented(kettle, 5), 2)))])
    lost = store.write(stale, mine)
    assert isinstance(lost, Lost)
    assert lost.winner == store.read([kettle])[kettle]
    assert lost.winner.quantity == 7


def test_a_first_write_is_lost_when_somebody_else_was_first(store):
    kettle = "TINY-KETTLE"
    mine, _ = fold(StockLevel(kettle), entries_of(kettle, 1))
    brought_forward(store, kettle, (0, added(kettle, 10)))
    assert store.write(StockLevel(kettle), mine).winner.quantity == 10


def entries_of(product_id, number):
    return [(place(number), parse(record(added(product_id, 99), number)))]


def test_a_write_onto_an_item_that_has_expired_meanwhile_starts_afresh(store):
    kettle = "COPPER-KETTLE"
    brought_forward(store, kettle, (0, added(kettle, 10)), (1, removed(kettle)))
    stale = store.read([kettle])[kettle]
    store.dynamodb.delete_item(TableName="store-tests", Key={"product_id": {"S": kettle}})
    assert store.project(stale, entries((2, added(kettle, 4)))) == [Outcome.APPLIED]
    level = store.read([kettle])[kettle]
    assert (level.quantity, level.version) == (4, 1)


def test_a_tombstone_lies_in_the_table_with_the_day_it_may_go(store):
    kettle = "NORDIC-KETTLE"
    brought_forward(store, kettle, (0, added(kettle)), (1, removed(kettle)))
    item = store.dynamodb.get_item(TableName="store-tests", Key={"product_id": {"S": kettle}})["Item"]
    assert item["expires_at"] == {"N": str(NOW + TOMBSTONE_SECONDS)}
    assert TOMBSTONE_SECONDS > 48 * 3600


def test_a_duplicate_is_no_write(store, monkeypatch):
    kettle = "QUIET-KETTLE"
    brought_forward(store, kettle, (0, added(kettle, 10)), (1, decremented(kettle, 3)))
    written = []
    monkeypatch.setattr(Store, "write", lambda *args: written.append(args))
    assert (
        brought_forward(store, kettle, (0, added(kettle, 10)), (1, decremented(kettle, 3))) == [Outcome.DUPLICATE] * 2
    )
    assert written == []


def test_refused_records_lie_in_the_queue_before_the_item_is_written(store, monkeypatch):
    kettle, write = "VELVET-KETTLE", Store.write
    seen_by_then = []

    def look_first(self, before, after):
        seen_by_then.extend(messages(self))
        return write(self, before, after)

    monkeypatch.setattr(Store, "write", look_first)
    messages(store)
    brought_forward(store, kettle, (0, added(kettle, 1)), (1, decremented(kettle, 2)), (2, decremented(kettle, 1)))
    assert [(each["reason"], each["sequence_number"]) for each in seen_by_then] == [
        ("insufficient_stock", str(place(1)))
    ]


def test_nothing_is_written_when_the_queue_is_not_there(store, services):
    kettle = "FOLDING-KETTLE"
    nowhere = Store(store.dynamodb, store.sqs, "store-tests", store.queue_url + "-gone", TOMBSTONE_SECONDS)
    with pytest.raises(ClientError, match=r"NonExistentQueue|does not exist"):
        brought_forward(nowhere, kettle, (0, added(kettle, 1)), (1, decremented(kettle, 2)))
    assert store.read([kettle])[kettle] == StockLevel(kettle)
