"""What an audit goes by besides the stream: items, quarantine, dead letters, and what the pipe may still have."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.consistency.item import Item
from pipeline.consistency.oracle import Product
from pipeline.reading.stream import StreamRecord


class Refusal(NamedTuple):
    """A quarantine item's verdict. `judged_on`: the place of the state it was passed on, 0 before any; or None."""

    reason: str
    judged_on: int | None = None


class Position(NamedTuple):
    """Up to where a shard is settled. All that lies above arrived at that time (epoch seconds) or later."""

    sequence_number: str  # empty: nothing is settled yet
    arrived_at: float


@dataclass
class State:
    """A state to start from: products at the places that their items had, and how far each shard was settled."""

    products: dict[str, Product] = field(default_factory=dict)
    positions: dict[str, Position] = field(default_factory=dict)


@dataclass
class Traces:
    """What records leave behind. The order of reading it is in `audit.py`."""

    items: dict[str, Item | str]  # by product; a text says what is wrong with a foreign item
    refusals: dict[str, dict[int, Refusal]]  # the quarantine: shard → place → verdict; the judge takes them out
    is_pending: Callable[[StreamRecord], bool]  # whether the pipe may still have a record
    letters: Mapping[str, list[tuple[int, int]]] = field(default_factory=dict)  # shard → first and last place given up
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of each shard
    applied_after_all: frozenset[str] = frozenset()  # products: see `may_have_no_effect`

    def refusal(self, record: StreamRecord) -> Refusal | None:
        """Take a record's verdict out of the quarantine."""
        return self.refusals.get(record.shard_id, {}).pop(record.place, None)

    def reach(self, record: StreamRecord) -> bool:
        """Say whether the item of the record's product stands at its place or beyond; a foreign item always does."""
        item = self.items.get(record.partition_key)
        return isinstance(item, str) or (item is not None and record.place <= item.place)

    def deny(self, record: StreamRecord, identity: str) -> bool:
        """Say whether an event certainly had no effect: its item has not got there, or would remember it."""
        item = self.items.get(record.partition_key)
        return not isinstance(item, Item) or record.place > item.place or item.denies(identity, record.place)

    def prove(self, record: StreamRecord, identity: str) -> bool:
        """Say whether an event certainly had its effect at its place: its item remembers it there."""
        item = self.items.get(record.partition_key)
        return isinstance(item, Item) and item.remembers(identity, record.place)

    def may_have_no_effect(self, record: StreamRecord, identity: str) -> bool:
        """Say whether a later event of the product was applied without this one, and why is known.

        That is so where its item would remember the event and does not, and the pipe still has the record or gave it
        up. Where it was given up so long ago that the memory does not say, both can be: a judge takes it as never
        applied, or for the products in `applied_after_all` as applied.
        """
        named = self.name(record)
        if not (named or self.is_pending(record)):
            return False
        return self.deny(record, identity) or (named and self.is_unsure(record))

    def is_unsure(self, record: StreamRecord) -> bool:
        """Say whether a record lies before all that its item remembers."""
        item = self.items.get(record.partition_key)
        before = isinstance(item, Item) and record.place <= item.remembers_after
        return before and record.partition_key not in self.applied_after_all

    def name(self, record: StreamRecord) -> bool:
        """Say whether a dead letter names the record."""
        return any(first <= record.place <= last for first, last in self.letters.get(record.shard_id, ()))

    def descends(self, shard_id: str, ancestor: str) -> bool:
        """Say whether a shard came of another one by splits and merges."""
        parents = self.parents.get(shard_id, ())
        return ancestor in parents or any(self.descends(parent, ancestor) for parent in parents)
