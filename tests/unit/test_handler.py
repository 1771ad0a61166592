"""The edge: a pipe's batch in, the records that have to come again out; what is written, and in which order."""

import json
from collections import Counter
from types import SimpleNamespace

import pytest
from botocore.exceptions import EndpointConnectionError
from stock_projector import handler as edge
from stock_projector import store as stores
from stock_projector.store import Store

from tests.events import PIPE_BATCH, SAMPLE, added, decremented, flat, incremented, place, record, removed
from tests.events.fakes import FakeQueue, FakeTable, denied

DAY = 24 * 3600


class World:
    """The handler between a fake table and a fake queue."""

    def __init__(self, monkeypatch):
        self.diary = []
        self.table, self.queue = FakeTable(self.diary), FakeQueue(self.diary)
        store = Store(self.table, self.queue, "stock", "queue", tombstone_seconds=4 * DAY, clock=lambda: 1694433600.9)
        monkeypatch.setattr(edge, "_store", lambda: store)
        monkeypatch.setattr(edge, "_pool", lambda: SimpleNamespace(map=map))  # one product after the other

    def invoke(self, *records):
        """Hand records over as a pipe does. Returns the sequence numbers that have to come again, in their order."""
        answer = edge.handler([flat(each) for each in records], None)
        assert list(answer) == ["batchItemFailures"]
        named = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        assert len(set(named)) == len(named)
        assert set(named) <= {each.item_identifier for each in records}, "eventIDs of this batch"
        return sorted(named)

    @property
    def reasons(self):
        return [json.loads(body)["reason"] for body in self.queue.bodies]

    def quantity(self, product_id):
        return int(self.table.items[product_id]["quantity"]["N"])


@pytest.fixture
def world(monkeypatch):
    return World(monkeypatch)


def named(*records):
    return sorted(each.item_identifier for each in records)


LAMP, MUG = "CRUNCHY-LAMP", "ROUND-MUG"


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


# ── what is refused ──


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


# ── what fails: the platform, and nothing but that ──


def test_a_product_that_cannot_be_written_fails_with_all_its_records_and_no_others(world):
    def no_lamps(operation, product_id):
        if (operation, product_id) == ("PutItem", LAMP):
            raise denied("PutItem", "dynamodb:PutItem")

    world.table.trouble = no_lamps
    lamp = [
        record(added(LAMP, 3), number) if number == 0 else record(decremented(LAMP, 1), number) for number in (0, 2, 4)
    ]
    mug = [record(added(MUG, 3), 1), record(decremented(MUG, 1), 3)]
    story = sorted([*lamp, *mug], key=lambda each: each.sequence_number)
    assert world.invoke(*story) == named(*lamp)
    assert world.quantity(MUG) == 2

    world.table.trouble = lambda operation, product_id: None
    assert world.invoke(*lamp) == []
    assert world.quantity(LAMP) == 1


def test_a_table_that_cannot_be_read_fails_every_event_and_still_quarantines_the_poison(world):
    def denied_to_read(operation, product_id):
        raise denied("BatchGetItem", "dynamodb:BatchGetItem")

    world.table.trouble = denied_to_read
    poison, lamp, mug = record(b"{", 0), record(added(LAMP), 1), record(added(MUG), 2)
    assert world.invoke(poison, lamp, mug) == named(lamp, mug)
    assert world.reasons == ["not_json"]


def test_the_name_of_a_failed_record_is_the_event_id_that_the_pipe_gave_it(world):
    def denied_to_read(operation, product_id):
        raise denied("BatchGetItem", "dynamodb:BatchGetItem")

    world.table.trouble = denied_to_read
    strange = flat(record(added(), 0)) | {"eventID": f"shardId-000000000042:{place(0)}"}
    assert edge.handler([strange], None) == {
        "batchItemFailures": [{"itemIdentifier": f"shardId-000000000042:{place(0)}"}]
    }


# ── somebody else writes the same product ──


def overtaken(world, *rivals):
    """Let rival invocations write just before ours does."""
    waiting = list(rivals)

    def first_come_the_others(operation, product_id):
        if operation == "PutItem" and waiting:
            world.table.trouble = lambda operation, product_id: None
            world.invoke(waiting.pop(0))
            world.table.trouble = first_come_the_others

    world.table.trouble = first_come_the_others


def test_whoever_loses_the_race_reads_again_and_folds_again(world):
    world.invoke(record(added(LAMP, 10), 0))
    overtaken(world, record(decremented(LAMP, 3), 1))
    assert world.invoke(record(decremented(LAMP, 5), 2)) == []
    assert world.quantity(LAMP) == 2
    assert world.table.items[LAMP]["version"] == {"N": "3"}


def test_two_invocations_with_the_same_records_apply_them_once(world):
    story = record(added(LAMP, 10), 0)
    overtaken(world, story)
    assert world.invoke(story) == []
    assert world.quantity(LAMP) == 10
    assert world.table.items[LAMP]["version"] == {"N": "1"}


def test_a_record_that_is_in_quarantine_is_not_applied_when_the_race_is_run_again(world):
    world.invoke(record(added(LAMP, 1), 0))
    too_much, one = record(decremented(LAMP, 4), 2), record(decremented(LAMP, 1), 3)
    overtaken(world, record(incremented(LAMP, 9), 1))
    assert world.invoke(too_much, one) == []
    assert world.reasons == ["insufficient_stock"]
    assert world.quantity(LAMP) == 9


def test_an_overtaken_record_goes_to_quarantine_as_out_of_order(world):
    world.invoke(record(added(LAMP, 10), 0))
    overtaken(world, record(decremented(LAMP, 3), 2))
    assert world.invoke(record(decremented(LAMP, 5), 1)) == []
    assert world.reasons == ["out_of_order"]
    assert world.quantity(LAMP) == 7


def test_a_product_that_others_never_stop_writing_comes_again_later(world):
    world.invoke(record(added(LAMP, 1000), 0))
    overtaken(world, *(record(decremented(LAMP, 1), number) for number in range(1, 1 + stores.MOST_ATTEMPTS * 3)))
    late = record(decremented(LAMP, 1), 999)
    assert world.invoke(late) == named(late)


# ── how it is set up ──


def test_a_tombstone_outlives_every_record_that_could_still_come(world):
    world.invoke(record(added(LAMP, 1), 0), record(removed(LAMP), 1))
    item = world.table.items[LAMP]
    assert item["status"] == {"S": "removed"}
    assert item["expires_at"] == {"N": str(1694433600 + 4 * DAY)}
    world.invoke(record(added(LAMP, 1), 2))
    assert "expires_at" not in world.table.items[LAMP]


@pytest.mark.parametrize("hours", [24, 48, 8760])
def test_the_deployed_projector_keeps_tombstones_for_longer_than_the_stream_keeps_records(monkeypatch, hours):
    for name, value in {
        "STOCK_TABLE_NAME": "stock",
        "QUARANTINE_QUEUE_URL": "https://sqs.us-east-2.amazonaws.com/123456789012/quarantine",
        "RETENTION_HOURS": str(hours),
        "AWS_DEFAULT_REGION": "us-east-2",
    }.items():
        monkeypatch.setenv(name, value)
    store = edge._store.__wrapped__()
    assert store.tombstone_seconds > hours * 3600
    assert (store.table_name, store.queue_url) == (
        "stock",
        "https://sqs.us-east-2.amazonaws.com/123456789012/quarantine",
    )


def test_a_batch_is_reported_in_the_log_and_the_metrics_with_every_refusal_and_every_failure(world, caplog, capsys):
    def no_lamps(operation, product_id):
        if (operation, product_id) == ("PutItem", LAMP):
            raise denied("PutItem", "dynamodb:PutItem")

    world.table.trouble = no_lamps
    world.invoke(record(added(LAMP), 0), record(added(MUG), 1), record(b"{", 2))
    batch, quarantined, failed = (vars(each) for each in caplog.records)
    assert (batch["applied"], batch["quarantined"], batch["failed"]) == (1, 1, 1)
    assert (quarantined["reason"], quarantined["sequence_number"]) == ("not_json", str(place(2)))
    assert "not authorized to perform: dynamodb:PutItem" in failed["error"]
    metrics = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert [metrics[name] for name in ("Applied", "Duplicate", "Quarantined", "Failed")] == [[1.0], [0.0], [1.0], [1.0]]
