"""Real runs of the projector's own code over two tables in memory, with every request noted: what the sequences show.

The tables know the two statements that the projector writes, with DynamoDB's conditions, and nothing else.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from stock_projector.batch import project_batch
from stock_projector.events import Record, Refusal, SequenceNumber
from stock_projector.patience import Patience
from stock_projector.quarantine import Quarantine
from stock_projector.store import Store

PIPE, STOCK, QUARANTINE = "EventBridge pipe", "stock table", "quarantine table"
PRODUCT, SHARD, ARRIVED = "P98765", "shardId-000000000000", 1694433600.0


class Step(NamedTuple):
    """One arrow: from whom to whom, what is asked, and what is answered. To oneself: what happens there."""

    source: str
    target: str
    asked: str
    answered: str = ""
    failed: bool = False


class KilledError(BaseException):
    """The process is gone: no code of its own sees this."""


Interruptions = Mapping[int, Callable[[], None]]  # what happens before the n-th request of an invocation


@dataclass
class World:
    """Two tables, and the steps so far."""

    tables: dict[str, dict[str, Any]] = field(default_factory=lambda: {STOCK: {}, QUARANTINE: {}})
    steps: list[Step] = field(default_factory=list)

    @property
    def item(self) -> Mapping[str, Any]:
        """The product's item."""
        return self.tables[STOCK].get(PRODUCT, {})

    def deliver(
        self,
        who: str,
        records: Sequence[Record],
        before: Mapping[int, Callable[[], None]] | None = None,
        unheard: str = "",
    ) -> None:
        """Let an invocation work off a batch.

        Args:
            who: the invocation.
            records: the batch.
            before: what happens before its n-th request.
            unheard: why its answer does not reach the pipe.
        """
        self.steps.append(Step(PIPE, who, _places(records)))
        client = Client(self, who, dict(before or {}))
        try:
            result = project_batch(
                list(records), Store(client, STOCK), Quarantine(client, QUARANTINE, 90 * 86400), Patience(lambda: 60.0)
            )
        except KilledError:
            self.steps.append(Step(who, who, "the process dies", failed=True))
            return
        names = ("quarantined" if isinstance(outcome, Refusal) else str(outcome) for _, outcome in result.outcomes)
        said = ", ".join(_counted(number, name) for name, number in Counter(names).items())
        answer = f"no failures ({unheard})" if unheard else "no failures"
        self.steps.append(Step(who, PIPE, answer, said, failed=bool(unheard)))


@dataclass
class Client:
    """What the projector takes for DynamoDB's client, in one invocation."""

    world: World
    who: str
    before: dict[int, Callable[[], None]]
    requests: int = 0

    def _begin(self) -> None:
        self.requests += 1
        if happens := self.before.pop(self.requests, None):
            happens()

    def batch_get_item(self, RequestItems: Mapping[str, Any]) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        """Read items, consistently."""
        self._begin()
        [(table, wanted)] = RequestItems.items()
        keys = [next(iter(key["product_id"].values())) for key in wanted["Keys"]]
        items = [self.world.tables[table][key] for key in keys if key in self.world.tables[table]]
        self._note(table, f"read {', '.join(keys)}", _state(items[0]) if items else "no item")
        return {"Responses": {table: items}}

    def batch_execute_statement(self, Statements: Sequence[Any]) -> dict[str, Any]:  # noqa: N803 (boto3's name)
        """Carry out conditional statements, each on its own."""
        self._begin()
        return {"Responses": [self._execute(said["Statement"], list(said["Parameters"])) for said in Statements]}

    def _execute(self, text: str, values: list[Any]) -> dict[str, Any]:
        table = next(name for name in self.world.tables if f'"{name}"' in text)
        rows = self.world.tables[table]
        if text.startswith("INSERT"):
            item = dict(zip(re.findall(r"'(\w+)': \?", text), values, strict=True))
            key, code, is_met = values[0]["S"], "DuplicateItem", values[0]["S"] not in rows
            condition = "if absent"
        else:
            *new, key_value, guard = values
            item = dict(zip(re.findall(r'SET "(\w+)" = \?', text), new, strict=True)) | {"product_id": key_value}
            key, code = key_value["S"], "ConditionalCheckFailed"
            is_met = rows.get(key, {}).get("last_sequence_number") == guard
            condition = f"if at record {guard['S']}"
        is_refusal = table == QUARANTINE
        asked = f"put record {key.rpartition(':')[2]}" if is_refusal else f"write version {item['version']['N']}"
        if is_met:
            rows[key] = item
            self._note(table, f"{asked} {condition}", "done" if is_refusal else f"done: {_units(item)}")
            return {}
        won = "there already" if is_refusal else f"refused: {_state(rows[key])} is there"
        self._note(table, f"{asked} {condition}", won, failed=not is_refusal)
        return {"Error": {"Code": code, "Message": "The conditional request failed", "Item": rows[key]}}

    def _note(self, table: str, asked: str, answered: str, failed: bool = False) -> None:
        self.world.steps.append(Step(self.who, table, asked, answered, failed))


def _counted(number: int, outcome: str) -> str:
    return f"{number} {outcome}{'s' if outcome == 'duplicate' and number > 1 else ''}"


def _state(item: Mapping[str, Any]) -> str:
    return f"version {item['version']['N']} ({_units(item)})"


def _units(item: Mapping[str, Any]) -> str:
    return f"{item['quantity']['N']} units"


def _places(records: Sequence[Record]) -> str:
    return f"records {', '.join(str(record.sequence_number) for record in records)}"


def _record(place: int, event_type: str, quantity: int) -> Record:
    product = {
        "product_id": PRODUCT,
        "product_name": "Laptop",
        "quantity": quantity,
        "timestamp": "2023-09-11T12:00:00Z",
    }
    event = {"event_type": event_type, "event_id": f"event-{place}", "product": product}
    return Record(json.dumps(event).encode(), PRODUCT, SequenceNumber(str(place)), SHARD, ARRIVED, f"{SHARD}:{place}")


EVENTS = [
    ("product_added", 10), ("quantity_decremented", 3), ("quantity_incremented", 50), ("quantity_decremented", 20),
    ("quantity_decremented", 999),
]  # fmt: skip
RECORDS = [_record(place, *event) for place, event in enumerate(EVENTS, start=1)]


def redelivery() -> World:
    """Deliver a batch twice: the pipe had a time-out, and cannot know how far the projector came."""
    world, batch = World(), RECORDS[:2]
    world.deliver("invocation 1", batch, unheard="lost")
    world.deliver("invocation 2", batch)
    return world


def two_writers() -> World:
    """Let an invocation that the pipe no longer waits for meet the one that was started in its place."""
    world, batch = World(), RECORDS[2:4]
    world.deliver("before", RECORDS[:2])
    world.steps.clear()

    def pipe_waits_no_longer() -> None:
        world.steps.append(Step(PIPE, PIPE, "time-out", "invocation 1 still runs", failed=True))
        world.deliver("invocation 2", batch)

    world.deliver("invocation 1", batch, {2: pipe_waits_no_longer}, unheard="too late")
    return world


def crash() -> World:
    """Let the process die after the quarantine's put and before the write of the stock."""

    def die() -> None:
        raise KilledError

    world, batch = World(), [*RECORDS[:2], RECORDS[4]]
    world.deliver("invocation 1", batch, {3: die})
    world.deliver("invocation 2", batch)
    return world
