"""One reading of everything, judged, while events flow. Nothing is changed.

What is read, and why in this order (all of it consistently):

1. How far the pipe is. All below has its outcome by now, so whatever is read later must show it.
2. The stock table. What an item rests on is on the stream, and what was refused before it in the quarantine.
3. The dead letters, before the quarantine: whoever brings them back quarantines a record before deleting its letter.
4. The quarantine.
5. The stream, to its end: it holds every record that any of the others knows. What came later is left for next time.
"""

import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pipeline.cloud import Cloud
from pipeline.consistency import item, snapshots
from pipeline.consistency.judge import Judge
from pipeline.consistency.traces import Position, Refusal, State, Traces
from pipeline.reading import pipe, quarantine, queues, stock, stream
from pipeline.waiting import Tell

TELL_EVERY = 100_000  # records


@dataclass
class AuditResult:
    """What the audit found. The table is right if there are no discrepancies."""

    records: int
    applied: int
    duplicates: int
    quarantined: dict[str, int]
    products: int
    pending: int  # the pipe may still have them
    left_out: int  # never took effect at their places
    given_up: int  # of these, the ones that only a dead letter names
    from_snapshot: str | None  # its name; None: from the beginning
    discrepancies: list[str] = field(default_factory=list)  # one sentence each


@dataclass
class Examined:
    """What was found, and the state to start from next time, if there is no discrepancy."""

    result: AuditResult
    state: State
    stream: stream.Stream
    read_at: float  # epoch seconds
    oldest_pending: float | None  # when it arrived; None: nothing is pending


def examine(
    cloud: Cloud,
    outputs: dict[str, str],
    tell: Tell = lambda line: None,
    applied_after_all: frozenset[str] = frozenset(),
) -> Examined:
    """Read everything once, from the newest snapshot or from the beginning, and judge it."""
    kinesis, read_at = cloud.client("kinesis"), time.time()
    found = snapshots.newest(cloud, outputs, stream.describe(kinesis, outputs["StreamName"]), tell)
    start = found.state if found else State()
    traces, foreign = read_traces(cloud, outputs)
    about = stream.describe(kinesis, outputs["StreamName"])  # after the table: with every shard that an item may be of
    traces.parents, traces.applied_after_all = about.parents, applied_after_all
    lost_before = horizon(cloud, about)
    oldest_needed = min((each.arrived_at for each in start.positions.values()), default=about.created_at)
    trimmed = oldest_needed < lost_before

    judge, reading = Judge(traces, start), _reading(cloud, outputs, about, start.positions)
    for number, record in enumerate(reading, 1):
        judge.judge(record)
        if not number % TELL_EVERY:
            tell(f"{number:,} records read")
    discrepancies = judge.discrepancies(reading.ends, read_at, trimmed) + foreign
    unsure = judge.unsure & judge.wrong
    if unsure:
        return examine(cloud, outputs, tell, applied_after_all | unsure)
    if trimmed:
        lost = cannot_be_judged(oldest_needed, lost_before, about.retention_hours, found)
        tell(lost)
        discrepancies = discrepancies and [lost]  # if all else agrees, no event of that time can be missing
    counts = judge.counts
    result = AuditResult(
        counts.records,
        counts.applied,
        counts.duplicates,
        dict(sorted(counts.quarantined.items())),
        len(traces.items),
        counts.pending,
        counts.left_out,
        counts.given_up,
        found.name if found else None,
        discrepancies,
    )
    return Examined(result, State(judge.products, judge.positions), about, read_at, judge.oldest_pending)


def read_traces(cloud: Cloud, outputs: dict[str, str], has_table: bool = True) -> tuple[Traces, list[str]]:
    """Read all but the stream; and one sentence for whatever was not put there by projector or pipe."""
    is_pending = pipe.may_have(cloud, outputs)
    raw_items = stock.raw_items(cloud, outputs["StockTableName"]) if has_table else ()
    items = {raw["product_id"]["S"]: item.read(raw) for raw in raw_items}
    letters, foreign = read_letters(cloud, outputs)
    refusals: dict[str, dict[int, Refusal]] = defaultdict(dict)
    for verdict in quarantine.verdicts(cloud, outputs["QuarantineTableName"]):
        try:
            refusals[verdict["shard_id"]][int(verdict["sequence_number"])] = refusal(verdict)
        except (KeyError, ValueError):
            foreign.append(f"quarantine item {verdict.get('record_id')!r}: not an item of the projector's")
    return Traces(items, refusals, is_pending, letters), foreign


def refusal(verdict: dict[str, Any]) -> Refusal:
    """Read what a quarantine item says of its record's verdict."""
    return Refusal(verdict["reason"], int(verdict["judged_on"] or 0) if "judged_on" in verdict else None)


def horizon(cloud: Cloud, about: stream.Stream) -> float:
    """Return the time, epoch seconds, from before which the stream may have forgotten records."""
    return time.time() - about.retention_hours * cloud.hour_seconds


def read_letters(cloud: Cloud, outputs: dict[str, str]) -> tuple[dict[str, list[tuple[int, int]]], list[str]]:
    """Read which places the pipe gave up on, by shard; and a sentence for each message that says nothing of that."""
    spans: dict[str, list[tuple[int, int]]] = defaultdict(list)
    foreign = []
    for letter in queues.dead_letters(cloud.client("sqs"), outputs["DeadLetterQueueUrl"]):
        try:
            shard_id, first, last = span_of(letter.body, outputs["StreamName"])
            spans[shard_id].append((first, last))
        except ValueError as error:
            foreign.append(str(error))
    return spans, foreign


def span_of(letter: dict[str, Any], stream_name: str) -> tuple[str, int, int]:
    """Read what a dead letter names: the shard, and the first and the last place there.

    Raises:
        ValueError: it is not of this pipe.
    """
    try:
        batch = letter["KinesisBatchInfo"]
        if not batch["streamArn"].endswith(f":stream/{stream_name}"):
            raise ValueError(batch["streamArn"])
        return batch["shardId"], int(batch["startSequenceNumber"]), int(batch["endSequenceNumber"])
    except (KeyError, TypeError, ValueError):
        foreign = f"the dead-letter queue holds a message that is not of this pipe: {str(letter)[:80]}"
        raise ValueError(foreign) from None


def _reading(
    cloud: Cloud, outputs: dict[str, str], about: stream.Stream, positions: dict[str, Position]
) -> stream.Reading:
    after = {shard_id: position.sequence_number for shard_id, position in positions.items()}
    return stream.Reading(
        cloud.client("kinesis"), outputs["StreamName"], about.parents, after, cloud.read_pause_seconds
    )


def cannot_be_judged(needed: float, lost_before: float, hours: int, found: snapshots.Snapshot | None) -> str:
    """Say which time nobody can judge: `needed` to `lost_before`, epoch seconds."""
    newest = f"the newest snapshot is {found.name}" if found else "there is no snapshot"
    return (
        f"what arrived between {_moment(needed)} and {_moment(lost_before)} cannot be judged: the stream keeps {hours} "
        f"hours, and {newest}; with `inventory snapshot` at least once in {hours} hours this does not happen"
    )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
