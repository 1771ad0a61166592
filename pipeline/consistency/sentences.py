"""What an audit has to say: sentences about products and records, and never many about one of them. Pure."""

from collections import defaultdict
from collections.abc import Iterator

from pipeline.reading.stream import StreamRecord

MOST_SENTENCES = 3  # about one product or record


class Sentences:
    """Discrepancies, each under the name of the product or record that it is about."""

    def __init__(self) -> None:
        self._about: dict[str, list[str]] = defaultdict(list)

    @property
    def subjects(self) -> set[str]:
        """Products and records of which something is said."""
        return set(self._about)

    def say(self, subject: str, sentence: str) -> None:
        """Add a sentence about a product or record."""
        self._about[subject].append(sentence)

    def hold(self, broken: list[str]) -> None:
        """Take what an invariant says of where it is broken."""
        for sentence in broken:
            subject, _, what = sentence.partition(": ")
            self.say(subject, what)

    def all(self) -> Iterator[str]:
        """Return the sentences in the order of their subjects."""
        for subject in sorted(self._about):
            sentences = self._about[subject]
            yield from (f"{subject}: {sentence}" for sentence in sentences[:MOST_SENTENCES])
            if len(sentences) > MOST_SENTENCES:
                yield f"{subject}: {len(sentences) - MOST_SENTENCES} differences more"


def record_name(record: StreamRecord) -> str:
    """Name a record as the invariants do."""
    return f"record {record.place} on {record.shard_id}"


def never_applied(missing: tuple[int, StreamRecord, StreamRecord], has_item: bool) -> str:
    """Say that a product's records (how many, the first, the last) took no effect, though the pipe is past them."""
    count, first, last = missing
    what = f"record {first.sequence_number} was" if count == 1 else (
        f"{count} records, {first.sequence_number} to {last.sequence_number}, were"
    )  # fmt: skip
    no_item = "" if has_item else "; the table has no item"
    return f"{what} never applied, and the pipe no longer has {'it' if count == 1 else 'them'}{no_item}"


def on_two_shards(one: str, other: str) -> str:
    """Say that a product's records lie on two shards, neither of which came from the other."""
    return (
        f"its records lie on {', '.join(sorted((one, other)))}: the order across shards is not guaranteed. "
        "Somebody put them there with an ExplicitHashKey; send them with the product_id as partition key alone"
    )
