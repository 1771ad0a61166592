"""All schedules of a story within bounds: who runs next, what fails, who dies, how the pipe delivers again.

The handler runs unchanged, each invocation in a greenlet of its own that stops before every I/O call. One schedule
is one list of choices. `search.py` goes through all of them.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from greenlet import getcurrent, greenlet

from tests.proof.deployed import Deployed
from tests.proof.fakes import Call, throttled
from tests.proof.items import ViolationError
from tests.proof.reference import LoggedRecord
from tests.proof.story import EXCUSES, FAULTS, Bounds, Story, redeliveries
from tests.proof.world import Invocation, World

MOST_STEPS = 150  # of one schedule; more is a livelock, and a livelock is a violation

Choose = Callable[[int], int]


@dataclass(slots=True)
class Worker:
    """An invocation under way: where it stands, and the lane that waits for it (None: nobody does)."""

    name: str
    invocation: Invocation
    lane: int | None
    thread: Any
    lived: int = 0  # interned: the batch, and all that was answered so far. Its state is a function of this
    call: Call | None = None  # None: it has returned, and its answer is on its way
    answer: dict[str, Any] | None = None
    excused: bool = False  # the platform has failed it, so it may fail records


@dataclass
class Schedule:
    """One run of a story."""

    story: Story
    handler: Any
    world: World
    choose: Choose
    lanes: list[list[Sequence[LoggedRecord]]]
    faults: int
    preemptions: int
    zombies: int
    waiting: set[int] = field(default_factory=set)  # lanes with an invocation under way
    workers: list[Worker] = field(default_factory=list)
    started: int = 0
    ran: Worker | None = None  # who ran last, if the pipe still waits for it: to go on with another is a preemption
    told: list[tuple[str, str, str]] = field(default_factory=list)
    arrive: Callable[[Callable[[], Hashable]], None] = lambda state: None  # called before every step
    names: dict[Hashable, int] = field(default_factory=dict)  # small numbers for what is long to compare

    def run(self) -> None:
        """Drive the story until everything is drained and everybody has finished."""
        try:
            self._run()
        finally:
            for worker in self.workers:
                worker.thread = None  # a greenlet left in a circle is never collected

    def _run(self) -> None:
        for _ in range(MOST_STEPS):
            self._start()
            if not self.workers:
                return self.world.check_drained(self.story.in_order)
            self.arrive(self._state)
            options = list(self._options())
            self._act(*options[self.choose(len(options)) if len(options) > 1 else 0])
        raise ViolationError(f"not drained after {MOST_STEPS} steps")

    def _state(self) -> Hashable:
        """All that the rest of the schedule depends on, and all that the ledger will hold against it."""
        world, workers = self.world, self.workers
        return (
            self.faults,
            self.preemptions,
            self.zombies,
            workers.index(self.ran) if self.ran else None,
            tuple((each.lived, each.lane, each.call is None) for each in workers),
            tuple(
                self._name(tuple(tuple(each.sequence_number for each in batch) for batch in lane))
                for lane in self.lanes
            ),
            self._name(tuple((product, tuple(levels)) for product, levels in world.history.items())),
            self._name((frozenset(world.applied), frozenset(world.retried))),
            self._name(tuple((key, tuple(reasons)) for key, reasons in sorted(world.quarantined.items()))),
        )

    def _name(self, what: Hashable) -> int:
        return self.names.setdefault(what, len(self.names))

    def _start(self) -> None:
        for lane, batches in enumerate(self.lanes):
            if batches and lane not in self.waiting:
                self.waiting.add(lane)
                self.started += 1
                worker = Worker(f"invocation {self.started}", Invocation(batches.pop(0)), lane, greenlet(self._work))
                worker.lived = self._name(tuple(record.key for record in worker.invocation.records))
                self.workers.append(worker)
                self._resume(worker, worker.thread.switch, worker)

    def _work(self, worker: Worker) -> None:
        try:
            worker.answer = self.handler([record.flat() for record in worker.invocation.records], None)
        except Exception:
            worker.answer = None  # the whole batch failed

    def _options(self) -> Iterator[tuple[Worker, str]]:
        """Who may run, and what may become of the call it stands before."""
        ran = self.ran
        for worker in sorted(self.workers, key=lambda each: each is not ran):
            if ran and worker is not ran and not self.preemptions:
                return
            yield worker, "done"
            if not self.faults:
                continue
            if worker.call:
                for fault in FAULTS[worker.call.operation]:
                    yield worker, fault
                yield worker, "dies"
                if self.zombies and worker.lane is not None:
                    yield worker, "times out"
            elif worker.lane is not None:
                yield worker, "answer lost"

    def _act(self, worker: Worker, action: str) -> None:
        self.told.append((worker.name, worker.call.operation if worker.call else "answers", action))
        self._charge(worker, action)
        worker.excused |= worker.call is not None and (worker.call.operation, action) in EXCUSES
        self.world.current = worker.invocation
        if action in ("dies", "answer lost") or worker.call is None:
            self.workers.remove(worker)
            self.ran = None
            worker.thread = None
            self._check_excuse(worker, action)
            self._hear(worker, worker.answer if action == "done" else None)
        elif action == "times out":
            self.ran = None
            self._hear(worker, None)
        elif action == "throttled":
            self._resume(worker, worker.thread.throw, throttled(worker.call.operation))
        else:
            self._perform(worker, worker.call, action)
        self._live(worker, action)

    def _check_excuse(self, worker: Worker, action: str) -> None:
        failed = worker.answer is None or worker.answer["batchItemFailures"]
        if action == "done" and failed and not worker.excused and not self.story.attempts:
            raise ViolationError("records failed, though the platform did not fail them")

    def _charge(self, worker: Worker, action: str) -> None:
        self.faults -= action != "done"
        self.zombies -= action == "times out"
        self.preemptions -= self.ran not in (None, worker)
        self.ran = worker

    def _perform(self, worker: Worker, call: Call, action: str) -> None:
        try:
            reply = call.perform(action != "in part")
        except Exception as error:
            if action == "done":
                return self._resume(worker, worker.thread.throw, error)
            reply = None
        if action == "reply lost":
            return self._resume(worker, worker.thread.throw, ConnectionError("reply lost"))
        if action != "reply lost, retried":  # a retry stands before the same call again
            self._resume(worker, worker.thread.switch, reply)
        return None

    def _resume(self, worker: Worker, resume: Callable[..., Any], value: Any) -> None:
        worker.call = resume(value)

    def _live(self, worker: Worker, action: str) -> None:
        """Note what the worker has just been through."""
        read = tuple(worker.invocation.believed.items())
        worker.lived = self._name((worker.lived, action, read, frozenset(worker.invocation.quarantined)))

    def _hear(self, worker: Worker, answer: dict[str, Any] | None) -> None:
        """The pipe takes the answer, and chooses how it delivers again what failed."""
        if worker.lane is None:
            return
        lane, worker.lane = worker.lane, None
        self.waiting.remove(lane)
        again = self.world.returned(worker.invocation, answer)
        if again:
            plans = redeliveries(worker.invocation.records, again)
            self.lanes[lane][:0] = plans[self.choose(len(plans)) if len(plans) > 1 else 0]


def prepare(story: Story, deployed: Deployed, choose: Choose, bounds: Bounds) -> Schedule:
    """Prepare one schedule: the world, with what comes before the story already in it."""
    world = World(story.log, story.remembered)
    pipe = getcurrent()
    for batch in story.before:
        world.current = Invocation(batch)
        world.attach(deployed, lambda call: call.perform())([record.flat() for record in batch], None)
    handler = world.attach(deployed, lambda call: pipe.switch(call))
    lanes = [list(lane) for lane in story.lanes]
    return Schedule(story, handler, world, choose, lanes, *bounds, story.zombies)
