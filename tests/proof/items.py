"""What must hold of every item at any moment: docs/contract.md, section 4, no negative stock, nothing lost."""

from tests.proof.fakes import Item
from tests.proof.reference import Level, LoggedRecord

MOST_ITEM_BYTES = 1024  # one write unit
ATTRIBUTES = {
    "product_id", "product_name", "status", "quantity", "version",
    "last_sequence_number", "updated_at", "recent_events", "remembers_after",
}  # fmt: skip


class ViolationError(BaseException):
    """An invariant is broken. Not an `Exception`: the code under proof must not swallow it."""


def check_item(item: Item, level: Level, last: str, forgotten: str) -> None:
    """Compare the item with docs/contract.md, section 4."""
    if item.keys() - {"expires_at"} != ATTRIBUTES:
        raise ViolationError(f"the item's attributes are {sorted(item)}")
    seen = (
        item["product_name"]["S"],
        item["status"]["S"],
        int(item["quantity"]["N"]),
        int(item["version"]["N"]),
        item["last_sequence_number"]["S"],
        item["updated_at"]["S"],
        item["remembers_after"]["S"],
    )
    status = "active" if level.active else "removed"
    due = (level.product_name, status, level.quantity, level.version, last, level.updated_at, forgotten)
    if seen[2] < 0:
        raise ViolationError(f"negative stock: {seen}")
    if seen != due:
        raise ViolationError(f"the item is {seen}, should be {due}")
    if sum(len(name) + len(*value.values()) for name, value in item.items()) > MOST_ITEM_BYTES:
        raise ViolationError("the item costs more than one write unit")
    if ("expires_at" in item) == level.active:
        raise ViolationError("only a removed product's item may expire, and it must")


def conserved(applied: list[LoggedRecord]) -> int:
    """Sum up what came and went, in the order of the log; a removal takes all there is."""
    stock = 0
    for record in sorted(applied, key=lambda record: record.sequence_number):
        kind, _, _, _, quantity, _ = record.event
        sign = {"product_added": 1, "quantity_incremented": 1, "quantity_decremented": -1}.get(kind)
        stock = stock + sign * quantity if sign else 0
    return stock
