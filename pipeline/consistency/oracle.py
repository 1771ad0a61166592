"""The oracle: what the table and the quarantine must hold, worked out from the log alone.

Written from docs/contract.md, and sharing no line with the projector: a fold that both used would hide the same mistake
twice. It imports nothing of this project. The projector is built for speed and size, this is built to be believed.
"""

import json
import re
from calendar import monthrange
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

REMEMBERED = 32
BILLION = 1_000_000_000
DEEPEST = 200  # levels of nesting that a record may have


@dataclass(slots=True)
class Product:
    """What a product's item must say. `memory`: identity → place of its newest record, oldest place first."""

    product_name: str = ""
    status: str = "never added"
    quantity: int = 0
    version: int = 0
    last_sequence_number: str = ""
    updated_at: str = ""
    memory: dict[str, int] = field(default_factory=dict)
    remembers_after: int = 0  # the place of the newest entry that the memory has forgotten


@dataclass
class Expectation:
    """What must come of a log: products by id, and the outcome of every record by (shard, sequence number)."""

    products: dict[str, Product] = field(default_factory=dict)
    outcomes: dict[tuple[str, str], str] = field(default_factory=dict)  # applied, duplicate, or the reason refused

    def count(self) -> dict[str, Any]:
        """Count records by outcome."""
        counts = Counter(self.outcomes.values())
        refused = {reason: n for reason, n in sorted(counts.items()) if reason not in ("applied", "duplicate")}
        return {"applied": counts["applied"], "duplicates": counts["duplicate"], "quarantined": refused}


def fold(records: Iterable[Any]) -> Expectation:
    """Work out what must come of records.

    Args:
        records: in the order of the log, with `data`, `partition_key`, `shard_id` and `sequence_number`.
    """
    expected = Expectation()
    for record in records:
        outcome = judge(record.data, record.partition_key, record.sequence_number, expected.products)
        expected.outcomes[record.shard_id, record.sequence_number] = outcome
    return expected


def judge(data: bytes, partition_key: str, sequence_number: str, products: dict[str, Product]) -> str:
    """Say what becomes of one record, and bring its product forward."""
    event = read(data, partition_key)
    if isinstance(event, str):
        return event
    product = products.get(partition_key, Product())
    outcome = decide(event, product)
    if outcome in ("applied", "duplicate"):
        evolve(event, sequence_number, outcome, product)
        products[partition_key] = product
    return outcome


def read(data: bytes, partition_key: str) -> dict[str, Any] | str:
    """Read a record by itself: the event in it, or the reason why it is none. Its product is the partition key."""
    try:
        text = data.decode("utf-8")
        if _levels(text) > DEEPEST:
            return "not_json"
        event = json.loads(text, parse_constant=_not_json, parse_int=_number)
    except ValueError:
        return "not_json"
    if not isinstance(event, dict) or not isinstance(event.get("event_type"), str):
        return "invalid_event"
    if event["event_type"] not in RULES:
        return "unknown_event_type"
    if not _is_valid(event):
        return "invalid_event"
    return event if event["product"]["product_id"] == partition_key else "wrong_partition_key"


def decide(event: dict[str, Any], product: Product) -> str:
    """Say what becomes of an event that comes next to its product: applied, duplicate, or the reason refused."""
    if "event_id" in event and identity(event, "") in product.memory:
        return "duplicate"
    after = RULES[event["event_type"]](product, event["product"])
    return after if isinstance(after, str) else "applied"


def evolve(event: dict[str, Any], sequence_number: str, outcome: str, product: Product) -> None:
    """Bring the product forward by an event that is applied, or that is a duplicate: then it is only remembered."""
    if outcome == "applied":
        product.status, product.product_name, product.quantity = RULES[event["event_type"]](product, event["product"])
        product.version += 1
        product.updated_at = event["product"]["timestamp"]
    product.last_sequence_number = sequence_number
    name = identity(event, sequence_number)
    product.memory.pop(name, None)
    product.memory[name] = int(sequence_number)
    if len(product.memory) > REMEMBERED:
        product.remembers_after = product.memory.pop(next(iter(product.memory)))


def identity(event: dict[str, Any], sequence_number: str) -> str:
    """Name what the memory keeps of an event: its `event_id`, or without one the place of its record."""
    return f"event {event['event_id']}" if "event_id" in event else f"record {int(sequence_number)}"


def _add(product: Product, said: dict[str, Any]) -> Any:
    return "already_active" if product.status == "active" else ("active", said["product_name"], said["quantity"])


def _remove(product: Product, said: dict[str, Any]) -> Any:
    return ("removed", product.product_name, 0) if product.status == "active" else "not_active"


def _increment(product: Product, said: dict[str, Any]) -> Any:
    if product.status != "active":
        return "not_active"
    stock = product.quantity + said["quantity"]
    return "quantity_overflow" if stock > 1000 * BILLION else ("active", product.product_name, stock)


def _decrement(product: Product, said: dict[str, Any]) -> Any:
    if product.status != "active":
        return "not_active"
    stock = product.quantity - said["quantity"]
    return "insufficient_stock" if stock < 0 else ("active", product.product_name, stock)


RULES = {  # each says the status, name and quantity after the event, or the reason why it is refused
    "product_added": _add,
    "product_removed": _remove,
    "quantity_incremented": _increment,
    "quantity_decremented": _decrement,
}


def _is_valid(event: dict[str, Any]) -> bool:
    product = event.get("product")
    if not isinstance(product, dict) or ("event_id" in event and not _is_text(event["event_id"], 64)):
        return False
    product_id = product.get("product_id", "")
    if not _is_text(product_id, 128) or any(ord(c) < 32 or 127 <= ord(c) < 160 for c in product_id):
        return False
    if not _is_moment(product.get("timestamp")):
        return False
    match event["event_type"]:
        case "product_added":
            return _is_text(product.get("product_name"), 200) and _is_number(product.get("quantity"), 0)
        case "product_removed":
            return True
    return _is_number(product.get("quantity"), 1)


def _is_text(value: Any, longest: int) -> bool:
    is_text = isinstance(value, str) and 1 <= len(value) <= longest
    return is_text and not any("\ud800" <= character <= "\udfff" for character in value)


def _is_number(value: Any, least: int) -> bool:
    return type(value) is int and least <= value <= BILLION


def _is_moment(value: Any) -> bool:
    """Say whether a value is RFC 3339 with an offset, 64 characters long at most."""
    shape = r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-](\d\d):(\d\d))"
    found = isinstance(value, str) and re.fullmatch(shape, value.upper(), re.ASCII)
    if not found or len(value) != len(value.upper()) or len(value) > 64:
        return False
    year, month, day, hour, minute, second = (int(found.group(n)) for n in range(1, 7))
    offset_hour, offset_minute = int(found.group(9) or 0), int(found.group(10) or 0)
    return (
        1 <= month <= 12
        and 1 <= day <= monthrange(year, month)[1]
        and hour <= 23 and minute <= 59 and second <= 60
        and offset_hour <= 23 and offset_minute <= 59
    )  # fmt: skip


def _levels(text: str) -> int:
    """Count how deep brackets nest, outside of strings."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return 0  # it cannot be deeper than that
    deepest = level = 0
    in_string = escaped = False
    for character in text:
        if in_string:
            in_string, escaped = escaped or character != '"', character == "\\" and not escaped
        elif character == '"':
            in_string, escaped = True, False
        elif character in "[{":
            level += 1
            deepest = max(deepest, level)
        elif character in "]}":
            level -= 1
    return deepest


def _number(digits: str) -> int | float:
    return int(digits) if len(digits) < 100 else float("inf")  # no quantity has a hundred digits


def _not_json(name: str) -> Any:
    raise ValueError(name)
