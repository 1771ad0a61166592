"""Run the proof: `python -m tests.proof`, or one seed of the simulation again: `--seed N`."""

import argparse
import json
import sys

from pipeline.paths import ROOT
from pipeline.provisioning import bundle
from tests.proof.deployed import load
from tests.proof.items import ViolationError
from tests.proof.layers import FULL, SHORT
from tests.proof.report import holds, prove, table
from tests.proof.simulation import simulate

KEPT = ROOT / "docs" / "proof.json"  # what notebook and report show, with the digest of the code that it is about


def main() -> int:
    """Return 1 if anything is violated, cut short or not caught."""
    parser = argparse.ArgumentParser(prog="python -m tests.proof", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--short", action="store_true", help="the shorter cut, as the tests run it")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seed", type=int, help="run only this seed of the simulation")
    parser.add_argument("--events", type=int, default=FULL.events, help="with --seed: how many events")
    wanted = parser.parse_args()
    if wanted.seed is not None:
        return replay(wanted.seed, wanted.events)
    figures = prove(SHORT if wanted.short else FULL, wanted.processes)
    if not wanted.short:
        KEPT.write_text(json.dumps({"projector": bundle.build().code_sha256} | figures, indent=1) + "\n")
    print(json.dumps(figures, indent=1) if wanted.json else "\n".join(table(figures)))
    return 0 if holds(figures) else 1


def replay(seed: int, events: int) -> int:
    """Run one seed again, and say what is broken in it."""
    try:
        print(f"seed {seed}: {simulate(seed, load(), events)} records, nothing is broken")
    except ViolationError as violation:
        print(violation)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
