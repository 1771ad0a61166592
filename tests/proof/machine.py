"""A model-based test: hypothesis writes the history, the ledger watches, a replay from empty is the model."""

from contextlib import suppress
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from tests.doubles.table import Call
from tests.proof.crashes import DiedError
from tests.proof.deployed import Deployed
from tests.proof.events import FIRST, Said, event, poison
from tests.proof.faults import FAULTS, suffer
from tests.proof.items import ViolationError
from tests.proof.reference import REMEMBERED, LoggedRecord, read
from tests.proof.story import redeliveries
from tests.proof.world import Invocation, World

SHARD_OF = {"LAPTOP": "shard-a", "MOUSE": "shard-a", "DESK": "shard-b", "LAMP": "shard-b"}
SHARDS = sorted(set(SHARD_OF.values()))
KINDS = ("product_added", "product_removed", "quantity_incremented", "quantity_decremented")
FAULT = st.sampled_from(
    (
        "",
        "",
        "",
        "dies before",
        "dies after",
        "dies in between",
        *sorted({each for all in FAULTS.values() for each in all}),
    )
)
TROUBLE = st.lists(st.tuples(FAULT, st.integers(0, 7)), max_size=4)  # of the first calls, and of which part


class Pipeline(RuleBasedStateMachine):
    """Events go onto two shards; batches are delivered, delivered again, interrupted; the projector restarts."""

    deployed: Deployed  # set by `machine_for`

    @initialize(remembered=st.sampled_from((1, 2, 3, 32)), pauses=st.sampled_from((0, 10)))
    def start(self, remembered: int, pauses: int) -> None:
        self.world = World([], remembered, pauses)
        self.deployed.remembering(remembered % REMEMBERED)
        self.place = FIRST
        self.logs: dict[str, list[LoggedRecord]] = {shard: [] for shard in SHARDS}
        self.lanes: dict[str, list[list[LoggedRecord]]] = {shard: [] for shard in SHARDS}
        self.read_up_to = dict.fromkeys(SHARDS, 0)
        self.trouble: list[tuple[str, int]] = []
        self.restart()

    @rule()
    def restart(self) -> None:
        self.handler = self.world.attach(self.deployed, self._gate)

    @rule(
        product=st.sampled_from(sorted(SHARD_OF)),
        kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=5),
        quantity=st.integers(1, 4),
        named=st.booleans(),
    )
    def publish(self, product: str, kinds: list[str], quantity: int, named: bool) -> None:
        for kind in kinds:
            self._put(event(kind, product, quantity, f"event-{self.place}" if named else ""))

    @rule(product=st.sampled_from(sorted(SHARD_OF)))
    def publish_poison(self, product: str) -> None:
        self._put(poison(product))

    @rule(shard=st.sampled_from(SHARDS), back=st.integers(1, 40))
    def send_again(self, shard: str, back: int) -> None:
        for record in self.logs[shard][-back:][:1]:
            self._put((record.partition_key, record.data))

    @rule(shard=st.sampled_from(SHARDS), size=st.integers(1, 8), trouble=TROUBLE, plan=st.integers(0, 5))
    def deliver(self, shard: str, size: int, trouble: list[tuple[str, int]], plan: int) -> None:
        lane, start = self.lanes[shard], self.read_up_to[shard]
        if not lane and (batch := self.logs[shard][start : start + size]):
            self.read_up_to[shard] += len(batch)
            lane.append(batch)
        if lane:
            again, batch = self._invoke(lane[0], trouble), lane.pop(0)
            if again:
                plans = redeliveries(batch, again)
                lane[:0] = plans[plan % len(plans)]

    @rule(shard=st.sampled_from(SHARDS), back=st.integers(1, 20), trouble=TROUBLE)
    def deliver_earlier_ones_again(self, shard: str, back: int, trouble: list[tuple[str, int]]) -> None:
        waiting = {record.key for batch in self.lanes[shard] for record in batch}
        through = [each for each in self.logs[shard][: self.read_up_to[shard]] if each.key not in waiting]
        if through:
            self._invoke(through[-back:], trouble)

    @invariant()
    def levels_hold(self) -> None:
        if hasattr(self, "world"):
            self.world.check_levels()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return None
        for _ in range(1000):
            for shard in SHARDS:
                self.deliver(shard=shard, size=8, trouble=[], plan=0)
            if not any(self.lanes.values()) and all(len(self.logs[s]) == self.read_up_to[s] for s in SHARDS):
                return self.world.check_drained(in_order=True)
        raise ViolationError("it does not drain, though nothing fails any more")

    def _put(self, said: Said) -> None:
        record = read(SHARD_OF[said[0]], str(self.place), *said)
        self.place += 1
        self.logs[record.shard].append(record)
        self.world.add(record)

    def _invoke(self, batch: list[LoggedRecord], trouble: list[tuple[str, int]]) -> list[LoggedRecord]:
        invocation = self.world.current = Invocation(batch)
        self.trouble = list(trouble)
        answer = None
        with suppress(DiedError):
            answer = self.handler([record.flat() for record in batch], None)
        return self.world.returned(invocation, answer)

    def _gate(self, call: Call) -> Any:
        fault, position = self.trouble.pop(0) if self.trouble else ("", 0)
        if fault == "dies before":
            raise DiedError
        if fault == "dies after":
            call.perform()
            raise DiedError
        if fault == "dies in between" and call.operation == "batch_execute_statement":
            for at in range(position % call.parts + 1):
                call.step(at)
            raise DiedError
        return suffer(self.world, call, fault if fault in FAULTS[call.operation] else "", position)


def run_machine(deployed: Deployed, number: int, examples: int, steps: int, shrink: bool = True) -> None:
    """Let hypothesis write histories (which ones, follows from the number), until one breaks an invariant.

    Raises:
        ViolationError: with the shortest history that hypothesis found.
    """
    machine = seed(number)(type("PipelineUnderProof", (Pipeline,), {"deployed": deployed.losing(0)}))
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=(Phase.generate, Phase.shrink) if shrink else (Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )
