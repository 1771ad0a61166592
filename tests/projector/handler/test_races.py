"""Somebody else writes the same product."""

from stock_projector import store as stores

from tests.doubles import added, decremented, incremented, record
from tests.projector.handler.world import LAMP, named


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
