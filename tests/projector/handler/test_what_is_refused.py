"""What is refused, and that it lies in quarantine before the state is written."""

import pytest

from tests.doubles import added, decremented, incremented, place, record, removed
from tests.projector.handler.world import LAMP, MUG, QUARANTINE, STOCK, named


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
    assert world.reasons == [
        "not_json", "insufficient_stock", "already_active", "unknown_event_type", "invalid_event",
        "wrong_partition_key", "not_active",
    ]  # fmt: skip
    assert world.quantity(LAMP) == 2
    assert MUG not in world.stock, "a refusal leaves no item behind"


def test_a_record_is_quarantined_before_the_state_is_written(world):
    world.invoke(record(added(LAMP, 3), 0), record(decremented(LAMP, 9), 1), record(decremented(LAMP, 1), 2))
    assert [table for table, _ in world.diary] == [QUARANTINE, STOCK]


def test_a_refusal_says_which_state_it_was_judged_on(world):
    world.invoke(record(removed(LAMP), 0), record(added(LAMP, 3), 1), record(decremented(LAMP, 9), 2))
    world.invoke(record(decremented(LAMP, 1), 4), record(decremented(LAMP, 1), 3), record(b"", 5))
    judged_on = {item["reason"]["S"]: item.get("judged_on") for item in world.quarantine}
    assert judged_on == {
        "not_active": {"S": ""},
        "insufficient_stock": {"S": str(place(1))},
        "out_of_order": None,
        "not_json": None,
    }


def without(*refused):
    """Return a fate: these records are not taken by the quarantine, and there is no use in waiting."""
    return lambda what, key: "refused" if what == QUARANTINE and key in named(*refused) else ""


def test_of_a_product_whose_refusal_is_not_in_quarantine_the_records_before_it_stand_and_the_rest_comes_again(world):
    lamp = [
        record(added(LAMP, 3), 0),
        record(decremented(LAMP, 1), 1),
        record(decremented(LAMP, 9), 2),
        record(decremented(LAMP, 1), 4),
        record(decremented(LAMP, 7), 5),
    ]
    mug = [record(added(MUG, 3), 3), record(decremented(MUG, 9), 6), record(decremented(MUG, 1), 7)]
    world.fate = without(lamp[2])
    story = sorted([*lamp, *mug], key=lambda each: each.sequence_number)
    assert world.invoke(*story) == named(*lamp[2:])
    assert (world.quantity(LAMP), world.quantity(MUG)) == (2, 2)
    assert world.stock[LAMP]["last_sequence_number"] == {"S": str(place(1))}

    world.fate = lambda what, key: ""
    assert world.invoke(*lamp[2:]) == []
    assert world.quantity(LAMP) == 1
    assert world.reasons == ["insufficient_stock"] * 3


def test_a_late_record_whose_refusal_is_not_in_quarantine_keeps_later_ones_of_its_product_back(world):
    world.invoke(record(added(LAMP, 3), 0), record(decremented(LAMP, 1), 2))
    late, sale = record(decremented(LAMP, 1), 1), record(decremented(LAMP, 1), 3)
    world.fate = without(late)
    assert world.invoke(late, sale) == named(late, sale)
    assert world.quantity(LAMP) == 2


def test_a_refusal_that_needs_no_state_comes_again_alone(world):
    poison, lamp, sale = record(b"{", 0, partition_key=LAMP), record(added(LAMP, 3), 1), record(decremented(LAMP), 2)
    world.fate = without(poison)
    assert world.invoke(poison, lamp, sale) == named(poison)
    assert world.quantity(LAMP) == 2


def test_refusals_that_are_throttled_are_put_later_and_what_stands_is_written_meanwhile(world):
    answers = iter(["throttled"])
    world.fate = lambda what, key: next(answers, "") if what == QUARANTINE else ""
    lamp = [record(added(LAMP, 3), 0), record(decremented(LAMP, 9), 1), record(decremented(LAMP, 1), 2)]
    assert world.invoke(*lamp) == []
    assert [table for table, _ in world.diary] == [STOCK, QUARANTINE, STOCK]
    assert world.quantity(LAMP) == 2


def test_poison_that_is_throttled_for_long_comes_again_alone(world):
    poison, lamp = record(b"{", 0, partition_key=LAMP), record(added(LAMP, 3), 1)
    world.fate = lambda what, key: "throttled" if what == QUARANTINE else ""
    assert world.invoke(poison, lamp) == named(poison)
    assert world.quantity(LAMP) == 3


def test_a_put_whose_answer_was_lost_is_found_in_the_table_when_the_record_comes_again(world):
    answers = iter(["answer lost"])
    world.fate = lambda what, key: next(answers, "") if what == QUARANTINE else ""
    sale = record(decremented(LAMP, 1), 0)
    assert world.invoke(sale) == named(sale)
    assert world.invoke(sale) == []
    assert world.reasons == ["not_active"]


def test_the_quarantine_is_out_altogether_and_only_what_needs_it_comes_again(world):
    def out(call):
        if "Statements" in call.request and world.database.key_of(call.request["Statements"][0])[0] == QUARANTINE:
            raise ConnectionError("no route")

    world.before = out
    poison, lamp, mug = record(b"{", 0), record(added(LAMP, 3), 1), record(removed(MUG), 2)
    assert world.invoke(poison, lamp, mug) == named(poison, mug)
    assert list(world.stock) == [LAMP]


BAD = [lambda product, n: record(b"\xff", n, partition_key=product), lambda product, n: record(removed(product), n)]


@pytest.mark.parametrize("bad", BAD, ids=["poison", "refused by a rule"])
def test_a_flood_of_bad_records_takes_the_good_ones_through(world, bad):
    good = [record(added(f"GOOD-{n}", n), n) for n in range(10)]
    story = [*good[:5], *(bad(f"BAD-{n % 100}", n) for n in range(5, 995)), *good[5:]]
    assert world.invoke(*story) == []
    assert [world.quantity(f"GOOD-{n}") for n in range(10)] == list(range(10))
    assert len(world.quarantine) == 990
    puts = [parts for name, parts in world.requests if name == "batch_execute_statement"]
    assert len(puts) == 41 and sum(puts) == 1000, "40 requests of puts, one of writes"


@pytest.mark.parametrize("bad", BAD, ids=["poison", "refused by a rule"])
def test_a_flood_of_one_product_ends_although_only_40_puts_an_attempt_are_taken(world, bad):
    flood = [bad(LAMP, n) for n in range(500)]
    waiting, attempts = [*flood, record(added(LAMP, 3), 500), record(decremented(LAMP, 1), 501)], 0
    while waiting:
        tokens = iter(range(40))
        world.fate = lambda what, key, tokens=tokens: (
            "throttled" if what == QUARANTINE and next(tokens, None) is None else ""
        )
        world.seconds = 3  # no time to wait: this is one attempt of the pipe
        again = world.invoke(*waiting)
        waiting, attempts = [each for each in waiting if each.item_identifier in again], attempts + 1
        assert attempts <= 13, "500 puts, 40 an attempt"
    assert world.quantity(LAMP) == 2
    assert len(world.quarantine) == 500
