"""What is refused, and that it lies in the quarantine before the state is written."""

from botocore.exceptions import EndpointConnectionError

from tests.doubles import added, decremented, incremented, record, removed
from tests.projector.handler.world import LAMP, MUG, named


def test_every_poison_record_is_quarantined_and_none_fails_or_delays_its_neighbours(world):
    story = [
        record(added(LAMP, 3), 0),
        record(b"\xff", 1, partition_key=LAMP),
        record(decremented(LAMP, 9), 2),
        record(added(LAMP, 3), 3),
        record({"event_type": "gift"} | {"product": {"product_id": LAMP}}, 4),
        record(decremented(LAMP, "two"), 5),
        record(decremented(LAMP, 1), 6, partition_key=MUG),
        record(incremented(MUG, 1), 7),
        record(decremented(LAMP, 1), 8),
    ]
    assert world.invoke(*story) == []
    assert sorted(world.reasons) == [
        "already_active", "insufficient_stock", "invalid_event", "not_active", "not_json", "unknown_event_type",
        "wrong_partition_key",
    ]  # fmt: skip
    assert world.quantity(LAMP) == 2
    assert MUG not in world.table.items, "a refusal leaves no item behind"


def test_a_record_is_quarantined_before_the_state_is_written(world):
    world.invoke(record(added(LAMP, 3), 0), record(decremented(LAMP, 9), 1), record(decremented(LAMP, 1), 2))
    assert [kind for kind, _ in world.diary] == ["quarantine", "write"]


def test_nothing_of_a_product_is_written_when_its_quarantine_fails(world):
    world.queue.refuse = lambda body: LAMP in body
    lamp = [record(added(LAMP, 3), 0), record(decremented(LAMP, 9), 1), record(decremented(LAMP, 1), 2)]
    mug = [record(added(MUG, 3), 3), record(decremented(MUG, 9), 4)]
    assert world.invoke(*lamp, *mug) == named(*lamp)
    assert list(world.table.items) == [MUG]

    world.queue.refuse = lambda body: False
    assert world.invoke(*lamp) == []
    assert world.quantity(LAMP) == 2


def test_poison_whose_quarantine_fails_comes_again_and_its_neighbours_do_not(world):
    world.queue.refuse = lambda body: True
    poison, lamp = record(b"{", 0), record(added(LAMP, 3), 1)
    assert world.invoke(poison, lamp) == named(poison)
    assert world.quantity(LAMP) == 3


def test_the_quarantine_is_out_altogether_and_only_what_needs_it_comes_again(world):
    def out():
        raise EndpointConnectionError(endpoint_url="https://sqs.us-east-2.amazonaws.com")

    world.queue.trouble = out
    poison, lamp, mug = record(b"{", 0), record(added(LAMP, 3), 1), record(removed(MUG), 2)
    assert world.invoke(poison, lamp, mug) == named(poison, mug)
    assert list(world.table.items) == [LAMP]
