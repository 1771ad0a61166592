"""What is measured: every suite in rounds, all of its points in each round, so that a noisy machine hurts all alike."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import fold, measure, stories
from benchmarks.deployed import set_up
from benchmarks.stage import Stage
from pipeline.cloud import Cloud

EVENTS, PRODUCTS, SHARDS, BATCH_SIZE, SEED = 20_000, 200, 2, 1000, 7
SLOW_EVENTS = 4_000  # of the same story for those who need a request an event: their cost an event is the same
LATENCY_RATE, LATENCY_SECONDS = 200, 10
PEERS = ("plain", "idempotent", "ledger")
SWEEPS: dict[str, tuple[int | float, ...]] = {
    "products": (50, 200, 1000, 5000, 20_000),
    "skew": (0, 1, 2),
    "batch_size": (100, 1000, 5000, 10_000),
    "shards": (1, 2, 4),
}

Result = dict[str, Any]
Tell = Callable[[str], None]


@dataclass
class Bench:
    """The cloud to measure on, with a stage for every shape of the pipeline."""

    cloud: Cloud
    scratch: Path
    rounds: int
    tell: Tell
    events: int = EVENTS
    _stages: dict[tuple[int, int], Stage] = field(default_factory=dict)

    def stage(self, batch_size: int = BATCH_SIZE, shards: int = SHARDS) -> Stage:
        """Return the stage of that shape. The others' pipes rest: even an idle one polls."""
        shape = (batch_size, shards)
        if shape not in self._stages:
            self._stages[shape] = set_up(self.cloud, batch_size, shards, self.scratch)
        for other, stage in self._stages.items():
            if other != shape:
                stage.rest()
        return self._stages[shape]

    def interleaved(self, points: list[Result], take: Callable[[Result], Result]) -> list[Result]:
        """Measure all points once, then all again; each with what every round gave."""
        found: list[list[Result]] = [[] for _ in points]
        for number in range(self.rounds):
            for point, rounds in zip(points, found, strict=True):
                rounds.append(take(point))
                what = " ".join(str(value) for value in point.values())
                self.tell(f"  round {number + 1}: {what}: {_headline(rounds[-1])}")
        return [point | {"rounds": rounds} for point, rounds in zip(points, found, strict=True)]


def contenders(bench: Bench) -> Iterator[tuple[str, list[Result]]]:
    """Take all contenders over the same story, at two batch sizes; and what is the ceiling."""
    story = stories.everyday(bench.events, PRODUCTS, SEED)
    points = [_point("contenders", "ours", batch, bench.events) for batch in (BATCH_SIZE, 5 * BATCH_SIZE)]
    points += [point | {"contender": "no_op"} for point in points]
    points += [{"suite": "replay", "batch_size": point["batch_size"], "events": bench.events} for point in points[:2]]
    points += [_point("contenders", peer, BATCH_SIZE, min(SLOW_EVENTS, bench.events)) for peer in PEERS]

    def take(point: Result) -> Result:
        stage = bench.stage(point["batch_size"])
        if point["suite"] == "replay":
            return measure.replay(stage, story, bench.scratch / f"requests-{point['batch_size']}")
        return measure.drain(stage, point["contender"], story[: point["events"]])

    measured = bench.interleaved(points, take)
    yield "drain", [point for point in measured if point["suite"] == "contenders"]
    yield "replay", [point for point in measured if point["suite"] == "replay"]


def sweeps(bench: Bench) -> Iterator[tuple[str, list[Result]]]:
    """Turn one number at a time, for ours."""
    usual = _point("", "ours", BATCH_SIZE, bench.events, story="changes")
    turned = {name: [usual | {name: value} for value in values] for name, values in SWEEPS.items()}
    points = [usual, *(point for each in turned.values() for point in each if point != usual)]

    def take(point: Result) -> Result:
        in_stock, story = stories.changes(point["events"], point["products"], point["skew"], SEED)
        return measure.drain(bench.stage(point["batch_size"], point["shards"]), "ours", story, in_stock)

    rounds = [point["rounds"] for point in bench.interleaved(points, take)]
    yield (
        "drain",
        [
            point | {"suite": name, "rounds": rounds[points.index(point)]}
            for name, each in turned.items()
            for point in each
        ],
    )


def latency(bench: Bench) -> Iterator[tuple[str, list[Result]]]:
    """Send at a steady rate that the slowest of them can hardly follow."""
    story = stories.everyday(LATENCY_RATE * LATENCY_SECONDS, PRODUCTS, SEED)
    points: list[Result] = [
        {"contender": name, "rate": LATENCY_RATE, "batch_size": BATCH_SIZE} for name in ("no_op", "ours", *PEERS)
    ]
    yield (
        "latency",
        bench.interleaved(
            points, lambda point: measure.latency(bench.stage(), point["contender"], story, LATENCY_RATE)
        ),
    )


def verdicts(bench: Bench) -> Iterator[tuple[str, list[Result]]]:
    """Say whose table is right in the end, with re-sends in the story and a worker killed in the middle of a batch."""
    in_stock, story = stories.changes(min(SLOW_EVENTS, bench.events), PRODUCTS, 0, SEED)
    told = stories.with_re_sends(story, SEED)
    found = []
    for name in ("ours", *PEERS):
        found.append({"contender": name, "batch_size": BATCH_SIZE})
        found[-1] |= measure.verdict(bench.stage(), name, told, in_stock, bench.scratch / f"{name}-was-killed")
        bench.tell(f"  {name}: {'right' if found[-1]['is_right'] else 'WRONG'}")
    yield "verdict", found


def folds(bench: Bench) -> Iterator[tuple[str, Result]]:
    """Measure what needs no cloud."""
    story = stories.everyday(EVENTS, PRODUCTS, SEED)
    rounds = [{"events_per_second": fold.rate(story)} for _ in range(max(5, bench.rounds))]
    yield "fold", {"rounds": rounds}


SUITES: dict[str, Callable[[Bench], Iterator[tuple[str, Any]]]] = {
    "fold": folds,
    "contenders": contenders,
    "latency": latency,
    "verdict": verdicts,
    "sweeps": sweeps,
}


def _point(suite: str, contender: str, batch_size: int, events: int, story: str = "everyday") -> Result:
    shape = {"batch_size": batch_size, "products": PRODUCTS, "skew": 0, "shards": SHARDS, "events": events}
    return {"suite": suite, "contender": contender, "story": story, **shape}


def _headline(result: Result) -> str:
    if "events_per_second" in result:
        return f"{result['events_per_second']:,.0f} events/s"
    if "p99_ms" in result:
        return f"p50 {result['p50_ms']:,.0f} ms, p99 {result['p99_ms']:,.0f} ms"
    return f"{result['seconds']:.2f} s"
