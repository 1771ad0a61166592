"""What a record came to, and how many came to what. Pure."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.consistency.oracle import Product


@dataclass
class Counts:
    """How many records came to what. `left_out`: those that never took effect at their places."""

    records: int = 0
    applied: int = 0
    duplicates: int = 0
    quarantined: Counter[str] = field(default_factory=Counter)
    pending: int = 0
    given_up: int = 0  # a dead letter names them, and nothing else
    left_out: int = 0


class Judged(NamedTuple):
    """What became of one record. `product`: its product's state after it; None if it belongs to none."""

    outcome: str  # applied, duplicate, quarantined, pending, given_up; missing; skipped: older than the start
    reason: str = ""
    product: Product | None = None


SKIPPED = Judged("skipped")
