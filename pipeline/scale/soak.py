"""The long run: what the last full soak measured, from `docs/soak.json`, as a figure and a verdict."""

import json
from statistics import median
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from pipeline.notebook.figures.style import BLUE, GREY, ORANGE, Drawing
from pipeline.notebook.show import style
from pipeline.paths import ROOT
from pipeline.scale.benchmark_tables import provenance

KEPT = ROOT / "docs" / "soak.json"  # written by a full run of the soak
PROCESSES = {
    "runtime_mb": ("pipe runtime", BLUE),
    "worker_mb": ("Lambda worker", ORANGE),
    "emulator_mb": ("emulator", GREY),
}

LEAST_SPEED = 0.8  # of the last quarter, in parts of the first one's
MOST_GROWTH_MB = 30  # of what an allocator keeps; had it kept every record, it would be hundreds

Measured = dict[str, Any]


def load() -> Measured:
    """Read what the last full soak measured."""
    return json.loads(KEPT.read_text("utf-8"))


def growth(measured: Measured, process: str) -> float:
    """Return by how many MB a process was larger after the last chunk than after the first."""
    return measured["chunks"][-1][process] - measured["chunks"][0][process]


def grown_mb(measured: Measured) -> float:
    """Return by how much the larger grower of pipe runtime and Lambda worker grew."""
    return max(growth(measured, "runtime_mb"), growth(measured, "worker_mb"))


def kept_up(measured: Measured) -> float:
    """Return the speed of the last quarter of the run, in parts of the first one's; medians of their chunks."""
    speeds = [chunk["events_per_second"] for chunk in measured["chunks"]]
    quarter = max(1, len(speeds) // 4)
    return median(speeds[-quarter:]) / median(speeds[:quarter])


def holds(measured: Measured) -> bool:
    """Say whether every record was accounted for, nothing piled up in pipe runtime or Lambda worker, or slowed down."""
    audit = measured["audit"]
    complete = not audit["discrepancies"] and audit["records"] == measured["events"]
    return complete and grown_mb(measured) < MOST_GROWTH_MB and kept_up(measured) >= LEAST_SPEED


def figure(measured: Measured) -> Drawing:
    """Draw throughput and memory, chunk by chunk."""
    chunks, sent = measured["chunks"], measured["chunk"] * np.arange(1, len(measured["chunks"]) + 1) / 1e6
    speeds = [chunk["events_per_second"] for chunk in chunks]
    with style():
        drawn, (speed, memory) = plt.subplots(1, 2, figsize=(7.2, 2.0))
        speed.plot(sent, speeds, color=BLUE)
        speed.set(xlabel="events so far (million)", ylabel="events a second", ylim=(0, None))
        speed.yaxis.set_major_formatter("{x:,.0f}")
        for process, (name, hue) in PROCESSES.items():
            memory.plot(
                sent, [chunk[process] for chunk in chunks], color=hue, label=f"{name} ({chunks[-1][process]:,.0f} MB)"
            )
        memory.set(
            xlabel="events so far (million)",
            ylabel="memory (MB)",
            ylim=(0, 1.15 * max(chunks[-1][process] for process in PROCESSES)),
        )
        memory.legend(loc="upper left")
    runtime, worker = (growth(measured, process) for process in ("runtime_mb", "worker_mb"))
    count = len(measured["audit"]["discrepancies"])
    wrong = {0: "no discrepancy", 1: "1 discrepancy"}.get(count, f"{count} discrepancies")
    caption = (
        f"{measured['events']:,} events in a row {provenance(measured)}: {median(speeds):,.0f} a second in the median "
        f"({min(speeds):,.0f} to {max(speeds):,.0f}). From the first {measured['chunk']:,} to the last, the pipe "
        f"runtime grew by {runtime:.0f} MB and the Lambda worker by {worker:.0f} MB; the emulator keeps every record. "
        f"The audit read all of it with {measured['audit_mb']:,.0f} MB of memory, and found {wrong}."
    )
    return Drawing(drawn, caption, "A line of events a second, chunk by chunk, and lines of memory by process.")
