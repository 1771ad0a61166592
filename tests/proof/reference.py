"""docs/contract.md, sections 1, 2 and 3, written a second time: nothing here comes from the code under proof.

Identities are kept whole (no digests), sequence numbers are integers, a stock level is an immutable tuple.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

REMEMBERED = 32  # entries that a product remembers
MOST_STOCK = 10**12
MOST_CHANGE = 10**9
MOST_DATA = 300 * 1024  # bytes of a record that are kept in quarantine

APPLIED, DUPLICATE = "applied", "duplicate"  # every other verdict is the reason of a refusal

RULES = ("already_active", "not_active", "insufficient_stock", "quantity_overflow")  # of section 2

Identity = tuple[str, str]
Key = tuple[str, int]  # shard and sequence number: the identity of a record


class LoggedRecord(NamedTuple):
    """A record as the log holds it, and what the contract reads in it."""

    shard: str
    sequence_number: int
    written: str  # the sequence number as the stream writes it, perhaps with zeros before it
    partition_key: str
    data: bytes
    arrived_at: float
    poison: str  # why it is no event; empty if it is one
    event: Any  # (type, identity, product id, name, quantity, timestamp), or None

    @property
    def key(self) -> Key:
        return self.shard, self.sequence_number

    @property
    def product(self) -> str:
        return self.event[2] if self.event else ""

    @property
    def item_identifier(self) -> str:
        return f"{self.shard}:{self.written}"

    def flat(self) -> dict[str, Any]:
        """Return the record as EventBridge Pipes hands it to its target."""
        return {
            "kinesisSchemaVersion": "1.0",
            "partitionKey": self.partition_key,
            "sequenceNumber": self.written,
            "data": b64encode(self.data).decode(),
            "approximateArrivalTimestamp": self.arrived_at,
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventID": self.item_identifier,
            "eventName": "aws:kinesis:record",
        }


class Level(NamedTuple):
    """A product's stock level."""

    product_name: str = ""
    active: bool = False
    quantity: int = 0
    version: int = 0
    last: int = 0
    updated_at: str = ""
    memory: tuple[tuple[Identity, int], ...] = ()  # oldest place first
    forgotten: int = 0

    def remembers(self, identity: Identity) -> bool:
        return any(identity == known for known, _ in self.memory)


UNSEEN = Level()


def read(shard: str, written: str, partition_key: str, data: bytes, arrived_at: float = 0.0) -> LoggedRecord:
    """Read a record as docs/contract.md, section 1, says."""
    sequence_number = int(written)
    poison, event = _read_event(data, partition_key, sequence_number)
    return LoggedRecord(shard, sequence_number, written, partition_key, data, arrived_at, poison, event)


def _read_event(data: bytes, partition_key: str, sequence_number: int) -> tuple[str, Any]:
    try:
        body = json.loads(data.decode("utf-8"), parse_constant=_refuse)
    except (ValueError, RecursionError):
        return "not_json", None
    if not isinstance(body, dict) or not isinstance(body.get("event_type"), str):
        return "invalid_event", None
    kind = body["event_type"]
    if kind not in ("product_added", "product_removed", "quantity_incremented", "quantity_decremented"):
        return "unknown_event_type", None
    product, event_id = body.get("product"), body.get("event_id")
    if not isinstance(product, dict) or not _is_valid(kind, product) or not _is_id(body, event_id):
        return "invalid_event", None
    if product["product_id"] != partition_key:
        return "wrong_partition_key", None
    identity = ("event_id", event_id) if event_id else ("sequence_number", str(sequence_number))
    name, quantity = product.get("product_name"), product.get("quantity")
    return "", (kind, identity, partition_key, name, quantity, product["timestamp"])


def _refuse(name: str) -> None:
    raise ValueError(name)


def _is_id(body: dict[str, Any], event_id: Any) -> bool:
    return "event_id" not in body or _is_text(event_id, 64)


def _is_valid(kind: str, product: dict[str, Any]) -> bool:
    product_id, quantity = product.get("product_id"), product.get("quantity")
    if not _is_text(product_id, 128) or any(ord(each) < 32 or 127 <= ord(each) < 160 for each in product_id):
        return False
    if kind == "product_added" and not _is_text(product.get("product_name"), 200):
        return False
    least = {"product_added": 0, "product_removed": None}.get(kind, 1)
    if least is not None and (type(quantity) is not int or not least <= quantity <= MOST_CHANGE):
        return False
    return _is_instant(product.get("timestamp"))


def _is_text(value: Any, most: int) -> bool:
    if not isinstance(value, str) or not 1 <= len(value) <= most:
        return False
    return not any(0xD800 <= ord(each) < 0xE000 for each in value)


def _is_instant(value: Any) -> bool:
    if not isinstance(value, str) or not re.search(r"([zZ]|[+-]\d\d:\d\d)$", value) or value[10:11] not in ("T", "t"):
        return False
    try:
        return datetime.fromisoformat(value.upper()).tzinfo is not None
    except ValueError:
        return False


def judge(
    level: Level, record: LoggedRecord, remembered: int = REMEMBERED, most_stock: int = MOST_STOCK
) -> tuple[Level, str]:
    """Give one event its verdict by sections 2 to 4, and the stock level after it."""
    kind, identity, _, name, quantity, timestamp = record.event
    place = record.sequence_number
    known = level.remembers(identity)
    if place <= level.last:
        return level, DUPLICATE if known or place <= level.forgotten else "out_of_order"
    if known:
        return _remember(level, identity, place, remembered), DUPLICATE
    if kind == "product_added":
        if level.active:
            return level, "already_active"
        changed = level._replace(active=True, product_name=name, quantity=quantity)
    elif not level.active:
        return level, "not_active"
    elif kind == "product_removed":
        changed = level._replace(active=False, quantity=0)
    else:
        stock = level.quantity + (quantity if kind == "quantity_incremented" else -quantity)
        if not 0 <= stock <= most_stock:
            return level, "insufficient_stock" if stock < 0 else "quantity_overflow"
        changed = level._replace(quantity=stock)
    changed = changed._replace(version=level.version + 1, updated_at=timestamp)
    return _remember(changed, identity, place, remembered), APPLIED


def _remember(level: Level, identity: Identity, place: int, remembered: int) -> Level:
    kept = [entry for entry in level.memory if entry[0] != identity] + [(identity, place)]
    forgotten = level.forgotten
    if len(kept) > remembered:
        (_, forgotten), *kept = kept
    return level._replace(memory=tuple(kept), forgotten=forgotten, last=place)


def fold(
    level: Level, records: Iterable[LoggedRecord], remembered: int = REMEMBERED, most_stock: int = MOST_STOCK
) -> tuple[Level, dict[Key, str]]:
    """Judge the records of one product in the order given."""
    verdicts = {}
    for record in records:
        level, verdicts[record.key] = judge(level, record, remembered, most_stock)
    return level, verdicts


def replay(
    log: Iterable[LoggedRecord], remembered: int = REMEMBERED, most_stock: int = MOST_STOCK
) -> tuple[dict[str, Level], dict[Key, str]]:
    """Fold a whole log from empty: every product's level, every record's verdict."""
    levels: dict[str, Level] = {}
    verdicts: dict[Key, str] = {}
    for record in log:
        if record.poison:
            verdicts[record.key] = record.poison
        else:
            level = levels.get(record.product, UNSEEN)
            levels[record.product], verdicts[record.key] = judge(level, record, remembered, most_stock)
    return {product: level for product, level in levels.items() if level is not UNSEEN}, verdicts
