"""The deployed projector on the embedded cloud: sixteen invocations at once on one hot product, under its own role.

Where the other layers model DynamoDB, this one asks an emulator, through real HTTP, real threads and IAM enforced.
"""

import json
import os
import random
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from unittest import mock

from pipeline import cloud
from pipeline.provisioning import deployment
from pipeline.provisioning.deployment import Deployment
from pipeline.reading import quarantine, stock
from tests.proof.events import added, down, log, removed, up
from tests.proof.items import ViolationError
from tests.proof.reference import UNSEEN, LoggedRecord, fold

THREADS = 16
RECORDS = 120  # of a round's log: more than a memory holds


def hammer(rounds: int) -> int:
    """Run rounds, each on a product of its own; return how many invocations that took.

    Raises:
        ViolationError: with the round and what is wrong.
    """
    with _deployed() as found:
        return sum(_same_log(found, number) + _shared_log(found, number) for number in range(rounds))


@contextmanager
def _deployed() -> Iterator[Deployment]:
    with (
        tempfile.TemporaryDirectory() as folder,
        mock.patch.dict(os.environ, INVENTORY_STATE_DIR=folder),
    ):
        try:
            yield deployment.up(cloud.start(), "proof")
        finally:
            cloud.stop("local")


def _same_log(found: Deployment, number: int) -> int:
    """Sixteen zombies deliver the same log, in order, each in batches of its own size: it is applied once."""
    hot = f"HOT-{number}"
    story = log(_story(hot, number), hot)
    expected, verdicts = fold(UNSEEN, story)
    dice = random.Random(number)
    sizes = [dice.randint(1, 40) for _ in range(THREADS)]

    def deliver(size: int) -> int:
        return sum(_until_taken(found, story[start : start + size]) for start in range(0, len(story), size))

    with ThreadPoolExecutor(THREADS) as pool:
        invocations = sum(pool.map(deliver, sizes))
    item = _item(found, hot)
    said = (item["quantity"], item["version"], int(item["last_sequence_number"]), item["status"] == "active")
    if said != (expected.quantity, expected.version, expected.last, expected.active):
        raise ViolationError(f"{hot}: the item says {said}, the log {expected[:5]}")
    refused = {key[1] for key, verdict in verdicts.items() if verdict not in ("applied", "duplicate")}
    if missing := refused - _quarantined(found, hot):
        raise ViolationError(f"{hot}: {len(missing)} refused records are not in quarantine")
    return invocations


def _shared_log(found: Deployment, number: int) -> int:
    """Sixteen sell from one stock, each its own records, in no order among them: each sale once, or in quarantine."""
    hot = f"SHARED-{number}"
    first, *sales = log([added(hot, 3 * RECORDS), *(down(hot, 3, f"sale-{n}") for n in range(RECORDS))], hot)
    _until_taken(found, [first])
    with ThreadPoolExecutor(THREADS) as pool:
        invocations = sum(pool.map(lambda sale: _until_taken(found, [sale]), sales))
    item, late = _item(found, hot), _quarantined(found, hot)
    sold = item["version"] - 1
    if item["quantity"] != 3 * (RECORDS - sold) or sold + len(late) != RECORDS:
        raise ViolationError(f"{hot}: {sold} sold and {len(late)} late of {RECORDS}, {item['quantity']} left")
    return 1 + invocations


def _story(product: str, number: int) -> list[tuple[str, bytes]]:
    dice = random.Random(number)
    story = [added(product, 20, "opening")]
    for at in range(RECORDS - 1):
        change = dice.choice([up, down, down])(product, dice.randint(1, 9), f"event-{at}")
        story.append(dice.choice(story[-8:]) if dice.random() < 0.1 else change)
    return [*story, removed(product, "closing")]


def _until_taken(found: Deployment, batch: list[LoggedRecord]) -> int:
    """Invoke the projector with a batch, and again with what it hands back; return how often."""
    invocations = 0
    while batch:
        answer = found.cloud.client("lambda", connections=THREADS).invoke(
            FunctionName=found.outputs["ProjectorName"], Payload=json.dumps([record.flat() for record in batch])
        )
        body = json.load(answer["Payload"])
        if answer.get("FunctionError"):
            raise ViolationError(f"the projector failed: {body}")
        failed = {each["itemIdentifier"] for each in body["batchItemFailures"]}
        batch = [record for record in batch if record.item_identifier in failed]
        invocations += 1
        if invocations > 1000:
            raise ViolationError("not drained: a livelock")
    return invocations


def _item(found: Deployment, product: str) -> dict[str, object]:
    items = stock.items(found.cloud, found.outputs["StockTableName"])
    return next(item for item in items if item["product_id"] == product)


def _quarantined(found: Deployment, product: str) -> set[int]:
    verdicts = quarantine.verdicts(found.cloud, found.outputs["QuarantineTableName"])
    return {int(each["sequence_number"]) for each in verdicts if each["partition_key"] == product}
