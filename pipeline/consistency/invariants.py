"""What must hold, by the names that docs/consistency.md uses. The proof and the live audit call the same functions.

Each takes plain facts and returns one sentence for every place where they break it; an empty list says that it holds.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

Place = tuple[str, str]  # shard and sequence number: which record
Stock = Mapping[str, Any]  # what is said of a product, by the names of docs/contract.md, section 4


class Memory(NamedTuple):
    """What a product remembers: (identity, sequence number) pairs, oldest first; and what it has forgotten up to."""

    entries: list[tuple[bytes, int]]
    remembers_after: int  # 0: nothing


COMPARED = ("product_name", "status", "quantity", "version", "updated_at", "last_sequence_number")


def table_is_the_fold_of_the_log(due: Mapping[str, Stock], seen: Mapping[str, Stock]) -> list[str]:
    """Every product's item says what the fold of its records in log order says; there are no others."""
    sentences = []
    for product_id in sorted(due.keys() | seen.keys()):
        product, item = due.get(product_id), seen.get(product_id)
        if item is None:
            sentences.append(f"{product_id}: the stream says version {product['version']}, the table has no item")  # type: ignore[index]
        elif missing := [name for name in COMPARED if name not in item]:
            sentences.append(f"{product_id}: its item was not written by the projector, it has no {', '.join(missing)}")
        elif product is None:
            sentences.append(f"{product_id}: the table has version {item['version']}, the stream has no event")
        else:
            sentences += [f"{product_id}: {difference}" for difference in _differences(product, item)]
    return sentences


def memory_is_the_folds(product_id: str, due: Memory, seen: Memory) -> list[str]:
    """An item remembers the newest events that the fold remembers, in that order, and what it says it forgot."""
    sentences = []
    if due.remembers_after != seen.remembers_after:
        sentences.append(f"remembers_after should be {due.remembers_after or 'empty'}, is {seen.remembers_after}")
    if due.entries != seen.entries:
        missing, extra = len({*due.entries} - {*seen.entries}), len({*seen.entries} - {*due.entries})
        sentences.append(
            f"recent_events should hold {len(due.entries)} entries, holds {len(seen.entries)}: "
            + (f"{missing} missing, {extra} extra" if missing or extra else "the right ones in another order")
        )
    return [f"{product_id}: {sentence}" for sentence in sentences]


def stock_is_never_negative(seen: Mapping[str, Stock]) -> list[str]:
    """No product has less than nothing in stock."""
    quantities = {product_id: item.get("quantity") for product_id, item in sorted(seen.items())}
    return [f"{name}: {count} in stock" for name, count in quantities.items() if isinstance(count, int) and count < 0]


def version_counts_what_was_applied(applied: Mapping[str, int], seen: Mapping[str, Stock]) -> list[str]:
    """A product's version is the number of its records that were applied."""
    return [
        f"{product_id}: {applied.get(product_id, 0)} records were applied, its version is {item['version']}"
        for product_id, item in sorted(seen.items())
        if "version" in item and item["version"] != applied.get(product_id, 0)
    ]


def every_record_has_one_outcome(
    records: Iterable[Place], effective: Collection[Place], quarantined: Mapping[Place, str], due: Mapping[Place, str]
) -> list[str]:
    """Every record took effect (it was applied, now or before) or lies in quarantine, and never both.

    Args:
        records: all of the log.
        effective: those that were applied, or whose event was.
        quarantined: those in quarantine, with the reason.
        due: the reasons for which records have to be refused, as far as that is known.
    """
    sentences, known = [], set(records)
    for place in sorted({*known, *quarantined}):
        if place not in known:
            sentences.append(f"{_named(place)}: is quarantined as {quarantined[place]}, the stream has no such record")
        elif place in effective and place in quarantined:
            sentences.append(f"{_named(place)}: is quarantined as {quarantined[place]}, though it could be applied")
        elif place not in effective and place not in quarantined:
            sentences.append(f"{_named(place)}: should be quarantined as {due.get(place, '?')}, is not")
    return sentences


def first_verdict_is_the_logs(due: Mapping[Place, str], quarantined: Mapping[Place, str]) -> list[str]:
    """A record in quarantine has the reason that the fold of the log gives: a later verdict changes nothing."""
    return [
        f"{_named(place)}: is quarantined as {reason}, should be as {due[place]}"
        for place, reason in sorted(quarantined.items())
        if place in due and reason != due[place]
    ]


def _differences(product: Stock, item: Stock) -> list[str]:
    return [
        f"{name} should be {_quoted(name, product)}, is {_quoted(name, item)}"
        for name in COMPARED
        if _comparable(name, product) != _comparable(name, item)
    ]


def _comparable(name: str, said: Stock) -> Any:
    """Sequence numbers are compared as integers: an emulator pads them with zeros."""
    return int(said[name]) if name == "last_sequence_number" else said[name]


def _quoted(name: str, said: Stock) -> str:
    return str(said[name]) if name == "last_sequence_number" else repr(said[name])


def _named(place: Place) -> str:
    return f"record {place[1]} on {place[0]}"
