"""The stock table folded again, on a shop in memory: it is the live one, whatever the pipe is about to do."""

from types import SimpleNamespace

import pytest

from pipeline.errors import UserError
from pipeline.provisioning import spare_tables
from pipeline.recovery import rebuild, redrive
from tests.consistency.shop import DAY, OUTPUTS, Shop
from tests.doubles.events import added, decremented, incremented, removed
from tests.doubles.table import Items, Table

EARLY = [added(quantity=90), decremented(event_id="sale-1"), added("MOUSE", 5), b"nonsense", removed("MOUSE")]
LATE = [*[decremented()] * 40, decremented(event_id="sale-1"), decremented(quantity=99), added("MOUSE", 7)]


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Shop:
    shop = Shop(monkeypatch)
    tables = shop.cloud.client("dynamodb")._tables

    def make(cloud: object, stack_name: str) -> str:
        tables["rebuilt"] = Table("product_id")
        return "rebuilt"

    def fill(cloud: object, table: str, items: list, between: object) -> None:
        Items(tables[table]).update({item["product_id"]["S"]: item for item in items})

    in_memory = SimpleNamespace(exists=lambda cloud, table: table in tables, make=make, fill=fill)
    monkeypatch.setattr(rebuild, "spare_tables", in_memory)
    shop.tables = tables
    return shop


def fold_again(shop: Shop, keep_seconds: int = 0) -> rebuild.Rebuilt:
    there = SimpleNamespace(cloud=shop.cloud, outputs=OUTPUTS, stack_name="shop")
    return rebuild._Rebuild(there, lambda line: None, lambda: None, keep_seconds).run()


def test_a_dry_run_folds_and_compares_and_tells_what_it_would_make(shop, monkeypatch):
    shop.sell(*EARLY, *LATE)
    monkeypatch.setattr(rebuild.spare_tables, "make", spare_tables.make)
    monkeypatch.setattr(rebuild.spare_tables, "fill", spare_tables.fill)
    told, tables = [], dict(shop.tables)
    shop.cloud = shop.cloud.dry(told.append)
    rebuilt = fold_again(shop)
    assert (rebuilt.differences, rebuilt.products) == ([], 2)
    assert [line.split()[3] for line in told] == ["create-table:", "update-continuous-backups:", "batch-write-item:"]
    assert shop.tables == tables


@pytest.mark.parametrize("from_snapshot", [False, True])
def test_it_is_the_live_table_to_the_last_byte(shop, from_snapshot):
    shop.sell(*EARLY)
    if from_snapshot:
        shop.snapshot()
    shop.sell(*LATE)
    rebuilt = fold_again(shop)
    assert (rebuilt.differences, rebuilt.products) == ([], 2)
    assert shop.tables["rebuilt"].items == dict(shop.stock)


def test_what_the_pipe_still_has_is_not_folded(shop):
    shop.sell(*EARLY)
    shop.send(*LATE)
    assert fold_again(shop).differences == []
    shop.deliver(most=10)
    assert fold_again(shop).differences == []


def test_what_was_given_up_and_brought_back_counts_where_it_was_brought(shop):
    shop.sell(added(quantity=9))
    for place in shop.send(incremented(quantity=5), decremented(quantity=9)):
        shop.give_up(place)
    shop.sell(decremented(quantity=2))
    assert fold_again(shop).differences == []
    shop.now += 61
    redrive.redrive(shop.cloud, OUTPUTS)
    shop.deliver()
    assert fold_again(shop).differences == []
    assert shop.tables["rebuilt"].items == dict(shop.stock)


def test_what_somebody_did_to_the_live_table_is_named(shop):
    shop.sell(*EARLY, added("LAMP", 1), added("DESK", 2))
    shop.edit(quantity={"N": "777"})
    del shop.stock["LAMP"]
    shop.stock["GHOST"] = shop.stock["DESK"] | {"product_id": {"S": "GHOST"}}
    shop.edit("MOUSE", note={"S": "by hand"})
    assert fold_again(shop).differences == [
        "GHOST: the live table has an item, and should not",
        "LAMP: the live table has no item, and should",
        "MOUSE: its item was not written by the projector: missing, foreign or of another kind are note",
        "P98765: quantity is 777, should be 89",
    ]
    assert shop.stock["P98765"]["quantity"] == {"N": "777"}


@pytest.mark.parametrize("lost", [False, True])
def test_up_to_the_streams_end_it_decides_on_what_the_pipe_still_has(shop, lost):
    shop.sell(*EARLY)
    shop.snapshot()
    [given_up, *_] = shop.send(incremented(quantity=5), *LATE, b"{", decremented("LAMP"))
    shop.give_up(given_up)
    if lost:
        del shop.tables["stock"]
    differences = fold_again(shop, keep_seconds=int(DAY)).differences
    assert differences == (["the table stock is gone"] if lost else [])
    shop.tables["stock"] = shop.tables["rebuilt"]
    shop.stock = Items(shop.tables["stock"])
    before = dict(shop.stock), dict(shop.quarantine)
    shop.deliver()  # the pipe goes on where it was
    assert (dict(shop.stock), dict(shop.quarantine)) == before
    result = shop.audit()
    assert (result.discrepancies, result.given_up) == ([], 1)
    assert result.quarantined == {"insufficient_stock": 1, "not_active": 1, "not_json": 1}


def test_what_the_stream_forgot_and_no_snapshot_knows_cannot_be_rebuilt(shop):
    shop.sell(*EARLY)
    shop.now += 3 * DAY
    with pytest.raises(UserError, match="cannot be judged: the stream keeps 24 hours, and there is no snapshot"):
        fold_again(shop)
