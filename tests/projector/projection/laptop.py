"""One laptop: not seen yet, in stock, or removed; and what the projection makes of its events."""

from stock_projector.events import Refusal, parse
from stock_projector.projection import Outcome, StockLevel, fold

from tests.doubles.events import added, place, record, removed

APPLIED, DUPLICATE = Outcome.APPLIED, Outcome.DUPLICATE
BILLION = 1_000_000_000


def projected(level, *story):
    """Project (place, event) pairs. Returns the new level, and the outcome or the reason of each event."""
    after, outcomes = fold(level, [(place(number), parse(record(event, number))) for number, event in story])
    return after, [outcome.reason if isinstance(outcome, Refusal) else outcome for outcome in outcomes]


def never_seen():
    return StockLevel("P98765")


def in_stock(quantity=10, name="Laptop"):
    """Return a laptop that was added at place 0, with so many in stock."""
    level, [outcome] = projected(never_seen(), (0, added(quantity=min(quantity, BILLION), name=name)))
    assert outcome == APPLIED
    level.quantity = quantity
    return level


def no_longer_sold():
    """Return a laptop that was added at place 0 and removed at place 1."""
    return projected(in_stock(), (1, removed()))[0]
