"""What the benchmark measured, as tables for the reader."""

from collections.abc import Iterable
from math import isnan
from statistics import median
from typing import Any

import pandas as pd

from pipeline.provisioning import bundle
from pipeline.scale.benchmark import NAMES, Measured, compared, share_in_requests


def provenance(measured: Measured) -> str:
    """Say where and when it was measured, and whether it was the projector as it is now."""
    code = "this projector" if measured["code"] == bundle.build().code_sha256 else "an earlier projector"
    cores = measured["machine"]["cores"]
    off = measured.get("limits_off", [])
    limits = f", with the limits {' and '.join(off)} off (docs/limits.md)" if off else ""
    return f"on {cores} {'core' if cores == 1 else 'cores'}, {measured['made_on']}, with {code}{limits}"


def speeds(measured: Measured) -> pd.DataFrame:
    """Return one row for each contender and batch size: how fast it was, and whether its table was right at the end.

    Beside them the ceiling, which is no contender.
    """
    right = {(verdict["contender"], verdict["batch_size"]): verdict for verdict in measured["verdict"]}
    rate = min((latency["rate"] for latency in measured["latency"]), default="?")
    rows = [
        {
            "contender": NAMES[drain.contender],
            "batch": f"{drain.batch_size:,}",
            "events/s (all rounds)": _spread("{:,.0f}", drain.events_per_second, drain.slowest, drain.fastest),
            "times plain": _spread("{:.1f}", drain.to_plain, drain.to_plain_low, drain.to_plain_high),
            "of the ceiling": _of_ceiling(drain),
            f"p50 / p99 at {rate}/s, ms": _latency(measured["latency"], drain.contender, drain.batch_size),
            "table right": _verdict(right.get((drain.contender, drain.batch_size))),
        }
        for drain in compared(measured).itertuples()
    ]
    return pd.concat([pd.DataFrame(rows), pd.DataFrame(_ceiling_rows(measured))]).fillna("").set_index("contender")


def _ceiling_rows(measured: Measured) -> list[dict[str, str]]:
    return [
        {
            "contender": NAMES["ceiling"],
            "batch": f"{drain.batch_size:,}",
            "events/s (all rounds)": _spread("{:,.0f}", drain.ceiling, drain.ceiling_low, drain.ceiling_high),
            "times plain": _spread(
                "{:.1f}", drain.ceiling_to_plain, drain.ceiling_to_plain_low, drain.ceiling_to_plain_high
            ),
        }
        for drain in compared(measured).itertuples()
        if drain.contender == "no_op" and not isnan(drain.ceiling)
    ]


def consumption(measured: Measured) -> pd.DataFrame:
    """Return one row for each contender and batch size: what 1,000 events used up."""
    rows = [
        {
            "contender": NAMES[drain.contender],
            "batch": f"{drain.batch_size:,}",
            "requests": f"{1000 * drain.requests / drain.events:,.0f}",
            "write units": f"{1000 * drain.write_units / drain.events:,.0f}",
            "keys read": f"{1000 * drain.read_keys / drain.events:,.0f}",
            "Lambda ms an event": f"{1000 * drain.lambda_seconds / drain.events:.2f}",
            "CPU µs an event: function / emulator / pipe": _cpu(drain),
        }
        for drain in compared(measured).itertuples()
    ]
    return pd.DataFrame(rows).set_index("contender")


def extremes(measured: Measured) -> pd.DataFrame:
    """Return one row for each extreme: products once each, so that nothing folds; bad records; limits on."""
    rows = []
    for each in [*measured.get("extremes", []), *measured.get("limited", [])]:
        middle = {name: median(one[name] for one in each["rounds"]) for name in each["rounds"][0]}
        rows.append(
            {
                "contender": NAMES[each["contender"]],
                "story": each["story"],
                "limits": "on" if each["suite"] == "limited" else "off",
                "events/s": f"{middle['events_per_second']:,.0f}",
                "requests, of 1,000 events": f"{1000 * middle['requests'] / each['events']:,.0f}",
                "CPU µs an event: function": f"{1e6 * middle['cpu_seconds'] / each['events']:,.0f}",
            }
        )
    return pd.DataFrame(rows).set_index("contender") if rows else pd.DataFrame()


def with_limits(measured: Measured) -> float:
    """Return the events a second that the projector works off with AWS's limits on: the median of the rounds."""
    [limited] = measured["limited"]
    return float(median(one["events_per_second"] for one in limited["rounds"]))


def limits(measured: Measured) -> dict[str, str]:
    """Return what limits the projector: its processor time in requests, and what an event takes without any request."""
    speed = median(fold["events_per_second"] for fold in measured["fold"]["rounds"])
    sizes = [replay["batch_size"] for replay in measured["replay"]]
    shares = {
        f"in requests, batches of {size:,}": f"at least {share_in_requests(measured, size):.0%}" for size in sizes
    }
    largest = max(
        (drain for drain in measured["drain"] if drain["contender"] == "projector"),
        key=lambda drain: drain["batch_size"],
    )
    memory = median(one["memory_mb"] for one in largest["rounds"])
    return {
        **shares,
        "decode, check and fold an event": f"{1e6 / speed:.0f} µs",
        f"memory of the function, batches of {largest['batch_size']:,}": f"{memory:.0f} MB",
    }


def _cpu(drain: Any) -> str:
    """Write the processor time of an event, process by process."""
    spent_by = (drain.cpu_seconds, drain.emulator_cpu_seconds, drain.runtime_cpu_seconds)
    return " / ".join(f"{1e6 * seconds / drain.events:,.0f}" for seconds in spent_by)


def _of_ceiling(drain: Any) -> str:
    if drain.contender == "no_op":
        return ""
    return _spread("{:.0%}", drain.to_ceiling, drain.to_ceiling_low, drain.to_ceiling_high)


def _spread(as_text: str, middle: float, low: float, high: float) -> str:
    """Write a number with its spread; nothing where what it is compared with was not measured."""
    if isnan(middle):
        return ""
    low_text, text, high_text = (as_text.format(value) for value in (low, middle, high))
    return text if low == high else f"{text} ({low_text}–{high_text})"


def _latency(measured: Iterable[Measured], contender: str, batch_size: int) -> str:
    """Return the latency at the lowest rate at which it was measured with that batch size."""
    fitting = [
        latency for latency in measured if (latency["contender"], latency["batch_size"]) == (contender, batch_size)
    ]
    if not fitting:
        return ""
    rounds = min(fitting, key=lambda latency: latency["rate"])["rounds"]
    half, most = (median(one[name] for one in rounds) for name in ("p50_ms", "p99_ms"))
    return f"{half:,.0f} / {most:,.0f}"


def _verdict(measured: Measured | None) -> str:
    if measured is None:
        return ""
    return "yes" if measured["is_right"] else f"no: {measured['wrong_products']} of {measured['products']} wrong"
