"""A story, sent once to a stack's stream, whoever runs which notebook when."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from pipeline.consistency import audit, oracle
from pipeline.errors import UserError
from pipeline.notebook.story import (
    BY_HAND,
    Story,
    counted,
    note,
    noted,
    records_not_of,
    sender_lock,
    still_to_send,
)
from pipeline.notebook.table_reads import TableReads
from pipeline.notebook.watching import Show, read_until_shown, reads_file, send_and_watch
from pipeline.provisioning.deployment import Deployment
from pipeline.reading import stream
from pipeline.reading.stream import StreamRecord
from pipeline.stories import producer
from pipeline.stories.scenarios import Event, NewRecord, pack

MOST_RE_SENDS = 20  # of one product, of the 32 or more that it remembers


def records(pipeline: Deployment) -> list[StreamRecord]:
    """Read the whole stream."""
    cloud = pipeline.cloud
    return stream.read_all(cloud.client("kinesis"), pipeline.outputs["StreamName"], cloud.read_pause_seconds)


@contextmanager
def only_sender(
    pipeline: Deployment, scenario: str, event_count: int, product_count: int, seed: int, skew: float = 0
) -> Iterator[list[NewRecord]]:
    """Be the only one who sends to a stack, and note which story it is. Yields the records that are still to be sent.

    Raises:
        UserError: the stream holds something else.
    """
    story = Story(scenario, event_count, product_count, seed, skew)
    with sender_lock(pipeline):
        on_stream = records(pipeline)
        unsent = still_to_send(story.records, on_stream)
        if unsent is None:
            raise UserError(
                f"the stream of stack {pipeline.stack_name} holds {_what_is_there(pipeline, on_stream)}, so {story} is "
                "not sent. Give the parameter stack_name another value, and it gets a stack of its own; or go on with "
                "notebooks 04 and 05, which show what is there"
            )
        note(pipeline, story)
        yield unsent


def send_story(
    pipeline: Deployment,
    scenario: str,
    event_count: int,
    product_count: int,
    seed: int,
    skew: float = 0,
    rate: float = 0,
    show: Show = lambda reads: None,
) -> list[NewRecord]:
    """Send a story, or what of it is not on the stream yet, and wait until the table shows it.

    Args:
        pipeline: where to.
        scenario: the story's name.
        event_count: how many records it has.
        product_count: how many products it is about.
        seed: another seed, another story.
        skew: how unlike in popularity the products are.
        rate: records a second at most; 0 is as fast as it goes.
        show: is given what was read of the table so far, now and then; of a story that is there, what was read then.

    Returns:
        The story.

    Raises:
        UserError: the stream holds something else, or the sending was interrupted.
    """
    story = Story(scenario, event_count, product_count, seed, skew)
    with only_sender(pipeline, scenario, event_count, product_count, seed, skew) as unsent:
        if unsent:
            send_and_watch(pipeline, story.records, unsent, rate, show)
        else:
            show(TableReads.load(reads_file(pipeline)))
    return story.records


def ensure_sent(
    pipeline: Deployment,
    scenario: str,
    event_count: int,
    product_count: int,
    seed: int,
    skew: float = 0,
    rate: float = 0,
) -> list[StreamRecord]:
    """Take what is on the stream, whatever the parameters say; only if that is nothing, send the story that they name.

    A story that a notebook began to send, and did not finish, is finished.

    Returns:
        The records on the stream. The table shows what they do.
    """
    asked = Story(scenario, event_count, product_count, seed, skew)
    with sender_lock(pipeline):
        on_stream = records(pipeline)
        story = (on_stream and noted(pipeline)) or asked
        unsent = still_to_send(story.records, on_stream)
        if unsent is None or story != asked:
            print(f"The stream of this stack holds {_what_is_there(pipeline, on_stream)}: this notebook is about that.")
        if unsent:
            note(pipeline, story)
            send_and_watch(pipeline, story.records, unsent, rate, lambda reads: None)
            on_stream = records(pipeline)
    read_until_shown(pipeline, on_stream)
    return on_stream


@contextmanager
def sending_again(pipeline: Deployment, log: Sequence[StreamRecord], rate: float) -> Iterator[int]:
    """While the block runs, send the newest applied events of every product once more, as if their answers were lost.

    The products remember these events, so the re-sends change no stock. The block begins when the first of them is on
    the stream, and is left when all are. Yields how many there are.
    """
    remembered = {
        (product_id, place)
        for product_id, product in oracle.fold(log).products.items()
        for identity, place in [*product.memory.items()][-MOST_RE_SENDS:]
        if identity.startswith("event ")
    }
    again = [
        NewRecord(record.data, record.partition_key)
        for record in log
        if (record.partition_key, record.place) in remembered
    ]
    begun = threading.Event()
    with sender_lock(pipeline), ThreadPoolExecutor(1) as pool:
        sender = pool.submit(_publish, pipeline, again, rate, lambda count: begun.set())
        sender.add_done_callback(lambda _: begun.set())
        begun.wait()
        yield len(again)
        sender.result()


def send_by_hand(pipeline: Deployment, *events: Event) -> None:
    """Send events beside the story, and wait until they have their outcome.

    They are marked, so that notebooks go on to know what is theirs. An event sent again, corrected, keeps the mark.
    """
    with sender_lock(pipeline):
        _publish(pipeline, [pack(event | BY_HAND) for event in events])
    audit.audit(pipeline.cloud, pipeline.outputs)


def _publish(
    pipeline: Deployment, unsent: list[NewRecord], rate: float = 0, on_sent: Callable[[int], None] = lambda count: None
) -> None:
    kinesis, stream_name = pipeline.cloud.client("kinesis"), pipeline.outputs["StreamName"]
    producer.publish(
        kinesis, stream_name, unsent, rate=rate or None, sent_log=pipeline.sent_log, progress=False, on_sent=on_sent
    )


def _what_is_there(pipeline: Deployment, on_stream: Sequence[StreamRecord]) -> str:
    story = noted(pipeline)
    if not story:
        return f"{counted(len(on_stream), 'record')} that no notebook sent"
    more = records_not_of(story, on_stream) or len(on_stream) - len(story.records)
    return f"the story {story}" + (f" and {counted(more, 'more record')}" if more > 0 else "")
