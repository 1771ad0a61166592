"""The whole path in process, by seed: producer → stream → pipe → handler → table, and all trouble at once."""

from collections.abc import Sequence
from contextlib import suppress
from itertools import count, groupby
from random import Random
from typing import Any

from botocore.exceptions import ReadTimeoutError
from greenlet import getcurrent

from tests.doubles.kinesis import Kinesis
from tests.doubles.table import Call, UnknownRequestError
from tests.proof import runtime_pipe
from tests.proof.checks import check_drained
from tests.proof.crashes import DiedError
from tests.proof.deployed import STOCK, Deployed
from tests.proof.faults import FAULTS, suffer
from tests.proof.invocation import Invocation
from tests.proof.items import ViolationError
from tests.proof.pipe import Hear, Pipe
from tests.proof.producer import invent, publish
from tests.proof.reference import REMEMBERED
from tests.proof.runtime_pipe import RuntimePipe
from tests.proof.world import NOW, World

STREAM = "inventory-events"
MOST_GAP = 2**28  # between two sequence numbers


class Simulation:
    """One seed: everything in it follows from the number."""

    def __init__(self, seed: int, deployed: Deployed, events: int) -> None:
        random = self.random = Random(seed)
        self.deployed = deployed
        self.world = World([], random.choice((1, 2, 3, 8, 32)), random.choice((0, 10)))
        deployed.remembering(self.world.remembered % REMEMBERED).losing(random.choice((0, 0, 2)))
        if random.random() < 0.5:  # a small shop with little room, where limits are met
            self.world.most_stock, self.world.most_data = random.choice((20, 60)), random.choice((2, 100))
            deployed.stocking(self.world.most_stock).keeping(self.world.most_data)
        self.client = Kinesis(
            name=STREAM,
            shards=random.randint(1, 3),
            clock=count(NOW, 0.001).__next__,
            width=random.choice((0, 60)),
            last=10**55 - random.randrange(MOST_GAP, 1000 * MOST_GAP),
            gap=lambda: random.randrange(1, MOST_GAP),
        )
        self.client.write_trouble = self._write_trouble
        wide = random.random() < 0.1  # more products and refusals in a batch than one request takes
        batch_size = 400 if wide else random.choice((1, 5, 30, 100))
        if theirs := random.random() < 0.5:
            self.pipe = RuntimePipe(self.client, STREAM, batch_size, random, self.world.add, self._invoke)
        else:
            self.pipe = Pipe(self.client, STREAM, batch_size, random, self.world.add)
        self.stands = theirs
        products = 300 if wide else random.choice((1, 3, 12))
        self.story = list(invent(random, events, products))
        if random.random() < 0.5:
            self.producer = runtime_pipe.publish(self.client, STREAM, self.story)
        else:
            self.producer = publish(self.client, STREAM, iter(self.story), random)
        self.reshards = random.sample(range(events // 60 + 2), 2)
        self.trouble = random.choice((0.0, 0.02, 0.1))
        self.zombies = 0
        self.running: tuple[Invocation, Hear] | None = None
        self.cold()

    def cold(self) -> None:
        self.handler = self.world.attach(self.deployed, self._gate)

    def run(self) -> None:
        """Publish and deliver in a random order, then deliver what is left, without trouble."""
        for step, _ in enumerate(self.producer):
            if step in self.reshards:
                self._reshard()
            if self.random.random() < 0.05:
                self.cold()
            for _ in range(self.random.choice((0, 1, 1, 2, 3))):
                self.pipe.deliver(self._invoke)
            if self.pipe.lanes and self.random.random() < 0.1:
                self.pipe.redeliver(self._invoke)
            self.world.now += 1
        self.trouble = 0.0
        most = 100 + 2 * sum(len(shard.records) for shard in self.client.shards.values())
        for _ in range(most):
            if not self.pipe.deliver(self._invoke):
                break
        else:
            raise ViolationError("it does not drain, though nothing fails any more")
        self._check()

    def _check(self) -> None:
        on_stream = {(name, int(r["SequenceNumber"])) for name, s in self.client.shards.items() for r in s.records}
        if on_stream != self.world.log.keys():
            raise ViolationError("the pipe has not read the whole stream")
        check_drained(self.world, in_order=True)
        self._check_order_sent()

    def _check_order_sent(self) -> None:
        """Every product's events lie on the stream as they were told; one sent again lies right behind itself."""
        told: dict[str, list[bytes]] = {}
        lies: dict[str, list[bytes]] = {}
        for key, data in self.story:
            told.setdefault(key, []).append(data)
        for record in sorted(self.world.log.values(), key=lambda record: record.sequence_number):
            lies.setdefault(record.partition_key, []).append(record.data)
        for key, datas in told.items():
            if [data for data, _ in groupby(datas)] != [data for data, _ in groupby(lies.get(key, []))]:
                raise ViolationError(f"the producer changed the order of {key}, or lost an event")

    def _reshard(self) -> None:
        opened = sorted((s for s in self.client.shards.values() if not s.closed), key=lambda shard: shard.hash_keys)
        at = self.random.randrange(len(opened))
        if at and self.random.random() < 0.5:
            self.client.merge(opened[at - 1].shard_id, opened[at].shard_id)
        else:
            self.client.split(opened[at].shard_id)

    def _write_trouble(self, entries: Sequence[dict[str, Any]]) -> tuple[set[int], Exception | None]:
        failing = {at for at in range(len(entries)) if self.random.random() < self.trouble}
        reply_lost = self.random.random() < self.trouble
        return failing, ReadTimeoutError(endpoint_url="https://kinesis.invalid") if reply_lost else None

    def _invoke(self, invocation: Invocation, hear: Hear) -> None:
        """Run the handler. What interrupts it (see `_meanwhile`) runs inside, and finds it waiting."""
        outer, self.running = self.running, (invocation, hear)
        self.world.current = invocation
        answer = None
        with suppress(DiedError):
            answer = self.handler([record.flat() for record in invocation.records], None)
        self.running = outer
        if outer:
            self.world.current = outer[0]
        if not invocation.failed:
            hear(self.world.returned(invocation, None if self.random.random() < self.trouble / 4 else answer))

    def _gate(self, call: Call) -> Any:
        random = self.random
        if random.random() >= self.trouble:
            return call.perform()
        fault = random.choice((*FAULTS[call.operation], "dies", "meanwhile", "times out", "by hand"))
        if fault == "dies":
            raise DiedError
        if fault in ("meanwhile", "times out"):
            self._meanwhile(fault == "times out")
        position = random.randrange(call.parts)
        if fault == "by hand":
            self._write_by_hand(call, position)
        return suffer(self.world, call, fault, position)

    def _write_by_hand(self, call: Call, position: int) -> None:
        """Somebody writes over the item that a statement is about, just before it is carried out."""
        if call.operation == "batch_execute_statement" and not self.world.current.failed:
            table, key = self.world.database.key_of(call.request["Statements"][position])
            if table == STOCK and key in self.world.stock.versions and key not in self.world.foreign:
                self.world.write_by_hand(key)

    def _meanwhile(self, timed_out: bool) -> None:
        """Let others run before this call; if it has timed out, its own retry among them."""
        assert self.running
        invocation, hear = self.running
        if (timed_out or self.stands) and not invocation.failed:
            hear(self.world.returned(invocation, None))
        if self.stands:
            getcurrent().parent.switch()
        elif self.zombies < 2:
            self.zombies += 1
            for _ in range(self.random.randint(1, 3)):
                self.pipe.deliver(self._invoke)
            self.zombies -= 1
        self.running, self.world.current = (invocation, hear), invocation


def simulate(seed: int, deployed: Deployed, events: int) -> int:
    """Run one seed; return how many records that were.

    Raises:
        ViolationError: with the command that replays it.
    """
    simulation = Simulation(seed, deployed, events)
    try:
        simulation.run()
    except (ViolationError, UnknownRequestError) as violation:
        again = f"python -m tests.proof --seed {seed} --events {events}"
        raise ViolationError(f"seed {seed}: {violation}; replay: {again}") from violation
    return len(simulation.world.log)
