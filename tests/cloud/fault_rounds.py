"""Events are sent while faults are in force; then dead letters are brought back. In the end nothing may be wrong.

`python -m tests.cloud.fault_rounds --rounds 20 --events 20000` does every fault by itself, and then three at once,
chosen by chance, that often; each time on a stack of its own.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from random import Random
from typing import Any
from unittest import mock

from pipeline import cloud as clouds
from pipeline.cloud import Cloud
from pipeline.consistency import audit
from pipeline.provisioning import deployment
from pipeline.reading import pipe
from pipeline.recovery import redrive
from pipeline.recovery.faults import fault
from pipeline.stories import producer, scenarios
from pipeline.waiting import eventually

IMPATIENT = {
    "MaximumRetryAttempts": "1",
    "BatchSize": "200",
    "ProjectorTimeoutSeconds": "5",
}  # so that there are letters, soon
FAULT_SECONDS = 20  # then a fault ends by itself
PERCENT = {"lambda-time-out": 20, "pipe-runtime-killed": 20}  # of what the fault can strike; the others: 40


def play(
    where: Cloud, stack_name: str, names: Sequence[str], events: int, seed: int, seconds: float = FAULT_SECONDS
) -> dict[str, Any]:
    """Play a round. Returns what came of it: counts of letters and records brought back, and the discrepancies."""
    there = deployment.up(where, stack_name, IMPATIENT)
    try:
        story = scenarios.write_story("rough-day", events, max(20, events // 100), seed)
        with ExitStack() as in_force:
            for name in names:
                in_force.enter_context(fault(where, name, PERCENT.get(name, 40), seconds))
            producer.send(there, story, progress=False)
            with suppress(TimeoutError):
                eventually(lambda: (pipe.state(where, there.outputs).lag_seconds or 9) < 1.5, seconds, every=0.5)
        audit.audit(where, there.outputs)
        letters, re_sent, asked = bring_back(there)
        result = audit.audit(where, there.outputs)
    finally:
        deployment.down(where, stack_name)
    return {"letters": letters, "re_sent": re_sent, "for_a_person": asked, "duplicates": result.duplicates} | {
        name: getattr(result, name) for name in ("records", "given_up", "pending", "discrepancies")
    }


def bring_back(there: deployment.Deployment) -> tuple[int, int, int]:
    """Redrive until nothing has to wait any more."""
    letters = re_sent = 0

    def done() -> redrive.Redriven | None:
        nonlocal letters, re_sent
        brought = redrive.redrive(there.cloud, there.outputs)
        assert not brought.jumps, brought.jumps
        letters, re_sent = letters + brought.letters, re_sent + len(brought.steps_of("re_sent"))
        audit.audit(there.cloud, there.outputs)  # what was sent again may be given up again
        return None if brought.left or brought.steps_of("re_sent") else brought

    last = eventually(done, 120, every=0.5)
    return letters, re_sent, len(last.steps_of("for_a_person"))


def main(tell: Callable[[str], object] = print) -> int:
    """Play all rounds on a local cloud of their own; return 1 if anything was wrong after any of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.cloud.fault_rounds", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--events", type=int, default=20_000)
    options, wrong = parser.parse_args(), 0
    with tempfile.TemporaryDirectory() as folder, mock.patch.dict(os.environ, INVENTORY_STATE_DIR=folder):
        where = clouds.start()
        try:
            names = list(where.breakable().kinds_of_faults())
            rounds = [[name] for name in names] + [Random(seed).sample(names, 3) for seed in range(options.rounds)]
            for number, chosen in enumerate(rounds):
                began = time.monotonic()
                came = play(where, f"round-{number}", chosen, options.events, seed=number)
                wrong += bool(came["discrepancies"] or came["pending"])
                tell(f"{', '.join(chosen)}: {came}, {time.monotonic() - began:.0f} s")
        finally:
            clouds.stop("local")
    tell(f"{len(rounds)} rounds, {wrong} with something wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
