"""One story, sent once, by a notebook that watches the table meanwhile."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Any

from pipeline.consistency import oracle
from pipeline.errors import UserError
from pipeline.notebook.by_hand import deliver
from pipeline.notebook.stacks import beside, make_room
from pipeline.provisioning.deployment import Deployment
from pipeline.reading import stock, stream
from pipeline.stories import producer, scenarios
from pipeline.stories.scenarios import NewRecord
from pipeline.waiting import eventually

LOOK_SECONDS = 0.03  # between two looks at the table while a story is sent
SHOW_SECONDS = 0.5  # between two drawings of what was seen
MOST_INSTANCES = 10  # that Lambda is asked to start beforehand: as many calls as a client has connections
PATIENCE_SECONDS = 60.0  # without any change in the table, once all is sent


@dataclass
class Sightings:
    """What a reader saw who looked into the table again and again while a story was sent."""

    started: float = 0.0  # when the sending began, in epoch seconds
    seconds: list[float] = field(default_factory=list)  # since then
    accepted: list[int] = field(default_factory=list)  # records that the stream had accepted by then
    versions: list[dict[str, int]] = field(default_factory=list)  # of every product
    quantities: list[dict[str, int]] = field(default_factory=list)  # of every product, in units

    def so_far(self) -> "Sightings":
        """Return what was noted completely, while somebody goes on noting."""
        n = len(self.quantities)
        return Sightings(self.started, self.seconds[:n], self.accepted[:n], self.versions[:n], self.quantities[:n])

    def add(self, accepted: int, items: Iterable[dict[str, Any]]) -> None:
        """Note one look: its time is when all of it had been read."""
        found = list(items)
        self.seconds.append(time.time() - self.started)
        self.accepted.append(accepted)
        self.versions.append({item["product_id"]: item["version"] for item in found})
        self.quantities.append({item["product_id"]: item["quantity"] for item in found})


def send_once(
    pipeline: Deployment,
    scenario: str,
    event_count: int,
    product_count: int,
    seed: int,
    skew: float = 0,
    rate: float = 0,
    show: Callable[[Sightings], None] = lambda seen: None,
) -> list[NewRecord]:
    """Send a story, unless this very stream got it already, and wait until the table shows it.

    Lambda is asked to start its instances before, so that what is measured is the pipeline and not its start.

    Args:
        pipeline: where to.
        scenario: the story's name.
        event_count: how many records it has.
        product_count: how many products it is about.
        seed: another seed, another story.
        skew: how unlike in popularity the products are.
        rate: records a second at most; 0 is as fast as it goes.
        show: told now and then what a reader of the table saw so far.

    Returns:
        The story.

    Raises:
        UserError: the stream holds something else.
    """
    story = scenarios.write_story(scenario, event_count, product_count, seed, skew)
    marker, name = beside(pipeline, "story"), json.dumps([scenario, event_count, product_count, seed, skew])
    if marker.exists() and marker.read_text() == name:
        return story
    if stream.read_all(pipeline.cloud.client("kinesis"), pipeline.outputs["StreamName"]):
        stack_name = pipeline.stack_name
        raise UserError(f"the stream of stack {stack_name} holds other records already; {make_room(stack_name)}")
    _warm_up(pipeline)
    seen = _send_and_watch(pipeline, story, rate or None, show)
    looks = zip(seen.seconds, seen.versions, strict=True)
    lines = (json.dumps({"at": seen.started + seconds, "versions": versions}) for seconds, versions in looks)
    beside(pipeline, "seen").write_text("\n".join(lines))
    marker.write_text(name)
    return story


def _warm_up(pipeline: Deployment) -> None:
    """Invoke the projector with empty batches, more at once than there are shards."""
    kinesis = pipeline.cloud.client("kinesis")
    summary = kinesis.describe_stream_summary(StreamName=pipeline.outputs["StreamName"])["StreamDescriptionSummary"]
    at_once = min(2 * summary["OpenShardCount"], MOST_INSTANCES)
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda batch: deliver(pipeline, batch), [[]] * at_once))


def _send_and_watch(
    pipeline: Deployment, story: list[NewRecord], rate: float | None, show: Callable[[Sightings], None]
) -> Sightings:
    """Send in one thread, look into the table in another; in this one, show what was seen so far."""
    seen, accepted, stopped = Sightings(started=time.time()), [0], threading.Event()

    def on_sent(count: int) -> None:
        accepted[0] = count
        if stopped.is_set():
            raise InterruptedError("the sending was stopped")

    def send() -> None:
        kinesis, stream_name = pipeline.cloud.client("kinesis"), pipeline.outputs["StreamName"]
        producer.publish(
            kinesis, stream_name, story, rate=rate, sent_log=pipeline.sent_log, progress=False, on_sent=on_sent
        )

    with ThreadPoolExecutor(2) as pool:
        sending = pool.submit(send)
        looking = pool.submit(_look, pipeline, _versions_after(story), seen, accepted, sending.done, stopped.is_set)
        try:
            while wait([sending, looking], timeout=SHOW_SECONDS).not_done:
                if sending.done():
                    sending.result()  # what went wrong with the sending ends the looking, too
                show(seen.so_far())
        finally:
            stopped.set()
        sending.result()
        looking.result()
    show(seen)
    return seen


def _look(
    pipeline: Deployment,
    goal: dict[str, int],
    seen: Sightings,
    accepted: list[int],
    is_sent: Callable[[], bool],
    is_stopped: Callable[[], bool],
) -> None:
    """Look into the table again and again, until all is sent and every product is at its version."""
    changed = 0.0

    def is_over() -> bool:
        """Note one look, and say whether there is no more to see."""
        nonlocal changed
        all_sent = is_sent()
        before = seen.versions[-1] if seen.versions else {}
        seen.add(accepted[0], stock.items(pipeline.cloud, pipeline.outputs["StockTableName"]))
        if seen.versions[-1] != before or not all_sent:
            changed = seen.seconds[-1]
        return all_sent and (seen.versions[-1] == goal or seen.seconds[-1] - changed > PATIENCE_SECONDS)

    eventually(lambda: is_stopped() or is_over(), every=LOOK_SECONDS)


def _versions_after(story: Iterable[NewRecord]) -> dict[str, int]:
    products: dict[str, oracle.Product] = {}
    for place, entry in enumerate(story):
        oracle.judge(entry.data, entry.partition_key, str(place), products)
    return {product_id: product.version for product_id, product in products.items()}
