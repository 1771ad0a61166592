"""A million events in chunks on a local cloud of its own: are speed and memory at the end as at the start?

    python -m benchmarks.soak --events 1000000

Measured chunk by chunk: throughput end to end, and the memory of pipe runtime, Lambda workers and emulator. Then the
audit compares all of it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmarks import processes
from benchmarks.drain_wait import wait_until_drained
from pipeline import cloud
from pipeline.emulator import limits
from pipeline.paths import ROOT
from pipeline.provisioning import bundle, deployment
from pipeline.provisioning.deployment import Deployment
from pipeline.scale.soak import KEPT
from pipeline.stories import producer
from pipeline.stories.scenarios import SCENARIOS, NewRecord, StoryWriter

STACK, PRODUCTS, SEED = "soak", 200, 7


def main() -> int:
    """Return 1 if the audit finds anything."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--chunk", type=int, default=50_000, help="events between two readings")
    wanted = parser.parse_args()
    if wanted.events < wanted.chunk or wanted.chunk < 1:
        parser.error("it takes at least one chunk of one event")
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        os.environ |= {"INVENTORY_STATE_DIR": folder, **limits.off(limits.OF_RATES)}
        try:
            measured = soak(wanted.events, wanted.chunk)
        finally:
            cloud.stop("local")
    if wanted.events == parser.get_default("events"):
        KEPT.write_text(json.dumps(measured, indent=1) + "\n")
    print(_table(measured))
    return 1 if measured["audit"]["discrepancies"] else 0


def soak(events: int, chunk: int) -> dict[str, Any]:
    """Send that many events in chunks, each once the one before is drained, and audit all of it."""
    where = cloud.start()
    pipeline = deployment.up(where, STACK)
    story = SCENARIOS["everyday"](StoryWriter("everyday", PRODUCTS, SEED), events, PRODUCTS)
    chunks: list[dict[str, float]] = []
    with tqdm(total=events, unit=" events", file=sys.stderr) as bar:
        while batch := list(islice(story, chunk)):
            chunks.append(
                {"events_per_second": len(batch) / _send_and_drain(pipeline, batch), **processes.memory(where)}
            )
            bar.update(len(batch))
    started = time.monotonic()
    audit, audit_mb = _audit()
    return {
        "made_on": datetime.now(UTC).date().isoformat(),
        "code": bundle.build().code_sha256,
        "machine": {"cores": os.cpu_count()},
        "limits_off": sorted(limits.OF_RATES),
        "events": events,
        "chunk": chunk,
        "chunks": [{name: round(value, 1) for name, value in reading.items()} for reading in chunks],
        "audit": {name: audit[name] for name in ("records", "applied", "discrepancies")},
        "audit_seconds": round(time.monotonic() - started, 1),
        "audit_mb": round(audit_mb, 1),
    }


def _send_and_drain(pipeline: Deployment, batch: list[NewRecord]) -> float:
    """Send, and wait until drained. Returns seconds."""
    started = time.monotonic()
    kinesis = pipeline.cloud.client("kinesis")
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "sent.jsonl"
        producer.publish(kinesis, pipeline.outputs["StreamName"], batch, sent_log=log, progress=False)
        wait_until_drained(pipeline, log)
    return time.monotonic() - started


def _audit() -> tuple[dict[str, Any], float]:
    """Audit by command. Returns what it found, and the most memory that it took, in MB."""
    command = [sys.executable, "-m", "pipeline", "audit", "--json", "--stack-name", STACK]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout
    found = json.loads(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return found, usage.ru_maxrss / 1024  # which Linux counts in kB


def _table(measured: dict[str, Any]) -> str:
    head = f"{'events':>12} {'events/s':>10} {'runtime MB':>11} {'worker MB':>10} {'emulator MB':>12}"
    rows = [
        f"{number * measured['chunk']:>12,} {reading['events_per_second']:>10,.0f} {reading['runtime_mb']:>11,.0f}"
        f" {reading['worker_mb']:>10,.0f} {reading['emulator_mb']:>12,.0f}"
        for number, reading in enumerate(measured["chunks"], 1)
    ]
    audit = measured["audit"]
    wrong, seconds = len(audit["discrepancies"]), measured["audit_seconds"]
    off = f"limits switched off: {', '.join(measured['limits_off'])}"
    memory = f"with {measured['audit_mb']:,.0f} MB"
    last = f"audited {audit['records']:,} records in {seconds} s {memory}: {wrong} discrepancies"
    return "\n".join([head, *rows, off, last])


if __name__ == "__main__":
    sys.exit(main())
