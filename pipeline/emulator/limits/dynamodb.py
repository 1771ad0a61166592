"""How fast one key may be written, and how much one answer holds."""

import json
import re
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import dynamodb

from pipeline.emulator.limits import is_on
from pipeline.emulator.limits.rates import Allowance

WRITE_UNITS_A_SECOND = 1000  # of one key: it lies in one partition, however large the table
UNIT = 1024  # bytes
LARGEST_ANSWER = 16 * 1024 * 1024  # bytes, of a BatchGetItem
MOST_KEYS = 10_000  # that are remembered; then all begin anew
MESSAGE = "Throughput exceeds the current capacity of your table or index: one key takes 1,000 write units a second"

clock: Callable[[], float] = time.monotonic
_keys: dict[tuple[str, str], Allowance] = {}
_batch_get_item, _batch_execute_statement = dynamodb._batch_get_item, dynamodb._batch_execute_statement
_put_item, _update_item, _delete_item = dynamodb._put_item, dynamodb._update_item, dynamodb._delete_item


def may_write(table: str, key: Any, size: int) -> bool:
    """Take the write units of a write, if its key has so many left in this second."""
    if len(_keys) > MOST_KEYS:
        _keys.clear()
    of_key = _keys.setdefault((table, str(key)), Allowance(WRITE_UNITS_A_SECOND, lambda: clock()))
    units = max(1, -(-size // UNIT))
    if not of_key.has(units):
        return False
    of_key.take(units)
    return True


def limited(write: Callable[[dict[str, Any]], Any]) -> Callable[[dict[str, Any]], Any]:
    """Let a PutItem, UpdateItem or DeleteItem through, if its key may be written now."""

    def written(request: dict[str, Any]) -> Any:
        table, item = request.get("TableName", ""), request.get("Key") or request.get("Item") or {}
        values = [*item.values(), *request.get("ExpressionAttributeValues", {}).values()]
        if may_write(table, item.get(_key_name(table)), _bytes(values)):
            return write(request)
        return error_response_json("ThrottlingException", MESSAGE, 400)

    return written


def batch_execute_statement(request: dict[str, Any]) -> Any:
    """Carry out the statements whose keys may be written now; the others fail, each at its place."""
    statements = request.get("Statements") or []
    allowed = [_may_execute(statement) for statement in statements]
    if all(allowed):
        return _batch_execute_statement(request)
    kept = [statement for statement, may in zip(statements, allowed, strict=True) if may]
    status, headers, body = 200, {"Content-Type": "application/x-amz-json-1.0"}, b'{"Responses": []}'
    if kept:
        status, headers, body = _batch_execute_statement(request | {"Statements": kept})
        if status != 200:
            return status, headers, body
    answer = json.loads(body)
    carried_out = iter(answer["Responses"])
    throttled = {"Error": {"Code": "ThrottlingError", "Message": MESSAGE}}
    answer["Responses"] = [next(carried_out) if may else throttled for may in allowed]
    return status, headers, json.dumps(answer).encode()


def _may_execute(statement: dict[str, Any]) -> bool:
    table, at = _key_of(statement.get("Statement", ""))
    parameters = statement.get("Parameters") or []
    return at is None or at >= len(parameters) or may_write(table, parameters[at], _bytes(parameters))


@lru_cache(maxsize=256)
def _key_of(text: str) -> tuple[str, int | None]:
    """Return the table that a statement writes, and which of its parameters is the key; None: it writes no key."""
    names = re.match(r'\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+"?([\w.-]+)"?', text, re.IGNORECASE)
    key = names and _key_name(names[1])
    before = key and re.search(rf"['\"]?\b{re.escape(key)}['\"]?\s*[:=]\s*\?", text)
    return (names[1], text[: before.start()].count("?")) if names and before else ("", None)


def _key_name(table: str) -> str:
    return (dynamodb._tables.get(table) or {}).get("pk_name") or ""


def _bytes(values: Iterable[Any]) -> int:
    return len(json.dumps(list(values), default=str))


def batch_get_item(request: dict[str, Any]) -> Any:
    """Read; what does not fit into one answer is left unprocessed."""
    keys = [(table, key) for table, asked in (request.get("RequestItems") or {}).items() for key in asked["Keys"]]
    answer = _batch_get_item(request)
    count = len(keys)
    while answer[0] == 200 and len(answer[2]) > LARGEST_ANSWER and count > 1:
        count = max(1, min(count - 1, count * LARGEST_ANSWER // len(answer[2])))
        answer = _batch_get_item(request | {"RequestItems": _asked(request, keys[:count])})
    if count == len(keys):
        return answer
    left = {"UnprocessedKeys": _asked(request, keys[count:])}
    return answer[0], answer[1], json.dumps(json.loads(answer[2]) | left).encode()


def _asked(request: dict[str, Any], keys: list[tuple[str, Any]]) -> dict[str, Any]:
    tables = dict.fromkeys(table for table, _ in keys)
    return {t: request["RequestItems"][t] | {"Keys": [key for table, key in keys if table == t]} for t in tables}


def impose() -> None:
    """Put the limits in force that are not switched off, before whatever carries requests out by now."""
    global _batch_execute_statement
    _batch_execute_statement = dynamodb._batch_execute_statement
    if is_on("dynamodb-hot-keys"):
        dynamodb._put_item, dynamodb._update_item = limited(_put_item), limited(_update_item)
        dynamodb._delete_item, dynamodb._batch_execute_statement = limited(_delete_item), batch_execute_statement
    if is_on("dynamodb-answers"):
        dynamodb._batch_get_item = batch_get_item
