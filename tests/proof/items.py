"""What must hold of every item at any moment: docs/contract.md, sections 3 and 4, nothing lost or made up."""

from typing import Any

from tests.doubles.table import Item, size_of
from tests.proof.reference import Level, LoggedRecord

MOST_ITEM_BYTES = 1024  # one write unit
ATTRIBUTES = {
    "product_id", "product_name", "status", "quantity", "version",
    "last_sequence_number", "updated_at", "recent_events", "remembers_after",
}  # fmt: skip


class ViolationError(BaseException):
    """An invariant is broken. Not an `Exception`: the code under proof must not swallow it."""


def hold(sentences: list[str]) -> None:
    """Raise what an invariant says, if it says anything."""
    if sentences:
        raise ViolationError(sentences[0])


def check_item(item: Item, level: Level, last: str, forgotten: str) -> None:
    """Compare the item with docs/contract.md, section 4."""
    if item.keys() != ATTRIBUTES:
        raise ViolationError(f"the item's attributes are {sorted(item)}")
    seen = (
        item["product_name"]["S"],
        item["status"]["S"],
        int(item["quantity"]["N"]),
        int(item["version"]["N"]),
        item["last_sequence_number"]["S"],
        item["updated_at"]["S"],
        item["remembers_after"]["S"],
    )
    status = "active" if level.active else "removed"
    due = (level.product_name, status, level.quantity, level.version, last, level.updated_at, forgotten)
    if seen != due:
        raise ViolationError(f"the item is {seen}, should be {due}")
    places, remembered = places_in(item["recent_events"]["B"], level.last), [place for _, place in level.memory]
    if places != remembered:
        raise ViolationError(f"the item remembers the places {places}, should be {remembered}")
    if size_of(item) > MOST_ITEM_BYTES:
        raise ViolationError("the item costs more than one write unit")


def places_in(packed: bytes, last: int) -> list[int]:
    """Read the places in a packed memory, oldest first: a digest of 8 bytes, a length, the gap to the older one."""
    places, place, at = [], last, 0
    while at < len(packed):
        length = packed[at + 8]
        places.append(place)
        place -= int.from_bytes(packed[at + 9 : at + 9 + length])
        at += 9 + length
    return places[::-1]


def check_quarantined(item: Item, record: LoggedRecord, reason: str, judged_on: str | None, most_data: int) -> None:
    """Compare an item in quarantine with docs/contract.md, section 3."""
    seen = {name: value for name, kinds in item.items() for value in kinds.values()}
    due = {
        "record_id": record.item_identifier,
        "reason": reason,
        "data": record.data[:most_data],
        "partition_key": record.partition_key,
        "shard_id": record.shard,
        "sequence_number": record.written,
        "state": "open",
    }
    due |= {} if judged_on is None else {"judged_on": judged_on}
    due |= {"truncated": True} if len(record.data) > most_data else {}
    told = {name: seen.get(name) for name in due}
    if told != due:
        raise ViolationError(f"quarantined {record.key} as {told}, but it is {due}")
    others = seen.keys() - due.keys() - {"event"}
    if others != {"detail", "arrived_at", "quarantined_at", "expires_at"}:
        raise ViolationError(f"the attributes of an item in quarantine are {sorted(seen)}")


def stock_of(item: Item | None) -> dict[str, Any]:
    """Return what an item says, as plain values."""
    said = {name: value for name, kinds in (item or {}).items() for value in kinds.values()}
    return {name: int(value) if name in ("quantity", "version") else value for name, value in said.items()}


def conserved(applied: list[LoggedRecord]) -> int:
    """Sum up what came and went, in the order of the log; a removal takes all there is."""
    stock = 0
    for record in sorted(applied, key=lambda record: record.sequence_number):
        kind, _, _, _, quantity, _ = record.event
        sign = {"product_added": 1, "quantity_incremented": 1, "quantity_decremented": -1}.get(kind)
        stock = stock + sign * quantity if sign else 0
    return stock
