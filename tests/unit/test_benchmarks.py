"""The benchmark: its stories, and that its judge can tell right from wrong."""

import json

import pytest

from benchmarks import measure, stories
from benchmarks.fold import rate
from benchmarks.suites import SWEEPS


def test_some_events_are_sent_again_behind_themselves_and_nothing_else_moves():
    story = stories.everyday(2000, 50, 7)
    told = stories.with_re_sends(story, 7)
    assert 20 < len(told) - len(story) < 70
    assert list(dict.fromkeys(told)) == story


def test_changes_never_run_out_of_stock_and_the_same_seed_tells_the_same_story():
    products, story = stories.changes(500, 10, 1, 7)
    assert len(products) == 10 and len(story) == 500
    assert stories.changes(500, 10, 1, 7) == (products, story)
    assert {json.loads(entry.data)["event_type"] for entry in story} == {"quantity_incremented", "quantity_decremented"}


class Stage:
    """A table that holds what a test says."""

    cloud, outputs = None, {"StockTableName": "stock"}


@pytest.mark.parametrize("resent_counts", [False, True])
def test_a_table_that_counts_a_re_send_twice_is_found_wrong(monkeypatch, tmp_path, resent_counts):
    products, story = stories.changes(300, 10, 0, 7)
    told = stories.with_re_sends(story, 7)
    quantities = measure._wanted(told if not resent_counts else story, products)
    if resent_counts:
        [again] = [entry for entry in told if told.count(entry) > 1][:1]
        event = json.loads(again.data)
        quantities[event["product"]["product_id"]] += event["product"]["quantity"]
    items = [{"product_id": name, "quantity": quantity, "status": "active"} for name, quantity in quantities.items()]
    monkeypatch.setattr(measure.stock, "items", lambda cloud, table: items)
    monkeypatch.setattr(measure, "drain", lambda *_, **__: (tmp_path / "marker").touch())
    found = measure.verdict(Stage(), "ours", told, products, tmp_path / "marker")
    assert found["is_right"] is not resent_counts
    assert found["wrong_products"] == resent_counts
    assert found["resent"] == len(told) - len(story)


def test_a_worker_that_was_never_killed_gives_no_verdict(monkeypatch, tmp_path):
    monkeypatch.setattr(measure, "drain", lambda *_, **__: None)
    with pytest.raises(RuntimeError, match="was not killed"):
        measure.verdict(Stage(), "ours", [], [], tmp_path / "marker")


def test_the_fold_alone_is_measured_in_events_per_second():
    assert rate(stories.everyday(1000, 50, 7)) > 0


def test_the_sweeps_reach_twenty_thousand_products():
    assert SWEEPS["products"][-1] == 20_000
    assert set(SWEEPS) == {"products", "skew", "batch_size", "shards"}
