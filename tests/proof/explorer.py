"""All schedules of a story within bounds: who runs next, what fails, who dies, how the pipe delivers again.

The handler runs unchanged, each invocation in a greenlet of its own that stops before every I/O call, and within a
request of statements before each of them. One schedule is one list of choices. `search.py` goes through all of them.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from greenlet import getcurrent, greenlet

from tests.doubles.errors import client_error
from tests.doubles.table import Call
from tests.proof.deployed import Deployed
from tests.proof.faults import (
    BEFORE_IT_BEGINS,
    OF_ONE_KEY,
    OF_ONE_STATEMENT,
    ONCE_IT_IS_DONE,
    RECOVERED,
    RECOVERED_IN_TIME,
)
from tests.proof.items import ViolationError
from tests.proof.reference import Key, LoggedRecord
from tests.proof.story import Bounds, Story, redeliveries
from tests.proof.world import Invocation, World

MOST_STEPS = 150  # of one schedule; more is a livelock, and a livelock is a violation

Choose = Callable[[int], int]
Action = tuple[str, int]  # what happens, and to which key or statement of the call (-1: to all of it)
ALL = -1


@dataclass(slots=True)
class Worker:
    """An invocation under way: where it stands, and the lane that waits for it (None: nobody does)."""

    name: str
    invocation: Invocation
    lane: int | None
    thread: Any
    lived: int = 0  # interned: the batch, and all that was answered so far. Its state is a function of this
    before_call: int = 0  # the same, as it was before the call that it is in
    call: Call | None = None  # None: it has returned, and its answer is on its way
    answer: dict[str, Any] | None = None
    excused: set[Key] = field(default_factory=set)  # records that may come again, because the platform failed them


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
            tuple((each.lived, each.lane, each.call is None, self._name(frozenset(each.excused))) for each in workers),
            tuple(
                self._name(tuple(tuple(each.sequence_number for each in batch) for batch in lane))
                for lane in self.lanes
            ),
            self._name(tuple((product, tuple(levels)) for product, levels in world.history.items())),
            self._name((frozenset(world.applied), frozenset(world.retried))),
            self._name((tuple(sorted(world.quarantined.items())), frozenset(world.foreign))),
        )

    def _name(self, what: Hashable) -> int:
        return self.names.setdefault(what, len(self.names))

    def _start(self) -> None:
        for lane, batches in enumerate(self.lanes):
            if batches and lane not in self.waiting:
                self.waiting.add(lane)
                self.started += 1
                worker = Worker(f"invocation {self.started}", Invocation(batches.pop(0)), lane, greenlet(self._work))
                worker.lived = worker.before_call = self._name(
                    tuple(record.key for record in worker.invocation.records)
                )
                self.workers.append(worker)
                self._resume(worker, worker.thread.switch, worker)

    def _work(self, worker: Worker) -> None:
        try:
            worker.answer = self.handler([record.flat() for record in worker.invocation.records], None)
        except Exception:
            worker.answer = None  # the whole batch failed

    def _options(self) -> Iterator[tuple[Worker, Action]]:
        """Who may run, and what may become of the call (or of the part of a call) that it stands before."""
        ran = self.ran
        for worker in sorted(self.workers, key=lambda each: each is not ran):
            if ran and worker is not ran and not self.preemptions:
                return
            if worker.call:
                yield from ((worker, action) for action in self._fates(worker, worker.call))
            else:
                yield worker, ("answers", ALL)
                if self.faults and worker.lane is not None:
                    yield worker, ("answer lost", ALL)

    def _fates(self, worker: Worker, call: Call) -> Iterator[Action]:
        left = [at for at in range(call.parts) if at not in call.answers]
        is_read, has_begun = call.operation == "batch_get_item", bool(call.answers)
        if is_read or not left:
            yield "done", ALL
        else:
            yield from (("done", at) for at in left)
        if not self.faults:
            return
        if not has_begun and call.parts > 1:  # of a single part it would come to the same as a fault of that part
            yield from ((fault, ALL) for fault in BEFORE_IT_BEGINS)
        if is_read:
            yield from ((fault, at) for at in left for fault in OF_ONE_KEY)
        elif left:
            yield from (
                (fault, at) for at in left for fault in OF_ONE_STATEMENT if fault != "no item" or self._loses(call, at)
            )
        else:
            yield from ((fault, ALL) for fault in ONCE_IT_IS_DONE[: 2 if call.parts > 1 else 1])
        yield "dies", ALL
        if self.zombies and worker.lane is not None:
            yield "times out", ALL

    def _loses(self, call: Call, position: int) -> bool:
        """Say whether the guard of a statement fails now, with an item to show."""
        statement = call.request["Statements"][position]
        table, key = self.world.database.key_of(statement)
        there = self.world.database.tables[table].item(key)
        return (
            bool(there)
            and statement["Statement"].startswith("UPDATE")
            and (there.get("last_sequence_number") != statement["Parameters"][-1])
        )

    def _act(self, worker: Worker, action: Action) -> None:
        what, position = action
        call = worker.call
        self.told.append(
            (worker.name, call.operation if call else "the pipe", f"{what} {position}".removesuffix(" -1"))
        )
        self._charge(worker, what)
        self.world.current = worker.invocation
        if call is None or what == "dies":
            self.workers.remove(worker)
            self.ran = None
            worker.thread = None
            self._check_excuse(worker, what)
            self._hear(worker, worker.answer if what == "answers" else None)
        elif what == "times out":
            self.ran = None
            self._hear(worker, None)
        else:
            self._excuse(worker, call, what, position)
            self._perform(worker, call, what, position)
        self._live(worker, action, call)

    def _excuse(self, worker: Worker, call: Call, what: str, position: int) -> None:
        """Note whose records may come again for what happens now."""
        if what in RECOVERED or (what in RECOVERED_IN_TIME and self.story.pauses):
            return
        for at in range(call.parts) if position == ALL else (position,):
            worker.excused |= {record.key for record in self.world.needing(call, at)}

    def _check_excuse(self, worker: Worker, what: str) -> None:
        if what != "answers" or self.story.guards:
            return
        failures = worker.answer["batchItemFailures"] if worker.answer else None
        named = {self.world.named[each["itemIdentifier"]] for each in failures or ()}
        foreign = {record.key for record in worker.invocation.records if record.product in self.story.foreign}
        if failures is None or named - worker.excused - foreign:
            raise ViolationError(f"records failed, though the platform did not fail them: {named - worker.excused}")

    def _charge(self, worker: Worker, what: str) -> None:
        self.faults -= what not in ("done", "answers")
        self.zombies -= what == "times out"
        self.preemptions -= self.ran not in (None, worker)
        self.ran = worker

    def _perform(self, worker: Worker, call: Call, what: str, position: int) -> None:
        """Do the call, or one statement of it. An invocation goes on when all of its call has been answered."""
        if what == "request throttled":
            self._resume(worker, worker.thread.throw, client_error(call.operation, "ThrottlingException"))
        elif call.operation == "batch_get_item":
            reply = call.perform(lambda at: what if at == position else "")
            self._resume(worker, worker.thread.switch, reply)
        elif position != ALL:
            call.step(position, "" if what == "done" else what)
            if len(call.answers) == call.parts and not self.faults:
                self._resume(worker, worker.thread.switch, call.reply())
        elif what == "done":
            self._resume(worker, worker.thread.switch, call.reply())
        else:
            self.world.unheard(call)
            call.answers.clear()  # retried: it stands before the same statements again
            if what == "reply lost":
                self._resume(worker, worker.thread.throw, ConnectionError(what))

    def _resume(self, worker: Worker, resume: Callable[..., Any], value: Any) -> None:
        worker.call = resume(value)

    def _live(self, worker: Worker, action: Action, call: Call | None) -> None:
        """Note what the worker has just been through. The order of answers within a request makes no difference."""
        known = tuple(worker.invocation.believed.items()), frozenset(worker.invocation.quarantined)
        if call is not None and call is worker.call and call.answers:
            answers = tuple(sorted((at, self._code(answer)) for at, answer in call.answers.items()))
            worker.lived = self._name((worker.before_call, answers, known))
        else:
            worker.lived = worker.before_call = self._name((worker.lived, action, known))

    def _code(self, answer: dict[str, Any]) -> Any:
        error = answer.get("Error", {})
        return error.get("Code", ""), error.get("Item", {}).get("last_sequence_number", {}).get("S", "")

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
    world = World(story.log, story.remembered, story.pauses, story.foreign)
    pipe = getcurrent()
    for batch in story.before:
        world.current = Invocation(batch)
        world.attach(deployed, Call.perform)([record.flat() for record in batch], None)
    handler = world.attach(deployed, lambda call: pipe.switch(call))
    lanes = [list(lane) for lane in story.lanes]
    return Schedule(story, handler, world, choose, lanes, *bounds, story.zombies)
