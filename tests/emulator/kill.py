"""Kill -9 what carries the records, at random, while they flow; then everything has to drain and the audit be clean.

    python -m tests.emulator.kill --times 20

Each round has a local cloud of its own. Killed are the pipe runtime, the Lambda workers (also in mid-batch), or both at
once. Not killed is the emulator: it keeps its state in memory.
"""

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from pipeline.emulator import LocalCloud
from pipeline.waiting import eventually
from tests.inventory import Inventory

LONGEST_SECONDS = 600
WORKER_SECONDS = 3
EVENTS_PER_SECOND = 2_000


@dataclass
class Round:
    """What one round did, and what came of it."""

    seed: int
    events: int
    kills: dict[str, int] = field(default_factory=lambda: {"runtime": 0, "worker": 0, "both": 0})
    seconds: float = 0.0
    drained_seconds: float = 0.0
    audit: dict[str, Any] = field(default_factory=dict)
    left_running: list[int] = field(default_factory=list)

    @property
    def problems(self) -> list[str]:
        """What is wrong: what the audit lists, records that are missing, processes that are left."""
        wrong = list(self.audit["discrepancies"])
        if self.audit["records"] < self.events:
            wrong.append(f"{self.audit['records']} records lie on the stream, {self.events} were sent")
        return wrong + [f"process {pid} outlived `down`" for pid in self.left_running]


def play(seed: int, events: int, scenario: str = "everyday") -> Round:
    """Play one round: send, kill at random, audit, take down."""
    started = time.monotonic()
    chance, deck = random.Random(seed), list[str]()
    this = Round(seed, events)
    with tempfile.TemporaryDirectory(prefix="kill-test-") as folder:
        inventory = Inventory(Path(folder))
        try:
            inventory.json("up")
            family = [inventory.process(name) for name in ("emulator", "pipes")]
            story = ("--events", events, "--products", 50, "--seed", seed, "--scenario", scenario)
            sending = inventory.start("send", *story, "--rate", EVENTS_PER_SECOND, "--json")
            while sending.poll() is None:
                _kill(inventory, chance, deck, this)
                _wait_for(sending, chance.uniform(0.1, 2.5))
            _result(sending)
            sent = time.monotonic()
            auditing = inventory.start("audit", "--json")
            for _ in range(chance.randrange(4)):  # and while it drains
                _wait_for(auditing, chance.uniform(0.2, 1.5))
                if auditing.poll() is not None:
                    break
                _kill(inventory, chance, deck, this)
            this.audit = _result(auditing)
            this.drained_seconds = time.monotonic() - sent
            family += [child for process in family if process.is_running() for child in process.children(True)]
        finally:
            inventory.json("down")
        this.left_running = [process.pid for process in family if process.is_running()]
    this.seconds = time.monotonic() - started
    return this


def _result(process: subprocess.Popen[str]) -> Any:
    """Wait for a verb's end. Returns what it printed; also of an audit with discrepancies."""
    try:
        out, err = process.communicate(timeout=LONGEST_SECONDS)
    except BaseException:
        process.kill()
        process.wait()
        raise
    if not out:
        raise RuntimeError(f"{process.args} ended as {process.returncode}: {err}")
    return json.loads(out)


def _process(inventory: Inventory, name: str) -> psutil.Process | None:
    """Return the emulator or the pipe runtime, if it runs."""
    try:
        return getattr(LocalCloud(inventory.state_dir), name).process()
    except (OSError, psutil.Error):
        return None


def _kill(inventory: Inventory, chance: random.Random, deck: list[str], this: Round) -> None:
    """Kill the runtime, a worker, or both; then let the next command find out."""
    if not deck:
        deck += chance.sample(["runtime", "worker", "both"], 3)
    what = deck.pop()
    if what != "runtime":
        with suppress(TimeoutError):  # kill in mid-batch, if there is a batch
            eventually(lambda: _workers(inventory) and _has_a_batch_under_way(inventory), WORKER_SECONDS)
    runtime = _process(inventory, "pipes") if what != "worker" else None
    victims = ([runtime] if runtime else []) + (_workers(inventory) if what != "runtime" else [])
    for victim in victims:
        with suppress(psutil.Error):
            victim.kill()
    this.kills[what] += bool(victims)
    if what != "worker" and chance.random() < 0.7:  # somebody asks; otherwise it stays dead for a while
        LocalCloud(inventory.state_dir).status()


def _workers(inventory: Inventory) -> list[psutil.Process]:
    emulator = _process(inventory, "emulator")
    try:
        children = emulator.children(True) if emulator else []
        return [child for child in children if "_worker.py" in " ".join(_command_of(child))]
    except psutil.Error:
        return []


def _has_a_batch_under_way(inventory: Inventory) -> bool:
    """Say whether records were read and have not ended. Starts a dead runtime again, as whoever asks does."""
    return any(
        shard["unfinished"] for pipe in LocalCloud(inventory.state_dir).status()["pipes"] for shard in pipe["shards"]
    )


def _command_of(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _wait_for(process: subprocess.Popen[str], seconds: float) -> None:
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return


def main(arguments: Sequence[str] | None = None) -> int:
    """Play rounds and say what came of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", default="everyday")
    args = parser.parse_args(arguments)
    for signal_number in (signal.SIGTERM, signal.SIGINT):  # whoever ends the test ends its cloud too
        signal.signal(signal_number, signal.default_int_handler)
    wrong = 0
    for seed in range(args.seed, args.seed + args.times):
        this = play(seed, args.events, args.scenario)
        wrong += bool(this.problems)
        facts, killed = this.audit, ", ".join(f"{what} {times}" for what, times in this.kills.items())
        print(
            f"round {seed}: {facts['records']} records, {facts['applied']} applied, {facts['duplicates']} duplicates; "
            f"killed: {killed}; drained {this.drained_seconds:.1f} s after the last was sent, {this.seconds:.1f} s in "
            f"all: {'; '.join(this.problems[:5]) or 'no discrepancy'}",
            flush=True,
        )
    print(f"{args.times} rounds, {wrong} with discrepancies")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
