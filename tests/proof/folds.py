"""The fold alone: every short log over a small alphabet, against the reference. No I/O, no faults."""

from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from tests.proof.deployed import Deployed
from tests.proof.events import Said, added, down, removed, up
from tests.proof.items import ViolationError
from tests.proof.reference import MOST_STOCK, UNSEEN, Level, LoggedRecord, judge, read

REMEMBERED = 2
STARTS = (UNSEEN, Level("Laptop", True, MOST_STOCK - 1), Level("Laptop", False, 0))
AGAIN = ("the first record again", "the last record again")
ALPHABET: tuple[Said | str, ...] = (
    added("P", 0),
    added("P", 2, "a"),
    removed("P", "b"),
    up("P", 1),
    up("P", 1, "a"),
    up("P", 2, "c"),
    down("P", 1, "b"),
    down("P", 2),
    *AGAIN,
)


class Step(NamedTuple):
    """A record, as the reference and as the code under proof read it."""

    logged: LoggedRecord
    event: Any


def every_short_log(deployed: Deployed, length: int) -> int:
    """Fold every log of this length over the alphabet, from every start; return how many there were.

    Raises:
        ViolationError: with the log on which fold and reference differ.
    """
    deployed.remembering(REMEMBERED)
    steps = [[_step(deployed, said, place) for said in ALPHABET if not isinstance(said, str)] for place in range(1, 9)]
    count = 0
    for start, letters in product(STARTS, product(range(len(ALPHABET)), repeat=length)):
        _fold(deployed, start, list(_log(steps, letters)))
        count += 1
    return count


def _step(deployed: Deployed, said: Said, place: int) -> Step:
    logged = read("shard", str(place), *said)
    event = deployed.modules["events"].parse(deployed.modules["events"].Record.from_pipe(logged.flat()))
    return Step(logged, event)


def _log(steps: list[list[Step]], letters: tuple[int, ...]) -> Iterator[Step]:
    seen: list[Step] = []
    for place, letter in enumerate(letters):
        said = ALPHABET[letter]
        if isinstance(said, str):
            if not seen:
                continue
            seen.append(seen[0 if said == AGAIN[0] else -1])
        else:
            seen.append(steps[place][letter])
        yield seen[-1]


def _fold(deployed: Deployed, start: Level, log: list[Step]) -> None:
    projection, memory = deployed.modules["projection"], deployed.modules["memory"]
    level = projection.StockLevel("P", start.product_name, start.active, start.quantity, memory=memory.Memory())
    pairs = [(step.logged.sequence_number, step.event) for step in log]
    after, outcomes = projection.fold(level, pairs)
    again, outcomes_again = projection.fold(level, pairs)
    if (after, outcomes) != (again, outcomes_again):
        raise ViolationError("the fold is not pure: twice from the same level gives two results")
    due, verdicts = start, []
    for step in log:
        due, verdict = judge(due, step.logged, REMEMBERED)
        verdicts.append(verdict)
    told = [getattr(outcome, "reason", outcome) for outcome in outcomes]
    if told != verdicts or _seen(after) != _due(due):
        raise ViolationError(f"{[step.logged.data for step in log]}: {told}, {after}; should be {verdicts}, {due}")


def _seen(after: Any) -> tuple[Any, ...]:
    places = [place for _, place in after.memory.entries()]
    last, forgotten = after.last_sequence_number, after.memory.remembers_after
    return after.product_name, after.is_active, after.quantity, after.version, last, after.updated_at, places, forgotten


def _due(due: Level) -> tuple[Any, ...]:
    return (*due[:6], [place for _, place in due.memory], due.forgotten)
