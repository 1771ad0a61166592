"""What happened to one product: every record of it in order, with its outcome and the stock after it."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pipeline.cloud import Cloud
from pipeline.consistency import examine, item, oracle, snapshots
from pipeline.consistency.judge import Judge
from pipeline.consistency.judged import Judged
from pipeline.consistency.traces import Refusal, State, Traces
from pipeline.errors import UserError, WrongUsageError
from pipeline.reading import pipe, quarantine, stock, stream
from pipeline.reading.stream import StreamRecord


@dataclass(frozen=True)
class Entry:
    """One record of the product, and what became of it."""

    sequence_number: str
    arrived_at: str
    event_type: str | None  # None: it is no event; `snapshot`: the state from which the history is told
    quantity: int | None  # what the event says
    outcome: str  # applied, duplicate, quarantined, pending, given_up or missing: see docs/consistency.md
    reason: str | None  # of a quarantined one
    stock: int  # after it; of a pending one: before it
    version: int


@dataclass(frozen=True)
class History:
    """All of a product's records that the stream still has. Discrepancies: what the table has against it."""

    product_id: str
    entries: list[Entry]
    discrepancies: list[str]


def history(cloud: Cloud, outputs: dict[str, str], product_id: str) -> History:
    """Fold one product's records, from the beginning or from the oldest snapshot that the stream reaches back to."""
    kinesis = cloud.client("kinesis")
    start, entries, is_cut_off = _start(cloud, outputs, product_id)
    is_pending = pipe.may_have(cloud, outputs)
    raw = stock.raw_item(cloud, outputs["StockTableName"], product_id)
    letters, _ = examine.read_letters(cloud, outputs)
    about = stream.describe(kinesis, outputs["StreamName"])
    after = {shard_id: position.sequence_number for shard_id, position in start.positions.items()}
    reading = stream.Reading(
        kinesis, outputs["StreamName"], about.parents_for(product_id), after, cloud.read_pause_seconds
    )
    records = [record for record in reading if record.partition_key == product_id]
    traces = Traces(
        {product_id: item.read(raw)} if raw else {},
        _refusals(cloud, outputs, records),
        is_pending,
        letters,
        about.parents,
    )
    judge = Judge(traces, start)
    for record in records:
        judged = judge.judge(record)
        if judged.outcome != "skipped":
            entries.append(_entry(record, judged, judge.products.get(product_id, oracle.Product())))
    discrepancies = judge.discrepancies(reading.ends, 0.0)
    if is_cut_off and discrepancies:
        raise UserError(
            f"the stream has forgotten how {product_id} began, and no snapshot knows: see `inventory snapshot --help`"
        )
    return History(product_id, entries, discrepancies)


def at(told: History, moment: str) -> Entry | None:
    """Return the entry that was the newest at a time (RFC 3339), or at a place (a sequence number). None: none was."""
    if moment.isdecimal():
        past = [entry for entry in told.entries if int(entry.sequence_number) <= int(moment)]
    else:
        past = [entry for entry in told.entries if _seconds(entry.arrived_at) <= _seconds(moment)]
    if not past and told.entries and told.entries[0].outcome == "snapshot":
        first = told.entries[0]
        raise UserError(
            f"the history of {told.product_id} begins at {first.sequence_number}, {first.arrived_at}: "
            "what was before, the stream has forgotten"
        )
    return past[-1] if past else None


def lines(entries: list[Entry]) -> list[str]:
    """Write entries for people."""
    text = []
    for entry in entries:
        said = f"{entry.event_type or '-'} {'' if entry.quantity is None else entry.quantity}".rstrip()
        outcome = entry.outcome + (f" ({entry.reason})" if entry.reason else "")
        text.append(
            f"{entry.arrived_at}  {entry.sequence_number}  {said:<34}  {outcome:<34}  "
            f"{entry.stock:>6} in stock, version {entry.version}"
        )
    return text


def _start(cloud: Cloud, outputs: dict[str, str], product_id: str) -> tuple[State, list[Entry], bool]:
    """Say what to start from: nothing, or the oldest usable snapshot if the stream may have forgotten its beginning.

    Returns:
        The state, an entry that stands for it, and whether one would be needed and there is none.
    """
    about = stream.describe(cloud.client("kinesis"), outputs["StreamName"])
    horizon = examine.horizon(cloud, about)
    if about.created_at >= horizon:
        return State(), [], False
    found = snapshots.oldest(cloud, outputs, about, horizon)
    if not found:
        return State(), [], True
    product = found.state.products.get(product_id)
    if not product:
        return State({}, found.state.positions), [], False
    known = (product.last_sequence_number, _moment(found.read_at), "snapshot", None, "snapshot", None)
    entry = Entry(*known, product.quantity, product.version)
    return State({product_id: product}, found.state.positions), [entry], False


def _refusals(cloud: Cloud, outputs: dict[str, str], records: list[StreamRecord]) -> dict[str, dict[int, Refusal]]:
    refusals: dict[str, dict[int, Refusal]] = defaultdict(dict)
    names = [f"{record.shard_id}:{record.sequence_number}" for record in records]
    for verdict in quarantine.verdicts_of(cloud, outputs["QuarantineTableName"], names):
        refusals[verdict["shard_id"]][int(verdict["sequence_number"])] = examine.refusal(verdict)
    return refusals


def _entry(record: StreamRecord, judged: Judged, product: oracle.Product) -> Entry:
    event = oracle.read(record.data, record.partition_key)
    said: Any = {} if isinstance(event, str) else event
    return Entry(
        record.sequence_number,
        _moment(record.arrived_at),
        said.get("event_type"),
        said.get("product", {}).get("quantity"),
        judged.outcome,
        judged.reason or None,
        product.quantity,
        product.version,
    )


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")


def _seconds(moment: str) -> float:
    try:
        when = datetime.fromisoformat(moment)
    except ValueError:
        raise WrongUsageError(f"{moment!r} is neither a time like 2026-05-01T12:00:00Z nor a sequence number") from None
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
