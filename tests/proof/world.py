"""A small world to run the handler in: two tables, a clock, and the ledger that watches every read, put and write.

The ledger keeps the reference's stock level of every product. A write must be exactly what the reference makes of
the records that the writing invocation holds, up to the first refusal that it does not know to be in quarantine; an
item in quarantine must say what the reference says on what the invocation read. So an invariant is checked at the
very statement that breaks it, and not only at the end.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle
from typing import Any

from tests.doubles.table import Call, Client, Database, Item, Table
from tests.proof.deployed import QUARANTINE, STOCK, Deployed
from tests.proof.invocation import Invocation, Pause
from tests.proof.items import ViolationError, check_item, check_quarantined
from tests.proof.reference import (
    APPLIED,
    DUPLICATE,
    MOST_DATA,
    MOST_STOCK,
    REMEMBERED,
    RULES,
    UNSEEN,
    Key,
    Level,
    LoggedRecord,
    fold,
    judge,
)

NOW = 1_694_433_600.0
BY_HAND: tuple[Item, ...] = (  # what somebody may write in the place of a product's item
    {"note": {"S": "written by hand"}},
    {
        "product_name": {"S": "written by hand"}, "status": {"S": "active"}, "quantity": {"N": "5"},
        "version": {"N": "0"}, "last_sequence_number": {"S": "1"}, "updated_at": {"S": ""},
        "recent_events": {"B": b""}, "remembers_after": {"S": ""},
    },
)  # fmt: skip


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
        self.most_stock, self.most_data = MOST_STOCK, MOST_DATA
        self.foreign: dict[str, list[Item]] = {}  # products in whose place lies an item by hand; what lay there before
        self.written_by_hand: Iterator[Item] = cycle(BY_HAND)
        for product in foreign:
            self.write_by_hand(product)
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
        return deployed.attach(client, lambda: self.now, lambda: Pause(lambda: self.current, self.pauses))

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
        for product in self.foreign.keys() & {record.product for record in again}:
            self._move_away(product)  # somebody has read the line that names it
        return again

    def write_by_hand(self, product: str) -> None:
        """Write an item that is not ours in the place of a product's."""
        self.foreign[product] = self.stock.versions.get(product, [])
        self.stock.versions[product] = [next(self.written_by_hand) | {"product_id": {"S": product}}]

    def _move_away(self, product: str) -> None:
        if len(self.stock.versions.pop(product)) > 1:
            raise ViolationError(f"{product}: an item that is not ours was written over")
        if before := self.foreign.pop(product):
            self.stock.versions[product] = before

    def has_outcome(self, record: LoggedRecord) -> bool:
        return record.key in self.quarantined or self.took_effect(record)

    def took_effect(self, record: LoggedRecord) -> bool:
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
            after, verdict = judge(new, record, self.remembered, self.most_stock)
            if verdict not in (APPLIED, DUPLICATE):
                break  # a refusal that is not known to be in quarantine: nothing later may go before it
            new = after
            applied += [record.key] * (verdict == APPLIED)
        self.check_item(item, new)
        for key in applied:
            self._applied(key)
        self.history.setdefault(product, []).append(new)

    def check_item(self, item: Item, level: Level) -> None:
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
        check_quarantined(item, record, reason, judged_on, self.most_data)
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
        before, _ = fold(believed, own[: own.index(record)], self.remembered, self.most_stock)
        _, verdict = judge(before, record, self.remembered, self.most_stock)
        return verdict, self.written[before.last] if verdict in RULES else None
