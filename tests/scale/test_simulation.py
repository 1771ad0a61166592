"""The simulation: nothing is lost in it, and where a closed form exists it says the same."""

from dataclasses import replace
from math import inf

import numpy as np
import pytest

from pipeline.scale import capacity, hot_product
from pipeline.scale.calibration import Work
from pipeline.scale.simulation import simulate
from pipeline.scale.simulation_model import PartResult, Pipe, Projector, ShardPart
from pipeline.scale.write_formula import expected_products, popularity

ALIKE = popularity(500, skew=0)
WORK = Work(per_batch=0.02, per_record=0.0002, per_write=0.0005)
HOUR = 3600.0


def full_batch(work: Work = WORK, shares: np.ndarray = ALIKE, size: int = 1000) -> float:
    """Return the seconds of a full batch."""
    return work.seconds(size, expected_products(shares, size))


def lost(result: PartResult) -> int:
    return result.arrived - result.done - result.in_flight - result.left


@pytest.mark.parametrize("seconds", [0.1, 7.3, 60.0, 200.0])
@pytest.mark.parametrize("rate", [0.5, 700.0, 5000.0])
def test_no_record_is_lost_and_none_is_made_up(rate: float, seconds: float) -> None:
    parts = [ShardPart(rate, ALIKE, waiting=300), ShardPart(rate / 2, popularity(3, 1))]
    for lane, result in zip(
        parts, simulate(parts, Pipe(batch_size=150), Projector(WORK), seconds=seconds), strict=True
    ):
        assert lost(result) == 0
        sent = lane.waiting + lane.rate * seconds
        assert result.arrived == pytest.approx(sent, abs=5 * sent**0.5)


@pytest.mark.parametrize("seconds", [7.3, 49.0, 60.0, 200.0])
def test_no_record_is_lost_in_an_outage(seconds: float) -> None:
    for rate in (20, 700):
        [result] = simulate([ShardPart(rate, ALIKE)], Pipe(), Projector(WORK), seconds=seconds, outage=(5, 50))
        assert lost(result) == 0
        until = min(seconds, 50 + result.recovered)
        assert result.arrived == pytest.approx(rate * until, abs=5 * (rate * until) ** 0.5)


def test_what_waits_is_worked_off_to_the_last_record_in_full_batches() -> None:
    [result] = simulate([ShardPart(0, ALIKE, waiting=20_500)], Pipe(), Projector(WORK))
    assert (result.done, result.left, result.invocations) == (20_500, 0, 21)
    expected = WORK.seconds(20_500, 20 * expected_products(ALIKE, 1000) + expected_products(ALIKE, 500), 21)
    assert result.busy == pytest.approx(expected, rel=0.02)


def test_an_overloaded_part_of_a_shard_works_off_full_batches_and_no_more() -> None:
    [result] = simulate([ShardPart(5000, ALIKE)], Pipe(), Projector(WORK), seconds=300)
    assert result.done / 300 == pytest.approx(1000 / full_batch(), rel=0.03)
    assert result.left == pytest.approx((5000 - 1000 / full_batch()) * 300, rel=0.05)
    _, _, oldest = result.seen[-1]
    assert oldest == pytest.approx(300 * (1 - 1000 / full_batch() / 5000), rel=0.05)


def test_a_part_of_a_shard_is_busy_for_the_time_that_its_batches_take() -> None:
    """Four polls a second find a quarter of a second's records each: so large is a batch, and so busy the lane."""
    [result] = simulate([ShardPart(400, ALIKE)], Pipe(), Projector(WORK), seconds=400)
    batch = 400 * 0.25
    assert result.batch == pytest.approx(batch, rel=0.03)
    assert result.busy / 400 == pytest.approx(full_batch(size=batch) / 0.25, rel=0.03)
    assert result.writes_of_an_event == pytest.approx(expected_products(ALIKE, batch) / batch, rel=0.02)


def test_a_window_makes_batches_larger_and_records_older() -> None:
    [result] = simulate([ShardPart(100, ALIKE)], Pipe(window=5), Projector(WORK), seconds=600)
    assert result.batch == pytest.approx(100 * 5, rel=0.1)
    assert np.median([age for _, _, age in result.seen]) == pytest.approx(5.2, abs=0.4)


def test_records_wait_for_a_poll_and_for_their_batch_when_all_is_well() -> None:
    [result] = simulate([ShardPart(400, ALIKE)], Pipe(), Projector(WORK), seconds=60)
    oldest = [age for _, _, age in result.seen]
    assert np.median(oldest) == pytest.approx(0.25 + full_batch(size=100), abs=0.02)


@pytest.mark.parametrize("rate", [300.0, 900.0])
def test_an_outage_is_made_up_for_as_a_fluid_would(rate: float) -> None:
    [result] = simulate([ShardPart(rate, ALIKE)], Pipe(), Projector(WORK), outage=(60, 60 + HOUR))
    assert result.recovered == pytest.approx(capacity.recovery(HOUR, rate, 1000 / full_batch()), rel=0.03)
    assert lost(result) == 0


def test_nothing_is_done_during_an_outage() -> None:
    [result] = simulate([ShardPart(300, ALIKE)], Pipe(), Projector(WORK), outage=(60, 160))
    ended = np.array([time for time, _, _ in result.seen])
    assert not ((ended > 60 + full_batch()) & (ended < 160)).any()
    assert (ended < 60).any() and (ended > 160).any()


def test_who_cannot_keep_up_never_recovers() -> None:
    [result] = simulate([ShardPart(3000, ALIKE)], Pipe(), Projector(WORK), seconds=1000, outage=(60, 160))
    assert result.recovered == inf
    assert capacity.recovery(100, rate=3000, worked_off=1000) == inf


def test_a_shard_gives_out_no_more_than_it_may() -> None:
    nothing = Projector(Work(0, 0, 0))
    [result] = simulate([ShardPart(100, ALIKE, waiting=100_000)], Pipe(reads_a_second=500), nothing, seconds=100)
    assert result.done == pytest.approx(500 * 100, rel=0.02)


def test_parts_on_one_machine_wait_for_each_other() -> None:
    parts = [ShardPart(0, ALIKE, waiting=10_000)] * 3
    together, apart = (
        max(result.ended for result in simulate(parts, Pipe(), Projector(WORK), machines=machines))
        for machines in (1, 3)
    )
    assert apart == pytest.approx(10 * full_batch(), rel=0.05)
    assert together == pytest.approx(3 * apart, rel=0.05)


def test_an_item_takes_a_thousand_units_a_second_and_the_batch_waits_for_it() -> None:
    single = Projector(Work(0, 0, 0), folds=False)
    half = ShardPart(0, np.array([0.5, *[0.005] * 100]), waiting=50_000)
    [once] = simulate([half], Pipe(), single)
    assert once.busy == pytest.approx(0.5 * 50_000 / 1000, rel=0.02)
    [twice] = simulate([half], Pipe(), replace(single, item_units=2))
    assert twice.busy == pytest.approx(2 * once.busy, rel=0.01)


def test_folded_a_bestseller_is_one_write_a_batch() -> None:
    [result] = simulate(
        [ShardPart(0, hot_product.shares_with_hot_product(0.9), waiting=50_000)],
        Pipe(),
        hot_product.PROJECTORS["folded: one write a batch"],
    )
    assert result.busy == pytest.approx(result.invocations / 1000)


def test_a_bestsellers_outage_is_made_up_for_as_a_fluid_would() -> None:
    """900 records a second, 810 of them one product's: 10,000 can be read, 1,111 or 556 written for each event."""
    folded, single, transaction = (result.recovered for result in hot_product.simulate_outage(900, 0.9).values())
    assert folded == pytest.approx(HOUR * 900 / (10_000 - 900), rel=0.05)
    assert single == pytest.approx(HOUR * 900 / (1000 / 0.9 - 900), rel=0.05)
    assert transaction == inf
    assert [hot_product.throughput(each, 0.9) for each in hot_product.PROJECTORS.values()] == pytest.approx(
        [10_000, 1111, 556], rel=0.01
    )


def test_parts_are_not_in_step() -> None:
    polls = [
        result.seen[0][0] % 0.25
        for result in simulate([ShardPart(1000, ALIKE)] * 4, Pipe(), Projector(Work(0, 0, 0)), seconds=2)
    ]
    assert max(polls) - min(polls) > 0.02


def test_the_same_seed_is_the_same_result_and_another_one_is_not() -> None:
    results = [
        simulate([ShardPart(400, ALIKE)] * 2, Pipe(), Projector(WORK), seconds=20, seed=seed) for seed in (1, 1, 2)
    ]
    assert results[0] == results[1] != results[2]
    assert results[0][0] != results[0][1]  # parts beside each other are not copies of each other


def test_what_would_never_end_is_refused() -> None:
    with pytest.raises(ValueError, match="for how many seconds"):
        simulate([ShardPart(1, ALIKE)], Pipe(), Projector(WORK))
