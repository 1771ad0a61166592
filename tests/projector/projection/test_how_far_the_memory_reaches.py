"""How far the memory reaches: re-sends, redeliveries and overtaken records from long ago."""

from stock_projector.memory import CAPACITY

from tests.doubles.events import added, decremented, incremented, place
from tests.projector.projection.laptop import APPLIED, DUPLICATE, in_stock, projected


def busy(events_after_the_sale):
    """Return a laptop whose sale was followed by so many other applied events."""
    sale = decremented(quantity=3, event_id="sale-1")
    rest = [(2 + number, incremented(event_id=f"restock-{number}")) for number in range(events_after_the_sale)]
    return projected(in_stock(10), (1, sale), *rest)[0], sale


def test_a_re_send_is_caught_with_31_applied_events_in_between():
    level, sale = busy(CAPACITY - 1)
    assert CAPACITY == 32
    assert projected(level, (99, sale))[1] == [DUPLICATE]


def test_a_re_send_is_forgotten_with_32_applied_events_in_between():
    level, sale = busy(CAPACITY)
    assert projected(level, (99, sale))[1] == [APPLIED]


def test_a_redelivery_is_caught_however_far_back_it_lies():
    level, sale = busy(500)
    again, outcomes = projected(level, (0, added()), (1, sale), (2, incremented(event_id="restock-0")))
    assert outcomes == [DUPLICATE] * 3
    assert again == level


def test_the_memory_says_from_where_on_it_is_complete():
    assert busy(CAPACITY - 2)[0].memory.remembers_after == 0, "32 applied events: nothing is forgotten yet"
    assert busy(CAPACITY - 1)[0].memory.remembers_after == place(0), "the 33rd pushes out the addition"
    assert busy(CAPACITY)[0].memory.remembers_after == place(1), "and the next one the sale"


def test_an_overtaken_record_is_found_out_as_far_back_as_the_memory_reaches():
    sale = (1, decremented(quantity=3))
    rest = [(2 + number, incremented()) for number in range(CAPACITY)]
    near = projected(in_stock(10), *rest[:-1], sale)[1]
    assert near[-1] == "out_of_order", "31 later ones: only the addition is forgotten"
    far = projected(in_stock(10), *rest, (2 + CAPACITY, incremented()))[0]
    assert far.memory.remembers_after == place(2)
    assert projected(far, sale)[1] == [DUPLICATE], "beyond the memory it cannot be told from a redelivery"


def test_a_re_send_refreshes_its_entry_so_that_the_next_one_is_caught_too():
    level, sale = busy(CAPACITY - 1)
    level, [outcome] = projected(level, (50, sale))
    assert outcome == DUPLICATE
    later = [(51 + number, incremented(event_id=f"later-{number}")) for number in range(CAPACITY - 1)]
    level, _ = projected(level, *later)
    assert projected(level, (99, sale))[1] == [DUPLICATE], "31 events after the re-send, 62 after the sale"


def test_a_refreshed_entry_takes_the_place_of_the_re_send():
    level, sale = busy(3)
    level, _ = projected(level, (50, sale))
    assert level.memory.entries()[-1][1] == place(50)
    assert len(level.memory.entries()) == 5, "it moved, it was not written twice"


def test_refusals_do_not_use_up_memory():
    level, sale = busy(0)
    level, outcomes = projected(level, *((2 + number, added(event_id=f"again-{number}")) for number in range(100)))
    assert set(outcomes) == {"already_active"}
    assert projected(level, (999, sale))[1] == [DUPLICATE]
