"""What an audit keeps in memory grows with products and refused records, never with records."""

import tracemalloc

import pytest

from tests.consistency.shop import Shop
from tests.doubles.events import added, incremented


def peak_of_an_audit(shop: Shop) -> int:
    tracemalloc.start()
    assert shop.audit().discrepancies == []
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_ten_times_the_records_take_no_more_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.reading.stream.MOST_RECORDS", 100)
    shop = Shop(monkeypatch)
    shop.sell(*(added(f"P{number}", 1) for number in range(5)))
    shop.sell(*(incremented(f"P{number % 5}", event_id=str(number)) for number in range(400)))
    peak_of_an_audit(shop)  # what is kept once and for all
    few = peak_of_an_audit(shop)
    shop.sell(*(incremented(f"P{number % 5}", event_id=str(number)) for number in range(400, 4_000)))
    assert peak_of_an_audit(shop) - few < 3_600 * 50, "bytes; a record that is kept takes ten times as many"
