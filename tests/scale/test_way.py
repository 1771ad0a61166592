"""The way to internet scale: sizes and sums that can be worked out, and a small trip simulated."""

from math import inf
from pathlib import Path

import numpy as np
import pytest

from pipeline.scale import cost, figures, hot, month, prices, results, way
from pipeline.scale.calibration import Work
from pipeline.scale.way import Shop, Size

FAST, SLOW = Work(0.01, 0.0001, 0.0002), Work(0.05, 0.0004, 0.004)
SHOP = Shop()


def test_shards_are_filled_to_seventy_percent() -> None:
    assert [way.size_for(rate, FAST, SHOP).shards for rate in (1, 700, 701, 1_000_000)] == [1, 1, 2, 1429]


def test_a_slower_function_needs_more_batches_at_once_up_to_ten() -> None:
    parallel = [way.size_for(10_000, FAST.times(factor), SHOP).parallel for factor in (1, 8, 1000)]
    assert parallel[0] == 1 < parallel[1] < parallel[2] == way.MOST_PARALLEL


def test_a_lane_has_the_headroom_that_was_asked_for_and_no_more_lanes_than_that_takes() -> None:
    size = way.size_for(10_000, SLOW, SHOP)
    assert way.throughput(size, SLOW, SHOP) >= 2 * 10_000 / size.lanes
    fewer = Size(size.rate, size.shards, size.parallel - 1, size.products)
    assert way.throughput(fewer, SLOW, SHOP) < 2 * 10_000 / fewer.lanes


def test_a_batch_fits_into_an_invocation_and_lanes_share_what_a_shard_gives_out() -> None:
    size = Size(1000, shards=2, parallel=5, products=100)
    pipe = way.pipe_of(size, Shop(batch_size=10_000))
    assert pipe.batch_size == 6 * 1024 * 1024 // 850 < 10_000
    assert pipe.reads_a_second == 2_000_000 / 200 / 5


def test_recovery_is_what_piled_up_over_what_is_gained_on_it() -> None:
    assert way.recovery(3600, rate=500, worked_off=1000) == 3600
    assert way.recovery(3600, rate=500, worked_off=500) == inf


def test_every_product_is_on_one_lane_and_the_busiest_comes_first() -> None:
    size = Size(2000, shards=3, parallel=2, products=600)
    lanes, fullest = way.lanes_of(size, SHOP, sample=6)
    assert sum(lane.rate for lane in lanes) == pytest.approx(2000)
    assert sum(len(lane.shares) for lane in lanes) == 600
    assert lanes[0].rate == max(lane.rate for lane in lanes)
    assert 2000 / 3 < fullest < 2000


@pytest.fixture(scope="module")
def trip() -> way.Trip:
    return way.travel(2000, SLOW, SHOP)


def test_a_trip_is_as_busy_as_its_parts(trip: way.Trip) -> None:
    """Utilisation is what arrives on a lane, times the time that an event takes."""
    arriving = np.mean([lane.rate for lane in trip.sampled[1:]])
    assert trip.utilisation == pytest.approx(arriving * trip.seconds_of_an_event, rel=0.03)
    assert 0.3 < trip.writes_of_an_event <= 1
    assert 0 < trip.recovered < 2 * way.OUTAGE_SECONDS


def test_the_busiest_lane_is_there_on_purpose_and_not_in_the_averages(trip: way.Trip) -> None:
    drawn = trip.steady[1:]
    assert len(drawn) == way.SAMPLE - 1
    assert trip.batch == pytest.approx(sum(each.done for each in drawn) / sum(each.invocations for each in drawn))
    assert trip.recovered >= trip.after_outage[0].recovered


def test_a_month_is_so_many_millions_of_events(trip: way.Trip) -> None:
    bill = month.month(prices.load(), trip)
    millions = 2000 * 3600 * 730 / 1e6
    assert bill["Pipes, by record"] == pytest.approx(0.4 * millions)
    assert bill["DynamoDB writes"] == pytest.approx(0.625 * trip.writes_of_an_event * millions)
    lambda_of_an_event = 0.2e-6 / trip.batch + 0.5 * trip.seconds_of_an_event * 0.0000133334
    assert bill["Lambda"] == pytest.approx(lambda_of_an_event * millions * 1e6)
    assert bill["Kinesis, provisioned"] == pytest.approx(trip.size.shards * 730 * 0.035 + 0.014 * millions)


def test_the_table_has_a_column_for_each_rate(trip: way.Trip) -> None:
    table = month.table([trip], prices.load())
    assert list(table.columns) == ["2,000 events/s"]
    assert table.loc["shards", "2,000 events/s"] == "3"
    assert table.loc["fullest shard, events/s"].iloc[0].endswith("of 1,000")


def test_a_product_is_too_hot_when_it_gets_more_than_a_shard_takes_in() -> None:
    assert hot.too_hot(2001, products=1, skew=0) == (1, 1.0)
    assert hot.too_hot(2000, products=2, skew=0) == (0, 0.0)
    number, part = hot.too_hot(4000, products=3, skew=1)  # 6/11, 3/11 and 2/11 of 4,000
    assert number == 2 and part == pytest.approx(9 / 11)


def test_the_figure_of_an_outage_says_who_recovers_when() -> None:
    drawing = figures.backlog(hot.outage(rate=500, of_the_hot_one=0.8))
    assert "minutes" in drawing.alt
    assert hot.said(hot.Course()) == "never"


def test_the_figure_of_bills_names_the_dearest() -> None:
    found = results.load(Path(__file__).with_name("sample_benchmark.json"))
    bills = cost.bills(prices.load(), cost.Assumptions(), results.uses(found, 1000))
    assert "with a ledger" in figures.bills(bills).caption
