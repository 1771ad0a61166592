"""The audit, on a shop in memory: what it counts, what it finds whatever else goes on, and what it does not mind."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from stock_projector.events import Refusal, parse
from stock_projector.item import to_item
from stock_projector.projection import decide

from pipeline.consistency import audit
from tests.consistency.shop import Shop, letter_of
from tests.doubles.events import added, decremented, incremented, removed
from tests.doubles.kinesis import Shard

EARLY = [
    added(quantity=10),
    decremented(quantity=3, event_id="sale-1"),
    added("MOUSE", 5),
    b"nonsense",
    removed("MOUSE"),
]
LATE = [
    incremented(quantity=2), decremented(quantity=3, event_id="sale-1"), decremented(quantity=99), b"{",
    incremented("MOUSE"), added("MOUSE", 7), incremented("GHOST"), decremented(quantity=1), added("LAMP", 1),
]  # fmt: skip
ADDED_2, RE_SENT, TOO_MANY, POISON, TOO_LATE, MOUSE_AGAIN, GHOST, LAST, LAMP = range(len(LATE))


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    return Shop(monkeypatch)


def test_a_sound_shop(shop):
    shop.sell(*EARLY, *LATE)
    result = shop.audit()
    assert result.discrepancies == []
    assert (result.records, result.applied, result.duplicates, result.pending) == (14, 8, 1, 0)
    assert result.quarantined == {"insufficient_stock": 1, "not_active": 2, "not_json": 2}
    assert (result.products, result.left_out, result.given_up, result.from_snapshot) == (3, 0, 0, None)


# ── planted mistakes: each is found, and nothing else, from the beginning, from a snapshot, and while events flow ──


def drop(shop: Shop, late: list[str], number: int) -> None:
    """Let a record have been processed, and have left no trace."""
    shop_id, raw = shop.find(late[number])
    record = shop.record(shop_id, raw)
    shop.quarantine.pop(record.item_identifier, None)
    again = Shop.__new__(Shop)
    again.__dict__ = {**shop.__dict__, "stock": {}, "quarantine": {}}
    for each in shop.kinesis.shards[shop_id].records:
        if each is not raw and each["PartitionKey"] == raw["PartitionKey"]:
            again.project(shop_id, each)
    shop.stock.pop(record.partition_key, None)
    shop.stock.update(again.stock)


def apply_twice(shop: Shop, late: list[str], number: int) -> None:
    record = shop.record(*shop.find(late[number]))
    level = shop.level(record.partition_key)
    change: Any = decide(level, parse(record))  # type: ignore[arg-type]
    level.quantity, level.version = change.quantity, level.version + 1
    shop.stock[record.partition_key] = to_item(level)


def shorten(shop: Shop) -> None:
    """Take the oldest entry out of a product's memory."""
    packed = shop.stock["P98765"]["recent_events"]["B"]
    entries, at = [], 0
    while at < len(packed):
        entries.append(packed[at : at + 9 + packed[at + 8]])
        at += len(entries[-1])
    entries.pop()
    shop.edit(recent_events={"B": b"".join(entries)})


def split(shop: Shop) -> None:
    """Send one product's record to a shard of its own."""
    shop.kinesis.shards["shardId-000000000001"] = Shard("shardId-000000000001", (0, 0))
    shop.send(incremented("LAMP"), shard_id="shardId-000000000001")
    shop.deliver()


REFUSAL = Refusal("not_active", "planted", "")
Plant = Callable[[Shop, list[str]], Any]
ON = " on shardId-000000000000"
PLANTED: dict[str, tuple[Plant, Callable[[list[str]], str], str]] = {  # plant; of what is told; what is told of it
    "a quantity edited by hand": (
        lambda shop, late: shop.edit(quantity={"N": "999"}), lambda late: "P98765", "quantity should be 8, is 999"),
    "a name edited": (
        lambda shop, late: shop.edit(product_name={"S": "Desktop"}), lambda late: "P98765", "product_name should be"),
    "a status edited": (
        lambda shop, late: shop.edit(status={"S": "removed"}), lambda late: "P98765", "status should be 'active'"),
    "a version edited": (
        lambda shop, late: shop.edit(version={"N": "77"}), lambda late: "P98765", "version should be 4, is 77"),
    "a time edited": (
        lambda shop, late: shop.edit(updated_at={"S": "now"}), lambda late: "P98765", "updated_at should be"),
    "an attribute too many": (
        lambda shop, late: shop.edit(expires_at={"N": "1"}), lambda late: "P98765", "not written by the projector"),
    "last_sequence_number raised to a refused record": (
        lambda shop, late: shop.edit(last_sequence_number={"S": late[TOO_LATE]}), lambda late: "P98765", "last_seq"),
    "last_sequence_number raised beyond the stream": (
        lambda shop, late: shop.edit(last_sequence_number={"S": "9" * 56}), lambda late: "P98765", "last_seq"),
    "last_sequence_number lowered": (
        lambda shop, late: shop.edit(last_sequence_number={"S": late[ADDED_2]}), lambda late: "P98765", ""),
    "a memory emptied": (
        lambda shop, late: shop.edit(recent_events={"B": b""}), lambda late: "P98765", "4 missing, 0 extra"),
    "a memory one entry short": (
        lambda shop, late: shorten(shop), lambda late: "P98765", "holds 3: 1 missing, 0 extra"),
    "a memory cut off": (
        lambda shop, late: shop.edit(recent_events={"B": b"12345678\x05"}), lambda late: "P98765", "cannot be read"),
    "a memory that says it forgot": (
        lambda shop, late: shop.edit(remembers_after={"S": late[ADDED_2]}), lambda late: "P98765", "remembers_after"),
    "an item deleted": (
        lambda shop, late: shop.stock.pop("P98765"), lambda late: "P98765", "the table has no item"),
    "the last record of a product dropped": (
        lambda shop, late: drop(shop, late, LAST), lambda late: "P98765", "was never applied"),
    "the only record of a product dropped": (
        lambda shop, late: drop(shop, late, LAMP), lambda late: "LAMP", "was never applied"),
    "a record in the middle dropped": (
        lambda shop, late: drop(shop, late, ADDED_2), lambda late: "P98765", "quantity should be 8, is 6"),
    "a re-send's refreshment dropped": (
        lambda shop, late: drop(shop, late, RE_SENT), lambda late: "P98765", "recent_events"),
    "a poison record dropped": (
        lambda shop, late: drop(shop, late, POISON), lambda late: f"record {late[POISON]}{ON}", "as not_json, is not"),
    "a refusal dropped": (
        lambda shop, late: drop(shop, late, TOO_MANY), lambda late: f"record {late[TOO_MANY]}{ON}", "as insufficient"),
    "a refusal dropped of a product without an item": (
        lambda shop, late: drop(shop, late, GHOST), lambda late: f"record {late[GHOST]}{ON}", "not_active"),
    "a record applied twice": (
        lambda shop, late: apply_twice(shop, late, LAST), lambda late: "P98765", "quantity should be 8, is 7"),
    "a quarantine entry for an applied record": (
        lambda shop, late: shop.quarantine_as(late[ADDED_2], "insufficient_stock", late[ADDED_2]),
        lambda late: f"record {late[ADDED_2]}{ON}", "though it could be applied"),
    "an overtaken record that was applied": (
        lambda shop, late: shop.quarantine_as(late[ADDED_2], "out_of_order"),
        lambda late: f"record {late[ADDED_2]}{ON}", "though it could be applied"),
    "a quarantine entry of no record": (
        lambda shop, late: shop.refuse(
            shop.record("shardId-000000000000", shop.find(late[LAMP])[1] | {"SequenceNumber": "9" * 56}), REFUSAL),
        lambda late: f"record {'9' * 56}{ON}", "the stream has no such record"),
    "a wrong reason": (
        lambda shop, late: shop.quarantine.update(
            {f"shardId-000000000000:{late[POISON]}":
             shop.quarantine[f"shardId-000000000000:{late[POISON]}"] | {"reason": {"S": "invalid_event"}}}),
        lambda late: f"record {late[POISON]}{ON}", "is quarantined as invalid_event, should be as not_json"),
    "a foreign item": (
        lambda shop, late: shop.stock.update(NOTE={"product_id": {"S": "NOTE"}, "text": {"S": "call Anna"}}),
        lambda late: "NOTE", "not written by the projector"),
    "a foreign item in the quarantine": (
        lambda shop, late: shop.quarantine.update(NOTE={"record_id": {"S": "NOTE"}}),
        lambda late: "quarantine item 'NOTE'", "not an item of the projector's"),
    "an item of no event": (
        lambda shop, late: shop.stock.update(SPOON=shop.stock["LAMP"] | {"product_id": {"S": "SPOON"}}),
        lambda late: "SPOON", "the stream has no event"),
    "a foreign dead letter": (
        lambda shop, late: shop.letters.append("hello"), lambda late: "the dead-letter queue holds a message", "hello"),
    "a product on two shards": (
        lambda shop, late: split(shop), lambda late: "LAMP", "the order across shards is not guaranteed"),
}  # fmt: skip


def flowing(shop: Shop, step: str) -> None:
    """Let events be sent and delivered just after a step of the reading, and others wait."""

    def trade() -> None:
        shop.send(incremented("CUP"), added("CUP", 5), decremented("CUP", 99), b"mud", removed("CUP"), added("CUP", 1))
        shop.deliver(3)

    shop.meanwhile[step] = trade


@pytest.mark.parametrize("how", ["from the beginning", "from a snapshot", "while events flow"])
@pytest.mark.parametrize("planted", PLANTED)
def test_a_planted_mistake_is_found_and_nothing_else(shop, planted, how):
    plant, subject, told = PLANTED[planted]
    shop.sell(*EARLY)
    name = shop.snapshot() if how == "from a snapshot" else None
    late = shop.sell(*LATE)
    plant(shop, late)
    if how == "while events flow":
        for step in ("pipe", "stock", "letters", "quarantine"):
            flowing(shop, step)
    result = shop.audit(wait=False)
    assert result.from_snapshot == name
    assert result.discrepancies, "not found"
    assert any(told in sentence for sentence in result.discrepancies), result.discrepancies
    wrong = [sentence for sentence in result.discrepancies if not sentence.startswith(subject(late))]
    assert not wrong, "told of others"


# ── no mistakes: what an audit must not mind ──


@pytest.mark.parametrize("step", ["pipe", "stock", "letters", "quarantine"])
@pytest.mark.parametrize("start", [False, True])
def test_an_audit_does_not_mind_what_happens_while_it_reads(shop, step, start):
    shop.sell(*EARLY)
    if start:
        shop.snapshot()
    shop.send(*LATE)
    shop.meanwhile[step] = lambda: (shop.deliver(), shop.sell(*EARLY, *LATE), shop.send(*LATE))
    result = shop.audit(wait=False)
    assert result.discrepancies == []
    assert result.records == result.applied + result.duplicates + sum(result.quarantined.values()) + result.pending
    assert shop.read == ["pipe", "stock", "letters", "quarantine"] * (2 if start else 1)


CHANGES = {  # all that these doubles can change
    "dynamodb": ("batch_execute_statement", "update_item"),
    "kinesis": ("put_record", "put_records"), "s3": ("delete_object", "put_object"), "sqs": ("delete_message_batch",),
}  # fmt: skip


@pytest.mark.parametrize("start", [False, True])
def test_an_audit_only_reads(shop, monkeypatch, start):
    shop.sell(*EARLY)
    if start:
        shop.snapshot()
    shop.sell(*LATE)
    shop.letters.append("hello")

    def forbidden(*_, **__):
        raise AssertionError("an audit changes nothing")

    for service, names in CHANGES.items():
        for name in names:
            monkeypatch.setattr(shop.cloud.client(service), name, forbidden, raising=False)
    assert [told for told in shop.audit().discrepancies if "hello" not in told] == []
    if not start:
        with pytest.raises(AssertionError, match="changes nothing"):
            shop.letters.clear()
            shop.snapshot()


def test_a_record_is_pending_above_the_checkpoint_and_missing_below(shop):
    shop.sell(*EARLY)
    shop.send(*LATE)
    assert (shop.audit(wait=False).pending, shop.audit(wait=False).discrepancies) == (9, [])
    shop.skip(len(LATE))
    assert len(shop.audit(wait=False).discrepancies) == 7  # three products, four refused records
    assert shop.audit(wait=False).pending == 0


def test_where_nobody_can_be_asked_a_record_is_pending_as_long_as_the_pipe_may_try(monkeypatch):
    shop = Shop(monkeypatch, asked=False)
    shop.sell(*EARLY)
    shop.send(*LATE)
    shop.now += 3600 + 59 - len(LATE)
    assert (shop.audit(wait=False).pending, shop.audit(wait=False).discrepancies) == (9, [])
    shop.now += 60 + len(LATE)
    assert len(shop.audit(wait=False).discrepancies) == 7


def test_waiting_ends_when_the_pipe_gets_no_further(shop):
    shop.sell(*EARLY)
    shop.send(*LATE)
    result = shop.audit()
    assert result.discrepancies == ["the pipe has not confirmed 9 records, and does not get any further"]


def begins_after(shop, monkeypatch, seconds):
    """Let the pipe begin to poll so many seconds from now, on a clock that waiting moves on. Returns the time."""
    began = shop.now
    shop.cloud.poll_seconds, shop.cloud.patience_seconds = 3, 180
    shop.is_starting, shop.pipe_changed_at = True, datetime.fromtimestamp(began, UTC)

    def wait(holds, every):
        while not (said := holds()):
            shop.now += every
            if shop.is_starting and shop.now - began > seconds:
                shop.is_starting = False
                shop.deliver()
        return said

    monkeypatch.setattr(audit, "eventually", wait)
    monkeypatch.setattr(audit, "time", SimpleNamespace(time=shop.tick, monotonic=lambda: shop.now))
    return began


@pytest.mark.parametrize("asked", [True, False])
def test_a_pipe_that_begins_to_poll_after_ten_minutes_is_waited_for(monkeypatch, asked):
    shop = Shop(monkeypatch, asked=asked)
    began = begins_after(shop, monkeypatch, 600)
    shop.send(*EARLY)
    result = shop.audit()
    assert (result.discrepancies, result.pending, result.records) == ([], 0, len(EARLY))
    assert shop.now - began > 600


def test_a_pipe_that_never_begins_is_not_waited_for_for_ever(monkeypatch):
    shop = Shop(monkeypatch, asked=False)
    began = begins_after(shop, monkeypatch, math.inf)
    shop.send(*EARLY)
    [stuck] = shop.audit().discrepancies
    assert "does not get any further" in stuck
    assert 900 < shop.now - began < 1200


def test_waiting_is_for_what_was_there_when_it_began(shop):
    shop.sell(*EARLY)
    shop.send(*LATE)
    shop.meanwhile["pipe"] = lambda: (shop.deliver(), shop.send(*EARLY))
    result = shop.audit()
    assert (result.discrepancies, result.pending) == ([], len(EARLY))


# ── records that never took effect at their places ──


def test_an_overtaken_record_is_left_out_at_its_place(shop):
    shop.sell(added(quantity=10))
    late, sale = shop.send(decremented(quantity=3), decremented(quantity=99))
    shard_id, raw = shop.find(sale)
    shop.project(shard_id, raw)  # refused on 10, as it would be on 7
    [more] = shop.send(incremented(quantity=1))
    shop.project(*shop.find(more))
    shop.project(*shop.find(late))
    shop.skip(3)
    result = shop.audit()
    assert result.quarantined == {"insufficient_stock": 1, "out_of_order": 1}
    assert (result.discrepancies, result.left_out) == ([], 1)


def test_nothing_can_be_overtaken_beyond_the_last_record_applied(shop):
    shop.sell(added(quantity=10))
    [late] = shop.send(decremented(quantity=3))
    shop.quarantine_as(late, "out_of_order")
    shop.skip(1)
    assert "no later event was applied" in shop.audit().discrepancies[0]


def test_a_refusal_on_a_state_that_did_not_last_is_left_out(shop):
    shop.sell(added(quantity=10))
    gone, refused = shop.send(decremented(quantity=9), decremented(quantity=5))
    shop.quarantine_as(refused, "insufficient_stock", judged_on=gone)  # then the batch failed, and was given up
    shop.give_up(gone)
    shop.skip(1)
    shop.sell(decremented(quantity=2))
    result = shop.audit()
    assert (result.discrepancies, result.left_out, result.given_up) == ([], 2, 1)


def test_a_record_given_up_is_named_by_a_letter_or_missing(shop):
    shop.sell(added(quantity=10))
    [gone] = shop.send(decremented(quantity=9))
    shop.give_up(gone)
    shop.sell(decremented(quantity=2))
    assert (shop.audit().discrepancies, shop.audit().given_up) == ([], 1)
    shop.letters.clear()
    assert shop.audit().discrepancies[0].startswith("P98765: ")


def test_a_record_brought_back_is_left_out_where_it_was_given_up(shop):
    shop.sell(added(quantity=10))
    [gone] = shop.send(decremented(quantity=9))
    shop.give_up(gone)
    shop.sell(decremented(quantity=1))
    shop.quarantine_as(gone, "given_up")
    shop.letters.clear()
    shop.sell(decremented(quantity=9, event_id="again"))
    result = shop.audit()
    assert (result.discrepancies, result.left_out, result.given_up) == ([], 1, 0)
    assert shop.level("P98765").quantity == 0


def test_bringing_back_while_the_audit_reads_is_no_discrepancy(shop):
    shop.sell(added(quantity=10))
    [gone] = shop.send(decremented(quantity=9))
    shop.give_up(gone)
    shop.sell(decremented(quantity=1))
    for step in ("pipe", "stock", "letters"):

        def redrive() -> None:
            shop.quarantine_as(gone, "given_up")
            shop.letters.clear()

        shop.meanwhile[step] = redrive
        assert shop.audit(wait=False).discrepancies == []
        shop.letters.append(letter_of("shardId-000000000000", gone, gone))
        shop.quarantine.clear()


@pytest.mark.parametrize("was_applied", [False, True])
def test_a_letter_may_name_what_was_applied_and_is_older_than_all_that_is_remembered(shop, was_applied):
    shop.sell(added(quantity=100))
    [place] = shop.send(decremented(quantity=9))
    if was_applied:
        shop.project(*shop.find(place))
    shop.give_up(place)
    shop.sell(*[incremented(quantity=1)] * 40)
    result = shop.audit()
    assert (result.discrepancies, result.given_up) == ([], 0 if was_applied else 1)
    shop.edit(quantity={"N": "5"})
    assert "quantity should be" in shop.audit().discrepancies[0]


def test_a_product_moves_to_a_child_shard(shop):
    shop.sell(*EARLY)
    [first, second] = shop.kinesis.split("shardId-000000000000")
    shop.sell(*LATE)
    shop.kinesis.merge(first, second)
    shop.sell(*EARLY, *LATE)
    assert shop.audit().discrepancies == []
    name = shop.snapshot()
    shop.sell(*LATE)
    assert (shop.audit().discrepancies, shop.audit().from_snapshot) == ([], name)
