"""The audit: the table and the quarantine against an independent fold of the stream."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pipeline import cloud as clouds
from pipeline.cloud import Cloud
from pipeline.consistency import oracle
from pipeline.reading import logs, quarantine, queues, stock, stream
from pipeline.reading.stream import StreamRecord
from pipeline.waiting import eventually

SETTLE_SECONDS = 3.0  # once the pipe is done
TELL_SECONDS = 5.0

Tell = Callable[[str], None]
COMPARED = ("product_name", "status", "quantity", "version", "updated_at")

Place = tuple[str, str]  # shard and sequence number: which record


@dataclass
class AuditResult:
    """What the audit found. The table is right if there are no discrepancies."""

    records: int
    applied: int
    duplicates: int
    quarantined: dict[str, int]
    products: int
    discrepancies: list[str] = field(default_factory=list)
    dead_letters: int = 0


def audit(cloud: Cloud, outputs: dict[str, str], tell: Tell = lambda line: None) -> AuditResult:
    """Wait until every record that is on the stream now has its outcome, then compare."""
    records = stream.read_all(cloud.client("kinesis"), outputs["StreamName"])
    expected = oracle.fold(records)
    discrepancies = _compare_when_drained(cloud, outputs, records, expected, tell)
    letters = queues.dead_letters(cloud.client("sqs"), outputs["DeadLetterQueueUrl"])
    if discrepancies:
        discrepancies += [_given_up(letter) for letter in letters]
        discrepancies += _troubles(cloud, outputs)
    return AuditResult(
        records=len(records),
        products=len(expected.products),
        discrepancies=discrepancies,
        dead_letters=len(letters),
        **expected.count(),
    )


def _compare_when_drained(
    cloud: Cloud, outputs: dict[str, str], records: list[StreamRecord], expected: oracle.Expectation, tell: Tell
) -> list[str]:
    """Compare until the comparison is clean, or until it is certain (or, on AWS, likely) to stay as it is."""
    discrepancies: list[str] = []
    before: object = None
    changed_at = told_at = time.monotonic()

    def is_settled() -> bool:
        nonlocal discrepancies, before, changed_at, told_at
        state = pipe_state(cloud, outputs)
        drained = _has_passed(state, records)
        discrepancies = compare(cloud, outputs, expected)
        if not discrepancies and drained is not False:
            return True
        now = time.monotonic()
        if (discrepancies, state) != before:
            before, changed_at = (discrepancies, state), now
        if now - changed_at > (SETTLE_SECONDS if drained else cloud.patience_seconds):
            discrepancies = discrepancies or ["the pipe has not confirmed every record yet"]
            return True
        if now - told_at > TELL_SECONDS:
            told_at = now
            tell(f"waiting until drained: {len(discrepancies)} discrepancies left. {state.trouble}".rstrip())
        return False

    eventually(is_settled, every=cloud.poll_seconds)
    return discrepancies


def compare(cloud: Cloud, outputs: dict[str, str], expected: oracle.Expectation) -> list[str]:
    """Compare table and quarantine with what is expected.

    Args:
        cloud: where they are.
        outputs: the stack's outputs.
        expected: what the oracle worked out.

    Returns:
        One sentence for each discrepancy.
    """
    items = {item["product_id"]: item for item in stock.items(cloud, outputs["StockTableName"])}
    verdicts = quarantine.verdicts(cloud, outputs["QuarantineTableName"])
    seen = {(each.get("shard_id", ""), each.get("sequence_number", "")): each.get("reason", "") for each in verdicts}
    refused = {place: reason for place, reason in expected.outcomes.items() if reason not in ("applied", "duplicate")}
    return _compare_products(expected, items) + _compare_quarantine(refused, seen)


def _compare_products(expected: oracle.Expectation, items: dict[str, dict[str, Any]]) -> list[str]:
    found = []
    for product_id in sorted(expected.products.keys() | items.keys()):
        product, item = expected.products.get(product_id), items.get(product_id)
        if item is None:
            found.append(f"{product_id}: the stream says version {product.version}, the table has no item")  # type: ignore[union-attr]
        elif missing := sorted({*COMPARED, "last_sequence_number"} - item.keys()):
            found.append(f"{product_id}: its item was not written by the projector, it has no {', '.join(missing)}")
        elif product is None:
            found.append(f"{product_id}: the table has version {item['version']}, the stream has no event")
        else:
            found += [f"{product_id}: {difference}" for difference in _differences(product, item)]
    return found


def _differences(product: oracle.Product, item: dict[str, Any]) -> list[str]:
    found = [
        f"{name} should be {getattr(product, name)!r}, is {item[name]!r}"
        for name in COMPARED
        if getattr(product, name) != item[name]
    ]
    if int(product.last_sequence_number) != int(item["last_sequence_number"]):
        found.append(
            f"last_sequence_number should be {product.last_sequence_number}, is {item['last_sequence_number']}"
        )
    return found


def _compare_quarantine(refused: dict[Place, str], seen: dict[Place, str]) -> list[str]:
    found = []
    for place in sorted(refused.keys() | seen.keys()):
        record = f"record {place[1]} on {place[0]}"
        if place not in seen:
            found.append(f"{record}: should be quarantined as {refused[place]}, is not")
        elif place not in refused:
            found.append(f"{record}: is quarantined as {seen[place]}, though it could be applied")
        elif seen[place] != refused[place]:
            found.append(f"{record}: is quarantined as {seen[place]}, should be as {refused[place]}")
    return found


def _troubles(cloud: Cloud, outputs: dict[str, str]) -> list[str]:
    """Say what the pipe and the projector complain of, in AWS's own words."""
    pipe, projector = pipe_state(cloud, outputs).trouble, logs.last_trouble(cloud, outputs)
    return [f"the pipe reports: {pipe}"] * bool(pipe) + [f"the projector reports: {projector}"] * bool(projector)


def _given_up(letter: dict[str, Any]) -> str:
    batch = letter["KinesisBatchInfo"]
    span = f"{batch['startSequenceNumber']} to {batch['endSequenceNumber']} on {batch['shardId']}"
    return f"the pipe gave up on {batch['batchSize']} records: {span} ({letter['context']['condition']})"


@dataclass(frozen=True)
class PipeState:
    """What the pipe says of itself: how far it is on each shard (None: it does not say), and what troubles it."""

    checkpoints: dict[str, str | None] | None
    trouble: str = ""


def pipe_state(cloud: Cloud, outputs: dict[str, str]) -> PipeState:
    """Ask the pipe how far it is."""
    status = clouds.pipe_status(cloud)
    if status is None:
        return PipeState(None)
    for pipe in status["pipes"]:
        if pipe["pipe"] == outputs["PipeName"]:
            stuck = (shard["last_error"] for shard in pipe["shards"] if shard["unfinished"] or shard["error"])
            trouble = next((error for error in [pipe["error"], *stuck] if error), "")
            return PipeState({shard["shard_id"]: shard["checkpoint"] for shard in pipe["shards"]}, trouble)
    return PipeState({}, "it is not running yet")


def _has_passed(state: PipeState, records: list[StreamRecord]) -> bool | None:
    """Say whether the pipe is done with all of these records; None if it cannot be asked."""
    if state.checkpoints is None:
        return None
    last = {record.shard_id: int(record.sequence_number) for record in records}
    return all(int(state.checkpoints.get(shard_id) or -1) >= place for shard_id, place in last.items())
