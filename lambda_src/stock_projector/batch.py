"""One batch: sort its records by product, bring every product forward, say which records have to come again.

All products go forward together, round by round: read, fold, quarantine what is refused, write. Who loses a guard
folds again on the state that won. Who is throttled waits for another round, and nobody else waits for them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from stock_projector.events import Record, Refusal, parse
from stock_projector.patience import Patience
from stock_projector.product import Folded, Product, Result
from stock_projector.quarantine import Quarantine, Refused
from stock_projector.statements import InParallel, ThrottledError
from stock_projector.store import Lost, Store

MOST_LOST_GUARDS = 10  # of one product: each means that somebody else got further


class ContentionError(Exception):
    """Others kept writing the product; the pipe should try again later."""


@dataclass
class BatchResult:
    """What became of a batch. Every record is in exactly one of the two lists."""

    outcomes: list[tuple[Record, Result]] = field(default_factory=list)
    failures: list[tuple[Record, Exception]] = field(default_factory=list)

    def fail(self, records: Iterable[Record], error: Exception) -> None:
        """Let records come again."""
        self.failures.extend((record, error) for record in records)


def project_batch(
    records: list[Record], store: Store, quarantine: Quarantine, patience: Patience, in_parallel: InParallel = map
) -> BatchResult:
    """Give every record its outcome. What the platform refuses to do fails the records that needed it, no others."""
    batch = Batch(records, store, quarantine, in_parallel)
    while batch.round():
        if batch.is_throttled:
            if patience.wait():
                batch.forget_levels()
            else:
                batch.give_up()
    return batch.result


class Batch:
    """A batch under way: what has no outcome yet."""

    def __init__(self, records: list[Record], store: Store, quarantine: Quarantine, in_parallel: InParallel) -> None:
        self.store, self.quarantine, self.in_parallel = store, quarantine, in_parallel
        self.result = BatchResult()
        self.poison: list[Refused] = []
        self.poison_waits_for: Exception = ThrottledError()
        self.products: dict[str, Product] = {}
        for record in records:
            event = parse(record)
            if isinstance(event, Refusal):
                self.poison.append(Refused(record, event))
                continue
            product_id = event.product.product_id
            if product_id not in self.products:
                self.products[product_id] = Product(product_id)
            self.products[product_id].entries.append((record, event))

    def round(self) -> bool:
        """Take everything one step forward: read, fold, quarantine, write. Say whether anything is left."""
        self._read([product for product in self.products.values() if product.level is None])
        folds = [product.fold() for product in self.products.values() if product.level]
        self._put_into_quarantine(folds)  # before the state: a crash leaves an item, never a gap
        self._write([folded for folded in folds if folded.is_changed])
        for folded in folds:
            if not folded.is_changed:
                self._settle(folded)
        return bool(self.products or self.poison)

    @property
    def is_throttled(self) -> bool:
        """Whether DynamoDB has asked to wait with anything that is left."""
        return bool(self.poison) or any(product.waits_for for product in self.products.values())

    def forget_levels(self) -> None:
        """After a pause nothing that was read before is known to be current: refusals need that it is."""
        for product in self.products.values():
            product.level = product.waits_for = None

    def give_up(self) -> None:
        """There is no time left to wait: what waits comes again."""
        for product in list(self.products.values()):
            if product.waits_for:
                self._fail(product, product.waits_for)
        self.result.fail((record for record, _ in self.poison), self.poison_waits_for)
        self.poison = []

    def _read(self, products: list[Product]) -> None:
        levels = self.store.read([product.product_id for product in products], self.in_parallel)
        for product in products:
            level = levels[product.product_id]
            if isinstance(level, Exception):
                self._wait_or_fail(product, level)
            else:
                product.level = level

    def _put_into_quarantine(self, folds: list[Folded]) -> None:
        poison, self.poison = self.poison, []
        refused = [(folded, each) for folded in folds for each in folded.to_quarantine]
        errors = self.quarantine.put([*poison, *(each for _, each in refused)], self.in_parallel)
        for each, error in zip(poison, errors, strict=False):
            self._take_poison(each, error)
        for (folded, each), error in zip(refused, errors[len(poison) :], strict=True):
            self._take_refusal(folded, each, error)

    def _take_refusal(self, folded: Folded, each: Refused, error: Exception | None) -> None:
        """A refusal by the fold must be in quarantine before any later record of its product is applied."""
        if not error:
            folded.product.in_quarantine[each.record.item_identifier] = each.refusal
            return
        folded.cut_before(each.record)
        if isinstance(error, ThrottledError):
            folded.product.waits_for = error
        else:  # it may be in quarantine or not: in this attempt it is not judged again
            self.result.fail(folded.product.drop_from(each.record), error)

    def _take_poison(self, each: Refused, error: Exception | None) -> None:
        """A refusal that needs no state fails alone."""
        if not error:
            self.result.outcomes.append(each)
        elif isinstance(error, ThrottledError):
            self.poison.append(each)
            self.poison_waits_for = error
        else:
            self.result.fail([each.record], error)

    def _write(self, changed: list[Folded]) -> None:
        written = self.store.write([(folded.before, folded.after) for folded in changed], self.in_parallel)
        for folded, said in zip(changed, written, strict=True):
            if said is None:
                self._settle(folded)
            elif isinstance(said, Lost):
                self._lose(folded.product, said)
            else:
                self._wait_or_fail(folded.product, said)

    def _settle(self, folded: Folded) -> None:
        """What was folded has its outcome now. What was left out of it waits for the quarantine."""
        product, done = folded.product, len(folded.results)
        self.result.outcomes.extend(
            (record, result) for (record, _), result in zip(product.entries, folded.results, strict=False)
        )
        product.entries = product.entries[done:]
        if not product.entries:
            del self.products[product.product_id]

    def _lose(self, product: Product, lost: Lost) -> None:
        """Somebody else wrote the product first: fold again on what won, or on what a consistent read finds."""
        product.level, product.lost_guards = lost.winner, product.lost_guards + 1
        if product.lost_guards == MOST_LOST_GUARDS:
            times = f"{MOST_LOST_GUARDS} times in a row"
            self._fail(product, ContentionError(f"{product.product_id} was overwritten {times}"))

    def _wait_or_fail(self, product: Product, error: Exception) -> None:
        if isinstance(error, ThrottledError):
            product.waits_for = error
        else:
            self._fail(product, error)

    def _fail(self, product: Product, error: Exception) -> None:
        """Let all its records come again that have no outcome: a later one without an earlier one would break order."""
        self.result.fail((record for record, _ in product.entries), error)
        del self.products[product.product_id]
