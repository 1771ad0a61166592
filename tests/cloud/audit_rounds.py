"""Audits by command while events flow: one after another, two at once, interrupted, and with mistakes planted by hand.

`python -m tests.cloud.audit_rounds` does all of it on a local cloud of its own, and says what each part found:

1. audits in a row, from the beginning; then two at once;
2. every mistake of PLANTED, put into the live table by hand, found and taken back: from the beginning, then from a
   snapshot;
3. verbs interrupted at random moments, with SIGINT and SIGKILL; the next audit, and its snapshot, have to be sound;
4. a flood of bad records: the audit of it, and a list of it.
"""

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen, TimeoutExpired
from threading import Event
from typing import Any
from unittest import mock

from pipeline import cloud as clouds
from pipeline.provisioning import deployment
from pipeline.stories import producer, scenarios
from pipeline.stories.scenarios import NewRecord, pack
from tests.doubles.events import added, decremented, incremented
from tests.inventory import Inventory

CHUNK, PRODUCTS = 50, 40
LAMP = "TALL-LAMP"
Item = dict[str, Any]


@dataclass
class Rounds:
    """A stack under traffic, and what went wrong so far."""

    inventory: Inventory
    there: deployment.Deployment
    wrong: list[str] = field(default_factory=list)

    def expect(self, holds: bool, otherwise: str) -> None:
        """Note what went wrong, and say it."""
        if not holds:
            self.wrong.append(otherwise)
            print(f"  WRONG: {otherwise}", flush=True)

    def audit(self, *options: str) -> tuple[dict[str, Any], float]:
        """Audit by command. Returns its document and its seconds."""
        began = time.monotonic()
        out, err = self.inventory.start("audit", "--json", *options).communicate(timeout=600)
        if not out:
            raise RuntimeError(f"audit printed no document: {err}")
        return json.loads(out), time.monotonic() - began

    def send(self, *events: Any) -> None:
        """Send events of no story, and wait until they have their outcomes."""
        producer.send(self.there, [pack(each) for each in events], progress=False)
        result, _ = self.audit()
        self.expect(not result["discrepancies"], f"after sending: {result['discrepancies'][:2]}")


@contextmanager
def traffic(there: deployment.Deployment, rate: float) -> Iterator[None]:
    """Send rough days, one after another, at a rate (events a second)."""
    enough = Event()

    def flow() -> None:
        seed = 0
        while not enough.is_set():
            seed += 1
            story = scenarios.write_story("rough-day", 20_000, PRODUCTS, seed=seed)
            for start in range(0, len(story), CHUNK):
                if enough.is_set():
                    return
                producer.send(there, story[start : start + CHUNK], rate=rate, progress=False)

    with ThreadPoolExecutor(1) as pool:
        flowing = pool.submit(flow)
        try:
            yield
        finally:
            enough.set()
        flowing.result()


@contextmanager
def rounds_under_traffic(
    rate: float, parameters: dict[str, str | int] | None = None, hour_seconds: float = 3600
) -> Iterator[Rounds]:
    """Make a stack of two shards on a local cloud of its own, and let events flow while the caller works."""
    with tempfile.TemporaryDirectory(prefix="rounds-") as folder:
        cloud = {"INVENTORY_STATE_DIR": folder, "INVENTORY_HOUR_SECONDS": str(hour_seconds)}
        with mock.patch.dict(os.environ, cloud):
            there = deployment.up(clouds.start(), "inventory", {"ShardCount": 2} | (parameters or {}))
            try:
                rounds = Rounds(Inventory(Path(folder)), there)
                with traffic(there, rate):
                    yield rounds
            finally:
                clouds.stop("local")


def in_a_row(rounds: Rounds, times: int) -> None:
    """Audit again and again, then twice at once."""
    for number in range(1, times + 1):
        result, seconds = rounds.audit(*["--now"] * (number % 2))
        told = {name: result[name] for name in ("records", "applied", "pending", "left_out")}
        print(f"audit {number}: {told}, {len(result['discrepancies'])} discrepancies, {seconds:.1f} s", flush=True)
        rounds.expect(not result["discrepancies"], f"audit {number}: {result['discrepancies'][:2]}")
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: rounds.audit(), range(2)))
    for result, seconds in both:
        print(f"one of two at once: {len(result['discrepancies'])} discrepancies, {seconds:.1f} s", flush=True)
        rounds.expect(not result["discrepancies"], f"two at once: {result['discrepancies'][:2]}")


def edit(**attributes: Any) -> Callable[[Item, Item], Item]:
    """Return what plants other attributes in the lamp's item."""
    return lambda now, before: now | attributes


PLANTED: dict[str, tuple[Callable[[Item, Item], Item | None], str]] = {  # what it makes of the item; what is told
    "a quantity edited": (edit(quantity={"N": "999"}), "quantity should be"),
    "last_sequence_number raised": (edit(last_sequence_number={"S": "9" * 56}), "last_sequence_number is"),
    "the memory emptied": (edit(recent_events={"B": b""}), "recent_events"),
    "an item deleted": (lambda now, before: None, "the table has no item"),
    "a record applied twice": (
        lambda now, before: now | {
            "quantity": {"N": str(int(now["quantity"]["N"]) + 3)},
            "version": {"N": str(int(now["version"]["N"]) + 1)},
        }, "quantity should be"),
    "the last record never applied": (lambda now, before: before, "was never applied"),
}  # fmt: skip


def plant(rounds: Rounds, how: str) -> None:
    """Plant each mistake into the live tables, see it found, and take it back."""
    dynamodb, outputs = rounds.there.cloud.client("dynamodb"), rounds.there.outputs
    table, key = outputs["StockTableName"], {"product_id": {"S": LAMP}}
    rounds.send(added(LAMP, 5), decremented(LAMP, 99))
    before = dynamodb.get_item(TableName=table, Key=key)["Item"]
    rounds.send(incremented(LAMP, 3))
    now = dynamodb.get_item(TableName=table, Key=key)["Item"]
    for name, (change, told) in PLANTED.items():
        planted = change(now, before)
        if planted is None:
            dynamodb.delete_item(TableName=table, Key=key)
        else:
            dynamodb.put_item(TableName=table, Item=planted)
        is_found(rounds, f"{name}, {how}", LAMP, told)
        dynamodb.put_item(TableName=table, Item=now)
    plant_in_quarantine(rounds, how)
    result, _ = rounds.audit()
    rounds.expect(not result["discrepancies"], f"all is taken back, {how}: {result['discrepancies'][:2]}")
    rounds.expect(bool(result["from_snapshot"]) == (how == "from a snapshot"), f"audited {how}")


def plant_in_quarantine(rounds: Rounds, how: str) -> None:
    """Take out the lamp's refusal, and put in one for a record that was applied."""
    dynamodb, table = rounds.there.cloud.client("dynamodb"), rounds.there.outputs["QuarantineTableName"]
    refused = [
        item
        for page in dynamodb.get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
        for item in page["Items"]
        if item["partition_key"]["S"] == LAMP
    ]
    item = max(refused, key=lambda each: int(each["sequence_number"]["S"]))
    dynamodb.delete_item(TableName=table, Key={"record_id": item["record_id"]})
    is_found(rounds, f"a quarantine entry removed, {how}", "record ", "is not")
    dynamodb.put_item(TableName=table, Item=item)
    too_many = str(int(item["sequence_number"]["S"]) + 1)
    name = f"{item['shard_id']['S']}:{too_many}"
    extra = item | {"record_id": {"S": name}, "sequence_number": {"S": too_many}}
    dynamodb.put_item(TableName=table, Item=extra)
    is_found(rounds, f"a quarantine entry too many, {how}", "record ", "the stream has no such record")
    dynamodb.delete_item(TableName=table, Key={"record_id": {"S": name}})


def is_found(rounds: Rounds, name: str, subject: str, told: str) -> None:
    """Audit, and expect discrepancies about this subject alone."""
    result, seconds = rounds.audit("--now")
    sentences = result["discrepancies"]
    print(f"{name}: {sentences[:1]}, {seconds:.1f} s", flush=True)
    rounds.expect(any(told in each for each in sentences), f"{name}: {sentences[:2]}")
    rounds.expect(all(each.startswith(subject) for each in sentences), f"{name}: told of others: {sentences[:3]}")


VERBS = (["audit"], ["snapshot"], ["history", LAMP], ["quarantine", "list"], ["audit", "--now"])


def interrupt(rounds: Rounds, times: int) -> None:
    """Interrupt verbs at random moments. Nothing may be half-made, and none may print half a document."""
    chance = random.Random(14)
    for number in range(times):
        verb, kill = VERBS[number % len(VERBS)], bool(number // len(VERBS) % 2)
        process = rounds.inventory.start(*verb, "--json")
        with suppress(TimeoutExpired):
            process.wait(chance.uniform(0.05, 2.5))
        process.send_signal(signal.SIGKILL if kill else signal.SIGINT)
        ended_well(rounds, process, " ".join(verb), kill)
        result, _ = rounds.audit("--now")
        rounds.expect(not result["discrepancies"], f"after {verb}: {result['discrepancies'][:2]}")
    taken = rounds.inventory.json("snapshot")["snapshot"]
    result, _ = rounds.audit()
    rounds.expect(result["from_snapshot"] == taken, f"{result['from_snapshot']} instead of {taken}")
    print(f"{times} interruptions; the next audit starts from {taken}", flush=True)


def ended_well(rounds: Rounds, process: Popen[str], verb: str, kill: bool) -> None:
    """Expect a whole document or none, no traceback, and an exit status that says which."""
    out, err = process.communicate(timeout=600)
    allowed = (0, -signal.SIGKILL) if kill else (0, 130)
    rounds.expect(process.returncode in allowed, f"{verb} ended as {process.returncode}: {err[-200:]}")
    rounds.expect("Traceback" not in err, f"{verb}: {err[-300:]}")
    if process.returncode == 0:
        json.loads(out)
    elif verb != "quarantine list":  # written page by page: the exit status says that it is cut off
        rounds.expect(not out, f"{verb} was interrupted and printed {out[:80]!r}")


def flood(rounds: Rounds, records: int) -> None:
    """Send bad records, and audit and list them."""
    bad = [NewRecord(b"{ no json %d" % number, f"BAD-{number}") for number in range(records)]
    producer.send(rounds.there, bad, progress=False)
    result, seconds = rounds.audit()
    rounds.expect(not result["discrepancies"], f"flood: {result['discrepancies'][:2]}")
    print(f"{records:,} bad records, audited once they were drained, {seconds:.1f} s", flush=True)
    result, seconds = rounds.audit("--now")
    rounds.expect(sum(result["quarantined"].values()) >= records, f"{result['quarantined']}")
    print(f"audited again: {seconds:.1f} s", flush=True)
    began = time.monotonic()
    listed = rounds.inventory.json("quarantine", "list", "--reason", "not_json")
    print(f"{len(listed):,} entries listed in {time.monotonic() - began:.1f} s", flush=True)
    rounds.expect(len(listed) >= records, f"{len(listed)} listed")


def main() -> int:
    """Do all parts on a local cloud of its own; return 1 if anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.cloud.audit_rounds", description=__doc__)
    parser.add_argument("--audits", type=int, default=20)
    parser.add_argument("--interruptions", type=int, default=20)
    parser.add_argument("--rate", type=float, default=200, help="events a second meanwhile")
    parser.add_argument("--bad-records", type=int, default=100_000)
    options = parser.parse_args()
    with rounds_under_traffic(options.rate) as rounds:
        in_a_row(rounds, options.audits)
        plant(rounds, "from the beginning")
        rounds.inventory.json("snapshot")
        plant(rounds, "from a snapshot")
        interrupt(rounds, options.interruptions)
        flood(rounds, options.bad_records)
    print(f"{len(rounds.wrong)} things went wrong")
    return 1 if rounds.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
