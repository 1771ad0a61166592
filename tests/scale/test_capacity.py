"""What a rate takes: capacities and bills that can be worked out by hand, and the closed forms."""

import dataclasses
from math import inf
from pathlib import Path

import pytest

from pipeline.scale import benchmark, capacity, cost, figures, monthly_bill, prices
from pipeline.scale.calibration import Work
from pipeline.scale.capacity import Capacity, ShardPart, Shop
from pipeline.scale.write_formula import popularity

FAST, SLOW = Work(0.01, 0.0001, 0.0002), Work(0.05, 0.0004, 0.004)
SHOP = Shop()


def test_shards_are_filled_to_seventy_percent() -> None:
    assert [capacity.capacity_for(rate, FAST, SHOP).shards for rate in (1, 700, 701, 1_000_000)] == [1, 1, 2, 1429]


def test_a_slower_function_needs_more_batches_at_once_up_to_ten() -> None:
    parallel = [capacity.capacity_for(10_000, FAST.times(factor), SHOP).parallel for factor in (1, 8, 1000)]
    assert parallel[0] == 1 < parallel[1] < parallel[2] == capacity.MOST_PARALLEL


def evenly(needed: Capacity) -> ShardPart:
    products = needed.products // needed.shard_parts
    return ShardPart(needed.rate / needed.shard_parts, popularity(products, skew=0))


def test_a_part_of_a_shard_has_the_headroom_that_was_asked_for_and_no_more_parts_than_that_takes() -> None:
    needed = capacity.capacity_for(10_000, SLOW, SHOP)
    assert capacity.throughput(evenly(needed), needed, SLOW, SHOP) >= 2 * 10_000 / needed.shard_parts
    fewer = Capacity(needed.rate, needed.shards, needed.parallel - 1, needed.products)
    assert capacity.throughput(evenly(fewer), fewer, SLOW, SHOP) < 2 * 10_000 / fewer.shard_parts


def test_a_batch_fits_into_an_invocation_and_parts_share_what_a_shard_gives_out() -> None:
    needed = Capacity(1000, shards=2, parallel=5, products=100)
    fits = 6 * 1024 * 1024 // 850
    of_time = capacity.throughput(evenly(needed), needed, Work(1, 0, 0), Shop(batch_size=10_000))
    assert of_time == min(fits, 2_000_000 / 200 / 5) == 2_000
    assert capacity.throughput(evenly(needed), needed, Work(10, 0, 0), Shop(batch_size=10_000)) == fits / 10


def test_recovery_is_what_piled_up_over_what_is_gained_on_it() -> None:
    assert capacity.recovery(3600, rate=500, worked_off=1000) == 3600
    assert capacity.recovery(3600, rate=500, worked_off=500) == inf


def test_every_product_is_on_one_part_of_a_shard_and_the_busiest_comes_first() -> None:
    needed = Capacity(2000, shards=3, parallel=2, products=600)
    parts, fullest = capacity.shard_parts_of(needed, SHOP, sample=6)
    assert sum(part.rate for part in parts) == pytest.approx(2000)
    assert sum(len(part.shares) for part in parts) == 600
    assert parts[0].rate == max(part.rate for part in parts)
    assert 2000 / 3 < fullest < 2000


@pytest.fixture(scope="module")
def planned() -> capacity.RatePlan:
    return capacity.plan_for(2000, SLOW, SHOP)


def test_a_batch_is_what_arrives_between_two_polls_and_folds_what_the_formula_says() -> None:
    part = ShardPart(400.0, popularity(50, skew=0))
    plan = capacity.RatePlan(Capacity(400, 1, 1, 50), SHOP, SLOW, [part], 400.0)
    assert plan.batch == 100
    assert plan.writes_of_an_event == pytest.approx(50 * (1 - (1 - 1 / 50) ** 100) / 100)
    took = 0.05 + 100 * 0.0004 + 100 * plan.writes_of_an_event * 0.004
    assert plan.oldest == pytest.approx(0.25 + took)
    assert plan.at_once == pytest.approx(400 * took / 100)


def test_a_window_makes_batches_larger_and_writes_fewer(planned: capacity.RatePlan) -> None:
    patient = dataclasses.replace(planned, shop=Shop(window=2.0))
    assert patient.batch > planned.batch and patient.writes_of_an_event < planned.writes_of_an_event


def test_the_busiest_part_says_when_all_have_recovered(planned: capacity.RatePlan) -> None:
    busiest = max(planned.parts, key=lambda part: part.rate)
    worked_off = capacity.throughput(busiest, planned.capacity, SLOW, SHOP)
    assert planned.recovered == pytest.approx(3600 * busiest.rate / (worked_off - busiest.rate))


def test_folding_lifts_the_cap_of_one_product() -> None:
    # 900 records a second of which 90% are one product's; 10,000 a second may be read, an item takes 1,000 units
    folded, single, transaction = capacity.hot_product_recoveries().values()
    assert folded == pytest.approx(3600 * 900 / (10_000 - 900))
    assert single == pytest.approx(3600 * 900 / (1000 / 0.9 - 900))
    assert transaction == inf


def test_a_month_is_so_many_millions_of_events(planned: capacity.RatePlan) -> None:
    bill = monthly_bill.monthly_bill(prices.load(), planned)
    millions = 2000 * 3600 * 730 / 1e6
    assert bill["Pipes, by record"] == pytest.approx(0.4 * millions)
    assert bill["DynamoDB writes"] == pytest.approx(0.625 * planned.writes_of_an_event * millions)
    lambda_of_an_event = 0.2e-6 / planned.batch + 0.5 * planned.seconds_of_an_event * 0.0000133334
    assert bill["Lambda"] == pytest.approx(lambda_of_an_event * millions * 1e6)
    assert bill["Kinesis, provisioned"] == pytest.approx(planned.capacity.shards * 730 * 0.035 + 0.014 * millions)


def test_the_table_has_a_column_for_each_rate(planned: capacity.RatePlan) -> None:
    table = monthly_bill.table([planned], prices.load())
    assert list(table.columns) == ["2,000 events/s"]
    assert table.loc["shards, ParallelizationFactor", "2,000 events/s"].startswith("3, ")
    assert table.loc["fullest shard, events/s"].iloc[0].endswith("of 1,000")


def test_two_shops_at_one_rate_have_a_column_each_that_says_how_they_differ(planned: capacity.RatePlan) -> None:
    shop = capacity.Shop(window=10, batch_size=7000)
    patient = dataclasses.replace(planned, shop=shop)
    table = monthly_bill.table([planned, patient, planned], prices.load())
    plain = "2,000 events/s, batch_size 1000, window 0"
    assert list(table.columns) == [plain, "2,000 events/s, batch_size 7000, window 10", plain]


def test_a_product_is_too_hot_when_it_gets_more_than_a_shard_takes_in() -> None:
    assert capacity.products_above_a_shard(2001, products=1, skew=0) == (1, 1.0)
    assert capacity.products_above_a_shard(2000, products=2, skew=0) == (0, 0.0)
    number, part = capacity.products_above_a_shard(4000, products=3, skew=1)  # 6/11, 3/11 and 2/11 of 4,000
    assert number == 2 and part == pytest.approx(9 / 11)


def test_the_figure_of_bills_names_the_dearest() -> None:
    measured = benchmark.load(Path(__file__).with_name("sample_benchmark.json"))
    bills = cost.bills(prices.load(), cost.Assumptions(), benchmark.uses(measured, 1000))
    assert "with a ledger" in figures.bills(bills).caption


def test_a_quota_is_exceeded_where_it_is_smaller():
    said = [capacity.beyond_pipes_quota(executions) for executions in (1000, 1001, 3000, 3001)]
    assert said == ["nowhere", *["in most Regions"] * 2, "in every Region"]
