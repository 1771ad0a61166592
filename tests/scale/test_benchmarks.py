"""The benchmark: its stories, and that its judge can tell right from wrong."""

import json
import re
from pathlib import Path

import pytest

import benchmarks.__main__ as command
from benchmarks import fold, measure, stories
from pipeline.errors import UserError
from pipeline.scale import benchmark


def test_some_events_are_sent_again_behind_themselves_and_nothing_else_moves():
    story = stories.everyday(2000, 50, 7)
    resent = stories.with_re_sends(story, 7)
    assert 20 < len(resent) - len(story) < 70
    assert list(dict.fromkeys(resent)) == story


def test_changes_never_run_out_of_stock_and_the_same_seed_tells_the_same_story():
    products, story = stories.changes(500, 10, 1, 7)
    assert len(products) == 10 and len(story) == 500
    assert stories.changes(500, 10, 1, 7) == (products, story)
    assert {json.loads(entry.data)["event_type"] for entry in story} == {"quantity_incremented", "quantity_decremented"}


class Testbed:
    """A table that holds what a test says."""

    cloud, outputs = None, {"StockTableName": "stock"}


@pytest.mark.parametrize("resent_counts", [False, True])
def test_a_table_that_counts_a_re_send_twice_is_found_wrong(monkeypatch, tmp_path, resent_counts):
    products, story = stories.changes(300, 10, 0, 7)
    resent = stories.with_re_sends(story, 7)
    quantities = measure._wanted(resent if not resent_counts else story, products)
    if resent_counts:
        [again] = [entry for entry in resent if resent.count(entry) > 1][:1]
        event = json.loads(again.data)
        quantities[event["product"]["product_id"]] += event["product"]["quantity"]
    items = [{"product_id": name, "quantity": quantity, "status": "active"} for name, quantity in quantities.items()]
    monkeypatch.setattr(measure.stock, "items", lambda cloud, table: items)
    monkeypatch.setattr(measure, "drain", lambda *_, **__: (tmp_path / "marker").touch())
    measured = measure.verdict(Testbed(), "projector", resent, products, tmp_path / "marker")
    assert measured["is_right"] is not resent_counts
    assert measured["wrong_products"] == resent_counts
    assert measured["resent"] == len(resent) - len(story)


def test_a_worker_that_was_never_killed_gives_no_verdict(monkeypatch, tmp_path):
    monkeypatch.setattr(measure, "drain", lambda *_, **__: None)
    with pytest.raises(RuntimeError, match="was not killed"):
        measure.verdict(Testbed(), "projector", [], [], tmp_path / "marker")


def test_the_fold_alone_leaves_nothing_out(monkeypatch):
    folded = []
    monkeypatch.setattr(fold, "fold", lambda level, events: (level, folded.extend(events)))
    fold.rate(stories.everyday(2500, 50, 7))
    assert len(folded) == 2500


@pytest.mark.parametrize("missing", ["fold", "latency", "verdict", "replay"])
def test_figures_of_some_suites_are_printed_though_the_table_wants_all(missing):
    measured = benchmark.load(Path(__file__).with_name("sample_benchmark.json"))
    told = command._table(measured)
    assert "times plain" in told
    assert told.count("limits switched off: kinesis-reads, kinesis-writes") == 3, "below each table"
    assert re.findall(r"(once each|everyday) +(on|off) ", told) == [("once each", "off"), ("everyday", "on")]
    assert json.loads(command._table(measured | {missing: []})).keys() == measured.keys()


@pytest.mark.parametrize("changed", [{"code": "another"}, {"story": {"events": 1}}])
def test_suites_are_not_put_beside_figures_of_another_projector_or_story(monkeypatch, changed):
    kept = {"code": command.bundle.build().code_sha256, "story": command._story(20_000)}
    monkeypatch.setattr(command.benchmark, "load", lambda: kept)
    assert command._kept_beside(["fold"], 20_000) == kept
    monkeypatch.setattr(command.benchmark, "load", lambda: kept | changed)
    with pytest.raises(UserError, match="measure all suites"):
        command._kept_beside(["fold"], 20_000)
    assert command._kept_beside(list(command.SUITES), 20_000) == {}


def test_a_run_whose_function_did_not_tell_of_all_records_gives_no_figures():
    line = {"records": 100, "failed": 3}
    assert measure._whole([line, line], 194, "projector-1") == [line, line]
    with pytest.raises(RuntimeError, match="projector-1 took 194 records of 200"):
        measure._whole([line, line], 200, "projector-1")
