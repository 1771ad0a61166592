"""The stock table is rebuilt and switched to while events flow: whole, twice at once, killed at random moments, lost.

`python -m tests.cloud.switch_rounds` does all of it on local clouds of their own. In the last part the hours of a
stream last a second: the table is deleted, and the stream has forgotten its beginning.
"""

import argparse
import random
import signal
import sys
import time
from contextlib import suppress
from subprocess import TimeoutExpired
from typing import Any

from pipeline.provisioning import lease
from pipeline.reading import stream
from pipeline.waiting import eventually
from tests.cloud.audit_rounds import Rounds, rounds_under_traffic

QUICK = {"ProjectorTimeoutSeconds": 5}


def whole(rounds: Rounds) -> None:
    """Switch while events flow."""
    began = time.monotonic()
    done = rounds.inventory.json("rebuild", "--switch")
    rounds.expect(not done["differences"], f"differences: {done['differences'][:2]}")
    clean(rounds, f"switched to {done['table']} in {time.monotonic() - began:.1f} s")


def killed(rounds: Rounds, after: float, how: signal.Signals, way_on: list[str]) -> None:
    """Kill it in the middle, and go on with another verb once its lease is over."""
    process = rounds.inventory.start("rebuild", "--switch", "--json")
    with suppress(TimeoutExpired):
        process.wait(after)
    process.send_signal(how)
    _, err = process.communicate(timeout=600)
    rounds.expect("Traceback" not in err, err[-300:])
    said = "" if process.returncode else ", too late"

    def goes_on() -> bool:
        again = rounds.inventory.run(*way_on, "--json")
        if waits := "is at work" in again.stderr:
            rounds.expect(again.returncode == 1, f"{way_on} ended as {again.returncode}")
        else:
            rounds.expect(again.returncode == 0, f"{way_on} ended as {again.returncode}: {again.stderr[-300:]}")
        return not waits

    eventually(goes_on, lease.LEASE_SECONDS * 2, every=2)
    clean(rounds, f"{how.name} after {after:.1f} s{said}, then {' '.join(way_on)}")


def twice(rounds: Rounds) -> None:
    """Start two at once: one works, the other says so."""
    both = [rounds.inventory.start("rebuild", "--switch", "--json") for _ in range(2)]
    ended = sorted((each.communicate(timeout=600)[1], each.returncode) for each in both)
    statuses = sorted(status for _, status in ended)
    rounds.expect(statuses == [0, 1], f"two at once ended as {statuses}: {ended}")
    rounds.expect(any("another rebuild is at work" in err for err, _ in ended), f"{ended}")
    clean(rounds, "two at once")


def lost(rounds: Rounds) -> None:
    """Take a snapshot, let the stream forget what is older, delete the table, and switch."""
    kinesis, name = rounds.there.cloud.client("kinesis"), rounds.there.outputs["StreamName"]
    first = eventually(lambda: stream.read_all(kinesis, name), 60, every=1)[0]

    def has_forgotten() -> bool:
        rounds.inventory.json("snapshot")
        return first not in stream.read_all(kinesis, name)

    eventually(has_forgotten, 120, every=1)
    rounds.there.cloud.client("dynamodb").delete_table(TableName=rounds.there.outputs["StockTableName"])
    done = rounds.inventory.run("rebuild", "--switch", "--json")
    rounds.expect(done.returncode == 0 and "is gone" in done.stdout, f"{done.returncode}: {done.stderr[-300:]}")
    clean(rounds, "the table was deleted, and the stream had forgotten its beginning")


def clean(rounds: Rounds, what: str) -> None:
    """Audit, and say what was done."""
    result, seconds = rounds.audit()
    told: dict[str, Any] = {name: result[name] for name in ("records", "applied", "pending", "given_up")}
    print(f"{what}: {told}, {len(result['discrepancies'])} discrepancies, audited in {seconds:.1f} s", flush=True)
    rounds.expect(not result["discrepancies"], f"{what}: {result['discrepancies'][:2]}")


def main() -> int:
    """Do all parts; return 1 if anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.cloud.switch_rounds", description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--rate", type=float, default=200, help="events a second meanwhile")
    options, chance = parser.parse_args(), random.Random(15)
    wrong = 0
    with rounds_under_traffic(options.rate, QUICK) as rounds:
        whole(rounds)
        twice(rounds)
        for number in range(options.kills):
            how = signal.SIGKILL if number % 2 else signal.SIGINT
            killed(rounds, chance.uniform(0.3, 12), how, ["up"] if number % 4 < 2 else ["rebuild", "--switch"])
        wrong += len(rounds.wrong)
    with rounds_under_traffic(options.rate, QUICK | {"RetentionHours": 24}, hour_seconds=1) as rounds:
        lost(rounds)
        wrong += len(rounds.wrong)
    print(f"{wrong} things went wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
