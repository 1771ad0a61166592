"""The audit: the table and the quarantine against an independent fold of the stream."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pipeline.cloud import Cloud
from pipeline.consistency import invariants, oracle, two_shards
from pipeline.reading import logs, quarantine, queues, stock, stream
from pipeline.reading.stream import StreamRecord
from pipeline.waiting import Tell, eventually

SETTLE_SECONDS = 3.0  # once the pipe is done
TELL_SECONDS = 5.0


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
        discrepancies += two_shards.reasons(records, stream.parents(cloud.client("kinesis"), outputs["StreamName"]))
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
        discrepancies = compare(cloud, outputs, records, expected)
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


def compare(
    cloud: Cloud, outputs: dict[str, str], records: list[StreamRecord], expected: oracle.Expectation
) -> list[str]:
    """Compare table and quarantine with what is expected; the quarantine after the table.

    Args:
        cloud: where they are.
        outputs: the stack's outputs.
        records: the stream.
        expected: what the oracle worked out from it.

    Returns:
        One sentence for each discrepancy.
    """
    seen = {item["product_id"]: item for item in stock.items(cloud, outputs["StockTableName"])}
    verdicts = quarantine.verdicts(cloud, outputs["QuarantineTableName"])
    quarantined = {(each.get("shard_id", ""), each.get("sequence_number", "")): each["reason"] for each in verdicts}
    outcome_of = expected.outcomes
    effective = {place for place, outcome in outcome_of.items() if outcome in ("applied", "duplicate")}
    due = {place: outcome for place, outcome in outcome_of.items() if place not in effective}
    applied = Counter(r.partition_key for r in records if outcome_of[r.shard_id, r.sequence_number] == "applied")
    products = {product_id: vars(product) for product_id, product in expected.products.items()}
    return [
        *invariants.table_is_the_fold_of_the_log(products, seen),
        *invariants.stock_is_never_negative(seen),
        *invariants.version_counts_what_was_applied(applied, {name: seen[name] for name in seen if name in products}),
        *invariants.every_record_has_one_outcome(outcome_of, effective, quarantined, due),
        *invariants.first_verdict_is_the_logs(due, quarantined),
    ]


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
    status = cloud.pipe_status()
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
