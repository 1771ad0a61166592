"""Where faults strike: around what the emulator does for a request, an invocation or a statement.

Each hook asks first whether a fault strikes. Without a fault in force that is one look at whether a file is there.
"""

import json
from collections.abc import Callable
from pathlib import Path
from random import choice, randrange, uniform
from threading import Event, Timer
from typing import Any

from ministack.core import lambda_runtime
from ministack.core.responses import error_response_json
from ministack.services import dynamodb, kinesis

from pipeline.emulator import faults

DELAY_SECONDS = 1.0
LONGEST_BEFORE_A_KILL = 0.05  # seconds that a function's process lives on, at most
KINESIS = {  # operation → the function that carries it out
    "GetRecords": "_get_records",
    "GetShardIterator": "_get_shard_iterator",
    "PutRecord": "_put_record",
    "PutRecords": "_put_records",
}
EXCEEDED = "ProvisionedThroughputExceededException"
JSON = {"Content-Type": "application/x-amz-json-1.1"}

_watch = faults.Watch(Path())
_invoke = lambda_runtime.Worker.invoke


def install() -> None:
    """Put the hooks around whatever is in place now."""
    for operation, function in KINESIS.items():
        setattr(kinesis, function, _kinesis(operation, getattr(kinesis, function)))
    dynamodb._batch_get_item = _throttled("BatchGetItem", dynamodb._batch_get_item)
    dynamodb._batch_execute_statement = _throttled(
        "BatchExecuteStatement", _statements(dynamodb._batch_execute_statement)
    )
    lambda_runtime.Worker.invoke = invoke


def _kinesis(operation: str, carry_out: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def struck(request: dict[str, Any]) -> Any:
        if _watch.strikes(faults.THROUGHPUT, operation):
            return error_response_json(EXCEEDED, "Rate exceeded for the stream: a fault is in force.", 400)
        if _watch.strikes(faults.EXPIRED, operation):
            return error_response_json("ExpiredIteratorException", "Iterator expired: a fault is in force.", 400)
        if _watch.strikes(faults.IN_PART, operation):
            return _in_part(request, carry_out)
        answer = carry_out(request)
        if _watch.strikes(faults.PUT_ANSWER_LOST, operation):
            return error_response_json("InternalFailure", "The answer was lost: a fault is in force.", 500)
        return answer

    return struck


def _in_part(request: dict[str, Any], carry_out: Callable[[Any], Any]) -> Any:
    """Take about every second record of a request, and never all."""
    records = request["Records"]
    refused = {randrange(len(records)), *(at for at in range(len(records)) if randrange(2))}
    status, headers, body = 200, JSON, b'{"Records": [], "EncryptionType": "KMS"}'
    if len(refused) < len(records):
        taken = [record for at, record in enumerate(records) if at not in refused]
        status, headers, body = carry_out(request | {"Records": taken})
        if status != 200:
            return status, headers, body
    answer = json.loads(body)
    written = iter(answer["Records"])
    failed = {"ErrorCode": EXCEEDED, "ErrorMessage": "Rate exceeded for the shard: a fault is in force."}
    answer["Records"] = [failed if at in refused else next(written) for at in range(len(records))]
    answer["FailedRecordCount"] = sum("ErrorCode" in record for record in answer["Records"])
    return status, headers, json.dumps(answer).encode()


def _throttled(operation: str, carry_out: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def struck(request: dict[str, Any]) -> Any:
        if _watch.strikes(faults.THROTTLED, operation):
            return error_response_json(EXCEEDED, "The level of configured throughput was exceeded: a fault.", 400)
        return carry_out(request)

    return struck


def _statements(carry_out: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def struck(request: dict[str, Any]) -> Any:
        operation, places = "BatchExecuteStatement", range(len(request["Statements"]))
        refused: dict[int, tuple[str, str]] = {}
        if _watch.strikes(faults.STATEMENT_REFUSED, operation):
            refused[choice(places)] = "ThrottlingError", "Throughput exceeds the current capacity: a fault is in force."
        if _watch.strikes(faults.NO_PERMISSION, operation):
            refused = dict.fromkeys(places, ("AccessDenied", "Not authorized to perform it: a fault is in force."))
        answer = _carry_out_others(request, refused, carry_out)
        if _watch.strikes(faults.ANSWER_LOST, operation):
            return error_response_json("InternalServerError", "The answer was lost: a fault is in force.", 500)
        return answer

    return struck


def _carry_out_others(
    request: dict[str, Any], refused: dict[int, tuple[str, str]], carry_out: Callable[[Any], Any]
) -> Any:
    statements = request["Statements"]
    others = [statement for at, statement in enumerate(statements) if at not in refused]
    if len(others) == len(statements):
        return carry_out(request)
    status, headers, body = 200, {"Content-Type": "application/x-amz-json-1.0"}, b'{"Responses": []}'
    if others:
        status, headers, body = carry_out(request | {"Statements": others})
        if status != 200:
            return status, headers, body
    carried_out = iter(json.loads(body)["Responses"])
    responses = [
        {"Error": dict(zip(("Code", "Message"), refused[at], strict=True))} if at in refused else next(carried_out)
        for at in range(len(statements))
    ]
    return status, headers, json.dumps({"Responses": responses}).encode()


def invoke(worker: Any, event: Any, request_id: str, **options: Any) -> dict[str, Any]:
    """Run an invocation, as far as the faults in force let it."""
    if _watch.strikes(faults.INVOCATION_DELAY, "Invoke"):
        Event().wait(DELAY_SECONDS)
    if _watch.strikes(faults.TIME_OUT, "Invoke"):
        seconds = worker.config.get("Timeout", 30)
        Event().wait(seconds)
        return _failed(f"Task timed out after {seconds}.00 seconds")
    if not _watch.strikes(faults.WORKER_KILLED, "Invoke"):
        result: dict[str, Any] = _invoke(worker, event, request_id, **options)
    else:
        kill = Timer(uniform(0, LONGEST_BEFORE_A_KILL), lambda: worker._proc and worker._proc.kill())
        kill.start()
        result = _invoke(worker, event, request_id, **options)
        kill.cancel()
    if _watch.strikes(faults.INVOCATION_ERROR, "Invoke"):
        return _failed("the function's answer was taken away: a fault is in force", result.get("log", ""))
    return result


def _failed(error: str, log: str = "") -> dict[str, Any]:
    return {"status": "error", "error": error, "cold_start": False, "log": log}
