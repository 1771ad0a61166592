"""Somebody else writes the same product."""

from stock_projector import batch

from tests.doubles.events import added, decremented, incremented, record
from tests.projector.handler.harness import LAMP, MUG, QUARANTINE, STOCK, named


def overtaken(harness, *rivals, table=STOCK):
    """Let rival invocations go first, each just before one of ours writes to the table."""
    waiting = list(rivals)

    def first_come_the_others(call):
        statements = call.request.get("Statements")
        if statements and waiting and harness.database.key_of(statements[0])[0] == table:
            harness.before = lambda call: None
            harness.invoke(waiting.pop(0))
            harness.before = first_come_the_others

    harness.before = first_come_the_others


def test_whoever_loses_the_race_folds_again_on_what_won_without_reading(harness):
    harness.invoke(record(added(LAMP, 10), 0))
    overtaken(harness, record(decremented(LAMP, 3), 1))
    harness.requests.clear()
    assert harness.invoke(record(decremented(LAMP, 5), 2)) == []
    assert harness.quantity(LAMP) == 2
    assert harness.stock[LAMP]["version"] == {"N": "3"}
    ours_and_the_rivals = ["batch_get_item"] * 2 + ["batch_execute_statement"] * 3
    assert sorted(name for name, _ in harness.requests) == sorted(ours_and_the_rivals)


def test_a_product_that_somebody_else_wrote_first_is_read_and_folded_again(harness):
    overtaken(harness, record(added(LAMP, 10), 0))
    assert harness.invoke(record(decremented(LAMP, 3), 1)) == [], "INSERT: DuplicateItem holds no item"
    assert harness.reasons == ["not_active"], "refused on what was read: nothing at all"
    overtaken(harness, record(added(MUG, 10), 2))
    assert harness.invoke(record(added(MUG, 4), 3), record(decremented(MUG, 3), 4)) == []
    assert harness.quantity(MUG) == 7
    assert harness.reasons == ["not_active", "already_active"]


def test_an_answer_without_an_item_is_not_taken_for_no_item(harness):
    harness.invoke(record(added(LAMP, 10), 0))
    overtaken(harness, record(decremented(LAMP, 3), 1))
    harness.fate = lambda what, key: "no item" if what == STOCK else ""
    assert harness.invoke(record(decremented(LAMP, 5), 2)) == []
    assert harness.quantity(LAMP) == 2


def test_a_lost_guard_is_that_products_own(harness):
    harness.invoke(record(added(LAMP, 10), 0), record(added(MUG, 10), 1))
    overtaken(harness, record(decremented(MUG, 3), 2))
    assert harness.invoke(record(decremented(LAMP, 5), 3), record(decremented(MUG, 5), 4)) == []
    assert (harness.quantity(LAMP), harness.quantity(MUG)) == (5, 2)


def test_two_invocations_with_the_same_records_apply_them_once(harness):
    story = record(added(LAMP, 10), 0)
    overtaken(harness, story)
    assert harness.invoke(story) == []
    assert harness.quantity(LAMP) == 10
    assert harness.stock[LAMP]["version"] == {"N": "1"}


def test_a_record_that_is_in_quarantine_is_not_applied_when_the_race_is_run_again(harness):
    harness.invoke(record(added(LAMP, 1), 0))
    too_much, one = record(decremented(LAMP, 4), 2), record(decremented(LAMP, 1), 3)
    overtaken(harness, record(incremented(LAMP, 9), 1))
    assert harness.invoke(too_much, one) == []
    assert harness.reasons == ["insufficient_stock"]
    assert harness.quantity(LAMP) == 9


def test_an_overtaken_record_goes_to_quarantine_as_out_of_order(harness):
    harness.invoke(record(added(LAMP, 10), 0))
    overtaken(harness, record(decremented(LAMP, 3), 2))
    assert harness.invoke(record(decremented(LAMP, 5), 1)) == []
    assert harness.reasons == ["out_of_order"]
    assert harness.quantity(LAMP) == 7


def test_the_first_verdict_stays_whoever_comes_after_it(harness):
    harness.invoke(record(added(LAMP, 1), 0))
    too_much = record(decremented(LAMP, 4), 1)
    overtaken(harness, too_much, table=QUARANTINE)
    harness.invoke(too_much)
    harness.invoke(record(incremented(LAMP, 9), 2))
    first = harness.quarantine
    assert harness.invoke(too_much) == [], "out_of_order by now, but it lies there already"
    assert harness.quarantine == first
    assert harness.reasons == ["insufficient_stock"]


def test_a_zombies_shorter_batch_that_wins_leaves_the_longer_one_its_rest(harness):
    harness.invoke(record(added(LAMP, 100), 0))
    sales = [record(decremented(LAMP, 1), number) for number in range(1, 9)]
    overtaken(harness, sales[0], sales[1])
    assert harness.invoke(*sales) == []
    assert harness.quantity(LAMP) == 92
    assert harness.stock[LAMP]["version"] == {"N": "9"}


def test_a_product_that_others_never_stop_writing_comes_again_later_and_its_neighbours_do_not(harness):
    harness.invoke(record(added(LAMP, 1000), 0))
    overtaken(harness, *(record(decremented(LAMP, 1), number) for number in range(1, 1 + batch.MOST_LOST_GUARDS * 3)))
    late, mug = record(decremented(LAMP, 1), 999), record(added(MUG), 1000)
    assert harness.invoke(late, mug) == named(late)
    assert harness.quantity(MUG) == 10
