"""The handler that is deployed for every contender: it times the contender's own and counts its DynamoDB requests.

It writes one JSON line per invocation into a file: the emulator may lose a log line that comes after the answer.
It registers with the default session before it imports the contender, so that the contender's clients are counted.
On request it records the requests for a replay, or kills its own process once, right after a write to the stock table.
"""

import json
import os
import time
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3

READS = {"GetItem", "BatchGetItem"}
FAILED_UNITS = {"PutItem": 1, "UpdateItem": 1, "TransactWriteItems": 4}  # a failed condition is charged; items < 1 KB
WARM_UP = "warm-up"

_log_folder = Path(os.environ["MEASURED"])  # a folder
_recording = os.environ.get("RECORDING")  # a folder
_crash = json.loads(os.environ.get("CRASH", "{}"))  # after how many writes to stock; the file that says it did
_counts: dict[str, float] = {}
_requests: list[tuple[str, dict[str, Any]]] = []


def _before(params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
    params.setdefault("ReturnConsumedCapacity", "TOTAL")
    context["statements"] = len(params.get("Statements", ()))
    if _crash and model.name not in READS:
        context["writes_stock"] = repr(os.environ["STOCK_TABLE_NAME"]) in repr(params)
    if _recording:
        _requests.append((model.name, params))


def _after(parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
    consumed = parsed.get("ConsumedCapacity") or []
    units = sum(capacity["CapacityUnits"] for capacity in (consumed if isinstance(consumed, list) else [consumed]))
    _add("requests", 1)
    if model.name in READS:
        _add("reads", 1)
        _add("read_keys", sum(len(items) for items in parsed.get("Responses", {}).values()))
    else:
        _add("writes", _items_in(model, context))
        _add("write_units", FAILED_UNITS.get(model.name, 0) if "Error" in parsed else units)
    if context.get("writes_stock"):
        _add("stock_writes", _items_in(model, context))
        if _counts["stock_writes"] >= _crash["after"]:
            _die_once(Path(_crash["marker"]))


def _items_in(model: Any, context: dict[str, Any]) -> int:
    """Return how many items a request writes."""
    return context["statements"] if model.name == "BatchExecuteStatement" else 1


def _add(name: str, amount: float) -> None:
    _counts[name] = _counts.get(name, 0) + amount


def _die_once(marker: Path) -> None:
    if not marker.exists():
        marker.touch()
        os._exit(1)


def _most_memory_mb() -> float:
    """Read the process's own high-water mark: getrusage's is that of whoever started it, if that was higher."""
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


boto3.setup_default_session()
boto3.DEFAULT_SESSION.events.register("before-parameter-build.dynamodb", _before)
boto3.DEFAULT_SESSION.events.register("after-call.dynamodb", _after)
_contender = import_module(os.environ["CONTENDER"]).handler


def handler(event: list[dict[str, Any]], context: object) -> Any:
    """Let the contender do its work, then log what it took."""
    _counts.clear()
    _requests.clear()
    started, cpu = time.time(), time.process_time()
    answer = _contender(event, context)
    ended = time.time()
    if not event[0].get("partitionKey", WARM_UP).startswith(WARM_UP):
        _log(event, answer, started, ended, time.process_time() - cpu)
    return answer


def _log(event: list[dict[str, Any]], answer: dict[str, Any], started: float, ended: float, cpu: float) -> None:
    if _recording:
        shard_id = event[0]["eventID"].partition(":")[0]
        with (Path(_recording) / f"{shard_id}.jsonl").open("a") as file:
            file.write(json.dumps(_requests, default=lambda value: {"bytes": list(value)}) + "\n")
    line = {
        "started": started,
        "ended": ended,
        "cpu_seconds": cpu,
        "records": len(event),
        "failed": len(answer["batchItemFailures"]),
        "arrived": [record["approximateArrivalTimestamp"] for record in event],
        "memory_mb": _most_memory_mb(),
        **_counts,
    }
    with (_log_folder / f"{os.getpid()}.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    print("measured")  # a function that logs nothing is waited for by the emulator, which would slow the silent ones
