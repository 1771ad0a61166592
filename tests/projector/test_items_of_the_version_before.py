"""Items as the version before wrote them (old_items.json, kept from that version's code): read, and taken further."""

import base64
import json

import pytest
from stock_projector.events import SequenceNumber, parse
from stock_projector.item import from_item, to_item
from stock_projector.projection import StockLevel, fold

from tests.doubles.events import FOLDER, incremented, place, record, removed
from tests.projector.handler.world import STOCK, World

OLD = json.loads((FOLDER / "old_items.json").read_text())


def item_of(kept):
    values = {name: next(iter(value.items())) for name, value in kept["item"].items()}
    return {
        name: {kind: base64.b64decode(content) if kind == "B" else content} for name, (kind, content) in values.items()
    }


@pytest.mark.parametrize("product", OLD)
def test_it_is_read_as_what_the_fold_of_its_records_gives_and_written_again_without_an_expiry(product):
    item = item_of(OLD[product])
    story = [(SequenceNumber(number), parse(record(event))) for number, event in OLD[product]["records"]]
    level, _ = fold(StockLevel(product), story)
    assert from_item(item) == level
    assert to_item(from_item(item)) == {name: value for name, value in item.items() if name != "expires_at"}


@pytest.mark.parametrize("product", ["ACTIVE-LAMP", "REMOVED-MUG"])
def test_its_redelivered_records_are_duplicates_and_the_next_write_takes_its_expiry_away(product, monkeypatch):
    world, item = World(monkeypatch), item_of(OLD[product])
    world.database.tables[STOCK].versions[product] = [item]
    again = [
        record(event)._replace(sequence_number=SequenceNumber(number)) for number, event in OLD[product]["records"]
    ]
    assert world.invoke(*again) == []
    assert (world.stock[product], world.reasons) == (item, [])
    assert ("expires_at" in item) == (product == "REMOVED-MUG")
    further = incremented if product == "ACTIVE-LAMP" else lambda product: removed(product, event_id="gone")
    assert world.invoke(record(further(product), 50)) == [], "an increment; a removal that was sent again"
    assert "expires_at" not in world.stock[product]
    assert world.stock[product]["last_sequence_number"] == {"S": str(place(50))}
