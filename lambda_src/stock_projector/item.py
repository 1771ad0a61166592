"""The stock table's item, written and read: docs/contract.md, section 4."""

from typing import Any

from stock_projector.events import SequenceNumber
from stock_projector.memory import Memory
from stock_projector.projection import StockLevel

IS_ACTIVE = {"active": True, "removed": False}


class ForeignItemError(Exception):
    """An item that this projector cannot have written; it is left alone."""


def to_item(level: StockLevel) -> dict[str, Any]:
    """Write a stock level as the table's item. Sequence numbers are strings: DynamoDB's N keeps 38 digits."""
    last, forgotten = str(level.last_sequence_number), level.memory.remembers_after
    return {
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


def _as_wide_as(written: str, sequence_number: int) -> str:
    """Write a sequence number as Kinesis did: an emulator may pad all of them with zeros."""
    return str(sequence_number).zfill(len(written) if written.startswith("0") else 0)


def from_item(item: dict[str, Any]) -> StockLevel:
    """Read a stock level from the table's item. Sequence numbers become integers: as strings they sort wrongly.

    Raises:
        ForeignItemError: with the product's id, and what is wrong with the item.
    """
    try:
        last, forgotten = SequenceNumber(item["last_sequence_number"]["S"]), item["remembers_after"]["S"]
        level = StockLevel(
            product_id=item["product_id"]["S"],
            product_name=item["product_name"]["S"],
            is_active=IS_ACTIVE[item["status"]["S"]],
            quantity=int(item["quantity"]["N"]),
            version=int(item["version"]["N"]),
            last_sequence_number=last,
            updated_at=item["updated_at"]["S"],
            memory=Memory.from_bytes(item["recent_events"]["B"], last, SequenceNumber(forgotten) if forgotten else 0),
        )
        if level.quantity < 0 or level.version < 1 or last < 1:
            raise ValueError(f"quantity {level.quantity}, version {level.version}, last_sequence_number {last}")
    except (KeyError, IndexError, TypeError, ValueError) as error:
        product_id = item.get("product_id", {}).get("S")
        raise ForeignItemError(
            f"the stock table's item {product_id!r} was not written by this projector ({error!r}): "
            "move it away, and its records go through"
        ) from error
    return level
