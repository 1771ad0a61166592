"""The audit's judgement: every record at its place, every product at the place that its item names. Pure.

A record's traces are the item of its product, if that has reached the record's place, and the quarantine. A record
without a trace is *pending* while the pipe may still have it, *given up* if a dead letter names it, and else missing.
"""

from collections.abc import Mapping
from copy import copy
from typing import Any

from pipeline.consistency import invariants, oracle
from pipeline.consistency.item import Item, differences
from pipeline.consistency.judged import SKIPPED, Counts, Judged
from pipeline.consistency.oracle import Product
from pipeline.consistency.sentences import Sentences, never_applied, on_two_shards, record_name
from pipeline.consistency.traces import Position, Refusal, State, Traces
from pipeline.reading.stream import StreamRecord

EFFECTS = ("applied", "duplicate")
NEVER_TOOK_EFFECT = ("out_of_order", "given_up")  # reasons that say nothing of the product's state


class Judge:
    """Takes the records of a stream one by one, each shard's in order and parents before children."""

    def __init__(self, traces: Traces, start: State | None = None) -> None:
        start = start or State()
        self.traces = traces
        self.products = start.products  # none is ever ahead of its item
        self.positions = dict(start.positions)
        self.counts = Counts()
        self.unsure: set[str] = set()  # products of which a record was given up before all that its item remembers
        self._settled = {shard_id: int(position.sequence_number or 0) for shard_id, position in start.positions.items()}
        self._first: dict[str, int] = {}  # place that was read, by shard
        self._ahead: dict[str, Product] = {}  # states beyond the items
        self._shard_of: dict[str, str] = {}
        self._held_up: set[str] = set()  # shards with a pending record
        self._missing: dict[str, tuple[int, StreamRecord, StreamRecord]] = {}  # product → how many, the first, the last
        self._compared: set[str] = set()
        self.told = Sentences()
        for product_id, product in self.products.items():
            self._start_with(product_id, product)

    def judge(self, record: StreamRecord) -> Judged:
        """Say what became of the next record."""
        self._first.setdefault(record.shard_id, record.place)
        refusal = self.traces.refusal(record)
        event = oracle.read(record.data, record.partition_key)
        if isinstance(event, str):
            judged = self._judge_poison(record, event, refusal)
        elif self._is_to_be_judged(record):
            judged = self._judge_event(record, event, refusal)
        else:
            judged = SKIPPED
        self._move_on(record, judged.outcome == "pending")
        self.counts.records += judged is not SKIPPED
        return judged

    def discrepancies(self, ends: Mapping[str, str], read_at: float, trimmed: bool = False) -> list[str]:
        """Judge what is left once the stream was read, and return one sentence for each discrepancy.

        Args:
            ends: for each shard of the stream, the sequence number it was read up to; empty if it holds no record.
            read_at: when reading began, epoch seconds.
            trimmed: whether the stream may have forgotten records that the start does not know.
        """
        for shard_id in ends.keys() - self._held_up:
            before = self.positions.get(shard_id, Position("", 0))
            self.positions[shard_id] = Position(before.sequence_number, read_at)
        for product_id, item in self.traces.items.items():
            if isinstance(item, str):
                self.told.say(product_id, item)
            elif product_id not in self._compared:
                self.told.say(product_id, self._why_not_compared(product_id, item))
        for product_id, missing in self._missing.items():
            if product_id in self._compared or product_id not in self.traces.items:
                self.told.say(product_id, never_applied(missing, product_id in self.traces.items))
        for shard_id, refusals in self.traces.refusals.items():
            for place, refusal in refusals.items():
                if not self._is_older(shard_id, place, ends, trimmed):
                    left = {(shard_id, str(place)): refusal.reason}
                    self.told.hold(invariants.every_record_has_one_outcome((), (), left, {}))
        return list(self.told.all())

    @property
    def wrong(self) -> set[str]:
        """Products and records of which something is said."""
        return self.told.subjects

    @property
    def oldest_pending(self) -> float | None:
        """When the oldest pending record arrived, epoch seconds; None if there is none."""
        return min((self.positions[shard_id].arrived_at for shard_id in self._held_up), default=None)

    # --- one record

    def _judge_poison(self, record: StreamRecord, reason: str, refusal: Refusal | None) -> Judged:
        if refusal is None:
            return self._without_trace(record, reason)
        at = record.shard_id, str(record.place)
        self.told.hold(invariants.first_verdict_is_the_logs({at: reason}, {at: refusal.reason}))
        self.counts.quarantined[refusal.reason] += 1
        return Judged("quarantined", refusal.reason)

    def _judge_event(self, record: StreamRecord, event: dict[str, Any], refusal: Refusal | None) -> Judged:
        product, identity = self._product(record.partition_key), oracle.identity(event, record.sequence_number)
        outcome = oracle.decide(event, product)
        if refusal:
            was_applied = self.traces.prove(record, identity)
            left_out = self._refused(record, product, outcome, refusal, was_applied)
            if left_out or outcome not in EFFECTS or self.traces.deny(record, identity):
                return Judged("quarantined", refusal.reason, product)
        elif not (outcome in EFFECTS and self.traces.reach(record)):
            judged = self._without_trace(record, outcome)
            if judged.outcome != "given_up" and outcome in EFFECTS:
                product = self._go_ahead(record, event, outcome)
            return judged._replace(product=product)
        elif self.traces.may_have_no_effect(record, identity):
            if self.traces.is_unsure(record):
                self.unsure.add(record.partition_key)
            return self._without_trace(record, outcome)._replace(product=product)
        return self._take(record, event, outcome, product)

    def _take(self, record: StreamRecord, event: dict[str, Any], outcome: str, product: Product) -> Judged:
        oracle.evolve(event, record.sequence_number, outcome, product)
        self.products[record.partition_key] = product
        if outcome == "applied":
            self.counts.applied += 1
        else:
            self.counts.duplicates += 1
        item = self.traces.items.get(record.partition_key)
        if isinstance(item, Item) and record.place == item.place:
            self._compare(record.partition_key, product, item)
        return Judged(outcome, "", product)

    def _go_ahead(self, record: StreamRecord, event: dict[str, Any], outcome: str) -> Product:
        """Bring a copy of the product forward by an event beyond its item: later verdicts may rest on it."""
        product = self._product(record.partition_key)
        if record.partition_key not in self._ahead:
            product = copy(product)
            product.memory = dict(product.memory)
        oracle.evolve(event, record.sequence_number, outcome, product)
        self._ahead[record.partition_key] = product
        return product

    def _refused(self, record: StreamRecord, product: Product, outcome: str, refusal: Refusal, applied: bool) -> bool:
        """Count a quarantined event, and say whether it never took effect at its place, whatever the log says."""
        self.counts.quarantined[refusal.reason] += 1
        passed_on_another_state = refusal.judged_on is not None and refusal.judged_on != _place(product)
        at, seen = (record.shard_id, str(record.place)), refusal.reason
        if applied:
            self.told.hold(invariants.every_record_has_one_outcome([at], [at], {at: seen}, {}))
        elif refusal.reason == "out_of_order" and not self.traces.reach(record):
            self.told.say(record_name(record), "is quarantined as out_of_order, but no later event was applied")
        elif refusal.reason in NEVER_TOOK_EFFECT or passed_on_another_state:
            self.counts.left_out += 1
            return True
        elif outcome in EFFECTS:
            self.told.hold(invariants.every_record_has_one_outcome([at], [at], {at: seen}, {}))
        else:
            self.told.hold(invariants.first_verdict_is_the_logs({at: outcome}, {at: seen}))
        return False

    def _without_trace(self, record: StreamRecord, due: str) -> Judged:
        """Judge a record that neither the table nor the quarantine knows."""
        if self.traces.is_pending(record):
            self.counts.pending += 1
            return Judged("pending")
        if self.traces.name(record):
            self.counts.given_up += 1
            self.counts.left_out += 1
            return Judged("given_up")
        if due in EFFECTS:
            count, first, _ = self._missing.get(record.partition_key, (0, record, record))
            self._missing[record.partition_key] = count + 1, first, record
        else:
            at = record.shard_id, str(record.place)
            self.told.hold(invariants.every_record_has_one_outcome([at], (), {}, {at: due}))
        return Judged("missing", due)

    def _is_to_be_judged(self, record: StreamRecord) -> bool:
        """Say whether an event is above the start, and its product's records lie in one order."""
        product_id, shard_id = record.partition_key, record.shard_id
        before = self._shard_of.setdefault(product_id, shard_id)
        if before == shard_id or self.traces.descends(shard_id, before):
            self._shard_of[product_id] = shard_id
            return record.place > _place(self._product(product_id))
        self._compared.add(product_id)
        if product_id not in self.told.subjects:
            self.told.say(product_id, on_two_shards(before, shard_id))
        return False

    def _move_on(self, record: StreamRecord, pending: bool) -> None:
        """Note up to where the record's shard is settled: just below its first pending record."""
        if record.shard_id in self._held_up:
            return
        before = self.positions.get(record.shard_id, Position("", 0))
        settled = before.sequence_number if pending else record.sequence_number
        self.positions[record.shard_id] = Position(settled, record.arrived_at)
        if pending:
            self._held_up.add(record.shard_id)

    # --- one product

    def _product(self, product_id: str) -> Product:
        return self._ahead.get(product_id) or self.products.get(product_id) or Product()

    def _start_with(self, product_id: str, product: Product) -> None:
        item, place = self.traces.items.get(product_id), _place(product)
        if item is None:
            self.told.say(product_id, f"the snapshot has version {product.version}, the table has no item")
        elif isinstance(item, Item) and item.place < place:
            self._compared.add(product_id)
            self.told.say(product_id, f"last_sequence_number was {place} when the snapshot was taken, is {item.place}")
        elif isinstance(item, Item) and item.place == place:
            self._compare(product_id, product, item)

    def _compare(self, product_id: str, product: Product, item: Item) -> None:
        self._compared.add(product_id)
        self.told.hold(differences(product_id, product, item))

    def _why_not_compared(self, product_id: str, item: Item) -> str:
        if product_id not in self.products and product_id not in self._shard_of:
            return f"the table has version {item.version}, the stream has no event"
        return f"last_sequence_number is {item.place}, where no event of this product took effect"

    def _is_older(self, shard_id: str, place: int, ends: Mapping[str, str], trimmed: bool) -> bool:
        """Say whether the start is past a quarantined record, or the stream has rightly forgotten it."""
        if shard_id not in ends:
            return trimmed or bool(self._settled)
        return place <= self._settled.get(shard_id, 0) or (trimmed and place < self._first.get(shard_id, place + 1))


def _place(product: Product) -> int:
    return int(product.last_sequence_number or 0)
