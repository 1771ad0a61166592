"""All schedules of a few faults around a redrive: killed anywhere, a second one beside it, a zombie, a lapsed lease.

The real redrive runs on the shop in memory, each one in a greenlet of its own that stops after everything that it read
or wrote. Between two such steps the pipe may deliver, and whatever else the story allows may happen. In the end another
redrive runs undisturbed; then every record must have exactly one outcome, and the audit must find nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import pytest
from greenlet import GreenletExit, getcurrent, greenlet

from pipeline.errors import UserError
from pipeline.recovery import hands, redrive, rules
from pipeline.recovery.resend import derived_event_id
from tests.consistency.shop import OUTPUTS, Shop
from tests.doubles.events import added, decremented, incremented, removed
from tests.doubles.kinesis import number_of
from tests.proof.search import Explored, Search

LONG = 61  # seconds: longer than an invocation may run, and than a lease holds
PRODUCT = "P98765"
SHARD = "shardId-000000000000"


class Story(NamedTuple):
    """What is sent, what of it the pipe gives up, and what may be in stock in the end."""

    name: str
    events: Sequence[Any]
    given_up: Sequence[int]
    stock: Sequence[int]
    unless: Sequence[int] = ()  # what also may be in stock, if a re-send is given up again
    zombie: int | None = None  # the record that an attempt which lives on may still apply
    early: bool = False  # the first redrive begins while that attempt may live


RE_SENT = decremented(quantity=3, event_id="sale")
STORIES = [
    Story(
        "an increment, then a refused sale",
        [added(quantity=0), incremented(quantity=5), decremented(quantity=5)],
        given_up=[1],
        stock=[5],
    ),
    Story("a sale and its re-send", [added(quantity=9), RE_SENT, RE_SENT], given_up=[1, 2], stock=[6]),
    Story(
        "an increment before another life",
        [added(quantity=1), incremented(quantity=5), removed(), added(quantity=10)],
        given_up=[1],
        stock=[10],
    ),
    Story(
        "a whole life",
        [added(quantity=1), removed(), added(quantity=7), incremented(quantity=1)],
        given_up=[1, 2, 3],
        stock=[8],
        unless=[0, 1, 2, 7],
    ),
    Story(
        "a sale that stock does not allow, and poison",
        [added(quantity=1), decremented(quantity=5), b"nonsense"],
        given_up=[1, 2],
        stock=[1],
    ),
    Story(
        "a zombie",
        [added(quantity=1), incremented(quantity=5)],
        given_up=[1],
        stock=[6],
        zombie=1,
        early=True,
    ),
]


class Killed(BaseException):
    """A redrive is killed."""


class Schedule:
    """One run of a story."""

    def __init__(self, story: Story, choose: Callable[[int], int], faults: int, patch: pytest.MonkeyPatch) -> None:
        self.story, self.choose, self.faults = story, choose, faults
        self.shop = Shop(patch)
        self.told: list[str] = []
        self.workers: list[greenlet] = []
        places = self.shop.send(*story.events)
        for number, place in enumerate(places):
            if number in story.given_up:
                self.shop.give_up(place)
            else:
                self.shop.deliver(most=1)
        self.places = [int(place) for place in places]
        self.zombie = story.zombie
        if not story.early:
            self.shop.now += LONG
        put_record = self.shop.kinesis.put_record

        def put_and_stop(**request: Any) -> Any:
            answer = put_record(**request)
            self.shop.say_that("sent")
            return answer

        patch.setattr(self.shop.kinesis, "put_record", put_and_stop)
        patch.setattr(self.shop, "say_that", self._stop)
        patch.setattr("pipeline.reading.queues.eventually", self._wait)

    def run(self) -> None:
        """Drive the story until nobody is at work any more, then redrive undisturbed."""
        scheduler = self.scheduler = getcurrent()
        self._begin()
        while self.workers:
            options = list(self._options())
            what, act = options[self.choose(len(options)) if len(options) > 1 else 0]
            self.told.append(what)
            act()
        assert getcurrent() is scheduler
        self.shop.now += LONG
        for _ in range(2):
            redrive.redrive(self.shop.cloud, OUTPUTS)
            self.shop.deliver()
            self.shop.now += LONG

    def _begin(self) -> None:
        worker = greenlet(self._redrive)
        self.workers.append(worker)
        worker.switch()

    def _redrive(self) -> None:
        try:
            redrive.redrive(self.shop.cloud, OUTPUTS)
        except (UserError, Killed):
            pass  # another one is at work; or it was killed
        except GreenletExit:
            return
        self.workers.remove(getcurrent())

    def _wait(self, holds: Callable[[], bool], *_: float, **__: float) -> None:
        while not holds():
            self.shop.now += 1

    def _stop(self, thing: str) -> None:
        if thing != "letters" and getcurrent() in self.workers:
            self.scheduler.switch()

    def _options(self) -> Iterator[tuple[str, Callable[[], object]]]:
        """What may happen next: a redrive goes on, or else something that counts as a fault."""
        yield "redrive 1 goes on", self.workers[0].switch
        if not self.faults:
            return
        for number, worker in enumerate(self.workers[1:], 2):
            yield f"redrive {number} goes on", self._fault(worker.switch)
        yield "killed", self._fault(lambda: self.workers[0].throw(Killed))
        if len(self.workers) == 1:
            yield "another redrive begins", self._fault(self._begin)
        yield "a minute passes", self._fault(self._pass_time)
        if any(self.shop.waiting(shard_id) for shard_id in self.shop.kinesis.shards):
            yield "the pipe delivers", self._fault(self.shop.deliver)
            yield "the pipe gives up", self._fault(self._give_up)
        if self.zombie is not None:
            yield "the zombie writes", self._fault(self._let_the_zombie_write)

    def _fault(self, act: Callable[[], object]) -> Callable[[], None]:
        def charged() -> None:
            self.faults -= 1
            act()

        return charged

    def _pass_time(self) -> None:
        self.shop.now += LONG
        self.zombie = None

    def _give_up(self) -> None:
        [waiting] = [records for shard_id in self.shop.kinesis.shards if (records := self.shop.waiting(shard_id))]
        self.shop.give_up(waiting[0]["SequenceNumber"])

    def _let_the_zombie_write(self) -> None:
        assert self.zombie is not None
        self.shop.project(*self.shop.find(str(self.places[self.zombie])))
        self.zombie = None

    def violations(self) -> list[str]:
        """Say what is wrong in the end."""
        shop, wrong = self.shop, list(self.shop.audit().discrepancies)
        wrong += [f"a letter is left: {letter}" for letter in shop.letters]
        stock = shop.level(PRODUCT).quantity
        if stock not in [*self.story.stock, *(self.story.unless if "the pipe gives up" in self.told else ())]:
            wrong.append(f"{stock} in stock")
        again: dict[str, int] = {}
        for raw in shop.kinesis.records:
            place = number_of(raw)
            if place > self.places[-1] and f"{SHARD}:{place}" not in shop.quarantine:
                again[raw["Data"].decode()] = again.get(raw["Data"].decode(), 0) + 1
        wrong += [f"sent again {count} times: {data}" for data, count in again.items() if count > 1]
        for record_id, item in shop.quarantine.items():
            event = derived_event_id(record_id)
            is_there = any(event in data for data in again)
            if (item["reason"]["S"], item["state"]["S"]) == ("given_up", "open") and is_there:
                wrong.append(f"{record_id} is open, and was sent again")
            if item["state"]["S"] == "re_sending":
                wrong.append(f"{record_id} is in the middle")
        return wrong


def explore(story: Story, faults: int) -> Explored:
    """Go through every schedule of a story with so many faults at most, or up to the first violation."""
    search, runs, more = Search(), 0, True
    while more:
        runs += 1
        with pytest.MonkeyPatch.context() as patch:
            schedule = Schedule(story, search.choose, faults, patch)
            schedule.run()
            if violations := schedule.violations():
                told = f"{story.name}: {violations}; {' → '.join(schedule.told)}"
                return Explored(runs, runs, False, told)
        more = search.next()
    return Explored(runs, runs, True)


def _re_send_without_a_claim(patch: pytest.MonkeyPatch) -> None:
    claimed = {"reason": "given_up", "state": "open"}

    def send(self: hands.Hands, claim: rules.Entry) -> rules.Entry:
        prepared = self._prepared(claim)
        self._cloud.client("kinesis").put_record(
            StreamName=OUTPUTS["StreamName"], Data=prepared.data, PartitionKey=prepared.product_id
        )
        return claim

    patch.setattr(hands.Hands, "claim", lambda self, record, why: claimed | {"record_id": rules.id_of(record)})
    patch.setattr(hands.Hands, "send", send)


def _ignore_the_quarantine(patch: pytest.MonkeyPatch) -> None:
    decide = rules.verdict

    def verdict(record: Any, refused: Any, item: Any) -> rules.Verdict:
        return rules.Verdict("go on") if refused else decide(record, refused, item)

    patch.setattr(rules, "verdict", verdict)
    patch.setattr(rules.Log, "why_not", lambda self, claim: "")


def _do_not_wait_for_zombies(patch: pytest.MonkeyPatch) -> None:
    gather = redrive.gather
    patch.setattr(redrive, "gather", lambda cloud, outputs, about, longest_run: gather(cloud, outputs, about, 0))


def _jump_over_a_later_life(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules.Log, "jumped", lambda self, claim, above=0: [])


def _delete_the_letter_first(patch: pytest.MonkeyPatch) -> None:
    def gather_and_delete(cloud: Any, outputs: Any, about: Any, longest_run: float) -> Any:
        letters = gather(cloud, outputs, about, longest_run)
        hands.Hands(cloud, outputs).delete([letter.message_id for letter in letters.named])
        return letters

    gather = redrive.gather
    patch.setattr(redrive, "gather", gather_and_delete)


def _forget_to_look_for_an_earlier_re_send(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules.Log, "earlier_re_send", lambda self, claim: None)


PLANTED = (
    _re_send_without_a_claim,
    _ignore_the_quarantine,
    _do_not_wait_for_zombies,
    _jump_over_a_later_life,
    _delete_the_letter_first,
    _forget_to_look_for_an_earlier_re_send,
)
