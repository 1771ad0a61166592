"""DynamoDB in memory, as documented: serial per item, conditional, and strict about what it is asked.

It speaks BatchGetItem and BatchExecuteStatement. Each statement of a request stands or fails alone, in any order, with
a fate that the test decides. A request that uses anything not modelled here raises `UnknownRequestError`, which no
`except Exception` swallows: a proof over a guessed answer would be none.
"""

import re
from collections.abc import Callable, Collection, Iterator, MutableMapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

Item = dict[str, dict[str, Any]]
MOST_KEYS, MOST_STATEMENTS, MOST_ITEM_BYTES = 100, 25, 400 * 1024

FATES = {  # what may become of one statement, besides what it asks for, and the code that its answer then has
    "throttled": "ThrottlingError",
    "refused": "AccessDenied",
    "answer lost": "InternalServerError",  # it was carried out
    "no item": "",  # its guard fails, and the answer does not hold the item that won
}


class UnknownRequestError(BaseException):
    """The code asked for something whose answer is not modelled."""


@dataclass
class Table:
    """One table. `versions` keeps every item ever written, for stale reads."""

    key: str
    versions: dict[str, list[Item]] = field(default_factory=dict)

    def item(self, key: str, behind: int = 0) -> Item | None:
        """Return the item, or what it was some writes ago."""
        written = self.versions.get(key, ())
        return written[-1 - behind] if len(written) > behind else None

    @property
    def items(self) -> dict[str, Item]:
        """The items as they are now, by key."""
        return {key: written[-1] for key, written in self.versions.items()}


class Items(MutableMapping[str, Item]):
    """A table's items as they are now, to be changed by hand."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def __getitem__(self, key: str) -> Item:
        return self.table.versions[key][-1]

    def __setitem__(self, key: str, item: Item) -> None:
        self.table.versions.setdefault(key, []).append(item)

    def __delitem__(self, key: str) -> None:
        del self.table.versions[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.table.versions)

    def __len__(self) -> int:
        return len(self.table.versions)


class Parsed(NamedTuple):
    """A statement, taken apart: attribute names in the order of their question marks."""

    verb: str
    table: str
    sets: tuple[str, ...]
    removes: tuple[str, ...] = ()
    where: tuple[str, ...] = ()


@dataclass
class Database:
    """Some tables, and who wants to hear of what happens to them."""

    tables: dict[str, Table]
    on_write: Callable[[str, str, Item | None, Item], None] = lambda table, key, old, new: None
    on_read: Callable[[str, str, int], None] = lambda table, key, version: None  # version: how often it was written

    def read(self, request: dict[str, Any], unread: Collection[int] = ()) -> dict[str, Any]:
        """Answer a BatchGetItem; keys at the positions named in `unread` stay unprocessed."""
        _only(request, "RequestItems")
        ((name, wanted),) = request["RequestItems"].items()
        _only(wanted, "Keys", "ConsistentRead")
        table = self.tables[name]
        keys = [key[table.key]["S"] for key in wanted["Keys"]]
        if not 1 <= len(keys) <= MOST_KEYS or len(set(keys)) < len(keys):
            raise UnknownRequestError("ValidationException: 1 to 100 different keys")
        behind = 0 if wanted.get("ConsistentRead") else 1  # an inconsistent read may always be a write behind
        found = []
        for key in [key for at, key in enumerate(keys) if at not in unread]:
            self.on_read(name, key, max(0, len(table.versions.get(key, ())) - behind))
            if item := table.item(key, behind):
                found.append(item)
        left = [key for at, key in enumerate(wanted["Keys"]) if at in unread]
        return {"Responses": {name: found}, "UnprocessedKeys": {name: wanted | {"Keys": left}} if left else {}}

    def key_of(self, statement: dict[str, Any]) -> tuple[str, str]:
        """Return the table and the key that a statement names."""
        parsed, values = parse(statement["Statement"]), statement["Parameters"]
        names = parsed.sets + parsed.where
        if len(names) != len(values) or self.tables[parsed.table].key not in names:
            raise UnknownRequestError(f"{statement['Statement']} with {len(values)} parameters")
        return parsed.table, values[names.index(self.tables[parsed.table].key)]["S"]

    def execute(self, statement: dict[str, Any], fate: str = "") -> dict[str, Any]:
        """Carry out one statement, unless its fate is another; return its answer."""
        _only(statement, "Statement", "Parameters", "ReturnValuesOnConditionCheckFailure")
        if fate in ("throttled", "refused"):
            return _error(FATES[fate])
        wants_item = statement.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and fate != "no item"
        answer = self._execute(parse(statement["Statement"]), *self.key_of(statement), statement, wants_item)
        return _error(FATES[fate]) if fate == "answer lost" else answer

    def _execute(
        self, parsed: Parsed, name: str, key: str, statement: dict[str, Any], wants_item: bool
    ) -> dict[str, Any]:
        table, values = self.tables[name], statement["Parameters"]
        old = table.item(key)
        if parsed.verb == "INSERT":
            if old is not None:
                return _error("DuplicateItem", name)
            new = dict(zip(parsed.sets, values, strict=True))
        else:
            wanted = dict(zip(parsed.where, values[len(parsed.sets) :], strict=True))
            if old is None or any(old.get(attribute) != value for attribute, value in wanted.items()):
                self.on_read(name, key, len(table.versions.get(key, ())) if old and wants_item else 0)
                return _error("ConditionalCheckFailed", name, old if wants_item else None)
            kept = {attribute: value for attribute, value in old.items() if attribute not in parsed.removes}
            new = kept | dict(zip(parsed.sets, values, strict=False))
        _check(new, table.key)
        if size_of(new) > MOST_ITEM_BYTES:
            return _error("ValidationError")
        table.versions.setdefault(key, []).append(new)
        self.on_write(name, key, old, new)
        return {"TableName": name}


@dataclass(slots=True)
class Call:
    """One request of the code under test, not yet done: all at once by `perform`, or part by part."""

    operation: str
    request: dict[str, Any]
    database: Database
    answers: dict[int, dict[str, Any]] = field(default_factory=dict)  # by position, of the statements carried out

    @property
    def parts(self) -> int:
        """How many keys or statements it has."""
        if self.operation == "batch_get_item":
            return sum(len(wanted["Keys"]) for wanted in self.request["RequestItems"].values())
        return len(self.request["Statements"])

    def perform(self, fate: Callable[[int], str] = lambda position: "") -> dict[str, Any]:
        """Do all of it in order, each statement (or key: `unread`) with its fate."""
        if self.operation == "batch_get_item":
            return self.database.read(self.request, [at for at in range(self.parts) if fate(at) == "unread"])
        for position in range(self.parts):
            self.step(position, fate(position))
        return self.reply()

    def step(self, position: int, fate: str = "") -> None:
        """Carry out one statement."""
        self.answers[position] = self.database.execute(self.request["Statements"][position], fate)

    def reply(self) -> dict[str, Any]:
        """Return the answers by position, once all statements have one."""
        return {"Responses": [self.answers[position] for position in range(self.parts)]}


class Client:
    """A boto3 client in shape: each method packs its request as a `Call` and leaves the rest to the gate."""

    def __init__(self, database: Database, gate: Callable[[Call], Any] = Call.perform) -> None:
        self._database, self._gate = database, gate

    def batch_get_item(self, **request: Any) -> Any:
        """Stand before a read."""
        return self._gate(Call("batch_get_item", request, self._database))

    def batch_execute_statement(self, **request: Any) -> Any:
        """Stand before a request of statements: 1 to 25, all of them writes, no key twice."""
        _only(request, "Statements")
        keys = [self._database.key_of(statement) for statement in request["Statements"]]
        if not 1 <= len(keys) <= MOST_STATEMENTS or len(set(keys)) < len(keys):
            raise UnknownRequestError("ValidationException: 1 to 25 statements, no key twice")
        return self._gate(Call("batch_execute_statement", request, self._database))

    def __getattr__(self, operation: str) -> Any:
        raise UnknownRequestError(operation)


INSERT = re.compile(r"INSERT INTO \"([\w.-]+)\" VALUE \{((?:'\w+': \?(?:, )?)+)\}")
UPDATE = re.compile(r'UPDATE "([\w.-]+)" ((?:(?:SET "\w+" = \?|REMOVE "\w+") )+)WHERE ("\w+" = \?(?: AND "\w+" = \?)*)')


@lru_cache(1000)
def parse(text: str) -> Parsed:
    """Take a statement apart, if it is of a kind that is in use."""
    if insert := INSERT.fullmatch(text):
        return Parsed("INSERT", insert[1], tuple(re.findall(r"'(\w+)'", insert[2])))
    if update := UPDATE.fullmatch(text):
        sets, removes = re.findall(r'SET "(\w+)"', update[2]), re.findall(r'REMOVE "(\w+)"', update[2])
        return Parsed("UPDATE", update[1], tuple(sets), tuple(removes), tuple(re.findall(r'"(\w+)"', update[3])))
    raise UnknownRequestError(f"statement {text!r}")


SIZES: dict[str, Callable[[Any], int]] = {
    "S": lambda text: len(text) if text.isascii() else len(text.encode()),
    "B": len,
    "N": lambda digits: len(digits) // 2 + 2,
    "BOOL": lambda value: 1,
}


def size_of(item: Item) -> int:
    """Count an item's bytes as DynamoDB does: names and values, a number at about a byte for two digits."""
    return sum(len(name) + SIZES[kind](content) for name, value in item.items() for kind, content in value.items())


def _error(code: str, table: str = "", item: Item | None = None) -> dict[str, Any]:
    error = {"Code": code, "Message": f"{code}, as DynamoDB words it"} | ({"Item": item} if item else {})
    return {"Error": error} | ({"TableName": table} if table else {})


def _only(request: dict[str, Any], *known: str) -> None:
    if not request.keys() <= set(known):
        raise UnknownRequestError(f"parameters {sorted(request.keys() - set(known))}")


KINDS = {"S": str, "B": bytes, "N": str, "BOOL": bool}
NUMBER = re.compile(r"-?[0-9]{1,38}")


def _check(item: Item, key: str) -> None:
    for name, value in item.items():
        ((kind, content),) = value.items()
        if not isinstance(content, KINDS.get(kind, ())) or (kind == "N" and not NUMBER.fullmatch(content)):
            raise UnknownRequestError(f"ValidationException: {name} is {value}")
    if not item[key]["S"]:
        raise UnknownRequestError(f"ValidationException: {key} is empty")
