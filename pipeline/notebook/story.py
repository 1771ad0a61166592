"""Which story lies on a stack's stream, and how much of it: one sender at a time, and a sending that can go on."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline.errors import UserError
from pipeline.provisioning.deployment import Deployment
from pipeline.reading.stream import StreamRecord
from pipeline.stories.scenarios import NewRecord, write_story

BY_HAND = {"sent_by": "hand"}  # a field that no rule looks at: marks what a notebook sends beside its story
LONG_SECONDS = 1.0  # a wait for another notebook that has to be explained


@dataclass(frozen=True)
class Story:
    """A story by its parameters: the same ones make the same records, on every machine."""

    scenario: str
    event_count: int
    product_count: int
    seed: int
    skew: float = 0

    def __str__(self) -> str:
        """Name the story by what tells it from others, with the parameters' own names."""
        return ", ".join(f"{name} {value}" for name, value in asdict(self).items())

    @cached_property
    def records(self) -> list[NewRecord]:
        """All of its records, in order."""
        return write_story(self.scenario, self.event_count, self.product_count, self.seed, self.skew)


@contextmanager
def sender_lock(pipeline: Deployment) -> Iterator[None]:
    """Let one process at a time send to a stack. Whoever has to wait for long says so, in one line.

    Raises:
        UserError: somebody interrupted the waiting, or the sending.
    """
    lock = FileLock(_file_beside_sent_log(pipeline, "sending.lock"))
    try:
        try:
            lock.acquire(timeout=LONG_SECONDS)
        except Timeout:
            sent = f"the story {story}" if (story := noted(pipeline)) else "records"
            print(f"Another notebook sends {sent} to stack {pipeline.stack_name}; this one goes on when that ends.")
            lock.acquire()
        yield
    except KeyboardInterrupt:
        raise UserError(
            "interrupted. What was sent stays; run this cell again, and the sending goes on where it stopped"
        ) from None
    finally:
        lock.release()


def note(pipeline: Deployment, story: Story) -> None:
    """Note which story is being sent to a stack's stream, before its first record is."""
    _note_file(pipeline).write_text(json.dumps({"stream": _stream_identity(pipeline), "story": asdict(story)}))


def noted(pipeline: Deployment) -> Story | None:
    """Return the story that notebooks send, or sent, to this very stream. A note about another one is not believed."""
    try:
        found = json.loads(_note_file(pipeline).read_text())
        return Story(**found["story"]) if found["stream"] == _stream_identity(pipeline) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def still_to_send(story: Iterable[NewRecord], on_stream: Iterable[StreamRecord]) -> list[NewRecord] | None:
    """Compare a story with what lies on the stream.

    The producer keeps each product's order, so what was sent of a product is the beginning of its records. One of them
    may lie there twice: a request that had no answer is sent again.

    Returns:
        The records that are not there yet, in order; none if all are there; None if something else is there as well.
    """
    story, on_stream = list(story), (lying for lying in on_stream if not is_by_hand(lying.data))
    wanted: dict[str, list[bytes]] = defaultdict(list)
    for record in story:
        wanted[record.partition_key].append(record.data)
    reached: Counter[str] = Counter()
    for lying in on_stream:
        of_product, place = wanted.get(lying.partition_key, []), reached[lying.partition_key]
        if of_product[place : place + 1] == [lying.data]:
            reached[lying.partition_key] += 1
        elif lying.data not in of_product[:place]:
            return None
    rest = []
    for record in story:
        reached[record.partition_key] -= 1
        if reached[record.partition_key] < 0:
            rest.append(record)
    return rest


def records_not_of(story: Story | None, on_stream: Sequence[StreamRecord]) -> int:
    """Count the records on the stream that are not of a story, and that no notebook sent by hand."""
    known = {(record.partition_key, record.data) for record in story.records} if story else set()
    return sum((lying.partition_key, lying.data) not in known and not is_by_hand(lying.data) for lying in on_stream)


def is_by_hand(data: bytes) -> bool:
    """Say whether a notebook sent a record beside its story."""
    try:
        return json.loads(data).items() >= BY_HAND.items()
    except (ValueError, AttributeError):
        return False


def _stream_identity(pipeline: Deployment) -> str:
    """Return what tells this very stream from one of a stack of the same name, made before or after it."""
    kinesis = pipeline.cloud.client("kinesis")
    summary = kinesis.describe_stream_summary(StreamName=pipeline.outputs["StreamName"])["StreamDescriptionSummary"]
    return f"{summary['StreamARN']} of {summary['StreamCreationTimestamp'].isoformat()}"


def _note_file(pipeline: Deployment) -> Path:
    return _file_beside_sent_log(pipeline, "story.json")


def _file_beside_sent_log(pipeline: Deployment, name: str) -> Path:
    pipeline.sent_log.parent.mkdir(parents=True, exist_ok=True)
    return pipeline.sent_log.with_name(name)


def counted(number: int, what: str) -> str:
    """Write a number of things."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
