"""Once: redelivery, re-send, out of order."""

from tests.doubles.events import added, decremented, incremented, place, removed
from tests.projector.projection.laptop import APPLIED, DUPLICATE, in_stock, never_seen, projected


def test_a_redelivered_record_is_a_duplicate_and_changes_nothing():
    level, _ = projected(in_stock(10), (1, decremented(quantity=3)), (2, incremented(quantity=5)))
    again, outcomes = projected(level, (0, added()), (1, decremented(quantity=3)), (2, incremented(quantity=5)))
    assert outcomes == [DUPLICATE] * 3
    assert again == level


def test_a_redelivery_is_recognised_before_any_rule_is_asked():
    sold_out, _ = projected(in_stock(3), (1, decremented(quantity=3)))
    assert projected(sold_out, (1, decremented(quantity=3)))[1] == [DUPLICATE]
    assert projected(sold_out, (0, added(quantity=3)))[1] == [DUPLICATE]


def test_a_re_send_is_a_duplicate_at_its_new_place():
    level, _ = projected(in_stock(10), (1, decremented(quantity=3, event_id="sale-1")))
    again, outcomes = projected(level, (9, decremented(quantity=3, event_id="sale-1")))
    assert outcomes == [DUPLICATE]
    assert (again.quantity, again.version) == (level.quantity, level.version)
    assert again.last_sequence_number == place(9)
    assert again.updated_at == level.updated_at


def test_a_re_send_is_known_by_its_event_id_alone_whatever_else_it_says():
    level, outcomes = projected(in_stock(10), (1, incremented(quantity=1, event_id="e")), (2, removed(event_id="e")))
    assert outcomes == [APPLIED, DUPLICATE]
    assert level.is_active


def test_a_re_send_of_an_event_of_an_earlier_life_is_still_a_duplicate():
    level, outcomes = projected(
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
    level, outcomes = projected(in_stock(10), (1, decremented(quantity=3)), (2, decremented(quantity=3)))
    assert outcomes == [APPLIED, APPLIED]
    assert level.quantity == 4


def test_a_re_send_of_a_refused_event_is_a_new_attempt_at_its_new_place():
    sale = decremented(quantity=12, event_id="sale-1")
    level, outcomes = projected(in_stock(10), (1, sale), (2, incremented(quantity=5)), (3, sale))
    assert outcomes == ["insufficient_stock", APPLIED, APPLIED]
    assert level.quantity == 3


def test_an_overtaken_record_is_refused_as_out_of_order_and_not_lost_in_silence():
    level, _ = projected(in_stock(10), (2, incremented(quantity=5)))
    again, outcomes = projected(level, (1, decremented(quantity=3)))
    assert outcomes == ["out_of_order"]
    assert again == level


def test_a_refused_record_that_comes_again_is_out_of_order_once_another_was_applied():
    level, outcomes = projected(
        in_stock(2), (1, decremented(quantity=3)), (2, incremented(quantity=5)), (1, decremented(quantity=3))
    )
    assert outcomes == ["insufficient_stock", APPLIED, "out_of_order"]
    assert level.quantity == 7


def test_a_refused_record_that_comes_again_at_once_is_refused_for_the_same_reason():
    level, outcomes = projected(in_stock(2), (1, decremented(quantity=3)), (1, decremented(quantity=3)))
    assert outcomes == ["insufficient_stock", "insufficient_stock"]
    assert level == in_stock(2)


def test_an_overtaken_re_send_is_a_duplicate_because_its_event_was_applied():
    sale = decremented(quantity=3, event_id="sale-1")
    level, outcomes = projected(in_stock(10), (3, sale), (2, sale))
    assert outcomes == [APPLIED, DUPLICATE]
    assert level.quantity == 7
    assert level.last_sequence_number == place(3), "it never goes back"


def test_a_redelivery_after_a_re_send_is_a_duplicate():
    sale = decremented(quantity=3, event_id="sale-1")
    _, outcomes = projected(in_stock(10), (1, sale), (5, sale), (1, sale), (5, sale))
    assert outcomes == [APPLIED, DUPLICATE, DUPLICATE, DUPLICATE]


def test_an_event_id_made_of_digits_is_not_mistaken_for_a_sequence_number():
    level, outcomes = projected(
        in_stock(10),
        (1, incremented(quantity=1)),
        (2, incremented(quantity=1, event_id=str(place(1)))),
        (3, incremented(quantity=1, event_id=f"at:{place(1)}")),
    )
    assert outcomes == [APPLIED] * 3
    assert level.quantity == 13


def test_event_ids_are_compared_to_the_letter():
    _, outcomes = projected(
        in_stock(), *((n, incremented(event_id=e)) for n, e in enumerate(["sale", "Sale", "sale ", "sal"], 1))
    )
    assert outcomes == [APPLIED] * 4
