"""The handler on tables in memory, with a clock that only waiting moves."""

from types import SimpleNamespace

from stock_projector import handler as edge
from stock_projector.patience import Patience
from stock_projector.quarantine import Quarantine
from stock_projector.store import Store

from tests.doubles import flat
from tests.doubles.table import Client, Database, Table

LAMP, MUG = "CRUNCHY-LAMP", "ROUND-MUG"
STOCK, QUARANTINE = "stock", "quarantine"
NOW, DAY = 1_694_433_600, 24 * 3600


class World:
    """The handler on a stock table and a quarantine table. `fate` decides on each read, put and write."""

    def __init__(self, monkeypatch):
        self.diary = []
        self.requests = []
        self.waited = []
        self.seconds = 60.0
        self.fate = lambda what, key: ""  # what: "read", or the table that is written
        self.before = lambda call: None
        self.database = Database({STOCK: Table("product_id"), QUARANTINE: Table("record_id")}, on_write=self._wrote)
        client = Client(self.database, self._gate)
        tables = Store(client, STOCK), Quarantine(client, QUARANTINE, 90 * DAY, clock=lambda: NOW)
        monkeypatch.setattr(edge, "_tables", lambda: tables)
        monkeypatch.setattr(edge, "_in_parallel", map)  # one request after the other
        monkeypatch.setattr(edge, "Patience", lambda seconds_left: Patience(seconds_left, self._wait))

    def invoke(self, *records):
        """Hand records over as a pipe does. Returns the names of those that have to come again, in their order."""
        started = sum(self.waited)
        left = SimpleNamespace(
            get_remaining_time_in_millis=lambda: 1000 * (self.seconds - (sum(self.waited) - started))
        )
        answer = edge.handler([flat(each) for each in records], left)
        assert list(answer) == ["batchItemFailures"]
        failed = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        assert len(set(failed)) == len(failed)
        assert set(failed) <= {each.item_identifier for each in records}, "eventIDs of this batch"
        return sorted(failed)

    @property
    def stock(self):
        return self.database.tables[STOCK].items

    @property
    def quarantine(self):
        """The quarantined items, in the order of the log."""
        return sorted(self.database.tables[QUARANTINE].items.values(), key=lambda item: item["sequence_number"]["S"])

    @property
    def reasons(self):
        return [item["reason"]["S"] for item in self.quarantine]

    def quantity(self, product_id):
        return int(self.stock[product_id]["quantity"]["N"])

    def _gate(self, call):
        self.before(call)
        self.requests.append((call.operation, call.parts))
        if call.operation == "batch_get_item":
            keys = [key["product_id"]["S"] for key in call.request["RequestItems"][STOCK]["Keys"]]
            return call.perform(lambda at: self.fate("read", keys[at]))
        return call.perform(lambda at: self.fate(*self.database.key_of(call.request["Statements"][at])))

    def _wrote(self, table, key, old, new):
        self.diary.append((table, key))

    def _wait(self, seconds):
        self.waited.append(seconds)


def named(*records):
    return sorted(each.item_identifier for each in records)
