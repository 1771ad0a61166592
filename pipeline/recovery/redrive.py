"""Bring back what the pipe gave up, each record once: docs/contract.md, section 8.

Everything goes through the log, and every step is conditional or may be done twice. So a redrive may be interrupted
anywhere, and run again; a letter goes last, when the table and the quarantine know all that it named.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pipeline.cloud import Cloud
from pipeline.consistency import item, oracle, snapshots
from pipeline.consistency.examine import horizon
from pipeline.errors import UserError
from pipeline.provisioning import lease
from pipeline.reading import quarantine, stock, stream
from pipeline.reading.stream import Reading, StreamRecord
from pipeline.recovery import rules
from pipeline.recovery.hands import Hands, Rehearsal
from pipeline.recovery.letters import Letters, gather
from pipeline.recovery.rules import Entry, Log, id_of
from pipeline.waiting import Tell

AT_ONCE = 100  # records that are decided on with one look at the tables
TELL_EVERY = 1_000  # records


@dataclass(frozen=True)
class Step:
    """What was done about one record, or is to be done by a person."""

    record_id: str
    product_id: str
    event_type: str | None  # None: it is no event
    quantity: int | None
    what: str  # re_sent, quarantined, dismissed, for_a_person
    why: str
    stock_with: int | None = None  # for a person, of a record that may or may not have been applied
    stock_without: int | None = None


@dataclass
class Redriven:
    """What came of a redrive, or would."""

    letters: int  # that were worked on
    records: int  # that they name, and the stream has
    had_outcome: int = 0
    steps: list[Step] = field(default_factory=list)
    left: list[str] = field(default_factory=list)  # one sentence for each letter that has to wait
    forgotten: list[dict[str, str]] = field(default_factory=list)  # spans that the stream no longer has, or not whole
    foreign: list[str] = field(default_factory=list)  # one sentence for each message that is not the pipe's
    jumps: list[str] = field(default_factory=list)  # one sentence for each event that a re-send came too late for

    @classmethod
    def of(cls, letters: Letters) -> "Redriven":
        """Begin with what is known of the letters."""
        spans = [{"shard_id": shard_id, "first": str(a), "last": str(b)} for _, _, shard_id, a, b in letters.forgotten]
        return cls(len(letters.named), len(letters.records), 0, [], letters.left, spans, letters.foreign)

    def steps_of(self, what: str) -> list[Step]:
        """Return the steps of one kind."""
        return [step for step in self.steps if step.what == what]


def redrive(cloud: Cloud, outputs: dict[str, str], tell: Tell = lambda line: None, dry_run: bool = False) -> Redriven:
    """Give every record that a dead letter names its one outcome, as far as that is certain.

    Args:
        cloud: where the stack is.
        outputs: the stack's outputs.
        tell: told of progress, line by line.
        dry_run: change nothing, and say what would be done, call by call.

    Raises:
        UserError: another redrive is at work.
    """
    if dry_run:
        cloud = cloud.dry(tell)
        return _Redrive(cloud, outputs, tell, Rehearsal(cloud, outputs), lambda: None).run()
    with lease.held(cloud, outputs, "redrive") as renew:
        return _Redrive(cloud, outputs, tell, Hands(cloud, outputs), renew).run()


class _Redrive:
    def __init__(
        self, cloud: Cloud, outputs: dict[str, str], tell: Tell, hands: Hands, renew: Callable[[], None]
    ) -> None:
        self._cloud, self._outputs, self._tell, self._hands, self._renew = cloud, outputs, tell, hands, renew
        self._kinesis, self._done = cloud.client("kinesis"), Redriven(0, 0)
        self._about = stream.describe(self._kinesis, outputs["StreamName"])
        self._refused: dict[str, dict[str, Any]] = {}  # quarantine items without bytes, by record_id
        self._unsettled: set[str] = set()  # records whose letters have to stay
        self._sent: list[tuple[Entry, int]] = []  # claims, and the places at which they are again

    def run(self) -> Redriven:
        letters = gather(self._cloud, self._outputs, self._about, self._hands.function["Timeout"])
        records, self._done = letters.records, Redriven.of(letters)
        self._tell(f"dead letters: {self._done.letters}, records that they name: {self._done.records}")
        claims, asked = self._claims(records)
        logs = self._logs({record.partition_key for record in [*claims, *asked]})
        for number, record in enumerate(claims, 1):
            self._bring_back(record, logs[record.partition_key])
            if not number % TELL_EVERY:
                self._tell(f"{number} of {len(claims)} claims decided")
        for record, why in asked.items():
            self._ask(record, why, logs[record.partition_key])
        self._report_jumps(logs)
        self._delete(letters)
        return self._done

    # --- rules 1 to 3

    def _claims(self, records: list[StreamRecord]) -> tuple[list[StreamRecord], dict[StreamRecord, str]]:
        """Decide on all records by themselves. Returns the claimed ones, and those for a person, with the reason."""
        claims: list[StreamRecord] = []
        asked: dict[StreamRecord, str] = {}
        for start in range(0, len(records), AT_ONCE):
            self._renew()
            chunk = records[start : start + AT_ONCE]
            self._look_up(chunk)
            items = self._items({record.partition_key for record in chunk})
            for record in chunk:
                self._decide(record, items, claims, asked)
        return claims, asked

    def _decide(
        self,
        record: StreamRecord,
        items: dict[str, Any],
        claims: list[StreamRecord],
        asked: dict[StreamRecord, str],
    ) -> None:
        record_id = id_of(record)
        verdict = rules.verdict(record, self._refused.get(record_id), items.get(record.partition_key))
        put = {"refuse": self._hands.refuse, "dismiss": self._hands.dismiss, "claim": self._hands.claim}
        if verdict.do in put:
            if not (written := put[verdict.do](record, verdict.why)):  # somebody else was faster: look again
                self._look_up([record])
                return self._decide(record, items, claims, asked)
            self._refused[record_id] = written
        match verdict.do:
            case "nothing":
                self._done.had_outcome += 1
            case "claim" | "go on":
                claims.append(record)
            case "ask":
                asked[record] = verdict.why
            case "refuse":
                self._note(record, "quarantined", verdict.why)
            case "dismiss":
                self._note(record, "dismissed", verdict.why)
        return None

    # --- rule 4

    def _bring_back(self, record: StreamRecord, log: Log) -> None:
        self._renew()
        claim = rules.entry_of(record)
        assert claim, "only events are claimed"
        refused = self._refused[claim.record_id]
        try:
            if refused["state"] == "re_sending" and (again := log.earlier_re_send(claim)):
                self._hands.finish(claim, again, refused)
                why = f"as event_id {claim.event_id}, by somebody who was interrupted after that"
            elif why := log.why_not(claim):
                self._hands.leave_open(claim, why, refused)
                return self._note(record, "for_a_person", f"{why}. See inventory history {record.partition_key}")
            else:
                again = self._hands.send(claim)
                log.entries.append(again)
                why = f"as event_id {claim.event_id}"
        except UserError as decided:  # by a person, just now
            return self._note(record, "for_a_person", str(decided))
        self._refused[claim.record_id] = refused | {"state": "re_sent"}
        self._sent.append((claim, again.place))
        return self._note(record, "re_sent", why)

    def _report_jumps(self, logs: dict[str, Log]) -> None:
        """Say which events arrived between the look at the log and a re-send, although it must not jump over them."""
        if not self._sent:
            return
        known = {entry.record_id for log in logs.values() for entry in log.entries}
        for record in self._read(self._shards_of(logs), self._ends):
            entry = rules.entry_of(record) if record.partition_key in logs else None
            if entry and entry.record_id not in known:
                logs[record.partition_key].entries.append(entry)
        for claim, place in self._sent:
            for later in logs[claim.record.partition_key].jumped(claim):
                if later.place < place:
                    jump = (
                        f"{claim.record_id} was sent again as record {place}, after a {later.kind} that came meanwhile"
                    )
                    self._done.jumps.append(f"{jump}, record {later.place}")

    # --- a person's

    def _ask(self, record: StreamRecord, why: str, log: Log) -> None:
        self._unsettled.add(id_of(record))
        levels = [
            None if (start := self._start(record)) is None else log.stock(start, record, applied)
            for applied in (True, False)
        ]
        self._note(record, "for_a_person", why, *levels)

    def _start(self, record: StreamRecord) -> oracle.Product | None:
        """Say what to fold a product from: its beginning, or a snapshot before the record. None: neither is there."""
        if self._about.created_at >= horizon(self._cloud, self._about):
            return oracle.Product()
        snapshot = snapshots.newest(self._cloud, self._outputs, self._about, lambda line: None)
        product = snapshot.state.products.get(record.partition_key) if snapshot else None
        return product if product and int(product.last_sequence_number) < record.place else None

    # --- the letters' end

    def _delete(self, letters: Letters) -> None:
        """Delete the letters of which every record is applied or in quarantine, none of them in the middle."""
        self._unsettled |= {each for each, refused in self._refused.items() if refused["state"] == "re_sending"}
        forgotten = set(letters.forgotten)
        done = [
            letter.message_id
            for letter, records in letters.named.items()
            if letter not in forgotten and not any(id_of(record) in self._unsettled for record in records)
        ]
        self._hands.delete(done)

    # --- reading

    def _read(self, shards: set[str], after: dict[str, str] | None = None) -> Reading:
        parents = {shard_id: self._about.parents[shard_id] for shard_id in shards}
        pause = self._cloud.read_pause_seconds
        return Reading(self._kinesis, self._outputs["StreamName"], parents, after or {}, pause)

    def _shards_of(self, products: Any) -> set[str]:
        return {shard_id for product_id in products for shard_id in self._about.parents_for(product_id)}

    def _logs(self, products: set[str]) -> dict[str, Log]:
        """Read all that the stream has of some products, after everything that may be claimed is claimed."""
        by_product: dict[str, list[StreamRecord]] = {product_id: [] for product_id in products}
        reading = self._read(self._shards_of(products))
        for record in reading:
            if record.partition_key in by_product:
                by_product[record.partition_key].append(record)
        self._ends = reading.ends
        self._look_up([record for records in by_product.values() for record in records])
        return {product_id: Log.of(records, self._refused) for product_id, records in by_product.items()}

    def _look_up(self, records: list[StreamRecord]) -> None:
        table = self._outputs["QuarantineTableName"]
        for refused in quarantine.verdicts_of(self._cloud, table, [id_of(record) for record in records]):
            self._refused[refused["record_id"]] = refused

    def _items(self, products: set[str]) -> dict[str, Any]:
        keys = [{"product_id": {"S": product_id}} for product_id in products]
        raw_items = stock.raw_items_of(self._cloud, self._outputs["StockTableName"], keys)
        return {raw["product_id"]["S"]: item.read(raw) for raw in raw_items}

    def _note(self, record: StreamRecord, what: str, why: str, *levels: int | None) -> None:
        event = oracle.read(record.data, record.partition_key)
        said: Any = {} if isinstance(event, str) else event
        quantity = said.get("product", {}).get("quantity")
        step = Step(id_of(record), record.partition_key, said.get("event_type"), quantity, what, why, *levels)
        self._done.steps.append(step)
