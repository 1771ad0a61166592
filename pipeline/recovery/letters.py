"""The dead letters of a pipe, and the records that they name."""

import time
from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from pipeline.cloud import Cloud
from pipeline.consistency.examine import span_of
from pipeline.reading import pipe, queues
from pipeline.reading.stream import Reading, Stream, StreamRecord


class Letter(NamedTuple):
    """A dead letter: which places of a shard the pipe gave up, and when (epoch seconds)."""

    message_id: str
    sent_at: float
    shard_id: str
    first: int
    last: int

    def __str__(self) -> str:
        span = f"record {self.first}" if self.first == self.last else f"records {self.first} to {self.last}"
        return f"{span} on {self.shard_id}"


@dataclass
class Letters:
    """All letters of a queue: which may be worked on, with what they name, and which not."""

    named: dict[Letter, list[StreamRecord]] = field(default_factory=dict)  # as far as the stream has it, in order
    left: list[str] = field(default_factory=list)  # one sentence for each letter that has to wait
    foreign: list[str] = field(default_factory=list)  # one sentence for each message that is not the pipe's

    @property
    def records(self) -> list[StreamRecord]:
        """What the letters name, each record once, sorted by place."""
        return sorted({record for records in self.named.values() for record in records}, key=lambda each: each.place)

    @property
    def forgotten(self) -> list[Letter]:
        """The letters that name what the stream no longer has, or not whole."""
        return [letter for letter, records in self.named.items() if not records or records[0].place != letter.first]


def gather(cloud: Cloud, outputs: dict[str, str], about: Stream, longest_run: float) -> Letters:
    """Read all letters and what they name. The letters stay where they are.

    Left for later are those younger than an invocation may run (`longest_run`, seconds), for the pipe's last attempt
    may still be at work; and those that name a record which the pipe may still have.
    """
    gathered, old_enough = Letters(), []
    for message in queues.dead_letters(cloud.client("sqs"), outputs["DeadLetterQueueUrl"]):
        try:
            letter = Letter(message.message_id, message.sent_at, *span_of(message.body, outputs["StreamName"]))
        except ValueError as error:
            gathered.foreign.append(str(error))
            continue
        seconds = letter.sent_at + longest_run - time.time()
        if seconds > 0:
            gathered.left.append(f"{letter}: the pipe's last attempt may run for {seconds:.0f} s more")
        else:
            old_enough.append(letter)
    is_pending = pipe.may_have(cloud, outputs)
    for letter, records in _named(cloud, outputs, about, old_enough).items():
        if any(map(is_pending, records)):
            gathered.left.append(f"{letter}: the pipe may still have what it names")
        else:
            gathered.named[letter] = records
    return gathered


def _named(
    cloud: Cloud, outputs: dict[str, str], about: Stream, letters: list[Letter]
) -> dict[Letter, list[StreamRecord]]:
    """Read the records that letters name, as far as the stream still has them."""
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for letter in sorted(letters, key=lambda each: each.first):
        merged = spans[letter.shard_id]
        if merged and letter.first <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(letter.last, merged[-1][1])
        else:
            merged.append((letter.first, letter.last))
    parents = {shard_id: about.parents[shard_id] for shard_id in spans if shard_id in about.parents}
    by_shard: dict[str, list[StreamRecord]] = defaultdict(list)
    for record in Reading(
        cloud.client("kinesis"), outputs["StreamName"], parents, pause_seconds=cloud.read_pause_seconds
    ):
        at = bisect_right(spans[record.shard_id], record.place, key=lambda span: span[0])
        if at and record.place <= spans[record.shard_id][at - 1][1]:
            by_shard[record.shard_id].append(record)
    named = {}
    for letter in letters:
        records = by_shard[letter.shard_id]
        first = bisect_left(records, letter.first, key=lambda record: record.place)
        named[letter] = records[first : bisect_right(records, letter.last, key=lambda record: record.place)]
    return named
