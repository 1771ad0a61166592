"""The run and its table: what was enumerated or drawn, how many, complete or not, violations, planted bugs caught."""

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from time import monotonic
from typing import Any

from tqdm import tqdm

from tests.doubles.table import Call
from tests.proof import layers
from tests.proof.branches import LEAST
from tests.proof.deployed import load
from tests.proof.events import added, log, up
from tests.proof.invocation import Invocation
from tests.proof.layers import (
    CRASHES,
    EMBEDDED,
    EXPLORER,
    FOLD,
    FULL,
    MACHINE,
    REDRIVE,
    SIMULATION,
    UNDER_FAULTS,
    Ran,
    Size,
)
from tests.proof.planted import BUGS, Bug
from tests.proof.removed import REMOVED
from tests.proof.world import World

LAYERS = (FOLD, EXPLORER, CRASHES, MACHINE, SIMULATION, EMBEDDED, REDRIVE)


class ImplausibleBugError(Exception):
    """A planted bug breaks even a calm, ordinary batch: it would be caught by anything, and proves nothing."""


def judge(bug: Bug, first_only: bool) -> list[tuple[str, str]]:
    """Plant a bug and return the layers that see it, with what they say.

    Raises:
        StalePatchError: it no longer fits the source.
        ImplausibleBugError: it is no program any more.
    """
    deployed = load(bug.patches)
    batch = log([added("LAPTOP", 5, "a"), up("LAPTOP", 1, "b")])
    world = World(batch)
    world.current = Invocation(batch)
    try:
        world.attach(deployed, Call.perform)([record.flat() for record in batch], None)
    except Exception as error:
        raise ImplausibleBugError(f"{bug.name}: {error!r}") from error
    except BaseException:
        pass
    return list(layers.caught_by(deployed, first_only))


def prove(size: Size = FULL, processes: int = 2) -> dict[str, Any]:
    """Run everything; return the figures of the table."""
    started = monotonic()
    work: list[tuple[Any, ...]] = [(layers.run, task) for task in layers.tasks(size)]
    work += [(judge, bug, size is not FULL) for bug in (*BUGS, *REMOVED)]
    ran: list[Ran] = []
    judged: dict[str, list[tuple[str, str]]] = {}
    with ProcessPoolExecutor(processes) as pool:
        doing = {pool.submit(*each): each for each in work}
        for done in tqdm(as_completed(doing), total=len(doing), unit=" tasks", file=sys.stderr):
            function, what, *_ = doing[done]
            if function is judge:
                judged[what.name] = done.result()
            else:
                ran.append(done.result())
    return _figures(size, ran, judged) | {"seconds": round(monotonic() - started, 1)}


def _figures(size: Size, ran: list[Ran], judged: dict[str, list[tuple[str, str]]]) -> dict[str, Any]:
    rows = [_row(layer, size, [each for each in ran if each.task.layer == layer], judged) for layer in LAYERS]
    stories = [each for each in ran if each.task.layer == EXPLORER]
    return {
        "layers": rows,
        "stories": [
            {"story": s.task.about, "schedules": s.count, "runs": s.runs, "complete": s.complete} for s in stories
        ],
        "violations": [each.violation for each in ran if each.violation],
        "branches": _branches(ran),
        "least": LEAST if size is FULL else 0,
        "planted": [_caught(bug, judged) for bug in BUGS],
        "removed": [_caught(bug, judged) for bug in REMOVED],
    }


def _row(layer: str, size: Size, ran: list[Ran], judged: dict[str, list[tuple[str, str]]]) -> dict[str, Any]:
    seen = [[name for name, _ in layers_seen] for layers_seen in judged.values()]
    return {
        "layer": layer,
        "what": layers.about(layer, size),
        "count": sum(each.count for each in ran),
        "complete": None if not ran or ran[0].complete is None else all(each.complete for each in ran),
        "ran": bool(ran),
        "violations": sum(bool(each.violation) for each in ran),
        "caught": sum(layer in each for each in seen),
        "caught_first": sum(each[:1] == [layer] for each in seen),
    }


def _caught(bug: Bug, judged: dict[str, list[tuple[str, str]]]) -> dict[str, Any]:
    seen = judged[bug.name]
    return {"bug": bug.name, "caught_by": [layer for layer, _ in seen], "seen": seen[0][1] if seen else ""}


def _branches(ran: list[Ran]) -> list[dict[str, Any]]:
    """Count how often each branch of the code was taken while things went wrong, the rarest first."""
    names = load().branches.names
    taken: Counter[str] = Counter()
    for each in ran:
        if each.task.layer in UNDER_FAULTS:
            taken.update(each.branches or {})
    return sorted(({"branch": name, "taken": taken[name]} for name in names), key=lambda each: each["taken"])


def rare(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the branches about which the run says too little."""
    return [each for each in figures["branches"] if each["taken"] < figures["least"]]


def holds(figures: dict[str, Any]) -> bool:
    """Say whether the proof holds: nothing violated or cut short, every branch taken, every planted bug caught."""
    bugs = figures["planted"] + figures["removed"]
    cut_short = any(row["complete"] is False for row in figures["layers"])
    return not figures["violations"] and not cut_short and not rare(figures) and all(bug["caught_by"] for bug in bugs)


def table(figures: dict[str, Any]) -> Iterator[str]:
    """Write the figures for people."""
    for title, key in (("planted bug", "planted"), ("guard taken out", "removed")):
        yield f"{title:<58} caught by"
        for bug in figures[key]:
            yield f"{bug['bug']:<58} {', '.join(bug['caught_by']) or 'NOTHING'}"
        yield ""
    yield from (f"VIOLATION {violation}\n" for violation in figures["violations"])
    yield from (f"TAKEN {each['taken']} TIMES ONLY: {each['branch']}\n" for each in rare(figures))
    branches = figures["branches"]
    yield f"{len(branches)} branches, the rarest of them taken {branches[0]['taken']:,} times under faults"
    bugs = len(figures["planted"]) + len(figures["removed"])
    line = "{:<15}{:<76}{:>11}  {:<9}{:>10}{:>13}"
    yield line.format("layer", "enumerated or drawn", "how many", "complete", "violations", "bugs caught")
    for row in figures["layers"]:
        complete = {True: "yes", False: "NO", None: "drawn" if row["ran"] else "not run"}[row["complete"]]
        caught = f"{row['caught']} of {bugs}" if row["ran"] else ""
        yield line.format(row["layer"], row["what"], f"{row['count']:,}", complete, row["violations"], caught)
    caught_at_all = sum(bool(bug["caught_by"]) for bug in figures["planted"] + figures["removed"])
    yield f"{caught_at_all} of {bugs} planted bugs caught; {figures['seconds']} s"
