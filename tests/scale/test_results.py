"""What was measured: the arithmetic of the tables and the figures, on a sample made up for the tests."""

from pathlib import Path

import pytest

from pipeline.provisioning import bundle
from pipeline.scale import figures, results, tables


@pytest.fixture(scope="module")
def found() -> dict:
    return results.load(Path(__file__).with_name("sample_benchmark.json"))


def contender(found: dict, name: str, batch_size: int) -> dict:
    of_it = (name, batch_size)
    return next(each for each in found["drain"] if (each["contender"], each["batch_size"]) == of_it)


def test_a_ratio_is_of_the_same_round_and_comes_with_its_spread(found: dict) -> None:
    rows = results.compared(found).set_index(["contender", "batch_size"])
    ours, plain = (contender(found, name, 1000)["rounds"] for name in ("ours", "plain"))
    ratios = sorted(a["events_per_second"] / b["events_per_second"] for a, b in zip(ours, plain, strict=True))
    row = rows.loc[("ours", 1000)]
    assert [row["to_plain_low"], row["to_plain"], row["to_plain_high"]] == ratios


def test_the_ceiling_is_doing_nothing_after_replaying_the_stream(found: dict) -> None:
    rows = results.compared(found).set_index(["contender", "batch_size"])
    nothing, ours = (contender(found, name, 1000)["rounds"] for name in ("no_op", "ours"))
    [replay] = [each["rounds"] for each in found["replay"] if each["batch_size"] == 1000]
    ceilings = [20_000 / (a["seconds"] + b["seconds"]) for a, b in zip(nothing, replay, strict=True)]
    assert rows.loc[("ours", 1000), "ceiling"] == pytest.approx(sorted(ceilings)[1], rel=1e-3)
    shares = sorted(a["events_per_second"] / b for a, b in zip(ours, ceilings, strict=True))
    assert rows.loc[("ours", 1000), "to_ceiling"] == pytest.approx(shares[1], rel=1e-3)
    assert rows.loc[("plain", 1000), "events"] < 20_000  # and still there is one ceiling, whoever stands below
    assert rows.loc[("plain", 1000), "ceiling"] == rows.loc[("ours", 1000), "ceiling"]


def test_a_row_is_the_median_of_its_rounds_with_their_spread(found: dict) -> None:
    rounds = sorted(r["events_per_second"] for r in found["drain"][1]["rounds"])
    row = results.drains(found).iloc[1]
    assert [row["slowest"], row["events_per_second"], row["fastest"]] == rounds


def test_tables_say_who_was_right_and_what_it_took(found: dict) -> None:
    speeds, spent = tables.speeds(found), tables.spent(found)
    assert speeds.loc[results.NAMES["ours"], "table right"].tolist() == ["", "yes"]
    assert speeds.loc[results.NAMES["plain"], "table right"].iloc[1] == "no: 37 of 200 wrong"
    assert spent.loc[results.NAMES["ledger"], "write units"].tolist() == ["4,000", "4,000"]
    assert not any("nan" in str(cell) for cell in speeds.to_numpy().ravel())


def test_the_ceiling_has_a_row_of_its_own_beside_the_contenders(found: dict) -> None:
    rows, ceiling = results.compared(found), tables.speeds(found).loc[results.NAMES["ceiling"]]
    ours = rows[rows["contender"] == "ours"]
    assert ceiling["batch"].tolist() == [f"{size:,}" for size in ours["batch_size"]]
    said = [text.split()[0] for text in ceiling["times plain"]]
    assert said == [f"{each:.1f}" for each in ours["ceiling_to_plain"]]


def test_processor_time_is_told_process_by_process_and_what_of_it_are_requests(found: dict) -> None:
    ours = contender(found, "ours", 1000)
    one = {"cpu_seconds": 2.0, "emulator_cpu_seconds": 3.0, "runtime_cpu_seconds": 0.5}
    drain = ours | {"rounds": [each | one for each in ours["rounds"]]}
    nothing = contender(found, "no_op", 1000)
    idle = nothing | {"rounds": [each | {"emulator_cpu_seconds": 1.0} for each in nothing["rounds"]]}
    others = [each for each in found["drain"] if each is not ours and each is not nothing]
    bare = {"seconds": 1.0, "cpu_seconds": 1.5, "emulator_cpu_seconds": 2.5}
    replay = [{"batch_size": 1000, "events": 20_000, "rounds": [bare] * 3}]
    told = found | {"drain": [*others, idle, drain], "replay": replay}
    assert "100 / 150 / 25" in tables.spent(told).to_string()
    assert results.in_requests(told, 1000) == pytest.approx(4 / (2 + 3 - 1))
    said = tables.limits(told | {"fold": {"rounds": [{"events_per_second": 50_000}]}})
    assert said["in requests, batches of 1,000"] == "at least 100%"
    assert said["decode, check and fold an event"] == "20 µs"
    assert said["memory of the function, batches of 10,000"].endswith(" MB")


def test_figures_of_an_earlier_projector_are_called_so(found: dict) -> None:
    assert tables.made(found).endswith("with an earlier projector")
    now = found | {"code": bundle.build().code_sha256}
    assert tables.made(now) == "on 2 cores, 2026-11-22, with this projector"


def test_what_an_event_uses_up_is_per_event(found: dict) -> None:
    uses = results.uses(found, batch_size=1000)
    assert uses["ledger"].write_units == 4 and uses["idempotent"].write_units == 3
    assert uses["ours"].write_units == uses["ours"].read_units == pytest.approx(2098 / 20_000)
    assert list(uses) == list(results.CONTENDERS)


def test_without_what_it_is_compared_with_a_cell_is_empty(found: dict) -> None:
    alone = found | {"drain": [each for each in found["drain"] if each["contender"] == "ours"]}
    assert set(tables.speeds(alone)["times plain"]) == set(tables.speeds(alone)["of the ceiling"]) == {""}


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
    assert set(tables.speeds(bare)["table right"]) == {""}


def test_the_figures_say_what_their_data_show(found: dict) -> None:
    speed, writes = figures.speed(found), figures.writes(found)
    assert "4,445 events a second" in speed.caption and "1.2 times" in speed.caption
    assert "14 settings" in writes.caption
    rows = results.drains(found).query("contender == 'ours'").to_dict("records")
    off = max(abs(figures._writes_of(each) * each["events"] / each["writes"] - 1) for each in rows)
    assert f"the worst is {off:.1%} off" in writes.caption
