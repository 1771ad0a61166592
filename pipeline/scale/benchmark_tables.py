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
    return f"on {cores} {'core' if cores == 1 else 'cores'}, {measured['made_on']}, with {code}"


def speeds(measured: Measured) -> pd.DataFrame:
    """Return one row for each contender and batch size: how fast it was, and whether its table was right at the end.

    Beside them the ceiling, which is no contender.
    """
    right = {(each["contender"], each["batch_size"]): each for each in measured["verdict"]}
    rate = min((each["rate"] for each in measured["latency"]), default="?")
    rows = [
        {
            "contender": NAMES[each.contender],
            "batch": f"{each.batch_size:,}",
            "events/s (all rounds)": _spread("{:,.0f}", each.events_per_second, each.slowest, each.fastest),
            "times plain": _spread("{:.1f}", each.to_plain, each.to_plain_low, each.to_plain_high),
            "of the ceiling": _of_ceiling(each),
            f"p50 / p99 at {rate}/s, ms": _latency(measured["latency"], each.contender, each.batch_size),
            "table right": _verdict(right.get((each.contender, each.batch_size))),
        }
        for each in compared(measured).itertuples()
    ]
    return pd.concat([pd.DataFrame(rows), pd.DataFrame(_ceiling_rows(measured))]).fillna("").set_index("contender")


def _ceiling_rows(measured: Measured) -> list[dict[str, str]]:
    return [
        {
            "contender": NAMES["ceiling"],
            "batch": f"{each.batch_size:,}",
            "events/s (all rounds)": _spread("{:,.0f}", each.ceiling, each.ceiling_low, each.ceiling_high),
            "times plain": _spread(
                "{:.1f}", each.ceiling_to_plain, each.ceiling_to_plain_low, each.ceiling_to_plain_high
            ),
        }
        for each in compared(measured).itertuples()
        if each.contender == "no_op" and not isnan(each.ceiling)
    ]


def consumption(measured: Measured) -> pd.DataFrame:
    """Return one row for each contender and batch size: what 1,000 events used up."""
    rows = [
        {
            "contender": NAMES[each.contender],
            "batch": f"{each.batch_size:,}",
            "requests": f"{1000 * each.requests / each.events:,.0f}",
            "write units": f"{1000 * each.write_units / each.events:,.0f}",
            "keys read": f"{1000 * each.read_keys / each.events:,.0f}",
            "Lambda ms an event": f"{1000 * each.lambda_seconds / each.events:.2f}",
            "CPU µs an event: function / emulator / pipe": _cpu(each),
        }
        for each in compared(measured).itertuples()
    ]
    return pd.DataFrame(rows).set_index("contender")


def limits(measured: Measured) -> dict[str, str]:
    """Return what limits the projector: its processor time in requests, and what an event takes without any request."""
    speed = median(each["events_per_second"] for each in measured["fold"]["rounds"])
    sizes = [each["batch_size"] for each in measured["replay"]]
    shares = {
        f"in requests, batches of {size:,}": f"at least {share_in_requests(measured, size):.0%}" for size in sizes
    }
    largest = max(
        (each for each in measured["drain"] if each["contender"] == "projector"), key=lambda each: each["batch_size"]
    )
    memory = median(each["memory_mb"] for each in largest["rounds"])
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
    low_text, text, high_text = (as_text.format(each) for each in (low, middle, high))
    return text if low == high else f"{text} ({low_text}–{high_text})"


def _latency(measured: Iterable[Measured], contender: str, batch_size: int) -> str:
    """Return the latency at the lowest rate at which it was measured with that batch size."""
    fitting = [each for each in measured if (each["contender"], each["batch_size"]) == (contender, batch_size)]
    if not fitting:
        return ""
    rounds = min(fitting, key=lambda each: each["rate"])["rounds"]
    half, most = (median(each[name] for each in rounds) for name in ("p50_ms", "p99_ms"))
    return f"{half:,.0f} / {most:,.0f}"


def _verdict(measured: Measured | None) -> str:
    if measured is None:
        return ""
    return "yes" if measured["is_right"] else f"no: {measured['wrong_products']} of {measured['products']} wrong"
