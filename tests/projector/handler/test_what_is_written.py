"""What a batch comes to in the table."""

import json
from collections import Counter

from stock_projector import handler as edge

from tests.doubles import PIPE_BATCH, SAMPLE, added, decremented, place, record
from tests.projector.handler.world import LAMP, MUG, named


def test_the_sample_event_becomes_the_item_of_the_contract(world):
    assert world.invoke(record(SAMPLE, 0)) == []
    item = world.table.items["P98765"]
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
    assert edge.handler(PIPE_BATCH, None) == {"batchItemFailures": []}
    assert world.reasons == ["not_json", "not_json"]
    assert [json.loads(body)["sequence_number"] for body in world.queue.bodies] == [
        each["sequenceNumber"] for each in PIPE_BATCH
    ]


def test_an_empty_batch_is_done(world):
    assert world.invoke() == []
    assert world.diary == []


def test_all_records_of_a_product_become_one_write(world):
    story = [record(added(LAMP, 100), 0), record(added(MUG, 5), 1)]
    story += [record(decremented(LAMP), number) for number in range(2, 60)]
    assert world.invoke(*story) == []
    assert Counter(world.diary) == {("write", LAMP): 1, ("write", MUG): 1}
    assert world.quantity(LAMP) == 42
    assert world.table.items[LAMP]["version"] == {"N": "59"}


def test_a_batch_in_which_nothing_changes_writes_nothing(world):
    story = [record(added(LAMP, 3), 0), record(decremented(LAMP, 2), 1)]
    world.invoke(*story)
    world.diary.clear()
    assert world.invoke(*story) == []
    assert world.invoke(record(added(LAMP), 5)) == []
    assert [kind for kind, _ in world.diary] == ["quarantine"], "of the second addition"


def test_more_products_than_one_read_takes_are_all_brought_forward(world):
    story = [record(added(f"P{number}", number), number) for number in range(250)]
    assert world.invoke(*story) == []
    assert {product: world.quantity(product) for product in world.table.items} == {
        f"P{number}": number for number in range(250)
    }


def test_keys_that_dynamodb_left_unread_are_asked_for_again(world):
    world.invoke(record(added(LAMP, 10), 0), record(added(MUG, 10), 1))
    world.table.unread = [2, 1]
    assert world.invoke(record(decremented(LAMP), 2), record(decremented(MUG), 3)) == []
    assert (world.quantity(LAMP), world.quantity(MUG)) == (9, 9)


def test_keys_that_stay_unread_fail_their_records_instead_of_passing_for_new_products(world):
    world.invoke(record(added(LAMP, 10), 0))
    world.table.unread = [1] * 100
    sale = record(decremented(LAMP), 1)
    assert world.invoke(sale) == named(sale)
    assert world.queue.bodies == []
