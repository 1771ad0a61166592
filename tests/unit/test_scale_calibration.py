"""What was measured, and the models fitted to it: the arithmetic of the tables, and fits that have to predict."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline import bundle
from pipeline.scale import calibration, figures, local, results
from pipeline.scale.calibration import FUNCTION, MACHINE, Work
from pipeline.scale.writes import Day

SAMPLE = Path(__file__).with_name("sample_benchmark.json")  # made up: real writes, times from a law with some noise
LAW = Work(per_batch=0.03, per_record=0.0001, per_write=0.001)


@pytest.fixture(scope="module")
def found() -> dict:
    return results.load(SAMPLE)


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


def test_each_setting_is_fitted_to_once_and_only_with_the_storys_shards(found: dict) -> None:
    fitted = calibration.fitted_with(results.drains(found), shards=2)
    assert set(fitted["shards"]) == {2} and set(fitted["contender"]) == {"ours"}
    assert not fitted.duplicated(["batch_size", "products", "skew", "story"]).any()
    assert len(fitted) == 12


def test_a_drain_is_predicted_by_a_fit_that_has_not_seen_it(found: dict) -> None:
    rows = results.drains(found)
    honest = local.check(rows, shards=2)
    spoiled = rows.copy()
    odd = calibration.label(rows[rows["products"] == 50].iloc[0])
    spoiled.loc[spoiled["products"] == 50, [FUNCTION, MACHINE]] *= 3
    after = local.check(spoiled, shards=2)
    assert after.loc[odd, "function s"] == pytest.approx(3 * honest.loc[odd, "function s"])
    assert after.loc[odd, "held out"] == pytest.approx(honest.loc[odd, "held out"])
    assert after.loc[odd, "simulated"] == pytest.approx(honest.loc[odd, "simulated"])


def test_the_models_predict_a_sample_that_follows_their_law(found: dict) -> None:
    off = local.errors(local.check(results.drains(found), shards=2)).abs()
    assert off["writes"].max() < 0.05
    assert off["function s"].max() < 0.15 and off["drain s"].max() < 0.15
    assert len(off) == 14 and off["drain s"].notna().all()


def test_drains_with_other_shards_are_predicted_and_never_fitted_to(found: dict) -> None:
    rows = results.drains(found)
    rows.loc[rows["shards"] != 2, [FUNCTION, MACHINE]] *= 2
    off = local.errors(local.check(rows, shards=2))
    others = off.index.str.contains("1 shard |4 shards")
    assert off.loc[others, ["function s", "drain s"]].to_numpy() == pytest.approx(-0.5, abs=0.1)
    assert off.loc[~others, "function s"].abs().max() < 0.15


def test_a_day_is_drained_on_one_machine_whatever_its_shards() -> None:
    ended = [
        max(course.ended for course in local.drain(Day(4000, 50, shards=shards), 10_000, Work(0, 0.001, 0)))
        for shards in (1, 4)
    ]
    assert ended == pytest.approx([4.0, 4.0], rel=0.01)


def test_the_comparison_shows_both_numbers_and_leaves_out_what_the_simulation_does_not_know(found: dict) -> None:
    rows = results.drains(found)
    rows.loc[rows["products"] >= 5000, "story"] = "everyday"  # whose shelf takes the whole day to fill
    shown = local.shown(local.check(rows, shards=2))
    assert shown["formula"].str.contains("%").all()
    assert (shown["simulated"] == "").tolist() == shown.index.str.contains("5,000 products|20,000 products").tolist()


def test_the_ceiling_is_doing_nothing_after_replaying_the_stream(found: dict) -> None:
    rows = results.compared(found)
    nothing = rows[(rows["contender"] == "no_op") & (rows["batch_size"] == 1000)].iloc[0]["seconds"]
    [replay] = [
        sorted(r["seconds"] for r in each["rounds"])[1] for each in found["replay"] if each["batch_size"] == 1000
    ]
    ours = rows[(rows["contender"] == "ours") & (rows["batch_size"] == 1000)].iloc[0]
    assert ours["to_ceiling"] == pytest.approx(ours["events_per_second"] * (nothing + replay) / 20_000)
    plain = rows[(rows["contender"] == "plain") & (rows["batch_size"] == 1000)].iloc[0]
    assert plain["events"] < ours["events"] and plain["ceiling"] == ours["ceiling"]  # one ceiling, whoever stands below
    assert ours["to_plain"] == pytest.approx(ours["events_per_second"] / plain["events_per_second"])


def test_a_row_is_the_median_of_its_rounds_with_their_spread(found: dict) -> None:
    rounds = sorted(r["events_per_second"] for r in found["drain"][1]["rounds"])
    row = results.drains(found).iloc[1]
    assert [row["slowest"], row["events_per_second"], row["fastest"]] == rounds


def test_tables_say_who_was_right_and_what_it_took(found: dict) -> None:
    speeds, spent = results.speeds(found), results.spent(found)
    assert speeds.loc[results.NAMES["ours"], "table right"].tolist() == ["yes", "yes"]
    assert speeds.loc[results.NAMES["plain"], "table right"].iloc[0] == "no: 37 of 200 products wrong"
    assert spent.loc[results.NAMES["ledger"], "write units"].tolist() == ["4,000", "4,000"]
    assert not any("nan" in str(cell) for cell in speeds.to_numpy().ravel())


def test_the_ceiling_has_a_row_of_its_own_beside_the_contenders(found: dict) -> None:
    rows, ceiling = results.compared(found), results.speeds(found).loc[results.NAMES["ceiling"]]
    ours = rows[rows["contender"] == "ours"]
    assert ceiling["batch"].tolist() == [f"{size:,}" for size in ours["batch_size"]]
    plain = ours["events_per_second"] / ours["to_plain"]
    assert ceiling["times a plain write"].tolist() == [f"{each:.1f}×" for each in ours["ceiling"] / plain]


def test_processor_time_is_told_process_by_process_and_what_of_it_are_requests(found: dict) -> None:
    ours = next(each for each in found["drain"] if (each["contender"], each["batch_size"]) == ("ours", 1000))
    one = {"cpu_seconds": 2.0, "emulator_cpu_seconds": 3.0, "runtime_cpu_seconds": 0.5}
    drain = ours | {"rounds": [each | one for each in ours["rounds"]]}
    others = [each for each in found["drain"] if each is not ours]
    bare = {"seconds": 1.0, "cpu_seconds": 1.5, "emulator_cpu_seconds": 2.5}
    replay = [{"batch_size": 1000, "events": 20_000, "rounds": [bare]}]
    told = found | {"drain": [*others, drain], "replay": replay}
    assert "100 + 150 + 25" in results.spent(told).to_string()
    assert results.in_requests(told, 1000) == pytest.approx(4 / 5)
    said = results.limits(told | {"fold": {"rounds": [{"events_per_second": 50_000}]}})
    assert said == {"in requests, batches of 1,000": "80%", "decode, check and fold an event": "20 µs"}


def test_figures_of_an_earlier_projector_are_called_so(found: dict) -> None:
    assert results.made(found).endswith("with an earlier projector")
    now = found | {"code": bundle.build().code_sha256}
    assert results.made(now) == "on 2 cores, 2026-11-22, with this projector"


def test_what_an_event_uses_up_is_per_event(found: dict) -> None:
    uses = results.uses(found, batch_size=1000)
    assert uses["ledger"].write_units == 4 and uses["idempotent"].write_units == 3
    assert uses["ours"].write_units == uses["ours"].read_units == pytest.approx(2098 / 20_000)
    assert list(uses) == list(results.PEERS)


def test_without_what_it_is_compared_with_a_cell_is_empty(found: dict) -> None:
    alone = found | {"drain": [each for each in found["drain"] if each["contender"] == "ours"]}
    assert set(results.speeds(alone)["times a plain write"]) == set(results.speeds(alone)["of the ceiling"]) == {""}


def test_fields_that_nobody_knows_do_no_harm(found: dict) -> None:
    drain = found["drain"][0]
    more = drain | {"note": "?", "rounds": [each | {"when": {"hour": 12}} for each in drain["rounds"]]}
    assert len(results.drains(found | {"drain": [more]})) == 1


def test_a_story_that_is_not_named_is_the_one_of_its_suite(found: dict) -> None:
    nameless = [{name: value for name, value in each.items() if name != "story"} for each in found["drain"]]
    rows = results.drains(found | {"drain": nameless})
    assert rows["story"].tolist() == results.drains(found)["story"].tolist()
    assert set(rows["story"]) == {"everyday", "changes"}


def test_a_benchmark_without_latencies_and_verdicts_still_makes_tables(found: dict) -> None:
    bare = found | {"latency": [], "verdict": []}
    assert set(results.speeds(bare)["table right"]) == {""}


def test_the_figures_say_what_their_data_show(found: dict) -> None:
    speed, writes = figures.speed(found), figures.writes(found)
    assert "4,445 events a second" in speed.caption and "1.2 times" in speed.caption
    assert "14 settings" in writes.caption
    assert not math.isnan(float(writes.caption.split("the worst is ")[1].split("%")[0]))
