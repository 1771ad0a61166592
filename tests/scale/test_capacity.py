"""What a rate takes: capacities and bills that can be worked out by hand, and one small rate simulated."""

from math import inf
from pathlib import Path

import numpy as np
import pytest

from pipeline.scale import benchmark, capacity, cost, figures, hot_product, monthly_bill, prices
from pipeline.scale.calibration import Work
from pipeline.scale.capacity import Capacity, Shop

FAST, SLOW = Work(0.01, 0.0001, 0.0002), Work(0.05, 0.0004, 0.004)
SHOP = Shop()


def test_shards_are_filled_to_seventy_percent() -> None:
    assert [capacity.capacity_for(rate, FAST, SHOP).shards for rate in (1, 700, 701, 1_000_000)] == [1, 1, 2, 1429]


def test_a_slower_function_needs_more_batches_at_once_up_to_ten() -> None:
    parallel = [capacity.capacity_for(10_000, FAST.times(factor), SHOP).parallel for factor in (1, 8, 1000)]
    assert parallel[0] == 1 < parallel[1] < parallel[2] == capacity.MOST_PARALLEL


def test_a_part_of_a_shard_has_the_headroom_that_was_asked_for_and_no_more_parts_than_that_takes() -> None:
    needed = capacity.capacity_for(10_000, SLOW, SHOP)
    assert capacity.throughput(needed, SLOW, SHOP) >= 2 * 10_000 / needed.shard_parts
    fewer = Capacity(needed.rate, needed.shards, needed.parallel - 1, needed.products)
    assert capacity.throughput(fewer, SLOW, SHOP) < 2 * 10_000 / fewer.shard_parts


def test_a_batch_fits_into_an_invocation_and_parts_share_what_a_shard_gives_out() -> None:
    needed = Capacity(1000, shards=2, parallel=5, products=100)
    pipe = capacity.pipe_of(needed, Shop(batch_size=10_000))
    assert pipe.batch_size == 6 * 1024 * 1024 // 850 < 10_000
    assert pipe.reads_a_second == 2_000_000 / 200 / 5


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
def simulated() -> capacity.SimulatedRate:
    return capacity.simulate_rate(2000, SLOW, SHOP)


def test_a_simulated_rate_is_as_busy_as_its_parts(simulated: capacity.SimulatedRate) -> None:
    """Utilisation is what arrives on a part, times the time that an event takes."""
    arriving = np.mean([part.rate for part in simulated.sampled[1:]])
    assert simulated.utilisation == pytest.approx(arriving * simulated.seconds_of_an_event, rel=0.03)
    assert 0.3 < simulated.writes_of_an_event <= 1
    assert 0 < simulated.recovered < 2 * capacity.OUTAGE_SECONDS


def test_the_busiest_part_of_a_shard_is_there_on_purpose_and_not_in_the_averages(
    simulated: capacity.SimulatedRate,
) -> None:
    drawn = simulated.steady[1:]
    assert len(drawn) == capacity.SAMPLE - 1
    assert simulated.batch == pytest.approx(sum(each.done for each in drawn) / sum(each.invocations for each in drawn))
    assert simulated.recovered >= simulated.after_outage[0].recovered


def test_a_month_is_so_many_millions_of_events(simulated: capacity.SimulatedRate) -> None:
    bill = monthly_bill.monthly_bill(prices.load(), simulated)
    millions = 2000 * 3600 * 730 / 1e6
    assert bill["Pipes, by record"] == pytest.approx(0.4 * millions)
    assert bill["DynamoDB writes"] == pytest.approx(0.625 * simulated.writes_of_an_event * millions)
    lambda_of_an_event = 0.2e-6 / simulated.batch + 0.5 * simulated.seconds_of_an_event * 0.0000133334
    assert bill["Lambda"] == pytest.approx(lambda_of_an_event * millions * 1e6)
    assert bill["Kinesis, provisioned"] == pytest.approx(simulated.capacity.shards * 730 * 0.035 + 0.014 * millions)


def test_the_table_has_a_column_for_each_rate(simulated: capacity.SimulatedRate) -> None:
    table = monthly_bill.table([simulated], prices.load())
    assert list(table.columns) == ["2,000 events/s"]
    assert table.loc["shards", "2,000 events/s"] == "3"
    assert table.loc["fullest shard, events/s"].iloc[0].endswith("of 1,000")


def test_a_product_is_too_hot_when_it_gets_more_than_a_shard_takes_in() -> None:
    assert hot_product.products_above_a_shard(2001, products=1, skew=0) == (1, 1.0)
    assert hot_product.products_above_a_shard(2000, products=2, skew=0) == (0, 0.0)
    number, part = hot_product.products_above_a_shard(4000, products=3, skew=1)  # 6/11, 3/11 and 2/11 of 4,000
    assert number == 2 and part == pytest.approx(9 / 11)


def test_the_figure_of_an_outage_says_who_recovers_when() -> None:
    drawing = figures.backlog(hot_product.simulate_outage(rate=500, hot_share=0.8))
    assert "minutes" in drawing.alt
    assert hot_product.recovery_text(hot_product.PartResult()) == "never"


def test_the_figure_of_bills_names_the_dearest() -> None:
    measured = benchmark.load(Path(__file__).with_name("sample_benchmark.json"))
    bills = cost.bills(prices.load(), cost.Assumptions(), benchmark.uses(measured, 1000))
    assert "with a ledger" in figures.bills(bills).caption
