"""Run one contender over one story, and return the figures."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import processes
from benchmarks.stories import STOCK
from benchmarks.testbed import WARM_UP, Testbed
from pipeline.reading import stock
from pipeline.stories.scenarios import NewRecord

COUNTED = ("requests", "writes", "write_units", "reads", "read_keys")
LATE_SECONDS = 0.1
CRASH_AFTER = 60  # writes to the stock table by one invocation: in the middle of its batch


def drain(
    testbed: Testbed, contender: str, story: list[NewRecord], in_stock: Sequence[str] = (), **environment: str
) -> dict[str, float]:
    """Put a backlog on the stream while the pipe is stopped; start it; measure until every record has its outcome.

    Args:
        testbed: the pipeline to measure on.
        contender: its name.
        story: the backlog.
        in_stock: products that are in the table before.
        environment: more variables of the function.

    Returns:
        `seconds` from the first invocation's start to the end of the last one (so without the reading of the first
        batches, which weighs where batches are few), `events_per_second`; DynamoDB
        `requests`, `writes`, `write_units`, `reads` and `read_keys` (items that they brought back); `lambda_seconds`
        in the handler, of all `invocations`, and the `cpu_seconds` among them; `emulator_cpu_seconds` and
        `runtime_cpu_seconds` from the pipe's start to the end; `memory_mb`, the most that a worker had.
    """
    with testbed.pipe_stopped():
        run = testbed.switch_to(contender, **environment)
        testbed.fill_stock(in_stock, STOCK)
        testbed.load(story)
        used = processes.cpu_seconds(testbed.cloud)
    testbed.wait_until_drained()
    using = processes.cpu_seconds(testbed.cloud)
    lines = _whole(testbed.invocations(run), len(story), run)
    seconds = max(line["ended"] for line in lines) - min(line["started"] for line in lines)
    return {
        "seconds": seconds,
        "events_per_second": len(story) / seconds,
        "lambda_seconds": sum(line["ended"] - line["started"] for line in lines),
        "cpu_seconds": sum(line["cpu_seconds"] for line in lines),
        "invocations": len(lines),
        "memory_mb": max(line["memory_mb"] for line in lines),
        **{name: using[name] - used[name] for name in used},
        **{name: sum(line.get(name, 0) for line in lines) for name in COUNTED},
    }


def _whole(lines: list[dict[str, Any]], records: int, run: str) -> list[dict[str, Any]]:
    taken = sum(line["records"] - line["failed"] for line in lines)
    if taken < records:
        raise RuntimeError(f"{run} took {taken} records of {records}")
    return lines


def replay(testbed: Testbed, story: list[NewRecord], recording: Path) -> dict[str, float]:
    """Send DynamoDB exactly what the projector sent it for this story.

    The requests are recorded once. Their conditions hold again, because the table is emptied before.

    Returns:
        `seconds`, `cpu_seconds` and `emulator_cpu_seconds`.
    """
    if not recording.exists():
        recording.mkdir(parents=True)
        drain(testbed, "projector", story, RECORDING=str(recording))
    with testbed.pipe_stopped():
        testbed.switch_to("replay")
        start_at = time.time() + 4
        batches = [[{"recording": str(file), "start_at": start_at}] for file in sorted(recording.glob("*.jsonl"))]
        used = processes.cpu_seconds(testbed.cloud)
        answers = testbed.invoke(batches)
        using = processes.cpu_seconds(testbed.cloud)
    if max(answer["started"] for answer in answers) > start_at + LATE_SECONDS:
        raise RuntimeError("a shard's replay began late: its worker was not ready")
    return {
        "seconds": max(answer["ended"] for answer in answers) - min(answer["started"] for answer in answers),
        "cpu_seconds": sum(answer["cpu_seconds"] for answer in answers),
        "emulator_cpu_seconds": using["emulator_cpu_seconds"] - used["emulator_cpu_seconds"],
    }


def latency(testbed: Testbed, contender: str, story: list[NewRecord], rate: float) -> dict[str, float]:
    """Send at a steady rate. A record counts as visible when the invocation that took it has ended."""
    with testbed.pipe_stopped():
        run = testbed.switch_to(contender)
    testbed.wait_until_reading()
    testbed.send(story, rate)
    testbed.wait_until_drained()
    lines = _whole(testbed.invocations(run), len(story), run)
    lags = [line["ended"] - arrived for line in lines for arrived in line["arrived"]]
    p50, p99 = (float(np.percentile(lags, q)) * 1000 for q in (50, 99))
    return {"p50_ms": p50, "p99_ms": p99, "records": len(lags)}


def verdict(
    testbed: Testbed, contender: str, story: list[NewRecord], in_stock: Sequence[str], marker: Path
) -> dict[str, Any]:
    """Kill the worker once in the middle of a batch, and say whether the table is right in the end.

    Args:
        testbed: the pipeline to measure on.
        contender: its name.
        story: changes of quantities, some of them sent twice.
        in_stock: the products.
        marker: a file that will say that the worker was killed.
    """
    marker.unlink(missing_ok=True)
    drain(testbed, contender, story, in_stock, CRASH=json.dumps({"after": CRASH_AFTER, "marker": str(marker)}))
    if not marker.exists():
        raise RuntimeError(f"{contender} was not killed: no invocation wrote {CRASH_AFTER} times")
    wanted, there = _wanted(story, in_stock), _found(testbed)
    wrong = [name for name in wanted.keys() | there.keys() if wanted.get(name) != there.get(name)]
    return {
        "is_right": not wrong,
        "wrong_products": len(wrong),
        "products": len(wanted),
        "records": len(story),
        "resent": len(story) - len({entry.data for entry in story}),
    }


def _wanted(story: list[NewRecord], in_stock: Sequence[str]) -> dict[str, int]:
    """Add up every event once: quantities by product."""
    quantities = dict.fromkeys(in_stock, STOCK)
    for data in {entry.data for entry in story}:
        event = json.loads(data)
        sign = 1 if event["event_type"] == "quantity_incremented" else -1
        quantities[event["product"]["product_id"]] += sign * event["product"]["quantity"]
    return quantities


def _found(testbed: Testbed) -> dict[str, int]:
    """Read the table: quantities by product."""
    items = stock.items(testbed.cloud, testbed.outputs["StockTableName"])
    return {
        item["product_id"]: item["quantity"]
        for item in items
        if item.get("status") == "active" and not item["product_id"].startswith(WARM_UP)
    }
