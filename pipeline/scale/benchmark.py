"""What the benchmark measured, from `docs/benchmark.json`: as rows for the models, and put in relation."""

import json
from math import nan
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from pipeline.paths import ROOT
from pipeline.scale.cost import Use

KEPT = ROOT / "docs" / "benchmark.json"  # written by a full run of the benchmark

NAMES = {
    "no_op": "does nothing",
    "projector": "this projector",
    "put_item": "a PutItem per product",
    "plain": "plain: a write an event",
    "idempotent": "Powertools",
    "ledger": "a ledger",
    "ceiling": "the ceiling",
}
BILLED = NAMES | {"projector": "this projector, batching window"}  # which its large batches take
CONTENDERS = ("projector", "put_item", "plain", "idempotent", "ledger")
OF_A_DRAIN = ("suite", "contender", "batch_size", "products", "skew", "shards", "events")
OF_A_ROUND = (
    *("seconds", "events_per_second", "requests", "writes", "write_units", "reads", "read_keys"),
    *("lambda_seconds", "invocations", "cpu_seconds", "emulator_cpu_seconds", "runtime_cpu_seconds"),
)

Measured = dict[str, Any]


def load(path: Path | None = None) -> Measured:
    """Read what a full run of the benchmark measured; by default the last one that was kept."""
    return json.loads((path or KEPT).read_text("utf-8"))


def drains(measured: Measured) -> pd.DataFrame:
    """Return one row for each setting that was drained: what was set, the medians of its rounds, and their spread."""
    rows = []
    for drain in measured["drain"]:
        rounds = drain["rounds"]
        speeds = [one["events_per_second"] for one in rounds]
        medians = {name: median(one[name] for one in rounds) for name in OF_A_ROUND}
        spread = {"slowest": min(speeds), "fastest": max(speeds)}
        story = drain.get("story", "everyday" if drain["suite"] == "contenders" else "changes")
        rows.append({name: drain[name] for name in OF_A_DRAIN} | {"story": story} | medians | spread)
    return pd.DataFrame(rows)


def sweep(measured: Measured, suite: str) -> pd.DataFrame:
    """Return the drains of one suite, the projector's only."""
    rows = drains(measured)
    return rows[(rows["suite"] == suite) & (rows["contender"] == "projector")].reset_index(drop=True)


def compared(measured: Measured) -> pd.DataFrame:
    """Return one row for each contender and batch size, beside the ceiling: doing nothing, plus the replay.

    Ratios are of speeds measured in the same round, on a machine that was as fast for both: `to_plain` and `to_ceiling`
    are medians of the rounds, with the lowest and the highest one behind `_low` and `_high`.
    """
    rows = drains(measured)
    rows = rows[rows["suite"] == "contenders"].reset_index(drop=True)
    plain, ceilings = _speeds(measured, "plain"), _ceilings(measured)
    others = next(iter(plain.values()), [])  # a write for each event is one, whatever the batch
    columns: dict[str, list[float]] = {}
    for row in rows.itertuples():
        speeds = _speeds(measured, row.contender)[row.batch_size]
        ceiling = ceilings.get(row.batch_size, [])
        found_of = {
            **_spread("to_plain", speeds, plain.get(row.batch_size, others)),
            **_spread("to_ceiling", speeds, ceiling),
            **_spread("ceiling_to_plain", ceiling, plain.get(row.batch_size, others)),
            **_spread("ceiling", ceiling, [1.0] * len(ceiling)),
        }
        for name, value in found_of.items():
            columns.setdefault(name, []).append(value)
    return rows.assign(**columns)


def _rounds(measured: Measured, contender: str) -> dict[int, list[dict[str, float]]]:
    """Return what every round gave, by batch size."""
    drains_of = (
        drain for drain in measured["drain"] if (drain["suite"], drain["contender"]) == ("contenders", contender)
    )
    return {drain["batch_size"]: drain["rounds"] for drain in drains_of}


def _speeds(measured: Measured, contender: str) -> dict[int, list[float]]:
    """Return events a second, round by round, by batch size."""
    rounds = _rounds(measured, contender)
    return {
        batch_size: [one["events_per_second"] for one in rounds_of_one] for batch_size, rounds_of_one in rounds.items()
    }


def _ceilings(measured: Measured) -> dict[int, list[float]]:
    """Return events a second, if only what nobody can save were left: by batch size, round by round."""
    nothing = _speeds(measured, "no_op")
    return {
        replay["batch_size"]: [
            1 / (1 / speed + one["seconds"] / replay["events"])
            for speed, one in zip(nothing[replay["batch_size"]], replay["rounds"], strict=True)
        ]
        for replay in measured["replay"]
        if replay["batch_size"] in nothing
    }


def _spread(name: str, speeds: list[float], to: list[float]) -> dict[str, float]:
    ratios = [speed / other for speed, other in zip(speeds, to, strict=False)] or [nan]
    return {name: median(ratios), f"{name}_low": min(ratios), f"{name}_high": max(ratios)}


def share_in_requests(measured: Measured, batch_size: int) -> float:
    """Return the share of the projector's processor time that goes into requests, as a bare replay of them takes it.

    Of function and emulator, without what the emulator spends for a function that does nothing. Median of the rounds.
    """
    [replay] = [replayed["rounds"] for replayed in measured["replay"] if replayed["batch_size"] == batch_size]
    own_rounds, empty_rounds = (_rounds(measured, name)[batch_size] for name in ("projector", "no_op"))
    return median(
        _busy(bare) / (_busy(own) - empty["emulator_cpu_seconds"])
        for bare, own, empty in zip(replay, own_rounds, empty_rounds, strict=True)
    )


def _busy(one: dict[str, float]) -> float:
    return one["cpu_seconds"] + one["emulator_cpu_seconds"]


def uses(measured: Measured, batch_size: int) -> dict[str, Use]:
    """Return what an event uses up with each contender, as it was measured with that batch size."""
    rows = compared(measured)
    rows = rows[rows["batch_size"] == batch_size].set_index("contender")
    return {
        name: Use(
            write_units=row["write_units"] / row["events"],
            read_units=row["read_keys"] / row["events"],
            lambda_seconds=row["lambda_seconds"] / row["events"],
        )
        for name, row in rows.loc[[name for name in CONTENDERS if name in rows.index]].iterrows()
    }
