"""DynamoDB and SQS in memory, as documented: serial per item, conditional, and strict about what it is asked.

A request that uses anything not modelled here raises `UnknownRequestError`, which no `except Exception` swallows:
a proof over a guessed answer would be none. `gate` stands before every call: there the proof decides what happens.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, dict[str, Any]]
MOST_BYTES = 256 * 1024


class UnknownRequestError(BaseException):
    """The code asked for something whose answer is not modelled."""


class ConditionalCheckFailedException(ClientError):  # noqa: N818 - its name on AWS
    """The condition did not hold."""


def throttled(operation: str) -> ClientError:
    """Return what botocore raises when its retries are used up."""
    return ClientError({"Error": {"Code": "ThrottlingException", "Message": "slow down"}}, operation)


@dataclass(slots=True)
class Call:
    """One I/O call of the code under proof, not yet done. `perform(False)` lets the service do only a part."""

    operation: str
    request: dict[str, Any]
    perform: Callable[..., Any]
    parts: int  # how many keys or messages; a partial answer needs one


@dataclass
class Table:
    """The stock table. `versions` keeps every item ever written, for stale reads."""

    versions: dict[str, list[Item]] = field(default_factory=dict)
    on_write: Callable[[Item], None] = lambda item: None
    on_read: Callable[[str, int], None] = lambda product_id, version: None
    clock: Callable[[], float] = lambda: 0.0

    def item(self, product_id: str, behind: int = 0) -> Item | None:
        """Return the item, or what it was some writes ago. What has expired is gone at once."""
        written = self.versions.get(product_id, ())
        item = written[-1 - behind] if len(written) > behind else None
        return None if item and "expires_at" in item and int(item["expires_at"]["N"]) <= self.clock() else item

    def put_item(self, request: dict[str, Any], whole: bool = True) -> dict[str, Any]:
        _only(request, "TableName", "Item", "ConditionExpression", "ExpressionAttributeValues",
              "ReturnValuesOnConditionCheckFailure")  # fmt: skip
        item = _valid(request["Item"])
        product_id = item["product_id"]["S"]
        old = self.item(product_id)
        if not _holds(request.get("ConditionExpression"), request.get("ExpressionAttributeValues"), old):
            self.on_read(product_id, len(self.versions.get(product_id, ())))
            failed: dict[str, Any] = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "no"}}
            if old and request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD":
                failed["Item"] = old
            raise ConditionalCheckFailedException(failed, "PutItem")
        self.versions.setdefault(product_id, []).append(item)
        self.on_write(item)
        return {}

    def batch_get_item(self, request: dict[str, Any], whole: bool = True) -> dict[str, Any]:
        """Answer; in part, the first key only is left unprocessed (so a single one is)."""
        _only(request, "RequestItems")
        ((name, wanted),) = request["RequestItems"].items()
        _only(wanted, "Keys", "ConsistentRead")
        keys = wanted["Keys"]
        if not 1 <= len(keys) <= 100 or len({key["product_id"]["S"] for key in keys}) < len(keys):
            raise UnknownRequestError("ValidationException: 1 to 100 different keys")
        behind = 0 if wanted.get("ConsistentRead") else 1  # an inconsistent read may always be a write behind
        found = []
        for key in keys if whole else keys[1:]:
            product_id = key["product_id"]["S"]
            self.on_read(product_id, max(0, len(self.versions.get(product_id, ())) - behind))
            if item := self.item(product_id, behind):
                found.append(item)
        return {"Responses": {name: found}, "UnprocessedKeys": {} if whole else {name: wanted | {"Keys": keys[:1]}}}


@dataclass
class Queue:
    """The quarantine queue: bodies in the order of their arrival."""

    bodies: list[str] = field(default_factory=list)
    on_send: Callable[[str], None] = lambda body: None

    def send_message_batch(self, request: dict[str, Any], whole: bool = True) -> dict[str, Any]:
        """Take the messages; in part, all but the first one fail (or the only one does)."""
        _only(request, "QueueUrl", "Entries")
        entries = request["Entries"]
        sizes = [len(entry["MessageBody"].encode()) for entry in entries]
        if not 1 <= len(entries) <= 10 or len({entry["Id"] for entry in entries}) < len(entries):
            raise UnknownRequestError("BatchRequest: 1 to 10 entries, distinct ids")
        if sum(sizes) > MOST_BYTES:
            raise UnknownRequestError("BatchRequestTooLong")
        taken = entries if whole else entries[: 1 if len(entries) > 1 else 0]
        for entry in taken:
            self.bodies.append(entry["MessageBody"])
            self.on_send(entry["MessageBody"])
        refused = [
            {"Id": entry["Id"], "Code": "InternalError", "SenderFault": False} for entry in entries[len(taken) :]
        ]
        return {"Successful": [{"Id": entry["Id"]} for entry in taken]} | ({"Failed": refused} if refused else {})


class Client:
    """A boto3 client in shape: each method packs its request as a `Call` and leaves the rest to the gate."""

    exceptions = SimpleNamespace(ConditionalCheckFailedException=ConditionalCheckFailedException)

    def __init__(self, service: Table | Queue, gate: Callable[[Call], Any]) -> None:
        self._service, self._gate = service, gate

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        if operation not in ("put_item", "batch_get_item", "send_message_batch"):
            raise UnknownRequestError(operation)
        do = getattr(self._service, operation)

        def method(**request: Any) -> Any:
            return self._gate(Call(operation, request, lambda whole=True: do(request, whole), _parts(request)))

        setattr(self, operation, method)
        return method


def _parts(request: dict[str, Any]) -> int:
    if "RequestItems" in request:
        return sum(len(wanted["Keys"]) for wanted in request["RequestItems"].values())
    return len(request.get("Entries", ()))


def _only(request: dict[str, Any], *known: str) -> None:
    if not request.keys() <= set(known):
        raise UnknownRequestError(f"parameters {sorted(request.keys() - set(known))}")


ABSENT = re.compile(r"attribute_not_exists\((\w+)\)")
EQUAL = re.compile(r"(\w+) = (:\w+)")


def _holds(expression: str | None, values: dict[str, Any] | None, item: Item | None) -> bool:
    """Evaluate the condition expressions that are in use; whatever else is written there is unknown."""
    values = values or {}
    if expression is None and not values:
        return True
    if expression and (absent := ABSENT.fullmatch(expression)) and not values:
        return item is None or absent[1] not in item
    if expression and (equal := EQUAL.fullmatch(expression)) and values.keys() == {equal[2]}:
        return item is not None and item.get(equal[1]) == values[equal[2]]
    raise UnknownRequestError(f"condition {expression!r} with {sorted(values)}")


def _valid(item: Item) -> Item:
    for name, value in item.items():
        ((kind, content),) = value.items()
        right = {"S": isinstance(content, str), "B": isinstance(content, bytes)}.get(kind)
        if kind == "N":
            right = isinstance(content, str) and re.fullmatch(r"-?[0-9]{1,38}", content) is not None
        if not right or (name == "product_id" and not content):
            raise UnknownRequestError(f"ValidationException: {name} is {value}")
    return item
