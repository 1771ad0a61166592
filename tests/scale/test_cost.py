"""The bill: worked out by hand, line by line; and the prices, each with its source and a date."""

from dataclasses import replace
from datetime import UTC, date, datetime
from statistics import mean

import pytest

from pipeline.pipe.records import FlatRecord
from pipeline.scale import cost, prices
from pipeline.scale.cost import Assumptions, Use
from pipeline.stories import scenarios
from tests.doubles.kinesis import Kinesis

PRICES = {  # round numbers, so that a bill can be worked out in the head
    "kinesis_shard_hour": 0.36,
    "kinesis_extended_retention_shard_hour": 0.18,
    "kinesis_put_million": 0.01,
    "kinesis_on_demand_stream_hour": 0.36,
    "kinesis_on_demand_gb_in": 1.0,
    "kinesis_on_demand_gb_out": 0.5,
    "pipes_million": 0.4,
    "lambda_million": 0.2,
    "lambda_gb_second": 0.00001,
    "dynamodb_write_million": 0.6,
    "dynamodb_read_million": 0.1,
    "logs_gb": 0.5,
}
GIVEN = Assumptions(
    rate=1000,  # so a million events take 1,000 seconds
    shards=2,
    batch=100,
    record_bytes=1536,
    flat_bytes=2000,
    memory_gb=0.5,
    retention_hours=24,
    quarantined=0.01,
    log_bytes=2**30 // 10_000,  # a GB of log for 10,000 batches
)
USE = Use(write_units=0.5, read_units=2.0, lambda_seconds=0.002)
GIB = 2**30


def test_shards_are_paid_by_the_hour_and_records_by_25_kb() -> None:
    assert cost.kinesis_provisioned(PRICES, GIVEN) == pytest.approx(2 * 1000 / 3600 * 0.36 + 0.01)
    fat = replace(GIVEN, record_bytes=25 * 1024 + 1)
    assert cost.kinesis_provisioned(PRICES, fat) == pytest.approx(2 * 1000 / 3600 * 0.36 + 0.02)


def test_keeping_records_for_longer_than_a_day_costs_extra() -> None:
    longer = replace(GIVEN, retention_hours=48)
    extra = cost.kinesis_provisioned(PRICES, longer) - cost.kinesis_provisioned(PRICES, GIVEN)
    assert extra == pytest.approx(2 * 1000 / 3600 * 0.18)


def test_on_demand_a_record_is_rounded_up_on_its_way_in_and_not_on_its_way_out() -> None:
    expected = 1000 / 3600 * 0.36 + 2048e6 / GIB * 1.0 + 1536e6 / GIB * 0.5
    assert cost.kinesis_on_demand(PRICES, GIVEN) == pytest.approx(expected)


def test_a_pipe_counts_records_in_one_reading_and_64_kb_in_the_other() -> None:
    assert cost.pipes_by_record(PRICES, GIVEN) == pytest.approx(0.4)
    # 100 records of 2,000 bytes are 200,000 bytes: four requests a batch, and 10,000 batches
    assert cost.pipes_by_64_kb(PRICES, GIVEN) == pytest.approx(4 / 100 * 0.4)


def test_the_function_is_paid_by_the_batch_and_by_its_time() -> None:
    # 10,000 invocations at 0.2 a million; 2,000 seconds on half a GB are 1,000 GB-seconds
    assert cost.function(PRICES, GIVEN, USE) == pytest.approx(0.002 + 0.01)


def test_the_table_is_paid_by_the_unit() -> None:
    assert cost.table_writes(PRICES, USE) == pytest.approx(0.3)
    assert cost.table_reads(PRICES, USE) == pytest.approx(0.2)


def test_what_is_quarantined_and_what_is_logged_is_paid_too() -> None:
    assert cost.quarantine(PRICES, GIVEN) == pytest.approx(0.01 * 2 * 0.6)
    assert cost.logs(PRICES, GIVEN) == pytest.approx(0.5, rel=1e-4)


def test_of_each_pair_of_lines_one_is_paid() -> None:
    lines = cost.per_million(PRICES, GIVEN, USE)
    rest = 0.012 + 0.3 + 0.2 + 0.012 + cost.logs(PRICES, GIVEN)
    provisioned, on_demand = lines["Kinesis, provisioned"], lines["Kinesis, on demand"]
    assert provisioned < on_demand
    assert cost.totals(lines) == pytest.approx((rest + provisioned + 0.016, rest + on_demand + 0.4))


def test_a_bill_has_a_column_for_each_and_ends_with_its_sums() -> None:
    bills = cost.bills(PRICES, GIVEN, {"projector": USE, "plain": Use(1, 0, 0.001)})
    assert list(bills.columns) == ["projector", "plain"]
    assert list(bills.index[-2:]) == ["in all, at least", "in all, at most"]
    assert bills.loc["DynamoDB writes", "plain"] == pytest.approx(0.6)


def test_the_assumed_sizes_are_those_of_our_own_records() -> None:
    story = scenarios.write_story("everyday", events=500)
    written = mean(len(entry.data) + len(entry.partition_key) for entry in story)
    assert written <= Assumptions.record_bytes < 1.2 * written
    kinesis, role = Kinesis(last=10**56), "arn:aws:iam::123456789012:role/r"
    kinesis.put(story[-1].partition_key, story[-1].data)
    flat = len(FlatRecord.of(kinesis.records[0], "shardId-000000000000", kinesis.arn, role).text)
    assert 0.8 * Assumptions.flat_bytes < flat < 1.1 * Assumptions.flat_bytes


def test_every_assumption_has_a_unit_and_a_reason() -> None:
    table = Assumptions().table()
    assert table["unit"].str.len().all() and table["because"].str.len().all()
    assert len(table) == len(vars(Assumptions()))


def test_the_prices_have_a_day_and_each_has_a_source_with_an_address_and_a_date() -> None:
    file = prices.read()
    assert isinstance(file["looked_up"], date)
    assert file["looked_up"] <= datetime.now(UTC).date()
    assert file["region"] == "us-east-1"
    for name, entry in file["prices"].items():
        assert entry["price"] > 0 and entry["per"], name
        assert entry["sources"], name
    sources = [source for entry in file["prices"].values() for source in entry["sources"]]
    for source in sources:
        assert source["title"] and source["url"].startswith(("https://", "http://")) and source["dated"], source


def test_the_file_has_every_price_that_a_bill_asks_for_and_none_besides() -> None:
    assert set(prices.load()) == set(PRICES)


def test_both_readings_of_a_pipes_request_are_shown_to_the_reader() -> None:
    said = prices.disagreements().loc["pipes million", "what the sources say"]
    assert '"record"' in said and '"64 KB"' in said


def test_tables_name_their_sources() -> None:
    assert prices.table()["source"].str.contains(r"\(").all()
