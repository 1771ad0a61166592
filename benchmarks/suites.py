"""What is measured: every suite in rounds, all of its points in each round, so that a noisy machine hurts all alike."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import fold, measure, stories
from benchmarks.setup import set_up
from benchmarks.testbed import Testbed
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
Progress = Callable[[str], None]


@dataclass
class Bench:
    """The cloud to measure on, with a testbed for each batch size and number of shards."""

    cloud: Cloud
    scratch: Path
    rounds: int
    progress: Progress
    events: int = EVENTS
    _testbeds: dict[tuple[int, int], Testbed] = field(default_factory=dict)

    def testbed(self, batch_size: int = BATCH_SIZE, shards: int = SHARDS) -> Testbed:
        """Return the testbed of that shape, and stop the pipes of the others: even an idle pipe polls."""
        shape = (batch_size, shards)
        if shape not in self._testbeds:
            self._testbeds[shape] = set_up(self.cloud, batch_size, shards, self.scratch)
        for other, testbed in self._testbeds.items():
            if other != shape:
                testbed.stop_pipe()
        return self._testbeds[shape]

    def interleaved(self, points: list[Result], take: Callable[[Result], Result]) -> list[Result]:
        """Measure all points once, then all again; each with what every round gave."""
        rounds_of: list[list[Result]] = [[] for _ in points]
        for number in range(self.rounds):
            for point, rounds in zip(points, rounds_of, strict=True):
                rounds.append(take(point))
                what = " ".join(str(value) for value in point.values())
                self.progress(f"  round {number + 1}: {what}: {_headline(rounds[-1])}")
        return [point | {"rounds": rounds} for point, rounds in zip(points, rounds_of, strict=True)]


def contenders(bench: Bench) -> Iterator[tuple[str, list[Result]]]:
    """Measure all contenders over the same story, at two batch sizes, and the ceiling."""
    story = stories.everyday(bench.events, PRODUCTS, SEED)
    points = [_point("contenders", "projector", batch, bench.events) for batch in (BATCH_SIZE, 5 * BATCH_SIZE)]
    points += [point | {"contender": other} for other in ("put_item", "no_op") for point in points]
    points += [{"suite": "replay", "batch_size": point["batch_size"], "events": bench.events} for point in points[:2]]
    points += [_point("contenders", peer, BATCH_SIZE, min(SLOW_EVENTS, bench.events)) for peer in PEERS]

    def take(point: Result) -> Result:
        testbed = bench.testbed(point["batch_size"])
        if point["suite"] == "replay":
            return measure.replay(testbed, story, bench.scratch / f"requests-{point['batch_size']}")
        return measure.drain(testbed, point["contender"], story[: point["events"]])

    measured = bench.interleaved(points, take)
    yield "drain", [point for point in measured if point["suite"] == "contenders"]
    yield "replay", [point for point in measured if point["suite"] == "replay"]


def sweeps(bench: Bench) -> Iterator[tuple[str, list[Result]]]:
    """Vary one number at a time, for the projector."""
    usual = _point("", "projector", BATCH_SIZE, bench.events, story="changes")
    varied = {name: [usual | {name: value} for value in values] for name, values in SWEEPS.items()}
    points = [usual, *(point for series in varied.values() for point in series if point != usual)]

    def take(point: Result) -> Result:
        in_stock, story = stories.changes(point["events"], point["products"], point["skew"], SEED)
        return measure.drain(bench.testbed(point["batch_size"], point["shards"]), "projector", story, in_stock)

    rounds = [point["rounds"] for point in bench.interleaved(points, take)]
    yield (
        "drain",
        [
            point | {"suite": name, "rounds": rounds[points.index(point)]}
            for name, series in varied.items()
            for point in series
        ],
    )


def extremes(bench: Bench) -> Iterator[tuple[str, list[Result]]]:
    """Measure where nothing folds: each product once; and where every record is bad."""
    once, bad = stories.once_each(bench.events, SEED), stories.bad(bench.events)
    usual = _point("extremes", "projector", BATCH_SIZE, bench.events, story="once each") | {"products": bench.events}
    points = [
        usual,
        usual | {"contender": "put_item"},
        usual | {"contender": "plain", "events": min(SLOW_EVENTS, bench.events)},
        usual | {"story": "bad records"},
    ]

    def take(point: Result) -> Result:
        story = bad if point["story"] == "bad records" else once
        return measure.drain(bench.testbed(), point["contender"], story[: point["events"]])

    yield "extremes", bench.interleaved(points, take)


def limited(bench: Bench) -> Iterator[tuple[str, list[Result]]]:
    """Measure the projector where the local cloud refuses what AWS refuses: no shard is read or written faster."""
    story = stories.everyday(bench.events, PRODUCTS, SEED)
    points = [_point("limited", "projector", BATCH_SIZE, bench.events)]
    yield "limited", bench.interleaved(points, lambda point: measure.drain(bench.testbed(), "projector", story))


def latency(bench: Bench) -> Iterator[tuple[str, list[Result]]]:
    """Send at a steady rate that the slowest contender can just follow."""
    story = stories.everyday(LATENCY_RATE * LATENCY_SECONDS, PRODUCTS, SEED)
    points: list[Result] = [
        {"contender": name, "rate": LATENCY_RATE, "batch_size": BATCH_SIZE}
        for name in ("no_op", "projector", "put_item", *PEERS)
    ]
    yield (
        "latency",
        bench.interleaved(
            points, lambda point: measure.latency(bench.testbed(), point["contender"], story, LATENCY_RATE)
        ),
    )


def verdicts(bench: Bench) -> Iterator[tuple[str, list[Result]]]:
    """Say whose table is right in the end, with re-sends in the story and a worker killed in the middle of a batch."""
    in_stock, story = stories.changes(min(SLOW_EVENTS, bench.events), PRODUCTS, 0, SEED)
    story = stories.with_re_sends(story, SEED)
    verdicts_of = []
    for name in ("projector", "put_item", *PEERS):
        verdicts_of.append({"contender": name, "batch_size": BATCH_SIZE})
        verdicts_of[-1] |= measure.verdict(bench.testbed(), name, story, in_stock, bench.scratch / f"{name}-was-killed")
        bench.progress(f"  {name}: {'right' if verdicts_of[-1]['is_right'] else 'WRONG'}")
    yield "verdict", verdicts_of


def folds(bench: Bench) -> Iterator[tuple[str, Result]]:
    """Measure what needs no cloud."""
    story = stories.everyday(EVENTS, PRODUCTS, SEED)
    rounds = [{"events_per_second": fold.rate(story)} for _ in range(max(5, bench.rounds))]
    yield "fold", {"rounds": rounds}


SUITES: dict[str, Callable[[Bench], Iterator[tuple[str, Any]]]] = {
    "fold": folds,
    "contenders": contenders,
    "extremes": extremes,
    "limited": limited,
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
