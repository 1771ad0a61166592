"""The domain: what an event does to a product's stock. Pure; reads like the table in the contract."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

from stock_projector.events import Event, ProductAdded, QuantityDecremented, QuantityIncremented, Refusal
from stock_projector.memory import Memory, identity_of

MOST_STOCK = 1_000_000_000_000


class Outcome(StrEnum):
    """What became of an event that was not quarantined."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"


@dataclass(slots=True)
class StockLevel:
    """A product's current state. A product that was never seen is one that is not active."""

    product_id: str
    product_name: str = ""
    is_active: bool = False
    quantity: int = 0
    version: int = 0  # how many events have changed this product, over all its lives
    last_sequence_number: int = 0  # the highest one whose effect is in this state
    updated_at: str = ""
    memory: Memory = field(default_factory=Memory)


class Change(NamedTuple):
    """What an accepted event makes of a product."""

    product_name: str
    is_active: bool
    quantity: int


def decide(level: StockLevel, event: Event) -> Change | Refusal:
    """Apply the rules of the business to one event."""
    stock, name = level.quantity, level.product_name
    match event:
        case ProductAdded() if level.is_active:
            return Refusal("already_active", f"the product is active, with {stock} in stock")
        case ProductAdded(product=added):
            return Change(added.product_name, True, added.quantity)
        case _ if not level.is_active:
            return Refusal("not_active", "the product was removed" if level.version else "the product was never added")
        case QuantityIncremented(product=change) if stock + change.quantity > MOST_STOCK:
            return Refusal("quantity_overflow", f"{stock} + {change.quantity} is more than {MOST_STOCK}")
        case QuantityIncremented(product=change):
            return Change(name, True, stock + change.quantity)
        case QuantityDecremented(product=change) if change.quantity > stock:
            return Refusal("insufficient_stock", f"{stock} in stock, {change.quantity} asked for")
        case QuantityDecremented(product=change):
            return Change(name, True, stock - change.quantity)
    return Change(name, False, 0)  # ProductRemoved


def project(level: StockLevel, sequence_number: int, event: Event) -> Outcome | Refusal:
    """Bring the stock level one event forward, in place. Duplicates are recognised before any rule is asked."""
    identity = identity_of(event.event_id, sequence_number)
    memory = level.memory
    if sequence_number <= level.last_sequence_number:
        if identity in memory or sequence_number <= memory.remembers_after:
            return Outcome.DUPLICATE  # redelivery: the same record again
        return Refusal("out_of_order", f"overtaken by record {level.last_sequence_number} of the same product")

    re_send = identity in memory  # the same event in a new record
    if not re_send:
        change = decide(level, event)
        if isinstance(change, Refusal):
            return change._replace(judged_on=str(level.last_sequence_number or ""))
        level.product_name, level.is_active, level.quantity = change.product_name, change.is_active, change.quantity
        level.version += 1
        level.updated_at = event.product.timestamp
    level.last_sequence_number = sequence_number
    memory.remember(identity, sequence_number)
    return Outcome.DUPLICATE if re_send else Outcome.APPLIED


def fold(level: StockLevel, events: Iterable[tuple[int, Event]]) -> tuple[StockLevel, list[Outcome | Refusal]]:
    """Project (sequence number, event) pairs, one after the other, on a copy of the stock level.

    Returns:
        The new stock level, and what became of each event, in the order given.
    """
    after = replace(level, memory=level.memory.copy())
    return after, [project(after, sequence_number, event) for sequence_number, event in events]
