"""A small world to run the handler in: table, queue, clock, and the ledger that watches every read, write and message.

The ledger keeps the reference's stock level of every product. A write must be exactly what the reference makes of
the records that the writing invocation holds; a message must say what the reference says on what the invocation read.
So an invariant is checked at the very call that breaks it, and not only at the end.
"""

import json
from base64 import b64decode
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from tests.proof.deployed import Deployed
from tests.proof.fakes import Client, Item, Queue, Table
from tests.proof.items import ViolationError, check_item, conserved
from tests.proof.reference import APPLIED, DUPLICATE, REMEMBERED, UNSEEN, Key, Level, LoggedRecord, fold, replay

NOW = 1_694_433_600.0
RETENTION_SECONDS = 24 * 3600
PIPE_REASONS = ("not_json", "invalid_event", "unknown_event_type", "wrong_partition_key")


class Invocation:
    """One invocation of the handler: what it was given, what it read, what it has put in quarantine."""

    __slots__ = ("believed", "by_product", "failed", "quarantined", "records")

    def __init__(self, records: Sequence[LoggedRecord]) -> None:
        self.records = records
        self.by_product: dict[str, list[LoggedRecord]] = {}
        for record in records:
            self.by_product.setdefault(record.product, []).append(record)
        self.believed: dict[str, Level] = {}
        self.quarantined: set[Key] = set()
        self.failed = False  # nobody waits for its answer any more

    def of(self, product: str, besides: Key | None = None) -> list[LoggedRecord]:
        """Return the records of a product that this invocation has not put in quarantine."""
        out = self.quarantined
        return [each for each in self.by_product.get(product, ()) if each.key not in out or each.key == besides]


class World:
    """Table, queue and ledger. `current` is the invocation whose call is being served."""

    def __init__(self, log: Sequence[LoggedRecord], remembered: int = REMEMBERED) -> None:
        self.log: dict[Key, LoggedRecord] = {}
        self.written = {0: "0"}  # sequence numbers, as the stream writes them
        for record in log:
            self.add(record)
        self.remembered = remembered
        self.now = NOW
        self.table = Table(on_write=self._wrote, on_read=self._read, clock=lambda: self.now)
        self.queue = Queue(on_send=self._sent)
        self.history: dict[str, list[Level]] = {}  # every level that each product ever had
        self.applied: set[Key] = set()
        self.identities: set[tuple[str, Any]] = set()  # (product, identity) of everything applied
        self.quarantined: dict[Key, list[str]] = {}
        self.retried: set[Key] = set()  # records that an attempt put in quarantine before it failed
        self.current = Invocation(())

    def add(self, record: LoggedRecord) -> None:
        """Take a record into the log."""
        self.log[record.key] = record
        self.written[record.sequence_number] = record.written

    def attach(self, deployed: Deployed, gate: Any) -> Any:
        """Return the deployed handler, working in this world."""
        return deployed.attach(Client(self.table, gate), Client(self.queue, gate), lambda: self.now)

    def level(self, product: str) -> Level:
        return self.history[product][-1] if product in self.history else UNSEEN

    def returned(self, invocation: Invocation, answer: dict[str, Any] | None) -> list[LoggedRecord]:
        """Take an invocation's answer (None: it died, or nobody heard it); return the records to come again."""
        named = None if answer is None else {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        again = [each for each in invocation.records if named is None or each.item_identifier in named]
        if named is not None and len(again) != len(named):
            raise ViolationError(f"the answer names records that were not in the batch: {named}")
        keys = {record.key for record in again}
        invocation.failed = answer is None
        self.retried |= keys & invocation.quarantined
        for record in invocation.records:
            if record.key not in keys and not self.has_outcome(record):
                raise ViolationError(f"lost behind the checkpoint: {record.key}")
        return again

    def has_outcome(self, record: LoggedRecord) -> bool:
        if record.key in self.applied or record.key in self.quarantined:
            return True
        if record.poison:
            return False
        known = (record.product, record.event[1]) in self.identities
        return known or record.sequence_number <= self.level(record.product).forgotten

    def _read(self, product: str, version: int) -> None:
        self.current.believed[product] = self.history[product][version - 1] if version else UNSEEN

    def _wrote(self, item: Item) -> None:
        product, old = item["product_id"]["S"], self.level(item["product_id"]["S"])
        new, verdicts = fold(old, self.current.of(product), self.remembered)
        self._check_item(item, new)
        if not new.active and int(item["expires_at"]["N"]) <= self.now + RETENTION_SECONDS:
            raise ViolationError("the tombstone goes before the stream forgets the product's records")
        for key, verdict in verdicts.items():
            if verdict == APPLIED:
                self._applied(key)
            elif verdict != DUPLICATE:
                raise ViolationError(f"state written before the quarantine has {key}: {verdict}")
        self.history.setdefault(product, []).append(new)

    def _check_item(self, item: Item, level: Level) -> None:
        forgotten = self.written[level.forgotten] if level.forgotten else ""
        check_item(item, level, self.written[level.last], forgotten)

    def _applied(self, key: Key) -> None:
        record = self.log[key]
        if key in self.applied:
            raise ViolationError(f"applied twice: {key}")
        self.applied.add(key)
        self.identities.add((record.product, record.event[1]))

    def _sent(self, body: str) -> None:
        message = _loads(body)
        key = message["shard_id"], int(message["sequence_number"])
        record = self.log.get(key)
        if record is None or record not in self.current.by_product.get(record.product, ()):
            raise ViolationError(f"quarantined a record that the batch does not hold: {key}")
        told = b64decode(message["data"]), message["partition_key"], message["sequence_number"]
        if told != (record.data, record.partition_key, record.written):
            raise ViolationError(f"quarantined with other bytes: {key}")
        if message["reason"] != (due := record.poison or self._verdict(record)):
            raise ViolationError(f"quarantined {key} as {message['reason']}, but it is {due}")
        self.current.quarantined.add(key)
        if self.current.failed:
            self.retried.add(key)
        self.quarantined.setdefault(key, []).append(message["reason"])

    def _verdict(self, record: LoggedRecord) -> str:
        believed = self.current.believed.get(record.product)
        if believed is None:
            raise ViolationError(f"refused unread: {record.key}")
        return fold(believed, self.current.of(record.product, record.key), self.remembered)[1][record.key]

    def check_levels(self) -> None:
        """Whatever the moment: `version` counts the events applied, and no unit came from or went nowhere."""
        by_product: dict[str, list[LoggedRecord]] = {product: [] for product in self.history}
        for key in self.applied:
            by_product[self.log[key].product].append(self.log[key])
        for product, applied in by_product.items():
            level = self.level(product)
            self._check_item(self.table.item(product) or {}, level)
            if level.version != len(applied) or level.quantity != conserved(applied):
                raise ViolationError(f"{product}: {level.quantity} in stock, {len(applied)} events applied: {level}")

    def check_drained(self, in_order: bool) -> None:
        """Every record has its outcome. If the pipe kept order, it is the one that a replay from empty gives."""
        self.check_levels()
        both = self.applied & self.quarantined.keys()
        if in_order:
            self._check_replay()
        elif both - self.retried:
            raise ViolationError(f"applied and quarantined, though no attempt failed in between: {both - self.retried}")
        for record in self.log.values():
            if not self.has_outcome(record):
                raise ViolationError(f"no outcome: {record.key}")

    def _check_replay(self) -> None:
        log = sorted(self.log.values(), key=lambda record: record.sequence_number)
        levels, verdicts = replay(log, self.remembered)
        if levels != {product: history[-1] for product, history in self.history.items()}:
            raise ViolationError("the table is not the replay of the log from empty")
        if self.applied != {key for key, verdict in verdicts.items() if verdict == APPLIED}:
            raise ViolationError("not the events were applied that the replay applies")
        refused = {key: verdict for key, verdict in verdicts.items() if verdict not in (APPLIED, DUPLICATE)}
        if refused != {key: reasons[0] for key, reasons in self.quarantined.items()}:
            raise ViolationError(f"quarantined {self.quarantined}, where the replay refuses {refused}")
        for key, (first, *later) in self.quarantined.items():
            if not set(later) <= ({first} if first in PIPE_REASONS else {first, "out_of_order"}):
                raise ViolationError(f"{key} was quarantined for different reasons: {first}, {later}")


_loads = lru_cache(4096)(json.loads)
