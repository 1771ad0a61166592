"""A small world to run the handler in: two tables, a clock, and the ledger that watches every read, put and write.

The ledger keeps the reference's stock level of every product. A write must be exactly what the reference makes of
the records that the writing invocation holds, up to the first refusal that it does not know to be in quarantine; an
item in quarantine must say what the reference says on what the invocation read. So an invariant is checked at the
very statement that breaks it, and not only at the end.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pipeline.consistency import invariants
from tests.doubles.table import Call, Client, Database, Item, Table
from tests.proof.deployed import QUARANTINE, STOCK, Deployed
from tests.proof.items import ViolationError, check_item, check_quarantined, conserved, hold, stock_of
from tests.proof.reference import (
    APPLIED,
    DUPLICATE,
    REMEMBERED,
    RULES,
    UNSEEN,
    Key,
    Level,
    LoggedRecord,
    fold,
    judge,
    replay,
)

NOW = 1_694_433_600.0
FOREIGN = {"note": {"S": "written by hand"}}


class Invocation:
    """One invocation of the handler: what it was given, what it read, what it knows to be in quarantine."""

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
        """Return the records of a product that this invocation does not know to be in quarantine."""
        out = self.quarantined
        return [each for each in self.by_product.get(product, ()) if each.key not in out or each.key == besides]

    def needing(self, key: Key) -> list[LoggedRecord]:
        """Return the records that may come again if this one's refusal cannot be put into quarantine."""
        record = next(each for each in self.records if each.key == key)
        if record.poison:
            return [record]
        of_product = self.by_product[record.product]
        return of_product[of_product.index(record) :]


class Pause:
    """Patience for so many pauses. What was read before one is no longer known to be current."""

    def __init__(self, world: "World", pauses: int) -> None:
        self._world, self._left = world, pauses

    def wait(self) -> bool:
        self._left -= 1
        if self._left >= 0:
            self._world.current.believed.clear()
        return self._left >= 0


class World:
    """Tables and ledger. `current` is the invocation whose call is being served."""

    def __init__(
        self, log: Sequence[LoggedRecord], remembered: int = REMEMBERED, pauses: int = 10, foreign: Iterable[str] = ()
    ) -> None:
        self.log: dict[Key, LoggedRecord] = {}
        self.written = {0: ""}  # sequence numbers, as the stream writes them
        self.named: dict[str, Key] = {}  # records by the name that the pipe gives them
        for record in log:
            self.add(record)
        self.remembered, self.pauses = remembered, pauses
        self.now = NOW
        self.stock, self.quarantine = Table("product_id"), Table("record_id")
        self.database = Database({STOCK: self.stock, QUARANTINE: self.quarantine}, self._on_write, self._on_read)
        self.foreign = set(foreign)  # products in whose place somebody has written an item by hand
        for product in self.foreign:
            self.stock.versions[product] = [FOREIGN | {"product_id": {"S": product}}]
        self.history: dict[str, list[Level]] = {}  # every level that each product ever had
        self.applied: set[Key] = set()
        self.identities: set[tuple[str, Any]] = set()  # (product, identity) of everything applied
        self.quarantined: dict[Key, str] = {}  # the reason
        self.retried: set[Key] = set()  # records in quarantine that were delivered again, or about which nobody heard
        self.current = Invocation(())

    def add(self, record: LoggedRecord) -> None:
        """Take a record into the log."""
        self.log[record.key] = record
        self.written[record.sequence_number] = record.written
        self.named[record.item_identifier] = record.key

    def attach(self, deployed: Deployed, gate: Callable[[Call], Any]) -> Any:
        """Return the deployed handler, working in this world."""

        def served(call: Call) -> Any:
            reply = gate(call)
            self._heard(call, reply)
            return reply

        client = Client(self.database, served)
        return deployed.attach(client, lambda: self.now, lambda: Pause(self, self.pauses))

    def level(self, product: str) -> Level:
        return self.history[product][-1] if product in self.history else UNSEEN

    def needing(self, call: Call, position: int) -> list[LoggedRecord]:
        """Return the records of the current invocation that may come again if this part of a call fails."""
        if call.operation == "batch_get_item":
            ((_, wanted),) = call.request["RequestItems"].items()
            return self.current.by_product[wanted["Keys"][position]["product_id"]["S"]]
        table, key = self.database.key_of(call.request["Statements"][position])
        return self.current.by_product[key] if table == STOCK else self.current.needing(self.named[key])

    def unheard(self, call: Call) -> None:
        """Nobody hears the answer to a call that was carried out."""
        if call.operation == "batch_execute_statement":
            names = (self.database.key_of(each) for each in call.request["Statements"])
            self.retried |= {self.named[key] for table, key in names if table == QUARANTINE}

    def returned(self, invocation: Invocation, answer: dict[str, Any] | None) -> list[LoggedRecord]:
        """Take an invocation's answer (None: it died, or nobody heard it); return the records to come again."""
        named = None if answer is None else {each["itemIdentifier"] for each in answer["batchItemFailures"]}
        again = [each for each in invocation.records if named is None or each.item_identifier in named]
        if named is not None and len(again) != len(answer["batchItemFailures"]):  # type: ignore[index]
            raise ViolationError(f"the answer names records twice, or some that were not in the batch: {named}")
        keys = {record.key for record in again}
        invocation.failed = answer is None
        self.retried |= keys & self.quarantined.keys()
        for record in invocation.records:
            if record.key not in keys and not self.has_outcome(record):
                raise ViolationError(f"lost behind the checkpoint: {record.key}")
        for product in self.foreign & {record.product for record in again}:  # somebody reads the line, and moves it
            if self.stock.versions.pop(product) != [FOREIGN | {"product_id": {"S": product}}]:
                raise ViolationError(f"{product}: an item that is not ours was written over")
            self.foreign.discard(product)
        return again

    def has_outcome(self, record: LoggedRecord) -> bool:
        return record.key in self.quarantined or self._took_effect(record)

    def _took_effect(self, record: LoggedRecord) -> bool:
        if record.poison or record.key in self.applied:
            return not record.poison
        known = (record.product, record.event[1]) in self.identities
        return known or record.sequence_number <= self.level(record.product).forgotten

    def _heard(self, call: Call, reply: dict[str, Any]) -> None:
        """An invocation knows what is in quarantine once it has been told so."""
        if call.operation != "batch_execute_statement":
            return
        for statement, response in zip(call.request["Statements"], reply["Responses"], strict=True):
            table, key = self.database.key_of(statement)
            if table == QUARANTINE and response.get("Error", {"Code": "DuplicateItem"})["Code"] == "DuplicateItem":
                self.current.quarantined.add(self.named[key])

    def _on_read(self, table: str, product: str, version: int) -> None:
        if product not in self.foreign:
            self.current.believed[product] = self.history[product][version - 1] if version else UNSEEN

    def _on_write(self, table: str, key: str, old: Item | None, new: Item) -> None:
        if table == STOCK:
            self._wrote(key, new)
        elif old is not None:
            raise ViolationError(f"the first verdict on {key} was overwritten")
        else:
            self._put(key, new)

    def _wrote(self, product: str, item: Item) -> None:
        new, applied = self.level(product), []
        for record in self.current.of(product):
            after, verdict = judge(new, record, self.remembered)
            if verdict not in (APPLIED, DUPLICATE):
                break  # a refusal that is not known to be in quarantine: nothing later may go before it
            new = after
            applied += [record.key] * (verdict == APPLIED)
        self._check_item(item, new)
        for key in applied:
            self._applied(key)
        self.history.setdefault(product, []).append(new)

    def _check_item(self, item: Item, level: Level) -> None:
        check_item(item, level, self.written[level.last], self.written[level.forgotten])

    def _applied(self, key: Key) -> None:
        record = self.log[key]
        if key in self.applied:
            raise ViolationError(f"applied twice: {key}")
        self.applied.add(key)
        self.identities.add((record.product, record.event[1]))

    def _put(self, name: str, item: Item) -> None:
        record = self.log.get(self.named.get(name, ("", 0)))
        if record is None or record not in self.current.by_product.get(record.product, ()):
            raise ViolationError(f"quarantined a record that the batch does not hold: {name}")
        reason, judged_on = self._due(record)
        check_quarantined(item, record, reason, judged_on)
        if self.current.failed:
            self.retried.add(record.key)
        self.quarantined[record.key] = reason

    def _due(self, record: LoggedRecord) -> tuple[str, str | None]:
        """Return the reason that a record has to be refused for, and the place that it was judged on, if any."""
        if record.poison:
            return record.poison, None
        believed = self.current.believed.get(record.product)
        if believed is None:
            raise ViolationError(f"refused on a state that is not known to be current: {record.key}")
        own = self.current.of(record.product, record.key)
        before, _ = fold(believed, own[: own.index(record)], self.remembered)
        _, verdict = judge(before, record, self.remembered)
        return verdict, self.written[before.last] if verdict in RULES else None

    def check_levels(self) -> None:
        """Whatever the moment: `version` counts the events applied, and no unit came from or went nowhere."""
        by_product: dict[str, list[LoggedRecord]] = {product: [] for product in self.history}
        for key in self.applied:
            by_product[self.log[key].product].append(self.log[key])
        seen = {product: stock_of(self.stock.item(product)) for product in self.history}
        hold(invariants.stock_is_never_negative(seen))
        hold(invariants.version_counts_what_was_applied({p: len(all) for p, all in by_product.items()}, seen))
        for product, applied in by_product.items():
            self._check_item(self.stock.item(product) or {}, self.level(product))
            if seen[product]["quantity"] != conserved(applied):
                raise ViolationError(f"{product}: {seen[product]}, though what was applied leaves {conserved(applied)}")

    def check_drained(self, in_order: bool) -> None:
        """Every record has its outcome. If the pipe kept order, it is the one that a replay from empty gives."""
        self.check_levels()
        log = sorted(self.log.values(), key=lambda record: record.sequence_number)
        levels, verdicts = replay(log, self.remembered)
        places = {record.key: (record.shard, record.written) for record in log}
        quarantined = {places[key]: reason for key, reason in self.quarantined.items()}
        both = self.applied & self.quarantined.keys()
        if not in_order and both <= self.retried:
            quarantined = {place: quarantined[place] for place in quarantined.keys() - {places[key] for key in both}}
        effective = {
            places[r.key]
            for r in log
            if r.key in self.applied or (r.key not in self.quarantined and self._took_effect(r))
        }
        hold(invariants.every_record_has_one_outcome(places.values(), effective, quarantined, {}))
        if in_order:
            due = {places[key]: verdict for key, verdict in verdicts.items() if verdict not in (APPLIED, DUPLICATE)}
            stocks = {product: stock_of(self.stock.item(product)) for product in self.history}
            hold(invariants.table_is_the_fold_of_the_log({p: self._told(level) for p, level in levels.items()}, stocks))
            hold(invariants.first_verdict_is_the_logs(due, quarantined))
            if due.keys() != quarantined.keys():
                raise ViolationError(f"quarantined {quarantined}, where the replay refuses {due}")
            if levels != {product: history[-1] for product, history in self.history.items()}:
                raise ViolationError("the memory is not that of a replay of the log from empty")
            if self.applied != {key for key, verdict in verdicts.items() if verdict == APPLIED}:
                raise ViolationError("not the events were applied that the replay applies")

    def _told(self, level: Level) -> dict[str, Any]:
        return {
            "product_name": level.product_name,
            "status": "active" if level.active else "removed",
            "quantity": level.quantity,
            "version": level.version,
            "updated_at": level.updated_at,
            "last_sequence_number": self.written[level.last],
        }
