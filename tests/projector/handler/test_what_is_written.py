"""What a batch comes to in the table."""

from collections import Counter
from types import SimpleNamespace

from stock_projector import handler as edge

from tests.doubles import PIPE_BATCH, SAMPLE, added, decremented, place, record, removed
from tests.projector.handler.world import LAMP, MUG, QUARANTINE, STOCK


def test_the_sample_event_becomes_the_item_of_the_contract(world):
    assert world.invoke(record(SAMPLE, 0)) == []
    item = dict(world.stock["P98765"])
    assert item.pop("recent_events")["B"]
    assert item == {
        "product_id": {"S": "P98765"},
        "product_name": {"S": "Laptop"},
        "status": {"S": "active"},
        "quantity": {"N": "10"},
        "version": {"N": "1"},
        "last_sequence_number": {"S": str(place(0))},
        "updated_at": {"S": "2023-09-11T12:00:00Z"},
        "remembers_after": {"S": ""},
    }


def test_the_user_guides_own_batch_is_no_event_of_ours_and_is_quarantined_whole(world):
    assert edge.handler(PIPE_BATCH, SimpleNamespace()) == {"batchItemFailures": []}
    assert world.reasons == ["not_json", "not_json"]
    assert {item["record_id"]["S"] for item in world.quarantine} == {each["eventID"] for each in PIPE_BATCH}


def test_an_empty_batch_is_done(world):
    assert world.invoke() == []
    assert world.requests == []


def test_all_records_of_a_product_become_one_write(world):
    story = [record(added(LAMP, 100), 0), record(added(MUG, 5), 1)]
    story += [record(decremented(LAMP), number) for number in range(2, 60)]
    assert world.invoke(*story) == []
    assert Counter(world.diary) == {(STOCK, LAMP): 1, (STOCK, MUG): 1}
    assert world.requests == [("batch_get_item", 2), ("batch_execute_statement", 2)]
    assert world.quantity(LAMP) == 42
    assert world.stock[LAMP]["version"] == {"N": "59"}


def test_a_batch_in_which_nothing_changes_writes_nothing(world):
    story = [record(added(LAMP, 3), 0), record(decremented(LAMP, 2), 1)]
    world.invoke(*story)
    world.diary.clear()
    assert world.invoke(*story) == []
    assert world.invoke(record(added(LAMP), 5)) == []
    assert [table for table, _ in world.diary] == [QUARANTINE], "of the second addition"


def test_many_products_go_in_as_few_requests_as_possible_each_of_nearly_the_same_length(world):
    story = [record(added(f"P{number}", number), number) for number in range(260)]
    assert world.invoke(*story) == []
    assert {product: world.quantity(product) for product in world.stock} == {f"P{n}": n for n in range(260)}
    reads = [parts for name, parts in world.requests if name == "batch_get_item"]
    writes = [parts for name, parts in world.requests if name == "batch_execute_statement"]
    assert reads == [87, 87, 86]
    assert writes == [24] * 10 + [20]


def test_a_removed_products_item_stays_and_the_next_life_goes_on_from_it(world):
    world.invoke(record(added(LAMP, 3), 0), record(removed(LAMP), 1))
    assert world.stock[LAMP]["status"] == {"S": "removed"}
    assert "expires_at" not in world.stock[LAMP]
    world.invoke(record(added(LAMP, 4), 2))
    assert (world.quantity(LAMP), world.stock[LAMP]["version"]) == (4, {"N": "3"})


def test_an_item_of_the_version_before_is_read_and_loses_its_expiry_with_the_first_write(world):
    world.invoke(record(added(LAMP, 3), 0), record(removed(LAMP), 1))
    old = world.stock[LAMP] | {"expires_at": {"N": "1694779200"}}
    world.database.tables[STOCK].versions[LAMP] = [old]
    assert world.invoke(record(removed(LAMP), 1), record(added(LAMP, 4), 2)) == []
    assert "expires_at" not in world.stock[LAMP]
    assert (world.quantity(LAMP), world.stock[LAMP]["version"]) == (4, {"N": "3"})
