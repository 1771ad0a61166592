"""What an operator's verbs ask of the tables in memory: GetItem, BatchGetItem, PutItem, UpdateItem and Scan."""
# ruff: noqa: N803

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from tests.doubles.table import Client, Database, UnknownRequestError

MOST_READ = 50  # keys that one BatchGetItem answers here; the others come later, as they may on AWS


class ConditionError(Exception):
    """A condition does not hold."""


class Operations(Client):
    """The client; `say_that` hears what was read (a table's name) or written (an entry's new state)."""

    exceptions = SimpleNamespace(ConditionalCheckFailedException=ConditionError)

    def __init__(self, database: Database, say_that: Callable[[str], None]) -> None:
        super().__init__(database, lambda call: call.perform(_half_of_it))
        self._tables, self._say_that = database.tables, say_that
        self.updates: list[str] = []

    def batch_get_item(self, RequestItems: Any) -> Any:
        """Answer whole items: a projection would only leave attributes out."""
        [(name, wanted)] = RequestItems.items()
        kept = {key: value for key, value in wanted.items() if key in ("Keys", "ConsistentRead")}
        answer = super().batch_get_item(RequestItems={name: kept})
        left = answer["UnprocessedKeys"]
        return answer | {"UnprocessedKeys": {name: wanted | left[name]} if left else {}}

    def get_item(self, TableName: str, Key: Any, ConsistentRead: bool) -> dict[str, Any]:
        """Answer a consistent read."""
        [key] = Key.values()
        found = self._tables[TableName].item(key["S"]) if ConsistentRead else None
        self._say_that(TableName)
        return {"Item": found} if found else {}

    def put_item(self, TableName: str, Item: Any, ConditionExpression: str) -> None:
        """Put an item where there is none."""
        table = self._tables[TableName]
        if ConditionExpression != f"attribute_not_exists({table.key})":
            raise UnknownRequestError(ConditionExpression)
        if table.item(Item[table.key]["S"]):
            raise ConditionError
        table.versions[Item[table.key]["S"]] = [Item]
        self._say_that("put")

    def update_item(
        self,
        TableName: str,
        Key: Any,
        UpdateExpression: str,
        ConditionExpression: str,
        **request: Any,
    ) -> None:
        """Carry out `SET a = :a, ...` if one of the condition's `a = :a AND ... OR ...` holds."""
        [key], names = Key.values(), request.get("ExpressionAttributeNames", {})
        values, table = request["ExpressionAttributeValues"], self._tables[TableName]
        item = table.item(key["S"]) or {}

        def pair(clause: str) -> tuple[str, Any]:
            name, _, value = clause.strip().partition(" = ")
            return names.get(name, name), values[value]

        met = [[item.get(name) == value for name, value in map(pair, part.split(" AND "))]
               for part in ConditionExpression.split(" OR ")]  # fmt: skip
        if not any(map(all, met)):
            raise ConditionError
        if not UpdateExpression.startswith("SET "):
            raise UnknownRequestError(UpdateExpression)
        new = item | dict(map(pair, UpdateExpression.removeprefix("SET ").split(",")))
        table.versions[key["S"]].append(new)
        self.updates.append(new["state"]["S"])
        self._say_that(new["state"]["S"])

    def get_paginator(self, operation: str) -> "Operations":
        """Stand before a scan."""
        if operation != "scan":
            raise UnknownRequestError(operation)
        return self

    def paginate(self, TableName: str, ConsistentRead: bool, **_: Any) -> Iterator[dict[str, Any]]:
        """Scan, consistently."""
        if not ConsistentRead:
            raise UnknownRequestError("a scan that may be behind")
        yield {"Items": list(self._tables[TableName].items.values())}
        self._say_that(TableName)


def _half_of_it(position: int) -> str:
    return "unread" if position >= MOST_READ else ""
