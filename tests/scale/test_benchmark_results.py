"""What was measured: the arithmetic of the tables and the figures, on a sample made up for the tests."""

from pathlib import Path

import pytest

from pipeline.provisioning import bundle
from pipeline.scale import benchmark, benchmark_tables, figures


@pytest.fixture(scope="module")
def measured() -> dict:
    return benchmark.load(Path(__file__).with_name("sample_benchmark.json"))


def contender(measured: dict, name: str, batch_size: int) -> dict:
    of_it = (name, batch_size)
    return next(each for each in measured["drain"] if (each["contender"], each["batch_size"]) == of_it)


def test_a_ratio_is_of_the_same_round_and_comes_with_its_spread(measured: dict) -> None:
    rows = benchmark.compared(measured).set_index(["contender", "batch_size"])
    own, plain = (contender(measured, name, 1000)["rounds"] for name in ("projector", "plain"))
    ratios = sorted(a["events_per_second"] / b["events_per_second"] for a, b in zip(own, plain, strict=True))
    row = rows.loc[("projector", 1000)]
    assert [row["to_plain_low"], row["to_plain"], row["to_plain_high"]] == ratios


def test_the_ceiling_is_doing_nothing_after_replaying_the_stream(measured: dict) -> None:
    rows = benchmark.compared(measured).set_index(["contender", "batch_size"])
    nothing, own = (contender(measured, name, 1000)["rounds"] for name in ("no_op", "projector"))
    [replay] = [each["rounds"] for each in measured["replay"] if each["batch_size"] == 1000]
    ceilings = [20_000 / (a["seconds"] + b["seconds"]) for a, b in zip(nothing, replay, strict=True)]
    assert rows.loc[("projector", 1000), "ceiling"] == pytest.approx(sorted(ceilings)[1], rel=1e-3)
    shares = sorted(a["events_per_second"] / b for a, b in zip(own, ceilings, strict=True))
    assert rows.loc[("projector", 1000), "to_ceiling"] == pytest.approx(shares[1], rel=1e-3)
    assert rows.loc[("plain", 1000), "events"] < 20_000  # and still there is one ceiling, whoever stands below
    assert rows.loc[("plain", 1000), "ceiling"] == rows.loc[("projector", 1000), "ceiling"]


def test_a_row_is_the_median_of_its_rounds_with_their_spread(measured: dict) -> None:
    rounds = sorted(r["events_per_second"] for r in measured["drain"][1]["rounds"])
    row = benchmark.drains(measured).iloc[1]
    assert [row["slowest"], row["events_per_second"], row["fastest"]] == rounds


def test_tables_say_who_was_right_and_what_it_took(measured: dict) -> None:
    speeds, spent = benchmark_tables.speeds(measured), benchmark_tables.consumption(measured)
    assert speeds.loc[benchmark.NAMES["projector"], "table right"].tolist() == ["", "yes"]
    assert speeds.loc[benchmark.NAMES["plain"], "table right"].iloc[1] == "no: 37 of 200 wrong"
    assert spent.loc[benchmark.NAMES["ledger"], "write units"].tolist() == ["4,000", "4,000"]
    assert not any("nan" in str(cell) for cell in speeds.to_numpy().ravel())


def test_the_ceiling_has_a_row_of_its_own_beside_the_contenders(measured: dict) -> None:
    rows, ceiling = (
        benchmark.compared(measured),
        benchmark_tables.speeds(measured).loc[benchmark.NAMES["ceiling"]],
    )
    own = rows[rows["contender"] == "projector"]
    assert ceiling["batch"].tolist() == [f"{size:,}" for size in own["batch_size"]]
    said = [text.split()[0] for text in ceiling["times plain"]]
    assert said == [f"{each:.1f}" for each in own["ceiling_to_plain"]]


def test_processor_time_is_shown_by_process_with_the_part_that_is_requests(measured: dict) -> None:
    own = contender(measured, "projector", 1000)
    one = {"cpu_seconds": 2.0, "emulator_cpu_seconds": 3.0, "runtime_cpu_seconds": 0.5}
    drain = own | {"rounds": [each | one for each in own["rounds"]]}
    nothing = contender(measured, "no_op", 1000)
    idle = nothing | {"rounds": [each | {"emulator_cpu_seconds": 1.0} for each in nothing["rounds"]]}
    others = [each for each in measured["drain"] if each is not own and each is not nothing]
    bare = {"seconds": 1.0, "cpu_seconds": 1.5, "emulator_cpu_seconds": 2.5}
    replay = [{"batch_size": 1000, "events": 20_000, "rounds": [bare] * 3}]
    measured = measured | {"drain": [*others, idle, drain], "replay": replay}
    assert "100 / 150 / 25" in benchmark_tables.consumption(measured).to_string()
    assert benchmark.share_in_requests(measured, 1000) == pytest.approx(4 / (2 + 3 - 1))
    said = benchmark_tables.limits(measured | {"fold": {"rounds": [{"events_per_second": 50_000}]}})
    assert said["in requests, batches of 1,000"] == "at least 100%"
    assert said["decode, check and fold an event"] == "20 µs"
    assert said["memory of the function, batches of 10,000"].endswith(" MB")


def test_figures_of_an_earlier_projector_are_called_so(measured: dict) -> None:
    assert "with an earlier projector" in benchmark_tables.provenance(measured)
    now = measured | {"code": bundle.build().code_sha256}
    assert benchmark_tables.provenance(now) == (
        "on 2 cores, 2026-11-22, with this projector, "
        "with the limits kinesis-reads and kinesis-writes off (docs/limits.md)"
    )


def test_what_an_event_uses_up_is_per_event(measured: dict) -> None:
    uses = benchmark.uses(measured, batch_size=1000)
    assert uses["ledger"].write_units == 4 and uses["idempotent"].write_units == 3
    assert uses["projector"].write_units == uses["projector"].read_units == pytest.approx(2098 / 20_000)
    assert list(uses) == ["projector", "plain", "idempotent", "ledger"], "as listed; what was not measured is left out"


def test_without_what_it_is_compared_with_a_cell_is_empty(measured: dict) -> None:
    alone = measured | {"drain": [each for each in measured["drain"] if each["contender"] == "projector"]}
    assert (
        set(benchmark_tables.speeds(alone)["times plain"])
        == set(benchmark_tables.speeds(alone)["of the ceiling"])
        == {""}
    )


def test_fields_that_nobody_knows_do_no_harm(measured: dict) -> None:
    drain = measured["drain"][0]
    more = drain | {"note": "?", "rounds": [each | {"when": {"hour": 12}} for each in drain["rounds"]]}
    assert len(benchmark.drains(measured | {"drain": [more]})) == 1


def test_a_story_that_is_not_named_is_the_one_of_its_suite(measured: dict) -> None:
    nameless = [{name: value for name, value in each.items() if name != "story"} for each in measured["drain"]]
    rows = benchmark.drains(measured | {"drain": nameless})
    assert rows["story"].tolist() == benchmark.drains(measured)["story"].tolist()
    assert set(rows["story"]) == {"everyday", "changes"}


def test_a_benchmark_without_latencies_and_verdicts_still_makes_tables(measured: dict) -> None:
    bare = measured | {"latency": [], "verdict": []}
    assert set(benchmark_tables.speeds(bare)["table right"]) == {""}


def test_the_figures_say_what_their_data_show(measured: dict) -> None:
    speed, writes = figures.speed(measured), figures.writes(measured)
    rows = benchmark.compared(measured).set_index(["contender", "batch_size"])["events_per_second"]
    assert f"{rows['projector', 100] / rows['plain', 100]:.1f} times" in speed.caption
    assert "4,445 events a second" in speed.caption and "14 settings" in writes.caption
    rows = benchmark.drains(measured).query("contender == 'projector'").to_dict("records")
    off = max(abs(figures._writes_of(each) * each["events"] / each["writes"] - 1) for each in rows)
    assert f"the worst is {off:.1%} off" in writes.caption
