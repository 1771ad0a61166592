"""Somebody else writes the same product."""

from stock_projector import batch

from tests.doubles import added, decremented, incremented, record
from tests.projector.handler.world import LAMP, MUG, QUARANTINE, STOCK, named


def overtaken(world, *rivals, table=STOCK):
    """Let rival invocations go first, each just before one of ours writes to the table."""
    waiting = list(rivals)

    def first_come_the_others(call):
        statements = call.request.get("Statements")
        if statements and waiting and world.database.key_of(statements[0])[0] == table:
            world.before = lambda call: None
            world.invoke(waiting.pop(0))
            world.before = first_come_the_others

    world.before = first_come_the_others


def test_whoever_loses_the_race_folds_again_on_what_won_without_reading(world):
    world.invoke(record(added(LAMP, 10), 0))
    overtaken(world, record(decremented(LAMP, 3), 1))
    world.requests.clear()
    assert world.invoke(record(decremented(LAMP, 5), 2)) == []
    assert world.quantity(LAMP) == 2
    assert world.stock[LAMP]["version"] == {"N": "3"}
    ours_and_the_rivals = ["batch_get_item"] * 2 + ["batch_execute_statement"] * 3
    assert sorted(name for name, _ in world.requests) == sorted(ours_and_the_rivals)


def test_a_product_that_somebody_else_wrote_first_is_read_and_folded_again(world):
    overtaken(world, record(added(LAMP, 10), 0))
    assert world.invoke(record(decremented(LAMP, 3), 1)) == [], "INSERT: DuplicateItem holds no item"
    assert world.reasons == ["not_active"], "refused on what was read: nothing at all"
    overtaken(world, record(added(MUG, 10), 2))
    assert world.invoke(record(added(MUG, 4), 3), record(decremented(MUG, 3), 4)) == []
    assert world.quantity(MUG) == 7
    assert world.reasons == ["not_active", "already_active"]


def test_an_answer_without_an_item_is_not_taken_for_no_item(world):
    world.invoke(record(added(LAMP, 10), 0))
    overtaken(world, record(decremented(LAMP, 3), 1))
    world.fate = lambda what, key: "no item" if what == STOCK else ""
    assert world.invoke(record(decremented(LAMP, 5), 2)) == []
    assert world.quantity(LAMP) == 2


def test_a_lost_guard_is_that_products_own(world):
    world.invoke(record(added(LAMP, 10), 0), record(added(MUG, 10), 1))
    overtaken(world, record(decremented(MUG, 3), 2))
    assert world.invoke(record(decremented(LAMP, 5), 3), record(decremented(MUG, 5), 4)) == []
    assert (world.quantity(LAMP), world.quantity(MUG)) == (5, 2)


def test_two_invocations_with_the_same_records_apply_them_once(world):
    story = record(added(LAMP, 10), 0)
    overtaken(world, story)
    assert world.invoke(story) == []
    assert world.quantity(LAMP) == 10
    assert world.stock[LAMP]["version"] == {"N": "1"}


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


def test_the_first_verdict_stays_whoever_comes_after_it(world):
    world.invoke(record(added(LAMP, 1), 0))
    too_much = record(decremented(LAMP, 4), 1)
    overtaken(world, too_much, table=QUARANTINE)
    world.invoke(too_much)
    world.invoke(record(incremented(LAMP, 9), 2))
    first = world.quarantine
    assert world.invoke(too_much) == [], "out_of_order by now, but it lies there already"
    assert world.quarantine == first
    assert world.reasons == ["insufficient_stock"]


def test_a_zombies_shorter_batch_that_wins_leaves_the_longer_one_its_rest(world):
    world.invoke(record(added(LAMP, 100), 0))
    sales = [record(decremented(LAMP, 1), number) for number in range(1, 9)]
    overtaken(world, sales[0], sales[1])
    assert world.invoke(*sales) == []
    assert world.quantity(LAMP) == 92
    assert world.stock[LAMP]["version"] == {"N": "9"}


def test_a_product_that_others_never_stop_writing_comes_again_later_and_its_neighbours_do_not(world):
    world.invoke(record(added(LAMP, 1000), 0))
    overtaken(world, *(record(decremented(LAMP, 1), number) for number in range(1, 1 + batch.MOST_LOST_GUARDS * 3)))
    late, mug = record(decremented(LAMP, 1), 999), record(added(MUG), 1000)
    assert world.invoke(late, mug) == named(late)
    assert world.quantity(MUG) == 10
