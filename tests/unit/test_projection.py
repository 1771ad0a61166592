"""Sections 2 and 3 of the contract: what an event does, and that it does so once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stock_projector.events import Refusal, parse
from stock_projector.memory import CAPACITY
from stock_projector.projection import MOST_STOCK, Outcome, StockLevel, fold, project

from tests.events import added, decremented, incremented, place, record, removed

APPLIED, DUPLICATE = Outcome.APPLIED, Outcome.DUPLICATE
BILLION = 1_000_000_000


def told(level, *story):
    """Project (place, event) pairs. Returns the new level and what became of each: an outcome or a reason."""
    after, outcomes = fold(level, [(place(number), parse(record(said, number))) for number, said in story])
    return after, [each.reason if isinstance(each, Refusal) else each for each in outcomes]


def shelf(quantity=10, name="Laptop"):
    """Return a laptop that was added at place 0, with so many in stock."""
    level, [outcome] = told(StockLevel("P98765"), (0, added(quantity=min(quantity, BILLION), name=name)))
    assert outcome == APPLIED
    level.quantity = quantity
    return level


def never_seen():
    return StockLevel("P98765")


def taken_off():
    return told(shelf(), (1, removed()))[0]


# ── what an event does: the table, cell by cell ──


@pytest.mark.parametrize("before", [never_seen, taken_off])
def test_an_added_product_becomes_active_with_that_name_and_quantity(before):
    level, [outcome] = told(before(), (5, added(quantity=7, name="Crunchy Laptop")))
    assert outcome == APPLIED
    assert (level.is_active, level.product_name, level.quantity) == (True, "Crunchy Laptop", 7)


def test_an_active_product_is_never_silently_overwritten():
    level, [outcome] = told(shelf(10), (5, added(quantity=99, name="Impostor")))
    assert outcome == "already_active"
    assert level == shelf(10)


def test_a_product_that_is_sold_out_is_active_all_the_same():
    level, outcomes = told(
        shelf(3), (5, decremented(quantity=3)), (6, added(quantity=99)), (7, incremented(quantity=2))
    )
    assert outcomes == [APPLIED, "already_active", APPLIED]
    assert level.quantity == 2


@pytest.mark.parametrize("before", [never_seen, taken_off])
@pytest.mark.parametrize("said", [removed(), incremented(), decremented()])
def test_nothing_but_an_addition_can_happen_to_a_product_that_is_not_active(before, said):
    level, [outcome] = told(before(), (5, said))
    assert outcome == "not_active"
    assert level == before()


def test_a_removed_product_has_no_stock_and_keeps_its_name():
    level, [outcome] = told(shelf(10), (5, removed()))
    assert outcome == APPLIED
    assert (level.is_active, level.quantity, level.product_name) == (False, 0, "Laptop")


def test_an_increment_adds_and_a_decrement_takes_away():
    level, outcomes = told(shelf(10), (5, incremented(quantity=5)), (6, decremented(quantity=12)))
    assert outcomes == [APPLIED, APPLIED]
    assert level.quantity == 3


def test_the_last_one_can_be_sold_and_not_one_more():
    level, outcomes = told(shelf(3), (5, decremented(quantity=3)), (6, decremented(quantity=1)))
    assert outcomes == [APPLIED, "insufficient_stock"]
    assert level.quantity == 0


def test_more_than_there_is_cannot_be_sold_not_even_in_part():
    level, outcomes = told(shelf(3), (5, decremented(quantity=4)))
    assert outcomes == ["insufficient_stock"]
    assert level.quantity == 3


def test_stock_reaches_a_trillion_and_not_one_more():
    level, outcomes = told(shelf(MOST_STOCK - 1), (5, incremented(quantity=1)), (6, incremented(quantity=1)))
    assert MOST_STOCK == 1_000_000_000_000
    assert outcomes == [APPLIED, "quantity_overflow"]
    assert level.quantity == MOST_STOCK


def test_a_removal_ignores_what_it_says_about_quantity():
    assert told(shelf(10), (5, removed(quantity=3)))[0].quantity == 0


def test_a_change_ignores_what_it_says_about_the_name():
    assert told(shelf(), (5, incremented(product_name="Impostor")))[0].product_name == "Laptop"


def test_the_version_counts_every_change_over_all_lives_and_nothing_else():
    level, outcomes = told(
        never_seen(),
        (0, incremented()),
        (1, added()),
        (2, added()),
        (3, removed()),
        (4, removed()),
        (5, added(quantity=0)),
        (6, decremented()),
        (7, incremented(event_id="restock-7")),
        (8, incremented(event_id="restock-7")),
    )
    assert outcomes.count(APPLIED) == level.version == 4


def test_the_time_is_that_of_the_last_applied_event_even_if_it_runs_backwards():
    level, _ = told(
        shelf(),
        (1, incremented(timestamp="2023-09-11T15:00:00Z")),
        (2, incremented(timestamp="2023-09-11T11:00:00+02:00")),
        (3, added(timestamp="2030-01-01T00:00:00Z")),
    )
    assert level.updated_at == "2023-09-11T11:00:00+02:00"


def test_a_refusal_says_in_words_what_was_in_the_way():
    detail = project(shelf(3), place(5), parse(record(decremented(quantity=4), 5))).detail
    assert "3" in detail and "4" in detail


# ── once: redelivery, re-send, out of order ──


def test_a_redelivered_record_is_a_duplicate_and_changes_nothing():
    level, _ = told(shelf(10), (1, decremented(quantity=3)), (2, incremented(quantity=5)))
    again, outcomes = told(level, (0, added()), (1, decremented(quantity=3)), (2, incremented(quantity=5)))
    assert outcomes == [DUPLICATE] * 3
    assert again == level


def test_a_redelivery_is_recognised_before_any_rule_is_asked():
    sold_out, _ = told(shelf(3), (1, decremented(quantity=3)))
    assert told(sold_out, (1, decremented(quantity=3)))[1] == [DUPLICATE]
    assert told(sold_out, (0, added(quantity=3)))[1] == [DUPLICATE]


def test_a_re_send_is_a_duplicate_at_its_new_place():
    level, _ = told(shelf(10), (1, decremented(quantity=3, event_id="sale-1")))
    again, outcomes = told(level, (9, decremented(quantity=3, event_id="sale-1")))
    assert outcomes == [DUPLICATE]
    assert (again.quantity, again.version) == (level.quantity, level.version)
    assert again.last_sequence_number == place(9)
    assert again.updated_at == level.updated_at


def test_a_re_send_is_known_by_its_event_id_alone_whatever_else_it_says():
    level, outcomes = told(shelf(10), (1, incremented(quantity=1, event_id="e")), (2, removed(event_id="e")))
    assert outcomes == [APPLIED, DUPLICATE]
    assert level.is_active


def test_a_re_send_of_an_event_of_an_earlier_life_is_still_a_duplicate():
    level, outcomes = told(
        never_seen(),
        (0, added(event_id="first-life")),
        (1, removed(event_id="the-end")),
        (2, added(quantity=4, event_id="second-life")),
        (3, removed(event_id="the-end")),
        (4, added(event_id="first-life")),
    )
    assert outcomes == [APPLIED, APPLIED, APPLIED, DUPLICATE, DUPLICATE]
    assert (level.is_active, level.quantity) == (True, 4)


def test_without_an_event_id_a_re_send_cannot_be_told_from_a_second_sale():
    level, outcomes = told(shelf(10), (1, decremented(quantity=3)), (2, decremented(quantity=3)))
    assert outcomes == [APPLIED, APPLIED]
    assert level.quantity == 4


def test_a_re_send_of_a_refused_event_is_a_new_attempt_at_its_new_place():
    sale = decremented(quantity=12, event_id="sale-1")
    level, outcomes = told(shelf(10), (1, sale), (2, incremented(quantity=5)), (3, sale))
    assert outcomes == ["insufficient_stock", APPLIED, APPLIED]
    assert level.quantity == 3


def test_an_overtaken_record_is_refused_as_out_of_order_and_not_lost_in_silence():
    level, _ = told(shelf(10), (2, incremented(quantity=5)))
    again, outcomes = told(level, (1, decremented(quantity=3)))
    assert outcomes == ["out_of_order"]
    assert again == level


def test_a_refused_record_that_comes_again_is_out_of_order_once_another_was_applied():
    level, outcomes = told(
        shelf(2), (1, decremented(quantity=3)), (2, incremented(quantity=5)), (1, decremented(quantity=3))
    )
    assert outcomes == ["insufficient_stock", APPLIED, "out_of_order"]
    assert level.quantity == 7


def test_a_refused_record_that_comes_again_at_once_is_refused_for_the_same_reason():
    level, outcomes = told(shelf(2), (1, decremented(quantity=3)), (1, decremented(quantity=3)))
    assert outcomes == ["insufficient_stock", "insufficient_stock"]
    assert level == shelf(2)


def test_an_overtaken_re_send_is_a_duplicate_because_its_event_was_applied():
    sale = decremented(quantity=3, event_id="sale-1")
    level, outcomes = told(shelf(10), (3, sale), (2, sale))
    assert outcomes == [APPLIED, DUPLICATE]
    assert level.quantity == 7
    assert level.last_sequence_number == place(3), "it never goes back"


def test_a_redelivery_after_a_re_send_is_a_duplicate():
    sale = decremented(quantity=3, event_id="sale-1")
    _, outcomes = told(shelf(10), (1, sale), (5, sale), (1, sale), (5, sale))
    assert outcomes == [APPLIED, DUPLICATE, DUPLICATE, DUPLICATE]


def test_an_event_id_made_of_digits_is_not_mistaken_for_a_sequence_number():
    level, outcomes = told(
        shelf(10),
        (1, incremented(quantity=1)),
        (2, incremented(quantity=1, event_id=str(place(1)))),
        (3, incremented(quantity=1, event_id=f"at:{place(1)}")),
    )
    assert outcomes == [APPLIED] * 3
    assert level.quantity == 13


def test_event_ids_are_compared_to_the_letter():
    _, outcomes = told(
        shelf(), *((n, incremented(event_id=e)) for n, e in enumerate(["sale", "Sale", "sale ", "sal"], 1))
    )
    assert outcomes == [APPLIED] * 4


# ── how far the memory reaches ──


def busy(events_after_the_sale):
    """Return a laptop whose sale was followed by so many other applied events."""
    sale = decremented(quantity=3, event_id="sale-1")
    rest = [(2 + number, incremented(event_id=f"restock-{number}")) for number in range(events_after_the_sale)]
    return told(shelf(10), (1, sale), *rest)[0], sale


def test_a_re_send_is_caught_with_31_applied_events_in_between():
    level, sale = busy(CAPACITY - 1)
    assert CAPACITY == 32
    assert told(level, (99, sale))[1] == [DUPLICATE]


def test_a_re_send_is_forgotten_with_32_applied_events_in_between():
    level, sale = busy(CAPACITY)
    assert told(level, (99, sale))[1] == [APPLIED]


def test_a_redelivery_is_caught_however_far_back_it_lies():
    level, sale = busy(500)
    again, outcomes = told(level, (0, added()), (1, sale), (2, incremented(event_id="restock-0")))
    assert outcomes == [DUPLICATE] * 3
    assert again == level


def test_the_memory_says_from_where_on_it_is_complete():
    assert busy(CAPACITY - 2)[0].memory.remembers_after == 0, "32 applied events: nothing is forgotten yet"
    assert busy(CAPACITY - 1)[0].memory.remembers_after == place(0), "the 33rd pushes out the addition"
    assert busy(CAPACITY)[0].memory.remembers_after == place(1), "and the next one the sale"


def test_an_overtaken_record_is_found_out_as_far_back_as_the_memory_reaches():
    sale = (1, decremented(quantity=3))
    rest = [(2 + number, incremented()) for number in range(CAPACITY)]
    assert told(shelf(10), *rest[:-1], sale)[1][-1] == "out_of_order", "31 later ones: only the addition is forgotten"
    far = told(shelf(10), *rest, (2 + CAPACITY, incremented()))[0]
    assert far.memory.remembers_after == place(2)
    assert told(far, sale)[1] == [DUPLICATE], "beyond the memory it cannot be told from a redelivery"


def test_a_re_send_refreshes_its_entry_so_that_the_next_one_is_caught_too():
    level, sale = busy(CAPACITY - 1)
    level, [outcome] = told(level, (50, sale))
    assert outcome == DUPLICATE
    later = [(51 + number, incremented(event_id=f"later-{number}")) for number in range(CAPACITY - 1)]
    level, _ = told(level, *later)
    assert told(level, (99, sale))[1] == [DUPLICATE], "31 events after the re-send, 62 after the sale"


def test_a_refreshed_entry_takes_the_place_of_the_re_send():
    level, sale = busy(3)
    level, _ = told(level, (50, sale))
    assert level.memory.entries()[-1][1] == place(50)
    assert len(level.memory.entries()) == 5, "it moved, it was not written twice"


def test_refusals_do_not_use_up_memory():
    level, sale = busy(0)
    level, outcomes = told(level, *((2 + number, added(event_id=f"again-{number}")) for number in range(100)))
    assert set(outcomes) == {"already_active"}
    assert told(level, (999, sale))[1] == [DUPLICATE]


# ── the fold ──


def test_the_fold_leaves_what_it_was_given_as_it_was():
    before = shelf(10)
    told(before, (1, decremented(quantity=3)), (2, removed()))
    assert before == shelf(10)


def test_the_fold_of_nothing_is_nothing():
    assert told(shelf(10)) == (shelf(10), [])


EVENTS = st.builds(
    lambda say, quantity, event_id: (
        say(event_id=event_id) if say is removed else say(quantity=quantity, event_id=event_id)
    ),
    st.sampled_from([added, removed, incremented, incremented, decremented, decremented]),
    st.integers(1, 12),
    st.sampled_from([None, None, "a", "b", "c"]),
)
STORIES = st.lists(EVENTS, max_size=60).map(lambda story: list(enumerate(story)))


@given(STORIES, st.integers(0, 60))
def test_how_the_log_is_cut_into_batches_does_not_matter(story, cut):
    whole, outcomes = told(never_seen(), *story)
    half, first = told(never_seen(), *story[:cut])
    both, second = told(half, *story[cut:])
    assert (both, first + second) == (whole, outcomes)


@given(STORIES, st.data())
def test_redelivery_of_anything_at_any_time_changes_nothing(story, data):
    level, outcomes = told(never_seen(), *story)
    applied = [each for each, outcome in zip(story, outcomes, strict=True) if outcome == APPLIED]
    again = data.draw(st.lists(st.sampled_from(applied), max_size=20)) if applied else []
    after, repeated = told(level, *again)
    assert after == level
    assert repeated == [DUPLICATE] * len(again)


@given(STORIES)
def test_stock_is_never_negative_and_every_step_is_accounted_for(story):
    level = never_seen()
    for step in story:
        before = level
        level, [outcome] = told(before, step)
        assert level.quantity >= 0
        assert level.version == before.version + (outcome == APPLIED)
        assert level.last_sequence_number == (
            place(step[0]) if outcome in (APPLIED, DUPLICATE) else before.last_sequence_number
        )
