"""A product of a batch: its entries that have no outcome yet, folded on the state that it was found in."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from stock_projector.events import Event, Record, Refusal
from stock_projector.projection import Outcome, StockLevel, fold
from stock_projector.quarantine import Refused

Result = Outcome | Refusal
Entry = tuple[Record, Event]  # an event, with the record it came in


@dataclass(eq=False)
class Product:
    """Where a product stands, and its entries without an outcome, in the order of the log."""

    product_id: str
    entries: list[Entry] = field(default_factory=list)
    level: StockLevel | None = None  # None: it has to be read
    in_quarantine: dict[str, Refusal] = field(default_factory=dict)  # entries that this attempt knows to be there
    lost_guards: int = 0
    waits_for: Exception | None = None  # what keeps it from going forward: DynamoDB asked to wait

    def fold(self) -> "Folded":
        """Fold all entries on the level."""
        assert self.level
        return Folded(self, self.level, *_fold(self.level, self.entries, self.in_quarantine))

    def drop_from(self, record: Record) -> list[Record]:
        """Take out a record and all later ones, as far as they are still here; return them."""
        kept = _place(record, self.entries)
        dropped, self.entries = self.entries[kept:], self.entries[:kept]
        return [record for record, _ in dropped]


@dataclass(eq=False)
class Folded:
    """A product's first entries, folded: all, or those before a refusal that is not known to be in quarantine."""

    product: Product
    before: StockLevel
    after: StockLevel
    results: list[Result]

    @property
    def is_changed(self) -> bool:
        """Whether there is anything to write. Whatever is written raises `last_sequence_number`."""
        return self.after.last_sequence_number != self.before.last_sequence_number

    @property
    def to_quarantine(self) -> list[Refused]:
        """The refusals that are not known to be in quarantine, in the order of the log."""
        known, pairs = self.product.in_quarantine, zip(self.product.entries, self.results, strict=False)
        return [
            Refused(record, result)
            for (record, _), result in pairs
            if isinstance(result, Refusal) and record.item_identifier not in known
        ]

    def cut_before(self, refused: Record) -> None:
        """Leave out a record whose refusal is not in quarantine, and all later ones: the ones before it stand.

        Were later ones to go on, the record would come back as `out_of_order`, or past the memory as a duplicate.
        """
        kept = _place(refused, self.product.entries)
        if kept < len(self.results):
            self.after, self.results = _fold(self.before, self.product.entries[:kept], self.product.in_quarantine)


def _place(record: Record, entries: list[Entry]) -> int:
    return next((at for at, (each, _) in enumerate(entries) if each is record), len(entries))


def _fold(level: StockLevel, entries: list[Entry], known: Mapping[str, Refusal]) -> tuple[StockLevel, list[Result]]:
    """Fold entries. What this attempt has quarantined takes no part: on another state it might be applied as well."""
    undecided = [(r.sequence_number, event) for r, event in entries if r.item_identifier not in known]
    after, outcomes = fold(level, undecided)
    results = iter(outcomes)
    return after, [known.get(record.item_identifier) or next(results) for record, _ in entries]
