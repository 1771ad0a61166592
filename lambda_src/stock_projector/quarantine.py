"""The quarantine table: one item for each record that can never be applied, put once and left alone ever after."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from time import time
from typing import Any, NamedTuple

from stock_projector.events import Record, Refusal, load_json
from stock_projector.statements import InParallel, Statement, Verdict, execute

KB = 1024
MOST_DATA = 300 * KB  # of a record's bytes; the whole lies in the stream
MOST_EVENT_AND_DATA = 380 * KB  # DynamoDB takes items of 400 KB


class Refused(NamedTuple):
    """A record, and why it can never be applied."""

    record: Record
    refusal: Refusal


@dataclass(frozen=True)
class Quarantine:
    """The quarantine table, through whatever client it is given."""

    dynamodb: Any
    table_name: str
    keep_seconds: int  # an item's age when it may go
    clock: Callable[[], float] = time  # when a record was quarantined; nothing is decided by it

    def put(self, refused: Sequence[Refused], in_parallel: InParallel = map) -> list[Exception | None]:
        """Put refused records on the condition that they are not there yet. The first verdict stays.

        Returns:
            For each record, in the order given: None if it is in the table now, else why that is not certain.
        """
        now = self.clock()
        statements = [self._insert(item_for(each, now, self.keep_seconds)) for each in refused]
        answers = execute(self.dynamodb, statements, in_parallel)
        # THERE: an attempt before this one, a redelivery or a zombie has put it. Nothing else counts as quarantined.
        return [None if answer.verdict in (Verdict.DONE, Verdict.THERE) else answer.error for answer in answers]

    def _insert(self, item: dict[str, Any]) -> Statement:
        size = sum(len(content) for value in item.values() for content in value.values() if hasattr(content, "__len__"))
        return Statement(_insertion(self.table_name, tuple(item)), list(item.values()), size)


def item_for(refused: Refused, now: float, keep_seconds: int) -> dict[str, Any]:
    """Write a refused record as the table's item, at most 400 KB long, whatever the record is."""
    record, refusal = refused
    data, event = record.data[:MOST_DATA], None if refusal.reason == "not_json" else _event_as_text(record.data)
    item: dict[str, Any] = {
        "record_id": {"S": record.item_identifier},
        "reason": {"S": refusal.reason},
        "detail": {"S": refusal.detail},
        "data": {"B": data},
        "partition_key": {"S": record.partition_key},
        "shard_id": {"S": record.shard_id},
        "sequence_number": {"S": str(record.sequence_number)},
        "arrived_at": {"S": _moment(record.arrived_at)},
        "quarantined_at": {"S": _moment(now)},
        "state": {"S": "open"},
        "expires_at": {"N": str(int(now) + keep_seconds)},
    }
    if event is not None and len(event) + len(data) <= MOST_EVENT_AND_DATA:
        item["event"] = {"S": event}
    if len(data) < len(record.data):
        item["truncated"] = {"BOOL": True}
    if refusal.judged_on is not None:
        item["judged_on"] = {"S": refusal.judged_on}
    return item


@lru_cache(maxsize=64)
def _insertion(table_name: str, names: tuple[str, ...]) -> str:
    values = ", ".join(f"'{name}': ?" for name in names)
    return f'INSERT INTO "{table_name}" VALUE {{{values}}}'


def _event_as_text(data: bytes) -> str | None:
    """Write the record's JSON as ASCII; None if it is none, or reads as a number that JSON cannot write (1e999)."""
    try:
        return json.dumps(load_json(data), allow_nan=False)
    except ValueError:
        return None


@lru_cache(maxsize=64)
def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
