"""The models fitted to what was measured: fits that have to predict."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.scale import benchmark, calibration, predictions
from pipeline.scale.calibration import FUNCTION, Work

SAMPLE = Path(__file__).with_name("sample_benchmark.json")  # made up: real writes, times from a law with some noise
LAW = Work(per_batch=0.03, per_record=0.0001, per_write=0.001)


@pytest.fixture(scope="module")
def measured() -> dict:
    return benchmark.load(SAMPLE)


def drains(law: Work = LAW, noise: float = 0) -> pd.DataFrame:
    """Make up drains that follow a law."""
    random = np.random.default_rng(5)
    rows = pd.DataFrame(
        [(20, 20_000, 2000), (200, 20_000, 12_000), (2, 20_000, 200), (20, 10_000, 9000), (40, 20_000, 4000)],
        columns=["invocations", "events", "writes"],
    )
    return rows.assign(lambda_seconds=calibration.predict(law, rows) * random.normal(1, noise, len(rows)))


def test_a_fit_finds_the_law_that_the_drains_follow() -> None:
    fitted = calibration.fit(drains())
    assert (fitted.per_batch, fitted.per_record, fitted.per_write) == pytest.approx((0.03, 0.0001, 0.001))


def test_a_fit_comes_close_when_the_drains_are_noisy() -> None:
    fitted = calibration.fit(drains(noise=0.03))
    assert fitted.per_write == pytest.approx(0.001, rel=0.15)


def test_nothing_takes_less_than_no_time() -> None:
    """Where more batches seem to *save* time, the best fit that makes sense gives a batch no time of its own."""
    fitted = calibration.fit(drains(Work(per_batch=-0.01, per_record=0.0001, per_write=0.001)))
    assert fitted.per_batch == 0 < min(fitted.per_record, fitted.per_write)


def test_a_short_drain_counts_as_much_as_a_long_one() -> None:
    """The errors are relative: doubling the scale of one drain does not make it twice as important."""
    rows = drains(noise=0.05)
    twice = pd.concat([rows.drop(index=1), rows.loc[[1]] * 10], ignore_index=True)
    assert calibration.fit(twice).per_write == pytest.approx(calibration.fit(rows).per_write, rel=1e-6)


def test_work_adds_up() -> None:
    assert LAW.seconds(1000, 200) == pytest.approx(0.03 + 0.1 + 0.2)
    assert LAW.seconds(1000, 200, batches=10) == pytest.approx(0.3 + 0.1 + 0.2)
    assert LAW.times(2).seconds(1000, 200) == pytest.approx(2 * LAW.seconds(1000, 200))
    assert str(LAW) == "30.0 ms a batch + 0.100 ms a record + 1.00 ms a write"


def test_each_setting_is_fitted_to_once_and_only_with_the_storys_shards(measured: dict) -> None:
    fitted = calibration.fitted_with(benchmark.drains(measured), shards=2)
    assert set(fitted["shards"]) == {2} and set(fitted["contender"]) == {"projector"}
    assert not fitted.duplicated(["batch_size", "products", "skew", "story"]).any()
    assert len(fitted) == 12


def test_a_drain_is_predicted_by_a_fit_that_has_not_seen_it(measured: dict) -> None:
    rows = benchmark.drains(measured)
    honest = predictions.compare(rows, shards=2)
    spoiled = rows.copy()
    odd = calibration.label(rows[rows["products"] == 50].iloc[0])
    spoiled.loc[spoiled["products"] == 50, FUNCTION] *= 3
    after = predictions.compare(spoiled, shards=2)
    assert after.loc[odd, "function s"] == pytest.approx(3 * honest.loc[odd, "function s"])
    assert after.loc[odd, "held out"] == pytest.approx(honest.loc[odd, "held out"])


def test_the_models_predict_a_sample_that_follows_their_law(measured: dict) -> None:
    off = predictions.errors(predictions.compare(benchmark.drains(measured), shards=2)).abs()
    assert off["writes"].max() < 0.05
    assert off["function s"].max() < 0.15
    assert len(off) == 14


def test_drains_with_other_shards_are_predicted_and_never_fitted_to(measured: dict) -> None:
    rows = benchmark.drains(measured)
    rows.loc[rows["shards"] != 2, FUNCTION] *= 2
    off = predictions.errors(predictions.compare(rows, shards=2))
    others = off.index.str.contains("1 shard |4 shards")
    assert off.loc[others, "function s"].to_numpy() == pytest.approx(-0.5, abs=0.1)
    assert off.loc[~others, "function s"].abs().max() < 0.15


def test_the_comparison_shows_both_numbers(measured: dict) -> None:
    shown = predictions.as_text(predictions.compare(benchmark.drains(measured), shards=2))
    assert shown["formula"].str.contains("%").all()
    assert shown["held out"].str.contains("%").all()
