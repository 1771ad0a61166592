"""The stock table's item, read without the projector's help, and held against what the oracle says it must be."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any, NamedTuple

from pipeline.consistency import invariants
from pipeline.consistency.oracle import Product

KINDS = {
    "product_id": "S", "product_name": "S", "status": "S", "quantity": "N", "version": "N",
    "last_sequence_number": "S", "updated_at": "S", "recent_events": "B", "remembers_after": "S",
}  # fmt: skip
DIGEST_BYTES = 8


class Item(NamedTuple):
    """What an item says, by the names of docs/contract.md, section 4. Sequence numbers are integers, 0 for none."""

    product_name: str
    status: str
    quantity: int
    version: int
    last_sequence_number: int
    updated_at: str
    recent_events: bytes
    remembers_after: int

    @property
    def place(self) -> int:
        """The place at which the audit judges the product."""
        return self.last_sequence_number

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
        return f"its item was not written by the projector: missing, foreign or of another kind are {', '.join(wrong)}"
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
        places = f"last_sequence_number {last!r}, remembers_after {forgotten!r}"
        return f"its item was not written by the projector: {places}"


def digest(identity: str) -> bytes:
    """Shorten an identity, as the oracle names it, to what the item's memory keeps of it."""
    kind, _, name = identity.partition(" ")
    return blake2b(f"{'id' if kind == 'event' else 'at'}:{name}".encode(), digest_size=DIGEST_BYTES).digest()


def differences(product_id: str, product: Product, item: Item) -> list[str]:
    """Compare the whole item, memory included, with the product that the oracle folded up to the item's place."""
    due = {name: getattr(product, name) for name in invariants.COMPARED}
    remembered = [(digest(identity), place) for identity, place in product.memory.items()]
    told = invariants.table_is_the_fold_of_the_log({product_id: due}, {product_id: item._asdict()})
    told += invariants.stock_is_never_negative({product_id: item._asdict()})
    try:
        held = invariants.Memory(item.memory(), item.remembers_after)
    except ValueError as error:
        return [*told, f"{product_id}: recent_events cannot be read: {error}"]
    return told + invariants.memory_is_the_folds(
        product_id, invariants.Memory(remembered, product.remembers_after), held
    )


def _unpacked(packed: bytes, place: int) -> Iterator[tuple[bytes, int]]:
    at = 0
    while at < len(packed):
        gap_at = at + DIGEST_BYTES + 1
        if gap_at > len(packed) or gap_at + packed[gap_at - 1] > len(packed):
            raise ValueError(f"it ends within an entry, after {len(packed)} bytes")
        yield packed[at : at + DIGEST_BYTES], place
        at = gap_at + packed[gap_at - 1]
        place -= int.from_bytes(packed[gap_at:at])
