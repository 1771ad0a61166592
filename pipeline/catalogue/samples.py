"""Sample events about the laptop, handed to the projector's own code: what each does, and why some are refused."""

import json
from dataclasses import dataclass
from typing import Any, get_args

from stock_projector.events import EVENTS, Event, Reason, Record, Refusal, SequenceNumber, parse
from stock_projector.projection import MOST_STOCK, Change, Outcome, StockLevel, decide, project

from pipeline.catalogue.fields import NoWordsError, fields

LAPTOP: dict[str, Any] = {  # the brief's own sample
    "product_id": "P98765",
    "product_name": "Laptop",
    "quantity": 10,
    "timestamp": "2023-09-11T12:00:00Z",
}


def sample_event(event_type: str, **changed: Any) -> dict[str, Any]:
    """Return an event about the laptop: the fields that its type has, some of them changed."""
    required = {field.name.removeprefix("product.") for field in fields(EVENTS[event_type])}
    product = {name: value for name, value in LAPTOP.items() if name in required}
    return {"event_type": event_type, "product": product | changed}


def record(event: dict[str, Any] | bytes, key: str = LAPTOP["product_id"], place: int = 9) -> Record:
    """Return the record that an event would lie in."""
    data = event if isinstance(event, bytes) else json.dumps(event).encode()
    return Record(data, key, SequenceNumber(str(place)), "shardId-000000000000", 0.0, "")


def event_of(event_type: str) -> Event:
    """Read the sample of a type with the projector's parser."""
    event = parse(record(sample_event(event_type)))
    if isinstance(event, Refusal):
        raise NoWordsError(f"the sample of {event_type} is not valid: {event.detail}")
    return event


def laptop_after(*event_types: str, quantity: int | None = None) -> StockLevel:
    """Project events on a laptop that was never seen; `quantity` replaces the quantity that they leave."""
    level = StockLevel(LAPTOP["product_id"])
    for place, event_type in enumerate(event_types, start=2):
        if project(level, place, event_of(event_type)) is not Outcome.APPLIED:
            raise NoWordsError(f"{event_type} is not applied after {event_types[: place - 2]}")
    level.quantity = level.quantity if quantity is None else quantity
    return level


# ── Effects ───────────────────────────────────────────────────────────────────────────────────────────────────────


def effects(event_type: str) -> tuple[str, str]:
    """Say what a type of event does to a product never seen or removed, and to one that is active."""
    event = event_of(event_type)
    never, gone = (_effect(laptop_after(*story), event) for story in ((), ("product_added", "product_removed")))
    if never != gone:
        raise NoWordsError(f"{event_type} treats a product never seen and a removed one differently")
    return never, "; ".join([_effect(laptop_after("product_added"), event), *_limits(event)])


def _effect(level: StockLevel, event: Event) -> str:
    """Let the projector decide, and put into words what the state became."""
    change = decide(level, event)
    if isinstance(change, Refusal):
        return f"refused: `{change.reason}`"
    units, name = getattr(event.product, "quantity", 0), getattr(event.product, "product_name", "")
    if not level.is_active and change == Change(name, True, units):
        return "becomes active with that name and quantity"
    if level.is_active and change == Change(level.product_name, False, 0):
        return "becomes removed, quantity 0"
    if level.is_active and units and change == Change(level.product_name, True, level.quantity + units):
        return "quantity + n"
    if level.is_active and units and change == Change(level.product_name, True, level.quantity - units):
        return "quantity − n"
    raise NoWordsError(f"{event.event_type} makes {change} of {level}")


def _limits(event: Event) -> list[str]:
    """Try both limits of the stock: the last state on which the event is applied, and the first on which it is not."""
    units, limits = getattr(event.product, "quantity", 0), []
    for words, last, further in ((f"above {MOST_STOCK:,}", MOST_STOCK - units, 1), ("below 0", units, -1)):
        inside = decide(laptop_after("product_added", quantity=last), event)
        outside = decide(laptop_after("product_added", quantity=last + further), event)
        if isinstance(outside, Refusal) and not isinstance(inside, Refusal):
            limits.append(f"{words} refused: `{outside.reason}`")
    return limits


# ── Refusals ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Refused:
    """A record that is quarantined, the product that it meets, and what the projector says."""

    reason: str
    meets: str
    sample: Record
    detail: str


def refusals() -> list[Refused]:
    """Make a record for each reason, let the projector refuse it, and see that it does so for that reason."""
    any_state, ten, other_key = "any product", "a product with 10 in stock", "any product, sent under the key P12345"
    sale, in_stock = sample_event("quantity_decremented", quantity=11), laptop_after("product_added")
    full, one_more = (
        laptop_after("product_added", quantity=MOST_STOCK),
        sample_event("quantity_incremented", quantity=1),
    )
    refused = [
        _refused("not_json", any_state, in_stock, record(json.dumps(sale).encode()[:-1])),
        _refused(
            "invalid_event", any_state, in_stock, record(sample_event("quantity_decremented", quantity="a dozen"))
        ),
        _refused("unknown_event_type", any_state, in_stock, record(sale | {"event_type": "quantity_guessed"})),
        _refused("wrong_partition_key", other_key, in_stock, record(sample_event("product_removed"), key="P12345")),
        _refused("already_active", ten, in_stock, record(sample_event("product_added"))),
        _refused("not_active", "a product never seen", laptop_after(), record(sample_event("quantity_incremented"))),
        _refused("insufficient_stock", ten, in_stock, record(sale)),
        _refused("quantity_overflow", f"a product with {MOST_STOCK:,} in stock", full, record(one_more)),
        _refused("out_of_order", "a product that a later record has changed", in_stock, record(sale, place=1)),
    ]
    if missing := set(get_args(Reason)) - {sample.reason for sample in refused}:
        raise NoWordsError(f"no sample is refused as {', '.join(sorted(missing))}")
    return refused


def _refused(reason: Reason, meets: str, level: StockLevel, sample: Record) -> Refused:
    event = parse(sample)
    before = (level.quantity, level.version)
    answer = event if isinstance(event, Refusal) else project(level, sample.sequence_number, event)
    if not isinstance(answer, Refusal) or answer.reason != reason or before != (level.quantity, level.version):
        raise NoWordsError(f"the sample for {reason} came out as {answer}")
    return Refused(reason, meets, sample, answer.detail)
