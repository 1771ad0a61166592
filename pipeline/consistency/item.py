"""The stock table's item, read without the projector's help, and held against what the oracle says it must be."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, NamedTuple

from pipeline.consistency.oracle import Product

KINDS = {
    "product_id": "S", "product_name": "S", "status": "S", "quantity": "N", "version": "N",
    "last_sequence_number": "S", "updated_at": "S", "recent_events": "B", "remembers_after": "S",
}  # fmt: skip
DIGEST_BYTES = 8


class Item(NamedTuple):
    """What an item says. Places are sequence numbers as integers, 0 for none."""

    product_name: str
    status: str
    quantity: int
    version: int
    place: int  # last_sequence_number
    updated_at: str
    recent_events: bytes
    remembers_after: int

    def memory(self) -> list[tuple[bytes, int]]:
        """Unpack the memory: (digest of an identity, place), oldest place first.

        Raises:
            ValueError: it was not packed as the projector packs it: newest first, each entry a digest, the length of
                the gap to the place of the next older entry, and that gap.
        """
        return list(_unpacked(self.recent_events, self.place))[::-1]

    def denies(self, identity: str, place: int) -> bool:
        """Say whether an event certainly never took effect: its place lies within the memory, and it is not there."""
        return place > self.remembers_after and digest(identity) not in dict(self._memory_or_none())

    def remembers(self, identity: str, place: int) -> bool:
        """Say whether the memory holds an event at that very place."""
        return (digest(identity), place) in self._memory_or_none()

    def _memory_or_none(self) -> list[tuple[bytes, int]]:
        try:
            return self.memory()
        except ValueError:
            return []


def read(raw: dict[str, Any]) -> Item | str:
    """Read an item as DynamoDB returns it; if the projector cannot have written it, say why."""
    kinds = {name: next(iter(value)) for name, value in raw.items()}
    if kinds != KINDS:
        wrong = sorted(name for name in kinds.keys() | KINDS.keys() if kinds.get(name) != KINDS.get(name))
        return f"not an item of the projector's: see {', '.join(wrong)}"
    values = {name: value[kinds[name]] for name, value in raw.items()}
    last, forgotten = values["last_sequence_number"], values["remembers_after"]
    try:
        return Item(
            values["product_name"],
            values["status"],
            int(values["quantity"]),
            int(values["version"]),
            int(last),
            values["updated_at"],
            bytes(values["recent_events"]),
            int(forgotten or 0),
        )
    except ValueError:
        return f"not an item of the projector's: last_sequence_number {last!r}, remembers_after {forgotten!r}"


def digest(identity: str) -> bytes:
    """Shorten an identity, as the oracle names it, to what the item's memory keeps of it."""
    kind, _, name = identity.partition(" ")
    return blake2b(f"{'id' if kind == 'event' else 'at'}:{name}".encode(), digest_size=DIGEST_BYTES).digest()


def differences(product: Product, item: Item) -> list[str]:
    """Compare the whole item, memory included, with the product that the oracle folded up to the item's place."""
    names = ("product_name", "status", "quantity", "version", "updated_at")
    told = [
        f"{name} should be {getattr(product, name)!r}, is {getattr(item, name)!r}"
        for name in names
        if getattr(product, name) != getattr(item, name)
    ]
    if int(product.last_sequence_number or 0) != item.place:
        told.append(f"last_sequence_number should be {product.last_sequence_number}, is {item.place}")
    if int(product.remembers_after or 0) != item.remembers_after:
        told.append(f"remembers_after should be {product.remembers_after or 'empty'}, is {item.remembers_after}")
    return told + _memory_differences(product, item)


def _memory_differences(product: Product, item: Item) -> list[str]:
    due = [(digest(identity), int(place)) for identity, place in product.memory.items()]
    try:
        held = item.memory()
    except ValueError as error:
        return [f"recent_events cannot be read: {error}"]
    if held == due:
        return []
    missing, extra = len(set(due) - set(held)), len(set(held) - set(due))
    order = ", in another order" if not (missing or extra) else ""
    return [f"recent_events should hold {len(due)} entries, holds {len(held)}: {missing} missing, {extra} extra{order}"]


def _unpacked(packed: bytes, place: int) -> Iterator[tuple[bytes, int]]:
    at = 0
    while at < len(packed):
        gap_at = at + DIGEST_BYTES + 1
        if gap_at > len(packed) or gap_at + packed[gap_at - 1] > len(packed):
            raise ValueError(f"it ends within an entry, after {len(packed)} bytes")
        yield packed[at : at + DIGEST_BYTES], place
        at = gap_at + packed[gap_at - 1]
        place -= int.from_bytes(packed[gap_at:at])
