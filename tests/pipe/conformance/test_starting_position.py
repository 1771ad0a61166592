"""Where reading starts."""

import time
from collections.abc import Callable
from threading import Event
from typing import Any
from unittest.mock import patch

from pipeline.pipe import pipe, status
from tests.pipe.harness import LAPTOP, SHARD, Harness


def test_trim_horizon_starts_with_the_oldest_record_that_is_kept(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis: "Trim horizon", "the last untrimmed record in the shard"."""
    now = time.time()
    for age in (7200, 1800, 0):
        harness.kinesis.clock = lambda age=age: now - age
        harness.kinesis.put(LAPTOP, f"{age} s old")
    harness.kinesis.retention_seconds = 3600
    run = harness.run(starting_position="TRIM_HORIZON")
    harness.eventually(lambda: harness.is_drained(run))
    assert harness.delivered() == ["1800 s old", "0 s old"]


def test_latest_starts_with_what_comes_after_the_pipe_started(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis: "Latest - Start reading the stream with the most recent record in the shard"."""
    harness.kinesis.clock = lambda: time.time() - 60
    harness.kinesis.put(LAPTOP, "before")
    harness.kinesis.clock = time.time
    run = harness.run(starting_position="LATEST")
    harness.eventually(lambda: harness.kinesis.polls)
    harness.kinesis.put(LAPTOP, "since")
    harness.eventually(harness.delivered)
    assert harness.delivered() == ["since"] and run.error == ""


def test_latest_misses_nothing_of_a_reshard_and_repeats_nothing_from_before(harness: Harness) -> None:
    """As above, with the Kinesis guide's "Resharding": a child that opens later is read whole, an old one is not."""
    harness.kinesis.clock = lambda: time.time() - 60
    old_child = harness.kinesis.split(SHARD)[0]
    harness.kinesis.put(LAPTOP, "before", shard_id=old_child)
    harness.kinesis.clock = time.time
    run = harness.run(starting_position="LATEST")
    harness.eventually(lambda: old_child in run.readers)
    new_child = harness.kinesis.split(old_child)[1]
    harness.kinesis.put(LAPTOP, "since", shard_id=new_child)
    harness.eventually(harness.delivered)
    assert harness.delivered() == ["since"]


def test_at_timestamp_starts_with_the_first_record_from_then_on(harness: Harness) -> None:
    """API model: "the time from which to start reading, in Unix time seconds"."""
    now = time.time()
    for age in (300, 200, 100):
        harness.kinesis.clock = lambda age=age: now - age
        harness.kinesis.put(LAPTOP, f"{age} s old")
    harness.run(starting_position="AT_TIMESTAMP", starting_timestamp=now - 200)
    harness.eventually(lambda: len(harness.delivered()) == 2)
    assert harness.delivered() == ["200 s old", "100 s old"]


def test_a_pipe_begins_to_poll_some_time_after_it_was_started(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis: "may take several minutes"; the setting PIPES_START_SECONDS, here on a clock."""
    harness.kinesis.put(LAPTOP, "before")
    states: list[str] = []
    with StartingTakes(600, lambda: states.append(status.of_pipe(harness.runs[0])["state"])) as waits:
        run = harness.run(start_seconds=600)
        harness.eventually(lambda: harness.is_drained(run))
    assert (waits, states, harness.delivered()) == ([600], ["STARTING"], ["before"])
    assert status.of_pipe(run)["state"] == "RUNNING"


def test_latest_misses_what_comes_while_the_pipe_is_starting(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis: "LATEST, you may miss events" during creation and updates; with PIPES_START_SECONDS."""

    def meanwhile() -> None:
        harness.kinesis.clock = lambda: time.time() - 60
        harness.kinesis.put(LAPTOP, "meanwhile")
        harness.kinesis.clock = time.time

    with StartingTakes(600, meanwhile):
        harness.run(starting_position="LATEST", start_seconds=600)
        harness.eventually(lambda: harness.kinesis.polls)
    harness.kinesis.put(LAPTOP, "since")
    harness.eventually(harness.delivered)
    assert harness.delivered() == ["since"]


class StartingTakes:
    """A pipe's wait before it polls is over at once; what happens meanwhile happens then. Yields the waits."""

    def __init__(self, seconds: float, meanwhile: Callable[[], Any]) -> None:
        waits: list[float] = []

        class Stop(Event):
            def wait(self, timeout: float | None = None) -> bool:
                if timeout != seconds:
                    return super().wait(timeout)
                waits.append(timeout)
                meanwhile()
                return False

        self._waits, self._patch = waits, patch.object(pipe, "Event", Stop)

    def __enter__(self) -> list[float]:
        self._patch.start()
        return self._waits

    def __exit__(self, *_: object) -> None:
        self._patch.stop()
