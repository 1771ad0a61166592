"""A laptop on a shelf, and what a story makes of it."""

from stock_projector.events import Refusal, parse
from stock_projector.projection import Outcome, StockLevel, fold

from tests.doubles import added, place, record, removed

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
