"""The layers of the proof: what each runs, in full and in a shorter cut, cut into tasks that can run side by side."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

from tests.doubles.table import UnknownRequestError
from tests.proof import redrives
from tests.proof.crashes import BATCHES, crash_everywhere
from tests.proof.deployed import Deployed, load
from tests.proof.embedded import RECORDS, THREADS, hammer
from tests.proof.folds import ALPHABET, STARTS, every_short_log
from tests.proof.items import ViolationError
from tests.proof.machine import run_machine
from tests.proof.search import explore
from tests.proof.simulation import simulate
from tests.proof.stories import STORIES
from tests.proof.story import Bounds

FOLD, EXPLORER, CRASHES, MACHINE, SIMULATION, EMBEDDED, REDRIVE = (
    "fold", "explorer", "crash points", "model-based", "simulation", "embedded cloud", "redrive",
)  # fmt: skip


UNDER_FAULTS = (EXPLORER, CRASHES, MACHINE, SIMULATION)


class Size(NamedTuple):
    """How far a run goes."""

    length: int  # of the logs that the fold is enumerated on
    bounds: Bounds  # of the explorer
    deaths: int  # in one run of the crash points
    machines: int  # each with its own number
    examples: int  # histories a machine
    steps: int  # of a history
    seeds: int
    events: int  # of a seed
    rounds: int  # on the embedded cloud
    troubles: int  # around a redrive


FULL = Size(5, Bounds(faults=2, preemptions=2), 3, 10, 200, 50, 300, 2000, 4, 3)
SHORT = Size(4, Bounds(faults=1, preemptions=1), 2, 1, 60, 30, 12, 300, 0, 2)
FOR_BUGS = Size(3, Bounds(faults=1, preemptions=1), 1, 1, 60, 30, 12, 300, 0, 0)


class Task(NamedTuple):
    """A part of a layer, small enough to be handed to another process."""

    layer: str
    number: int
    about: str
    size: Size


class Ran(NamedTuple):
    """What came of a task. `complete` is None where things are drawn, not enumerated."""

    task: Task
    count: int
    complete: bool | None
    violation: str = ""
    runs: int = 0
    branches: Mapping[str, int] | None = None  # how often each was taken


def tasks(size: Size) -> list[Task]:
    """Return all tasks of a run, the long ones first."""
    longest = sorted(range(len(STORIES)), key=lambda number: len(STORIES[number].lanes), reverse=True)
    return [
        *(Task(EXPLORER, number, STORIES[number].name, size) for number in longest),
        *(Task(REDRIVE, number, story.name, size) for number, story in enumerate(redrives.STORIES) if size.troubles),
        *(Task(CRASHES, number, batch.name, size) for number, batch in enumerate(BATCHES)),
        Task(FOLD, 0, "all short logs", size),
        *(Task(MACHINE, number, f"number {number}", size) for number in range(size.machines)),
        *(Task(SIMULATION, seed, f"seed {seed}", size) for seed in range(size.seeds)),
        *(Task(EMBEDDED, 0, f"{size.rounds} rounds", size) for _ in range(bool(size.rounds))),
    ]


def about(layer: str, size: Size) -> str:
    """Say what a layer enumerates or draws."""
    bounds = f"faults ≤ {size.bounds.faults}, interruptions ≤ {size.bounds.preemptions}"
    return {
        FOLD: f"every log of {size.length} records: {len(ALPHABET)} kinds, {len(STARTS)} levels to start from",
        EXPLORER: f"every schedule of {len(STORIES)} stories, {bounds}",
        CRASHES: f"every choice of ≤ {size.deaths} deaths in {len(BATCHES)} ten-event batches",
        MACHINE: f"histories of ≤ {size.steps} steps",
        SIMULATION: f"seeds of {size.events:,} events",
        REDRIVE: f"every schedule of {len(redrives.STORIES)} stories around a redrive, ≤ {size.troubles} faults",
        EMBEDDED: f"invocations by {THREADS} threads on a hot product, logs of {RECORDS} records",
    }[layer]


def run(task: Task, deployed: Deployed | None = None) -> Ran:
    """Run one task on the deployed code, or on the code given."""
    deployed = deployed or _as_deployed()
    deployed.remembering(0).losing(0).stocking(0).keeping(0)
    deployed.branches.collect()
    try:
        return _run(task, deployed)._replace(branches=deployed.branches.collect())
    except (ViolationError, UnknownRequestError) as violation:
        return Ran(task, 0, False, f"{task.layer}, {task.about}: {violation}")


_as_deployed = cache(load)


def _run(task: Task, deployed: Deployed) -> Ran:
    size, number = task.size, task.number
    if task.layer == EXPLORER:
        explored = explore(STORIES[number], deployed, size.bounds)
        return Ran(task, explored.schedules, explored.complete, explored.violation, explored.runs)
    if task.layer == REDRIVE:
        explored = redrives.explore(redrives.STORIES[number], size.troubles)
        return Ran(task, explored.schedules, explored.complete, explored.violation, explored.runs)
    if task.layer == CRASHES:
        return Ran(task, crash_everywhere(BATCHES[number], deployed, size.deaths), True)
    if task.layer == FOLD:
        return Ran(task, every_short_log(deployed, size.length), True)
    if task.layer == MACHINE:
        run_machine(deployed, number, size.examples, size.steps, shrink=size is FULL)
        return Ran(task, size.examples, None)
    if task.layer == SIMULATION:
        simulate(number, deployed, size.events)
        return Ran(task, 1, None)
    assert task.layer == EMBEDDED
    return Ran(task, hammer(size.rounds), None)


def caught_by(deployed: Deployed, first_only: bool) -> Iterator[tuple[str, str]]:
    """Run the layers on defective code; yield each layer that sees the defect, and what it says."""
    for layer in (FOLD, EXPLORER, CRASHES, MACHINE, SIMULATION):
        for task in sorted(each for each in tasks(FOR_BUGS) if each.layer == layer):
            if seen := _seen(task, deployed):
                yield layer, seen
                if first_only:
                    return
                break


def _seen(task: Task, deployed: Deployed) -> str:
    try:
        return run(task, deployed).violation
    except Exception as error:  # the defect upsets what it hands to the outside, or hypothesis itself
        return f"{task.layer}, {task.about}: {error!r}"
