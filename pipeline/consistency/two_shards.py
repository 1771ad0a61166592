"""Products whose records lie on shards of which neither follows from the other: nobody keeps their order."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any


def reasons(records: Iterable[Any], parents: Mapping[str, Iterable[str]]) -> list[str]:
    """Say of which products the order is not guaranteed, and why.

    Args:
        records: with `partition_key` and `shard_id`.
        parents: the shards that a shard was split or merged from. A product that moved on with them keeps its order.
    """
    shards_of: dict[str, set[str]] = defaultdict(set)
    for record in records:
        shards_of[record.partition_key].add(record.shard_id)
    return [
        f"{product_id}: its records lie on {', '.join(sorted(shards))}: the order across shards is not guaranteed. "
        "Somebody put them there with an ExplicitHashKey; send them with the product_id as partition key alone"
        for product_id, shards in sorted(shards_of.items())
        if not _is_one_line(shards, parents)
    ]


def _is_one_line(shards: set[str], parents: Mapping[str, Iterable[str]]) -> bool:
    """Say whether all of these shards lie on one line of descent: the youngest then follows from all others."""
    return any(shards <= {shard, *_ancestors(shard, parents)} for shard in shards)


def _ancestors(shard: str, parents: Mapping[str, Iterable[str]]) -> set[str]:
    return {older for parent in parents.get(shard, ()) for older in (parent, *_ancestors(parent, parents))}
