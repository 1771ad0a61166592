"""What an event does: the table of docs/contract.md, section 2, cell by cell."""

import pytest
from stock_projector.events import parse
from stock_projector.projection import MOST_STOCK, project

from tests.doubles.events import added, decremented, incremented, place, record, removed
from tests.projector.projection.laptop import APPLIED, in_stock, never_seen, no_longer_sold, projected


@pytest.mark.parametrize("before", [never_seen, no_longer_sold])
def test_an_added_product_becomes_active_with_that_name_and_quantity(before):
    level, [outcome] = projected(before(), (5, added(quantity=7, name="Crunchy Laptop")))
    assert outcome == APPLIED
    assert (level.is_active, level.product_name, level.quantity) == (True, "Crunchy Laptop", 7)


def test_an_active_product_is_never_silently_overwritten():
    level, [outcome] = projected(in_stock(10), (5, added(quantity=99, name="Impostor")))
    assert outcome == "already_active"
    assert level == in_stock(10)


def test_a_product_that_is_sold_out_is_active_all_the_same():
    level, outcomes = projected(
        in_stock(3), (5, decremented(quantity=3)), (6, added(quantity=99)), (7, incremented(quantity=2))
    )
    assert outcomes == [APPLIED, "already_active", APPLIED]
    assert level.quantity == 2


@pytest.mark.parametrize("before", [never_seen, no_longer_sold])
@pytest.mark.parametrize("event", [removed(), incremented(), decremented()])
def test_nothing_but_an_addition_can_happen_to_a_product_that_is_not_active(before, event):
    level, [outcome] = projected(before(), (5, event))
    assert outcome == "not_active"
    assert level == before()


def test_a_removed_product_has_no_stock_and_keeps_its_name():
    level, [outcome] = projected(in_stock(10), (5, removed()))
    assert outcome == APPLIED
    assert (level.is_active, level.quantity, level.product_name) == (False, 0, "Laptop")


def test_an_increment_adds_and_a_decrement_takes_away():
    level, outcomes = projected(in_stock(10), (5, incremented(quantity=5)), (6, decremented(quantity=12)))
    assert outcomes == [APPLIED, APPLIED]
    assert level.quantity == 3


def test_the_last_one_can_be_sold_and_not_one_more():
    level, outcomes = projected(in_stock(3), (5, decremented(quantity=3)), (6, decremented(quantity=1)))
    assert outcomes == [APPLIED, "insufficient_stock"]
    assert level.quantity == 0


def test_more_than_there_is_cannot_be_sold_not_even_in_part():
    level, outcomes = projected(in_stock(3), (5, decremented(quantity=4)))
    assert outcomes == ["insufficient_stock"]
    assert level.quantity == 3


def test_stock_reaches_a_trillion_and_not_one_more():
    level, outcomes = projected(in_stock(MOST_STOCK - 1), (5, incremented(quantity=1)), (6, incremented(quantity=1)))
    assert MOST_STOCK == 1_000_000_000_000
    assert outcomes == [APPLIED, "quantity_overflow"]
    assert level.quantity == MOST_STOCK


def test_a_removal_ignores_what_it_says_about_quantity():
    assert projected(in_stock(10), (5, removed(quantity=3)))[0].quantity == 0


def test_a_change_ignores_what_it_says_about_the_name():
    assert projected(in_stock(), (5, incremented(product_name="Impostor")))[0].product_name == "Laptop"


def test_the_version_counts_every_change_over_all_lives_and_nothing_else():
    level, outcomes = projected(
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
    level, _ = projected(
        in_stock(),
        (1, incremented(timestamp="2023-09-11T15:00:00Z")),
        (2, incremented(timestamp="2023-09-11T11:00:00+02:00")),
        (3, added(timestamp="2030-01-01T00:00:00Z")),
    )
    assert level.updated_at == "2023-09-11T11:00:00+02:00"


def test_a_refusal_says_in_words_what_was_in_the_way():
    detail = project(in_stock(3), place(5), parse(record(decremented(quantity=4), 5))).detail
    assert "3" in detail and "4" in detail
