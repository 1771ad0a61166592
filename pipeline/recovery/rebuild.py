"""The stock table again, from snapshot and stream: into a new table beside the live one, which is only read.

The projector's own code folds. Which records took effect is known from the traces that the audit goes by; so what
differs is what somebody else did to the live table.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from stock_projector.events import Refusal, SequenceNumber, parse
from stock_projector.item import to_item
from stock_projector.memory import Memory
from stock_projector.projection import StockLevel, project
from stock_projector.quarantine import Quarantine, Refused

from pipeline.consistency import examine, item, oracle, snapshots
from pipeline.consistency.item import Item, digest
from pipeline.consistency.traces import Position, State, Traces
from pipeline.errors import UserError
from pipeline.provisioning import bundle, lease, pausing, spare_tables, stack
from pipeline.provisioning.deployment import Deployment
from pipeline.reading import stock, stream
from pipeline.reading.stream import StreamRecord
from pipeline.recovery.hands import DAY, as_given
from pipeline.waiting import Tell, eventually

TELL_EVERY = 100_000  # records


@dataclass
class Rebuilt:
    """A table that was rebuilt."""

    table: str
    products: int
    differences: list[str] = field(default_factory=list)  # one sentence for each item that the live table has otherwise


def rebuild(there: Deployment, tell: Tell = lambda line: None, switch: bool = False, dry_run: bool = False) -> Rebuilt:
    """Rebuild the stock table, and compare it with the live one item by item.

    Args:
        there: the stack.
        tell: told of progress, line by line.
        switch: stop the pipe, fold to the stream's end, let the stack use the new table, and start the pipe again.
            Interrupted, it may be run again.
        dry_run: fold and compare, make no table, change nothing, and say what would be done, call by call.

    Raises:
        UserError: the stream has forgotten what no snapshot knows, or another build of the projector is deployed.
    """
    if dry_run:
        there = replace(there, cloud=there.cloud.dry(tell))
    function = there.cloud.client("lambda").get_function_configuration(FunctionName=there.outputs["ProjectorName"])
    if function["CodeSha256"] != bundle.build().code_sha256:
        raise UserError("another build of the projector is deployed than the one here: `inventory up` deploys this one")
    with lease.kept(there.cloud, there.outputs, "rebuild") as renew:
        discard(there)
        if not switch:
            return _Rebuild(there, tell, renew).run()
        _stop(there, function["Timeout"], tell)
        keep_seconds = int(function["Environment"]["Variables"]["QUARANTINE_DAYS"]) * DAY
        rebuilt = _Rebuild(there, tell, renew, keep_seconds).run()
        renew()
        if not there.cloud.is_dry and not pausing.is_stopped(there.cloud, there.outputs["PipeName"]):
            raise UserError("somebody started the pipe meanwhile, so the new table may lack records: run it again")
        stack.provision(there.cloud, there.stack_name, {"RebuiltTableName": rebuilt.table}, lambda line: None)
        pausing.start(there.cloud, there.outputs["PipeName"])
        stack.wait_until_running(there.cloud, there.stack_name)
        if not there.cloud.is_dry:
            tell(f"the stack uses {rebuilt.table}, and the pipe runs again")
        return rebuilt


def discard(there: Deployment) -> list[str]:
    """Delete the tables that were rebuilt for a stack, but not the one that it uses. Returns their names."""
    in_use = there.outputs["StockTableName"]
    unused = [name for name in spare_tables.names(there.cloud, there.stack_name) if name != in_use]
    spare_tables.delete(there.cloud, unused)
    return unused


def _stop(there: Deployment, longest_run: float, tell: Tell) -> None:
    """Stop the pipe, and wait until an attempt that it gave up cannot be at work any more."""
    tell("stopping the pipe; if this is interrupted, run it again, or start the pipe with `inventory up`")
    pausing.stop(there.cloud, there.outputs["PipeName"])
    if there.cloud.is_dry:
        return
    stopped_at = time.monotonic()
    tell(f"waiting {longest_run} s, for as long as an invocation may run")
    eventually(lambda: time.monotonic() - stopped_at > longest_run, every=0.2)


class _Rebuild:
    """One rebuild. With `keep_seconds` it goes to the stream's end, and refuses what can never be applied."""

    def __init__(self, there: Deployment, tell: Tell, renew: Callable[[], None], keep_seconds: int = 0) -> None:
        self._cloud, self._outputs, self._stack_name = there.cloud, there.outputs, there.stack_name
        self._tell, self._renew, self._keep_seconds = tell, renew, keep_seconds
        self._has_table = spare_tables.exists(self._cloud, self._outputs["StockTableName"])
        self._refused: list[Refused] = []  # records that have no outcome yet, and can have no other

    def run(self) -> Rebuilt:
        start = self._start()
        traces, _ = examine.read_traces(self._cloud, self._outputs, self._has_table)
        levels = {product_id: _level(product_id, product) for product_id, product in start.products.items()}
        for number, record in enumerate(self._records(start.positions), 1):
            self._fold(record, levels, traces)
            if not number % TELL_EVERY:
                self._renew()
                self._tell(f"{number:,} records folded")
        if self._keep_seconds:
            self._quarantine()
        items = [to_item(level) for level in levels.values() if level.version]
        table = spare_tables.make(self._cloud, self._stack_name)
        self._tell(f"writing {len(items):,} products to {table}")
        spare_tables.fill(self._cloud, table, items, lambda count: self._renew())
        made = items if self._cloud.is_dry else stock.raw_items(self._cloud, table)
        return Rebuilt(table, len(items), list(self._differences(traces, made)))

    def _start(self) -> State:
        """Return the state of the newest snapshot, or an empty one if the stream still has its beginning."""
        about = stream.describe(self._cloud.client("kinesis"), self._outputs["StreamName"])
        newest = snapshots.newest(self._cloud, self._outputs, about, self._tell)
        start = newest.state if newest else State()
        needed = min((each.arrived_at for each in start.positions.values()), default=about.created_at)
        lost_before = examine.horizon(self._cloud, about)
        if needed < lost_before:
            raise UserError(examine.cannot_be_judged(needed, lost_before, about.retention_hours, newest))
        return start

    def _records(self, positions: dict[str, Position]) -> stream.Reading:
        kinesis, name = self._cloud.client("kinesis"), self._outputs["StreamName"]
        after = {shard_id: position.sequence_number for shard_id, position in positions.items()}
        parents = stream.describe(kinesis, name).parents
        return stream.Reading(kinesis, name, parents, after, self._cloud.read_pause_seconds)

    def _fold(self, record: StreamRecord, levels: dict[str, StockLevel], traces: Traces) -> None:
        level = levels.get(record.partition_key) or StockLevel(record.partition_key)
        if record.place <= level.last_sequence_number or traces.refusal(record):
            return
        given = as_given(record)
        event = parse(given)
        if isinstance(event, Refusal):
            self._refuse(record, event, traces)
        elif self._took_effect(record, event.event_id, traces):
            outcome = project(level, given.sequence_number, event)
            if isinstance(outcome, Refusal):
                self._refuse(record, outcome, traces)
            else:
                levels[record.partition_key] = level

    def _took_effect(self, record: StreamRecord, event_id: str, traces: Traces) -> bool:
        """Say whether an event counts: up to the place of its product's item, or of the stream's end."""
        identity = f"event {event_id}" if event_id else f"record {record.place}"
        if self._keep_seconds or not self._has_table:
            return not (traces.name(record) and (traces.deny(record, identity) or traces.is_unsure(record)))
        if record.partition_key not in traces.items:
            return not (traces.is_pending(record) or traces.name(record))
        return traces.reach(record) and not traces.may_have_no_effect(record, identity)

    def _refuse(self, record: StreamRecord, refusal: Refusal, traces: Traces) -> None:
        if not traces.name(record):  # it is for `redrive` to say what becomes of that
            self._refused.append(Refused(as_given(record), refusal))

    def _quarantine(self) -> None:
        table = Quarantine(self._cloud.client("dynamodb"), self._outputs["QuarantineTableName"], self._keep_seconds)
        if failed := [error for error in table.put(self._refused) if error]:
            raise UserError(f"{len(failed)} records could not be quarantined ({failed[0]}): run it again")

    def _differences(self, traces: Traces, raw_items: Iterable[dict[str, Any]]) -> Iterator[str]:
        """Compare the items that stand at the same places. On the way to the stream's end, others have moved on."""
        if not self._has_table:
            yield f"the table {self._outputs['StockTableName']} is gone"
            return
        rebuilt = {raw["product_id"]["S"]: item.read(raw) for raw in raw_items}
        for product_id in sorted(rebuilt.keys() | traces.items.keys()):
            if told := self._difference(traces.items.get(product_id), rebuilt.get(product_id)):
                yield f"{product_id}: {told}"

    def _difference(self, live: Item | str | None, due: Item | str | None) -> str:
        if isinstance(live, str):
            return live
        if live is None:
            return "" if self._keep_seconds else "the live table has no item, and should"
        if not isinstance(due, Item):
            return "the live table has an item, and should not"
        if self._keep_seconds and due.place > live.place:
            return ""
        names = [name for name in Item._fields if getattr(live, name) != getattr(due, name)]
        return ", ".join(f"{name} is {getattr(live, name)!r}, should be {getattr(due, name)!r}" for name in names)


def _level(product_id: str, product: oracle.Product) -> StockLevel:
    """Write a snapshot's product as the projector's stock level."""
    return StockLevel(
        product_id,
        product.product_name,
        product.status == "active",
        product.quantity,
        product.version,
        SequenceNumber(product.last_sequence_number or "0"),
        product.updated_at,
        Memory({digest(name): place for name, place in product.memory.items()}, product.remembers_after),
    )
