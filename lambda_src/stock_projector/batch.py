"""One batch: sort its records by product, bring every product forward, say which records have to come again."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from stock_projector.events import Record, Refusal, parse
from stock_projector.projection import StockLevel
from stock_projector.store import Entry, Result, Store

InParallel = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]  # the shape of `map`


@dataclass
class BatchResult:
    """What became of a batch. Every record is in exactly one of the two lists."""

    outcomes: list[tuple[Record, Result]] = field(default_factory=list)
    failures: list[tuple[Record, Exception]] = field(default_factory=list)


def project_batch(records: list[Record], store: Store, in_parallel: InParallel = map) -> BatchResult:
    """Give every record its outcome. What the platform refuses to do fails the records that needed it, no others.

    All records of a product fail together: were a later one applied without an earlier one, order would be lost.
    """
    result = BatchResult()
    poison: list[tuple[Record, Refusal]] = []
    by_product: dict[str, list[Entry]] = defaultdict(list)
    for record in records:
        event = parse(record)
        if isinstance(event, Refusal):
            poison.append((record, event))
        else:
            by_product[event.product.product_id].append((record, event))

    def isolated(work: Callable[[], Iterable[Result]], of: list[Record]) -> None:
        try:
            result.outcomes.extend(zip(of, work(), strict=True))
        except Exception as error:
            result.failures.extend((record, error) for record in of)

    def quarantine_poison() -> list[Refusal]:
        store.quarantine(poison)
        return [refusal for _, refusal in poison]

    def project_product(level: StockLevel) -> None:
        entries = by_product[level.product_id]
        isolated(lambda: store.project(level, entries), [record for record, _ in entries])

    isolated(quarantine_poison, [record for record, _ in poison])
    try:
        levels = store.read(by_product)
    except Exception as error:
        result.failures.extend((record, error) for entries in by_product.values() for record, _ in entries)
    else:
        list(in_parallel(project_product, levels.values()))
    return result
