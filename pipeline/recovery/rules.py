"""What may be done about a record that the pipe gave up: docs/contract.md, section 8. Pure.

First the rules of one record by itself, 1 to 3: has it an outcome, and may it be claimed? Then those of a claimed
record among the others of its product, 4: may it be sent again, at the log's end?
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NamedTuple

from pipeline.consistency import oracle
from pipeline.consistency.item import Item, digest
from pipeline.reading.stream import StreamRecord
from pipeline.recovery.resend import derived_event_id

Do = Literal["nothing", "refuse", "dismiss", "claim", "go on", "ask"]
Refused = Mapping[str, dict[str, Any]]  # quarantine items, by record_id
OTHER_LIFE = ("product_added", "product_removed")


class Verdict(NamedTuple):
    """What is to be done about a record: `go on` with a claim, `ask` a person. `why`: in words."""

    do: Do
    why: str = ""


def id_of(record: StreamRecord) -> str:
    """Return a record's id: the key of its quarantine item."""
    return f"{record.shard_id}:{record.sequence_number}"


def is_claimed(refused: dict[str, Any]) -> bool:
    """Say whether a quarantine item says that its record never took effect, and may be brought back."""
    return refused["reason"] == "given_up"


def is_unfinished(refused: dict[str, Any]) -> bool:
    """Say whether a claim was not tried yet, or somebody was interrupted while sending it again."""
    untried = refused["state"] == "open" and "note" not in refused
    return is_claimed(refused) and (untried or refused["state"] == "re_sending")


def verdict(record: StreamRecord, refused: dict[str, Any] | None, item: Item | str | None) -> Verdict:
    """Decide on one record that the pipe no longer has: rules 1 to 3.

    Args:
        record: as it lies on the stream.
        refused: its quarantine item.
        item: its product's item, read consistently after the pipe was done with the record; a text: a foreign one.
    """
    if refused:
        return Verdict("go on" if is_unfinished(refused) else "nothing", f"it is in quarantine: {refused['reason']}")
    event = oracle.read(record.data, record.partition_key)
    if isinstance(event, str):
        return Verdict("refuse", event)
    if item is None:
        return Verdict("claim", "its product has no item")
    try:
        memory = {} if isinstance(item, str) else dict(item.memory())
    except ValueError as error:
        item = str(error)
    if isinstance(item, str):
        return Verdict("ask", f"its product's item cannot be read: {item}")
    remembered_at = memory.get(digest(oracle.identity(event, record.sequence_number)))
    if remembered_at == record.place:
        return Verdict("nothing", "it was applied")
    if remembered_at is not None and remembered_at < record.place:
        return Verdict("dismiss", f"its event was applied as record {remembered_at}")
    if record.place > item.place:
        return Verdict("claim", "its product's item has not got there")
    if remembered_at is None and record.place > item.remembers_after:
        return Verdict("claim", "its product's item would remember it")
    if remembered_at:
        return Verdict("ask", f"its event is remembered as record {remembered_at}, which may be a re-send")
    return Verdict("ask", "it lies before all that its product's item remembers")


class Entry(NamedTuple):
    """A product's record that is an event, and the identity under which it is, or would be, sent again."""

    record: StreamRecord
    event: dict[str, Any]
    event_id: str

    @property
    def kind(self) -> str:
        """The type of the event."""
        return str(self.event["event_type"])

    @property
    def place(self) -> int:
        """Its record's place in the log."""
        return self.record.place

    @property
    def record_id(self) -> str:
        """Its record's id."""
        return id_of(self.record)


@dataclass
class Log:
    """One product's events on the stream, in order, and which of its records are in quarantine."""

    entries: list[Entry] = field(default_factory=list)
    refused: Refused = field(default_factory=dict)

    @classmethod
    def of(cls, records: Iterable[StreamRecord], refused: Refused) -> "Log":
        """Read the events among the records of one partition key."""
        entries = [entry for record in records if (entry := entry_of(record))]
        return cls(sorted(entries, key=lambda entry: entry.place), refused)

    def earlier_re_send(self, claim: Entry) -> Entry | None:
        """Find the record in which a claim was sent again, if somebody was interrupted after that."""
        began = datetime.fromisoformat(self.refused[claim.record_id]["decided_at"]).timestamp()
        later = [each for each in self.same_event(claim) if each.place > claim.place]
        return next((each for each in later if not self._is_refused(each) or each.record.arrived_at >= began), None)

    def same_event(self, claim: Entry) -> list[Entry]:
        """Return the other records of the same event."""
        return [each for each in self.entries if each.event_id == claim.event_id and each.place != claim.place]

    def why_not(self, claim: Entry) -> str:
        """Say why a claim may not be sent again; empty if it may: rule 4."""
        for other in self.same_event(claim):
            if other.record_id not in self.refused:
                return f"record {other.place} is the same event"
        for later in self.jumped(claim):
            return f"a {later.kind} came after it, record {later.place}"
        return ""

    def jumped(self, claim: Entry, above: int = 0) -> list[Entry]:
        """Return the events, above a place, that a claim must not jump over."""
        return [
            later
            for later in self.entries
            if later.place > max(claim.place, above)
            and (claim.kind == "product_removed" or later.kind in OTHER_LIFE)
            and not self._comes_from_before(later, claim)
        ]

    def _comes_from_before(self, later: Entry, claim: Entry) -> bool:
        """Say whether an event has no effect where it lies, or is the re-send of a claim from a lower place."""
        if self._is_claimed(later):
            return True
        return any(
            self._is_claimed(origin) and origin.place < self._first_place(claim) for origin in self.same_event(later)
        )

    def _first_place(self, claim: Entry) -> int:
        """Return where a claim's event lay first: it may itself be the re-send of a claim, and given up again."""
        return min(each.place for each in [claim, *self.same_event(claim)] if self._is_claimed(each))

    def _is_claimed(self, entry: Entry) -> bool:
        return entry.record_id in self.refused and is_claimed(self.refused[entry.record_id])

    def _is_refused(self, entry: Entry) -> bool:
        return entry.record_id in self.refused and not is_claimed(self.refused[entry.record_id])

    def stock(self, start: oracle.Product, record: StreamRecord, applied: bool) -> int:
        """Return what the fold has in stock at the log's end, with a record's effect at its place or without it."""
        products = {record.partition_key: start}
        for entry in self.entries:
            is_it = entry.place == record.place
            if (is_it and applied) or (not is_it and entry.record_id not in self.refused):
                oracle.judge(entry.record.data, record.partition_key, entry.record.sequence_number, products)
        return products[record.partition_key].quantity


def entry_of(record: StreamRecord) -> Entry | None:
    """Read a record as an event of its product; None if it is none."""
    event = oracle.read(record.data, record.partition_key)
    if isinstance(event, str):
        return None
    return Entry(record, event, event.get("event_id") or derived_event_id(id_of(record)))
