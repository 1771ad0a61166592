"""The table, read again and again while a story is sent: in one thread the sender, in another the reader."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, TextIO

from pipeline.consistency import oracle
from pipeline.notebook.by_hand import deliver
from pipeline.notebook.table_reads import TableReads
from pipeline.provisioning.deployment import Deployment
from pipeline.reading import stock
from pipeline.reading.stream import StreamRecord
from pipeline.stories import producer
from pipeline.stories.scenarios import NewRecord
from pipeline.waiting import eventually

READ_SECONDS = 0.03  # between two reads of the table while a story is sent, where reads cost nothing
SHOW_SECONDS = 0.5  # between two drawings of what was read
MOST_INSTANCES = 10  # that Lambda is asked to start beforehand: as many calls as a client has connections
PATIENCE_SECONDS = 60.0  # without any change in the table, once all is sent

Show = Callable[[TableReads], None]


def reads_file(pipeline: Deployment) -> Path:
    """Name the file that keeps what was read of the table while a story was sent."""
    return pipeline.sent_log.with_name("reads.jsonl")


def send_and_watch(
    pipeline: Deployment, story: list[NewRecord], unsent: list[NewRecord], rate: float, show: Show
) -> None:
    """Send the rest of a story, and keep what is read of the table until it shows all of it.

    Lambda is asked to start its instances before, so that what is measured is the pipeline and not its start.
    """
    _warm_up(pipeline)
    before, stopped = len(story) - len(unsent), threading.Event()
    reads, accepted = TableReads(started=time.time(), before=before), [before]

    def on_sent(count: int) -> None:
        accepted[0] = before + count
        if stopped.is_set():
            raise InterruptedError("the sending was stopped")

    def send() -> None:
        kinesis, stream_name = pipeline.cloud.client("kinesis"), pipeline.outputs["StreamName"]
        producer.publish(
            kinesis, stream_name, unsent, rate=rate or None, sent_log=pipeline.sent_log, progress=False, on_sent=on_sent
        )

    def watch(file: TextIO) -> None:
        def keep(items: list[dict[str, Any]]) -> None:
            file.write(reads.add(accepted[0], items) + "\n")
            file.flush()

        read_until_shown(pipeline, story, keep, sender.done, stopped.is_set)

    with reads_file(pipeline).open("w") as file, ThreadPoolExecutor(2) as pool:
        file.write(reads.first_line() + "\n")
        sender = pool.submit(send)
        watcher = pool.submit(watch, file)
        try:
            while wait([sender, watcher], timeout=SHOW_SECONDS).not_done:
                if sender.done():
                    sender.result()  # what went wrong with the sending ends the watching, too
                show(reads.so_far())
        finally:
            stopped.set()
        sender.result()
        watcher.result()
    show(reads)


def _warm_up(pipeline: Deployment) -> None:
    """Invoke the projector with empty batches, more at once than there are shards."""
    kinesis = pipeline.cloud.client("kinesis")
    summary = kinesis.describe_stream_summary(StreamName=pipeline.outputs["StreamName"])["StreamDescriptionSummary"]
    at_once = min(2 * summary["OpenShardCount"], MOST_INSTANCES)
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda batch: deliver(pipeline, batch), [[]] * at_once))


def read_until_shown(
    pipeline: Deployment,
    log: Iterable[NewRecord | StreamRecord],
    keep: Callable[[list[dict[str, Any]]], None] = lambda items: None,
    is_sent: Callable[[], bool] = lambda: True,
    is_stopped: Callable[[], bool] = lambda: False,
) -> None:
    """Read the table again and again, until all is sent and the table shows it, or nothing changes any more.

    Args:
        pipeline: whose table.
        log: the records that the table shall show, each product's in order.
        keep: is given the items of every read.
        is_sent: whether all of these records are on the stream.
        is_stopped: whether to leave it at that.
    """
    goal, versions, changed_at = _versions_after(log), dict[str, int](), time.monotonic()

    def is_over() -> bool:
        """Read once, and say whether there is no more to see."""
        nonlocal versions, changed_at
        all_sent, before = is_sent(), versions
        items = list(stock.items(pipeline.cloud, pipeline.outputs["StockTableName"]))
        keep(items)
        versions = {item["product_id"]: item["version"] for item in items}
        if versions != before or not all_sent:
            changed_at = time.monotonic()
        return all_sent and (versions == goal or time.monotonic() - changed_at > PATIENCE_SECONDS)

    pause = pipeline.cloud.poll_seconds if pipeline.cloud.is_billed else READ_SECONDS
    eventually(lambda: is_stopped() or is_over(), every=pause)


def _versions_after(log: Iterable[NewRecord | StreamRecord]) -> dict[str, int]:
    products: dict[str, oracle.Product] = {}
    for place, record in enumerate(log):
        oracle.judge(record.data, record.partition_key, str(place), products)
    return {product_id: product.version for product_id, product in products.items()}
