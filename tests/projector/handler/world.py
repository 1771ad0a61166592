"""The handler between a fake table and a fake queue."""

import json
from types import SimpleNamespace

from stock_projector import handler as edge
from stock_projector.store import Store

from tests.doubles import flat
from tests.doubles.fakes import FakeQueue, FakeTable

DAY = 24 * 3600
LAMP, MUG = "CRUNCHY-LAMP", "ROUND-MUG"


class World:
    """The handler between a fake table and a fake queue."""

    def __init__(self, monkeypatch):
        self.diary = []
        self.table, self.queue = FakeTable(self.diary), FakeQueue(self.diary)
        store = Store(self.table, self.queue, "stock", "queue", tombstone_seconds=4 * DAY, clock=lambda: 1694433600.9)
        monkeypatch.setattr(edge, "_store", lambda: store)
        monkeypatch.setattr(edge, "_pool", lambda: SimpleNamespace(map=map))  # one product after the other

    def invoke(self, *records):
        """Hand records over as a pipe does. Returns the sequence numbers that have to come again, in their order."""
        answer = edge.handler([flat(each) for each in records], None)
        assert list(answer) == ["batchItemFailures"]
        named = [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]
        assert len(set(named)) == len(named)
        assert set(named) <= {each.item_identifier for each in records}, "eventIDs of this batch"
        return sorted(named)

    @property
    def reasons(self):
        return [json.loads(body)["reason"] for body in self.queue.bodies]

    def quantity(self, product_id):
        return int(self.table.items[product_id]["quantity"]["N"])


def named(*records):
    return sorted(each.item_identifier for each in records)
