"""Measure the projector and its peers on a local cloud of their own: `python -m benchmarks`, or some suites by name.

A full run keeps its figures in docs/benchmark.json, which the notebook on scale and cost reads.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.suites import EVENTS, PRODUCTS, SEED, SHARDS, SUITES, Bench
from pipeline import cloud
from pipeline.emulator import limits
from pipeline.errors import UserError
from pipeline.provisioning import bundle
from pipeline.scale import benchmark, benchmark_tables

WHOLE = ("drain", "replay", "latency", "verdict", "fold")  # what the table needs
ADDED = ("extremes", "limited")


def main() -> int:
    """Measure, print the table, and keep the figures of a full run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"only these: {', '.join(SUITES)}")
    parser.add_argument("--rounds", type=int, default=5, help="how often each point is measured (default 5)")
    parser.add_argument("--events", type=int, default=EVENTS, help=f"of a story (default {EVENTS:,})")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--keep", action="store_true", help="put the figures of these suites in docs/benchmark.json")
    wanted = parser.parse_args()
    if unknown := set(wanted.suites) - set(SUITES):
        parser.error(f"there is no suite {sorted(unknown)[0]!r}: choose from {', '.join(SUITES)}")
    if wanted.rounds < 1 or wanted.events < 1000:
        parser.error("it takes at least one round and 1,000 events")
    suites = wanted.suites or list(SUITES)
    keep = wanted.keep or (not wanted.suites and wanted.events == EVENTS)
    try:
        kept = _kept_beside(suites, wanted.events) if keep else {}
        measured = measure(suites, wanted.rounds, wanted.events)
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    if keep:
        measured = _beside(kept, measured, suites) if kept else measured
        benchmark.KEPT.write_text(json.dumps(_rounded(measured), indent=1) + "\n")
    print(json.dumps(_rounded(measured), indent=1) if wanted.json else _table(measured))
    return 0


def measure(suites: list[str], rounds: int, events: int) -> dict[str, Any]:
    """Run suites on a fresh local cloud, and take it down again."""
    measured: dict[str, Any] = {
        "made_on": datetime.now(UTC).date().isoformat(),
        "code": bundle.build().code_sha256,
        "machine": {
            "cores": os.cpu_count(),
            "python": platform.python_version(),
            "ministack": version("ministack"),
            "load_before": round(os.getloadavg()[0], 2),
        },
        "limits_off": sorted(limits.OF_RATES),
        "story": _story(events),
        **{key: [] for key in (*WHOLE, *ADDED)},
        "fold": {},
    }
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.environ["INVENTORY_STATE_DIR"] = folder
        try:
            for name in suites:
                scratch = Path(folder) / f"scratch-{name}"
                scratch.mkdir()
                os.environ |= limits.off(() if name == "limited" else limits.OF_RATES)
                cloud.stop("local")  # each suite on a fresh cloud: what lies in it would slow the next one
                print(f"{name}:", file=sys.stderr)
                bench = Bench(cloud.start(), scratch, rounds, lambda line: print(line, file=sys.stderr), events)
                for key, results_of in SUITES[name](bench):
                    measured[key] = measured[key] + results_of if isinstance(measured[key], list) else results_of
        finally:
            cloud.stop("local")
    return measured


def _story(events: int) -> dict[str, Any]:
    of_it = {"scenario": "everyday", "events": events, "products": PRODUCTS, "seed": SEED, "skew": 0}
    return of_it | {"shards": SHARDS}


def _kept_beside(suites: list[str], events: int) -> dict[str, Any]:
    """Return what is kept, to put the figures of some suites beside; empty where all are measured.

    Raises:
        UserError: what is kept is of another projector or story, and would be mixed up with it.
    """
    if set(suites) == set(SUITES):
        return {}
    try:
        kept = benchmark.load()
    except (OSError, ValueError):
        kept = {}
    if (kept.get("code"), kept.get("story")) != (bundle.build().code_sha256, _story(events)):
        raise UserError(f"{benchmark.KEPT.name} is of another projector or story: measure all suites to keep any")
    return kept


def _beside(kept: dict[str, Any], measured: dict[str, Any], suites: list[str]) -> dict[str, Any]:
    """Add the suites that were not measured now."""
    missing = [key for key in (*WHOLE[1:], *ADDED) if not measured[key]]
    drains = [
        drain for drain in kept["drain"] if ("contenders" if drain["suite"] == "contenders" else "sweeps") not in suites
    ]
    return measured | {key: kept[key] for key in missing} | {"drain": drains + measured["drain"]}


def _rounded(value: Any) -> Any:
    """Keep as many digits as mean something."""
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def _table(measured: dict[str, Any]) -> str:
    if not all(measured[key] for key in WHOLE):
        return json.dumps(_rounded(measured), indent=1)
    of_scale = "\n".join(f"{name}: {value}" for name, value in benchmark_tables.limits(measured).items())
    off = f"limits switched off: {', '.join(measured['limits_off'])}"
    parts = [
        f"{table(measured).to_string()}\n{off}" for table in (benchmark_tables.speeds, benchmark_tables.consumption)
    ]
    return "\n\n".join([*parts, benchmark_tables.extremes(measured).to_string(), f"{of_scale}\n{off}"])


if __name__ == "__main__":
    sys.exit(main())
