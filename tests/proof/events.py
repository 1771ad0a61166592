"""Events for the stories, and logs made of them.

The sequence numbers cross from 55 to 56 digits: as strings they sort wrongly.
"""

import json
from collections.abc import Iterable
from typing import Any

from tests.doubles import events
from tests.proof.reference import LoggedRecord, read

FIRST = 10**55 - 3  # the fourth record of a log has a digit more
SHARD = "shardId-000000000000"

Said = tuple[str, bytes]  # partition key and data


def event(kind: str, product: str, quantity: int | None = None, event_id: str = "", name: str = "Laptop") -> Said:
    """Return an event under its partition key, as a producer puts it."""
    fields: dict[str, Any] = {"product_name": name} if kind == "product_added" else {}
    if quantity is not None:
        fields["quantity"] = quantity
    return product, json.dumps(events.event(kind, product, event_id or None, **fields)).encode()


def added(product: str, quantity: int, event_id: str = "", name: str = "Laptop") -> Said:
    return event("product_added", product, quantity, event_id, name)


def removed(product: str, event_id: str = "") -> Said:
    return event("product_removed", product, None, event_id)


def up(product: str, quantity: int, event_id: str = "") -> Said:
    return event("quantity_incremented", product, quantity, event_id)


def down(product: str, quantity: int, event_id: str = "") -> Said:
    return event("quantity_decremented", product, quantity, event_id)


def poison(product: str) -> Said:
    return product, b"\xff not an event"


def log(said: Iterable[Said], shard: str = SHARD, width: int = 0) -> list[LoggedRecord]:
    """Put events on a shard, one after the other; numbers shorter than the width are padded with zeros."""
    return [read(shard, f"{FIRST + at:0{width}d}", key, data, 1e9 + at) for at, (key, data) in enumerate(said)]
