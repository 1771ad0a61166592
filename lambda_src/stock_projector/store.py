"""Where records become stock: read, fold, quarantine, one conditional write. The lines that consistency hangs on.

A duplicate   is found by the fold, changes nothing, and is counted.
A late record (overtaken by a later one of its product) is refused by the fold as `out_of_order`.
A poison one  never gets here: it is refused when it is read, and quarantined.
A crash       at any point repeats the batch. What was written is then a duplicate; what was not is done again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from time import time
from typing import Any

from stock_projector import quarantine
from stock_projector.events import Event, Record, Refusal, SequenceNumber
from stock_projector.memory import Memory
from stock_projector.projection import Outcome, StockLevel, fold

MOST_KEYS = 100  # of one BatchGetItem
MOST_ATTEMPTS = 10  # at one product: each failed guard means that somebody else got further

Result = Outcome | Refusal
Entry = tuple[Record, Event]  # an event, with the record it came in


class ContentionError(Exception):
    """Others kept writing the product; the pipe should try again later."""


class ThrottledError(Exception):
    """DynamoDB returned keys unread; the pipe should try again later."""


@dataclass(frozen=True)
class Lost:
    """The guard failed: somebody wrote first. This is the state that won."""

    winner: StockLevel


@dataclass(frozen=True)
class Store:
    """The stock table and the quarantine queue, through whatever clients it is given."""

    dynamodb: Any
    sqs: Any
    table_name: str
    queue_url: str
    tombstone_seconds: int  # how long a removed product stays findable: longer than the stream keeps a record
    clock: Callable[[], float] = time

    def project(self, level: StockLevel, entries: Sequence[Entry]) -> list[Result]:
        """Bring one product forward by all of its records in a batch: all of them, or (on an exception) none.

        Args:
            level: the product's state from a consistent read, because a refusal, unlike a write, is not guarded.
            entries: the product's records and events, in the order of the log.

        Returns:
            The outcome of each entry, in the order given.
        """
        results: list[Any] = [None] * len(entries)
        undecided = list(range(len(entries)))
        for _ in range(MOST_ATTEMPTS):
            after, outcomes = fold(level, ((entries[i][0].sequence_number, entries[i][1]) for i in undecided))
            for i, outcome in zip(undecided, outcomes, strict=True):
                results[i] = outcome

            # Quarantine first: a crash before the write repeats a message; the other way round it would lose one.
            refused = [i for i in undecided if isinstance(results[i], Refusal)]
            self.quarantine((entries[i][0], results[i]) for i in refused)

            nothing_changed = after.last_sequence_number == level.last_sequence_number
            if nothing_changed or (lost := self.write(level, after)) is None:
                return results

            # Fold again on what won. What is in quarantine stays there: one record, one outcome.
            level = lost.winner
            undecided = [i for i in undecided if i not in refused]
        raise ContentionError(f"{level.product_id} was overwritten {MOST_ATTEMPTS} times in a row")

    def write(self, before: StockLevel, after: StockLevel) -> Lost | None:
        """Replace the item if nobody wrote since it was read. Every write raises `last_sequence_number`."""
        nobody_wrote_since_i_read = (
            {
                "ConditionExpression": "last_sequence_number = :read",
                "ExpressionAttributeValues": {":read": {"S": str(before.last_sequence_number)}},
            }
            if before.last_sequence_number
            else {"ConditionExpression": "attribute_not_exists(product_id)"}
        )
        try:
            self.dynamodb.put_item(
                TableName=self.table_name,
                Item=to_item(after, expires_at=int(self.clock()) + self.tombstone_seconds),
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **nobody_wrote_since_i_read,
            )
        except self.dynamodb.exceptions.ConditionalCheckFailedException as failed:
            item = failed.response.get("Item")
            return Lost(from_item(item) if item else StockLevel(before.product_id))
        return None

    def read(self, product_ids: Iterable[str]) -> dict[str, StockLevel]:
        """Read the current state of some products, consistently."""
        wanted = list(product_ids)
        levels = {product_id: StockLevel(product_id) for product_id in wanted}
        for start in range(0, len(wanted), MOST_KEYS):
            keys = [{"product_id": {"S": product_id}} for product_id in wanted[start : start + MOST_KEYS]]
            for _ in range(MOST_ATTEMPTS):
                answer = self.dynamodb.batch_get_item(
                    RequestItems={self.table_name: {"Keys": keys, "ConsistentRead": True}}
                )
                levels |= {level.product_id: level for level in map(from_item, answer["Responses"][self.table_name])}
                keys = answer.get("UnprocessedKeys", {}).get(self.table_name, {}).get("Keys", [])
                if not keys:
                    break
            else:
                raise ThrottledError(f"{len(keys)} products could not be read")
        return levels

    def quarantine(self, refused: Iterable[tuple[Record, Refusal]]) -> None:
        """Put refused records into the quarantine queue, or raise."""
        quarantine.send(self.sqs, self.queue_url, (quarantine.message_for(*each) for each in refused))


def to_item(level: StockLevel, expires_at: int) -> dict[str, Any]:
    """Write a stock level as the table's item. Sequence numbers are strings: DynamoDB's N keeps 38 digits."""
    last, forgotten = str(level.last_sequence_number), level.memory.remembers_after
    item = {
        "product_id": {"S": level.product_id},
        "product_name": {"S": level.product_name},
        "status": {"S": "active" if level.is_active else "removed"},
        "quantity": {"N": str(level.quantity)},
        "version": {"N": str(level.version)},
        "last_sequence_number": {"S": last},
        "updated_at": {"S": level.updated_at},
        "recent_events": {"B": level.memory.to_bytes()},
        "remembers_after": {"S": _as_wide_as(last, forgotten) if forgotten else ""},
    }
    return item if level.is_active else item | {"expires_at": {"N": str(expires_at)}}


def _as_wide_as(written: str, sequence_number: int) -> str:
    """Write a sequence number as Kinesis did: an emulator may pad all of them with zeros."""
    return str(sequence_number).zfill(len(written) if written.startswith("0") else 0)


def from_item(item: dict[str, Any]) -> StockLevel:
    """Read a stock level from the table's item. Sequence numbers become integers: as strings they sort wrongly."""
    last, forgotten = SequenceNumber(item["last_sequence_number"]["S"]), item["remembers_after"]["S"]
    return StockLevel(
        product_id=item["product_id"]["S"],
        product_name=item["product_name"]["S"],
        is_active=item["status"]["S"] == "active",
        quantity=int(item["quantity"]["N"]),
        version=int(item["version"]["N"]),
        last_sequence_number=last,
        updated_at=item["updated_at"]["S"],
        memory=Memory.from_bytes(item["recent_events"]["B"], last, SequenceNumber(forgotten) if forgotten else 0),
    )
