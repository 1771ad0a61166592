"""The pipe runtime's own batching and retry code in the simulation's pipe, and the project's producer before it.

Deliveries and invocations run in greenlets: a delivery that waits before its retry, and an invocation that the pipe
has given up on, stand still until the simulation lets them go on.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from random import Random
from types import SimpleNamespace
from typing import Any

from greenlet import getcurrent, greenlet

from pipeline.pipe.delivery import Delivery
from pipeline.pipe.records import FlatRecord, take_batch
from pipeline.pipe.settings import PipeSettings
from pipeline.stories import producer
from pipeline.stories.scenarios import NewRecord
from tests.proof.events import Said
from tests.proof.pipe import Invoke, Lane, Pipe
from tests.proof.reference import LoggedRecord
from tests.proof.world import Invocation

logging.getLogger("pipes").addHandler(logging.NullHandler())  # in here every trouble is meant
STREAM_ARN = "arn:aws:kinesis:eu-central-1:123456789012:stream/inventory-events"


def publish(client: Any, stream_name: str, events: Sequence[Said]) -> Iterator[None]:
    """Let the project's producer publish, one request a step."""
    simulation = getcurrent()

    def sent(count: int) -> None:
        simulation.switch()

    def all_of_it() -> None:
        entries = [NewRecord(data, key) for key, data in events]
        producer.publish(client, stream_name, entries, progress=False, on_sent=sent, wait=lambda seconds: None)

    publishing = greenlet(all_of_it)
    while not publishing.dead:
        publishing.switch()
        yield


class RuntimeLane(Lane):
    """A shard, with its delivery under way."""

    def __init__(self, iterator: str, delivery: Delivery) -> None:
        super().__init__(iterator)
        self.delivery = delivery
        self.flat: list[FlatRecord] = []
        self.under_way: Any = None

    @property
    def drained(self) -> bool:
        return self.iterator is None and not self.flat and not self.under_way


class RuntimePipe(Pipe):
    """The simulation's pipe, with `take_batch` and `Delivery` of the local cloud in it."""

    def __init__(
        self, client: Any, stream_name: str, batch_size: int, random: Random, found: Callable[..., None], invoke: Invoke
    ) -> None:
        super().__init__(client, stream_name, batch_size, random, found)
        self._invoke_handler = invoke
        self._settings = PipeSettings(
            arn="arn:aws:pipes:eu-central-1:123456789012:pipe/inventory",
            role_arn="arn:aws:iam::123456789012:role/pipe",
            source_arn=STREAM_ARN,
            target_arn="projector",
            batch_size=batch_size,
            bisect=random.random() < 0.7,
        )
        self._records: dict[str, LoggedRecord] = {}
        self.standing: list[Any] = []  # invocations that nobody waits for

    def _lane(self, shard_id: str, iterator: str) -> Lane:
        stop = SimpleNamespace(wait=lambda seconds: getcurrent().parent.switch())
        return RuntimeLane(iterator, Delivery(self._settings, shard_id, self._invoked, print, stop))  # type: ignore[arg-type]

    def deliver(self, invoke: Invoke) -> bool:
        """Let one delivery or one forgotten invocation go on, or start the next batch of a shard."""
        self.look()
        if self.standing and self._random.random() < 0.3:
            self._go_on(self.standing.pop(self._random.randrange(len(self.standing))))
            return True
        lanes = [(shard_id, lane) for shard_id, lane in self.lanes.items() if not lane.drained]
        self._random.shuffle(lanes)
        for shard_id, lane in lanes:
            if lane.under_way or self._start(shard_id, lane):
                self._step(lane)
                return True
        if self.standing:
            self._go_on(self.standing.pop())
            return True
        return False

    def redeliver(self, invoke: Invoke) -> None:
        """Deliver a part of what is through once more."""
        lane = self._random.choice(list(self.lanes.values()))
        start = self._random.randrange(len(lane.log) + 1)
        once_more = [each for each in lane.log[start : start + self._batch_size] if each.key in lane.through]
        if once_more and not lane.under_way:
            self._run(Invocation(once_more), lambda again: None)

    def _start(self, shard_id: str, lane: Any) -> bool:
        if lane.iterator:
            limit = self._random.randint(1, 2 * self._batch_size)
            answer = self._client.get_records(ShardIterator=lane.iterator, Limit=limit)
            lane.iterator = answer.get("NextShardIterator")
            for raw in answer["Records"]:
                flat = FlatRecord.of(raw, shard_id, STREAM_ARN, self._settings.role_arn)
                lane.flat.append(flat)
                self._records[flat.event_id] = self._read(shard_id, raw)
        batch, _ = take_batch(lane.flat, self._batch_size)
        if not batch:
            return False
        lane.flat = lane.flat[len(batch) :]

        def deliver() -> None:
            lane.delivery.deliver(batch)
            records = [self._records[flat.event_id] for flat in batch]
            lane.log += records
            lane.through |= {record.key for record in records}

        lane.under_way = greenlet(deliver)
        return True

    def _step(self, lane: Any) -> None:
        lane.under_way.parent = getcurrent()
        lane.under_way.switch()
        if lane.under_way.dead:
            lane.under_way = None

    def _invoked(self, payload: bytes) -> dict[str, Any]:
        """Answer as Lambda does: for `Delivery`."""
        invocation = Invocation([self._records[flat["eventID"]] for flat in json.loads(payload)])
        heard: list[list[LoggedRecord]] = []
        self._run(invocation, heard.append)
        if invocation.failed:
            raise TimeoutError("no answer")
        failures = [{"itemIdentifier": record.item_identifier} for record in heard[0]]
        return {"Payload": json.dumps({"batchItemFailures": failures}).encode()}

    def _run(self, invocation: Invocation, hear: Callable[[list[LoggedRecord]], None]) -> None:
        self._go_on(greenlet(lambda: self._invoke_handler(invocation, hear)))

    def _go_on(self, running: Any) -> None:
        running.parent = getcurrent()
        running.switch()
        if not running.dead:
            self.standing.append(running)
