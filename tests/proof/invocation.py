"""One invocation of the handler: what it was given, what it read, what it knows to be in quarantine, how it waits."""

from collections.abc import Callable, Sequence

from tests.proof.reference import Key, Level, LoggedRecord


class Invocation:
    """One invocation of the handler: what it was given, what it read, what it knows to be in quarantine."""

    __slots__ = ("believed", "by_product", "failed", "quarantined", "records")

    def __init__(self, records: Sequence[LoggedRecord]) -> None:
        self.records = records
        self.by_product: dict[str, list[LoggedRecord]] = {}
        for record in records:
            self.by_product.setdefault(record.product, []).append(record)
        self.believed: dict[str, Level] = {}
        self.quarantined: set[Key] = set()
        self.failed = False  # nobody waits for its answer any more

    def of(self, product: str, besides: Key | None = None) -> list[LoggedRecord]:
        """Return the records of a product that this invocation does not know to be in quarantine."""
        out = self.quarantined
        return [each for each in self.by_product.get(product, ()) if each.key not in out or each.key == besides]

    def needing(self, key: Key) -> list[LoggedRecord]:
        """Return the records that may come again if this one's refusal cannot be put into quarantine."""
        record = next(each for each in self.records if each.key == key)
        if record.poison:
            return [record]
        of_product = self.by_product[record.product]
        return of_product[of_product.index(record) :]


class Pause:
    """Patience for so many pauses. What was read before one is no longer known to be current."""

    def __init__(self, current: Callable[[], Invocation], pauses: int) -> None:
        self._current, self._left = current, pauses

    def wait(self) -> bool:
        self._left -= 1
        if self._left >= 0:
            self._current().believed.clear()
        return self._left >= 0
