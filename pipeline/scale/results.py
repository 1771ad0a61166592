"""What the benchmark measured, from `docs/benchmark.json`: as tables for the reader, and as rows for the models."""

import json
from collections.abc import Iterable
from math import isnan
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from pipeline import bundle
from pipeline.cloud import ROOT
from pipeline.scale.cost import Use

KEPT = ROOT / "docs" / "benchmark.json"  # written by a full run of the benchmark

NAMES = {
    "no_op": "does nothing",
    "ours": "ours: folds, one write a product",
    "plain": "a write for each event",
    "idempotent": "Powertools idempotency",
    "ledger": "ledger transaction",
    "ceiling": "ceiling: nothing, plus a replay",
}
PEERS = ("ours", "plain", "idempotent", "ledger")
OF_A_DRAIN = ("suite", "contender", "batch_size", "products", "skew", "shards", "events")
OF_A_ROUND = (
    *("seconds", "events_per_second", "requests", "writes", "write_units", "reads", "read_keys"),
    *("lambda_seconds", "invocations", "cpu_seconds", "emulator_cpu_seconds", "runtime_cpu_seconds"),
)

Found = dict[str, Any]


def load(path: Path | None = None) -> Found:
    """Read what a full run of the benchmark measured; by default the last one that was kept."""
    return json.loads((path or KEPT).read_text("utf-8"))


def made(found: Found) -> str:
    """Say where and when it was measured, and whether it was the projector as it is now."""
    code = "this projector" if found["code"] == bundle.build().code_sha256 else "an earlier projector"
    return f"on {found['machine']['cores']} cores, {found['made_on']}, with {code}"


def drains(found: Found) -> pd.DataFrame:
    """Return one row for each setting that was drained: what was set, the medians of its rounds, and their spread."""
    rows = []
    for drain in found["drain"]:
        rounds = drain["rounds"]
        speeds = [each["events_per_second"] for each in rounds]
        medians = {name: median(each[name] for each in rounds) for name in OF_A_ROUND}
        spread = {"slowest": min(speeds), "fastest": max(speeds)}
        story = drain.get("story", "everyday" if drain["suite"] == "contenders" else "changes")
        rows.append({name: drain[name] for name in OF_A_DRAIN} | {"story": story} | medians | spread)
    return pd.DataFrame(rows)


def sweep(found: Found, suite: str) -> pd.DataFrame:
    """Return the drains of one suite, ours only."""
    rows = drains(found)
    return rows[(rows["suite"] == suite) & (rows["contender"] == "ours")].reset_index(drop=True)


def compared(found: Found) -> pd.DataFrame:
    """Return one row for each contender and batch size, beside the ceiling: doing nothing, plus the replay."""
    rows = drains(found)
    rows = rows[rows["suite"] == "contenders"].copy()
    plain = rows[rows["contender"] == "plain"].set_index("batch_size")["events_per_second"]
    ceiling = rows["batch_size"].map(_ceiling(found, rows[rows["contender"] == "no_op"]))
    return rows.assign(
        to_plain=rows["events_per_second"] / rows["batch_size"].map(plain).fillna(plain.median()),  # a write is a write
        to_ceiling=rows["events_per_second"] / ceiling,
        ceiling=ceiling,
    ).reset_index(drop=True)


def _ceiling(found: Found, nothing: pd.DataFrame) -> dict[int, float]:
    """Return events a second by batch size, if only what nobody can save were left: for the whole story."""
    replays = {each["batch_size"]: each for each in found["replay"]}
    return {
        each.batch_size: replay["events"] / (each.seconds + median(r["seconds"] for r in replay["rounds"]))
        for each in nothing.itertuples()
        if (replay := replays.get(each.batch_size)) and replay["events"] == each.events
    }


def speeds(found: Found) -> pd.DataFrame:
    """Return one row for each contender and batch size: how fast it was, and whether its table was right at the end.

    Beside them the ceiling, which is no contender.
    """
    right = {each["contender"]: each for each in found["verdict"]}
    rows = [
        {
            "contender": NAMES[each.contender],
            "batch": f"{each.batch_size:,}",
            "events/s (all rounds)": f"{each.events_per_second:,.0f} ({each.slowest:,.0f}–{each.fastest:,.0f})",
            "times a plain write": _known("{:.1f}×", each.to_plain),
            "of the ceiling": _known("{:.0%}", each.to_ceiling) if each.contender != "no_op" else "",
            "p50 / p99 at 200/s, ms": _latency(found["latency"], each.contender, each.batch_size),
            "table right": _verdict(right.get(each.contender)),
        }
        for each in compared(found).itertuples()
    ]
    return pd.concat([pd.DataFrame(rows), pd.DataFrame(_ceilings(found))]).fillna("").set_index("contender")


def _ceilings(found: Found) -> list[dict[str, str]]:
    return [
        {
            "contender": NAMES["ceiling"],
            "batch": f"{each.batch_size:,}",
            "events/s (all rounds)": f"{each.ceiling:,.0f}",
            "times a plain write": _known("{:.1f}×", each.ceiling * each.to_plain / each.events_per_second),
        }
        for each in compared(found).itertuples()
        if each.contender == "no_op"
    ]


def spent(found: Found) -> pd.DataFrame:
    """Return one row for each contender and batch size: what 1,000 events used up."""
    rows = [
        {
            "contender": NAMES[each.contender],
            "batch": f"{each.batch_size:,}",
            "requests": f"{1000 * each.requests / each.events:,.0f}",
            "write units": f"{1000 * each.write_units / each.events:,.0f}",
            "keys read": f"{1000 * each.read_keys / each.events:,.0f}",
            "Lambda ms an event": f"{1000 * each.lambda_seconds / each.events:.2f}",
            "CPU µs an event: function + emulator + pipe": _cpu(each),
        }
        for each in compared(found).itertuples()
    ]
    return pd.DataFrame(rows).set_index("contender")


def in_requests(found: Found, batch_size: int) -> float:
    """Return how much of the processor time of ours, function and emulator, a bare replay of its requests takes."""
    [replay] = [each["rounds"] for each in found["replay"] if each["batch_size"] == batch_size]
    rows = compared(found)
    [ours] = rows[(rows["contender"] == "ours") & (rows["batch_size"] == batch_size)].itertuples()
    bare = sum(median(each[name] for each in replay) for name in ("cpu_seconds", "emulator_cpu_seconds"))
    return bare / (ours.cpu_seconds + ours.emulator_cpu_seconds)


def limits(found: Found) -> dict[str, str]:
    """Return what bounds ours: how much of its processor time requests take, and what an event takes without any."""
    speed = median(each["events_per_second"] for each in found["fold"]["rounds"])
    sizes = [each["batch_size"] for each in found["replay"]]
    shares = {f"in requests, batches of {size:,}": f"{in_requests(found, size):.0%}" for size in sizes}
    return shares | {"decode, check and fold an event": f"{1e6 / speed:.0f} µs"}


def _cpu(drain: Any) -> str:
    """Write the processor time of an event, process by process."""
    spent_by = (drain.cpu_seconds, drain.emulator_cpu_seconds, drain.runtime_cpu_seconds)
    return " + ".join(f"{1e6 * seconds / drain.events:,.0f}" for seconds in spent_by)


def _known(as_text: str, number: float) -> str:
    """Write a number, or nothing where what it is compared with was not measured."""
    return "" if isnan(number) else as_text.format(number)


def _latency(measured: Iterable[Found], contender: str, batch_size: int) -> str:
    """Return the latency at the lowest rate at which it was measured with that batch size."""
    fitting = [each for each in measured if (each["contender"], each["batch_size"]) == (contender, batch_size)]
    if not fitting:
        return ""
    rounds = min(fitting, key=lambda each: each["rate"])["rounds"]
    half, most = (median(each[name] for each in rounds) for name in ("p50_ms", "p99_ms"))
    return f"{half:,.0f} / {most:,.0f}"


def _verdict(found: Found | None) -> str:
    if found is None:
        return ""
    return "yes" if found["is_right"] else f"no: {found['wrong_products']} of {found['products']} products wrong"


def uses(found: Found, batch_size: int) -> dict[str, Use]:
    """Return what an event uses up with each contender, as it was measured with that batch size."""
    rows = compared(found)
    rows = rows[rows["batch_size"] == batch_size].set_index("contender")
    return {
        name: Use(
            write_units=row["write_units"] / row["events"],
            read_units=row["read_keys"] / row["events"],
            lambda_seconds=row["lambda_seconds"] / row["events"],
        )
        for name, row in rows.loc[[name for name in PEERS if name in rows.index]].iterrows()
    }
