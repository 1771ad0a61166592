"""The stock table: read consistently, write on a guard. With `handler.py`, the lines that consistency hangs on.

A duplicate   is found by the fold, changes nothing, and is counted.
A late record (overtaken by a later one of its product) is refused by the fold as `out_of_order`, and quarantined.
A poison one  never gets here: it is refused when it is read, and quarantined.
A crash       at any point repeats the batch. What was written is then a duplicate; what was not is done again.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from stock_projector.item import ForeignItemError, from_item, to_item
from stock_projector.projection import StockLevel
from stock_projector.statements import (
    Answer,
    InParallel,
    Statement,
    ThrottledError,
    Verdict,
    as_throttled,
    evenly,
    execute,
)

MOST_KEYS = 100  # of one BatchGetItem


@dataclass(frozen=True)
class Lost:
    """The guard failed: somebody wrote first. `winner` is the state that won, or None where the answer held none."""

    winner: StockLevel | None


Written = Lost | Exception | None  # None: the item is what was to be written


@dataclass(frozen=True)
class Store:
    """The stock table, through whatever client it is given."""

    dynamodb: Any
    table_name: str

    def read(self, product_ids: Iterable[str], in_parallel: InParallel = map) -> dict[str, StockLevel | Exception]:
        """Read the current state of some products, consistently: a refusal, unlike a write, has no guard.

        Returns:
            By product, its stock level (one never seen has an empty one), or why it is not known.
        """
        found: dict[str, StockLevel | Exception] = {}
        for answer in in_parallel(self._read, _chunks(list(product_ids))):
            found |= answer
        return found

    def _read(self, product_ids: list[str]) -> dict[str, StockLevel | Exception]:
        keys = [{"product_id": {"S": product_id}} for product_id in product_ids]
        try:
            wanted = {self.table_name: {"Keys": keys, "ConsistentRead": True}}
            answer = self.dynamodb.batch_get_item(RequestItems=wanted)
        except Exception as error:
            return dict.fromkeys(product_ids, as_throttled(error))
        found: dict[str, StockLevel | Exception] = {product_id: StockLevel(product_id) for product_id in product_ids}
        for item in answer["Responses"].get(self.table_name, []):
            found[item["product_id"]["S"]] = _level_in(item)
        for key in answer.get("UnprocessedKeys", {}).get(self.table_name, {}).get("Keys", []):
            found[key["product_id"]["S"]] = ThrottledError("UnprocessedKeys: DynamoDB left this product unread")
        return found

    def write(self, changes: Sequence[tuple[StockLevel, StockLevel]], in_parallel: InParallel = map) -> list[Written]:
        """Replace items if nobody wrote since they were read. Every write raises `last_sequence_number`.

        Args:
            changes: (before, after) of different products; `before` is what was read.
            in_parallel: how several requests are sent at once.

        Returns:
            What became of each, in the order given.
        """
        answers = execute(self.dynamodb, [self.statement(*change) for change in changes], in_parallel)
        return [_written(answer) for answer in answers]

    def statement(self, before: StockLevel, after: StockLevel) -> Statement:
        """Write the one statement that replaces a product's item, if nobody wrote since it was read."""
        item = to_item(after)
        product_id, values = item.pop("product_id"), list(item.values())
        if not before.last_sequence_number:  # guard: nobody has written the product at all
            names = ", ".join(f"'{name}': ?" for name in ("product_id", *item))
            return Statement(f'INSERT INTO "{self.table_name}" VALUE {{{names}}}', [product_id, *values])
        nobody_wrote_since_i_read = {"S": str(before.last_sequence_number)}
        sets = " ".join(f'SET "{name}" = ?' for name in item)
        return Statement(
            f'UPDATE "{self.table_name}" {sets} REMOVE "expires_at" '  # the version before had it on removed products
            'WHERE "product_id" = ? AND "last_sequence_number" = ?',
            [*values, product_id, nobody_wrote_since_i_read],
        )


def _written(answer: Answer) -> Written:
    if answer.verdict in (Verdict.LOST, Verdict.THERE):  # without an item: somebody wrote one, only we were not told
        winner = _level_in(answer.item) if answer.item else None
        return winner if isinstance(winner, Exception) else Lost(winner)
    return answer.error


def _level_in(item: dict[str, Any]) -> StockLevel | ForeignItemError:
    try:
        return from_item(item)
    except ForeignItemError as error:
        return error


def _chunks(product_ids: list[str]) -> Iterator[list[str]]:
    most = evenly(len(product_ids), MOST_KEYS)
    for start in range(0, len(product_ids), most or 1):
        yield product_ids[start : start + most]
