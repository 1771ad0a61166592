"""A small shop in memory: stream, pipe, projector, tables, dead letters and bucket. Every part can be tampered with.

The projector's fold, its item and its quarantine item are the real ones; the pipe delivers in order unless told not to.
"""

import io
import json
import time
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import md5
from types import SimpleNamespace
from typing import Any

from stock_projector.events import Record, Refusal, SequenceNumber, parse
from stock_projector.item import from_item, to_item
from stock_projector.projection import StockLevel, project
from stock_projector.quarantine import Refused, item_for

from pipeline.consistency import audit, examine
from pipeline.dry_run import DryClient
from tests.doubles.errors import client_error
from tests.doubles.kinesis import ARN, Kinesis, arrival_of
from tests.doubles.operations import Operations
from tests.doubles.table import Database, Items, Table

OUTPUTS = {
    "StreamName": "product-events", "PipeName": "pipe", "ProjectorName": "projector", "StockTableName": "stock",
    "QuarantineTableName": "quarantine", "DeadLetterQueueUrl": "letters", "ArtifactBucketName": "artifacts",
}  # fmt: skip
DAY = 86_400.0


class Shop:
    """Everything at once. `asked` says whether the pipe can be asked how far it is, as on the local cloud."""

    def __init__(self, monkeypatch: Any, shards: int = 1, asked: bool = True) -> None:
        self.now = 1_694_433_600.0
        self.kinesis = Kinesis(shards, clock=lambda: self.now)
        tables = {"stock": Table("product_id"), "quarantine": Table("record_id")}
        self.stock, self.quarantine = (Items(table) for table in tables.values())
        self.letters: list[Any] = []
        self.bucket: dict[str, bytes] = {}
        self.passed: dict[str, int] = defaultdict(int)  # up to which place the pipe is done, by shard
        self.is_starting, self.pipe_state = False, "RUNNING"
        self.pipe_changed_at = datetime.fromtimestamp(self.now - 86_400, UTC)
        self.read: list[str] = []  # what was read, in order
        self.meanwhile: dict[str, Callable[[], Any]] = {}  # what happens once, just after something was read
        clients = {
            "kinesis": self.kinesis, "sqs": Queue(self), "s3": Bucket(self),
            "dynamodb": Operations(Database(tables), self.say_that),
            "pipes": SimpleNamespace(describe_pipe=lambda Name: {  # noqa: N803
                "CurrentState": self.pipe_state, "StateReason": "denied", "LastModifiedTime": self.pipe_changed_at,
                "SourceParameters": {"KinesisStreamParameters": {"MaximumRecordAgeInSeconds": 3600}}}),
            "lambda": SimpleNamespace(get_function_configuration=lambda FunctionName: {  # noqa: N803
                "Timeout": 60, "Environment": {"Variables": {"QUARANTINE_DAYS": "90"}}}),
        }  # fmt: skip
        self.cloud: Any = SimpleNamespace(
            name="local", client=lambda name: clients[name], hour_seconds=3600.0, read_pause_seconds=0.0,
            is_dry=False, poll_seconds=0.001, patience_seconds=0.05,
            pipe_status=lambda: self._status() if asked else None,
        )  # fmt: skip

        def dry(tell: Callable[[str], None]) -> Any:
            dry_clients = {name: DryClient(client, name, tell) for name, client in clients.items()}
            return SimpleNamespace(**vars(self.cloud) | {"client": dry_clients.__getitem__, "is_dry": True})

        self.cloud.dry = dry
        for module in ("consistency.examine", "consistency.audit", "reading.pipe", "reading.stream",
                       "recovery.letters", "provisioning.lease", "recovery.hands", "recovery.resend"):  # fmt: skip
            monkeypatch.setattr(f"pipeline.{module}.time", SimpleNamespace(time=self.tick, monotonic=time.monotonic))
        monkeypatch.setattr("pipeline.consistency.audit._troubles", lambda *_: [])

    def tick(self) -> float:
        """Say what time it is, a little later each time."""
        self.now += 0.001
        return self.now

    # --- what a producer and a pipe do

    def send(self, *events: Any, key: str | None = None, shard_id: str | None = None) -> list[str]:
        """Put events (or bytes) on the stream, a second apart. Returns their places."""
        places = []
        for said in events:
            self.now += 1
            data = said if isinstance(said, bytes) else json.dumps(said).encode()
            default = said["product"]["product_id"] if isinstance(said, dict) and "product" in said else "P98765"
            places.append(self.kinesis.put(key or default, data, shard_id))
        return places

    def sell(self, *events: Any) -> list[str]:
        """Send events and deliver everything."""
        places = self.send(*events)
        self.deliver()
        return places

    def deliver(self, most: int | None = None) -> None:
        """Let the pipe deliver records of every shard, in order."""
        for shard_id in self.kinesis.shards:
            for raw in self.waiting(shard_id)[:most]:
                self.project(shard_id, raw)
                self.passed[shard_id] = int(raw["SequenceNumber"])

    def skip(self, records: int) -> None:
        """Let the pipe be done with the next records of every shard, and nobody have noticed them."""
        for shard_id in self.kinesis.shards:
            for raw in self.waiting(shard_id)[:records]:
                self.passed[shard_id] = int(raw["SequenceNumber"])

    def waiting(self, shard_id: str) -> list[dict[str, Any]]:
        records = self.kinesis.shards[shard_id].records
        return [raw for raw in records if int(raw["SequenceNumber"]) > self.passed[shard_id]]

    def project(self, shard_id: str, raw: dict[str, Any]) -> None:
        """Let the projector have one record."""
        record = self.record(shard_id, raw)
        event = parse(record)
        level = self.level(record.partition_key)
        outcome = event if isinstance(event, Refusal) else project(level, record.sequence_number, event)
        if isinstance(outcome, Refusal):
            self.refuse(record, outcome)
        elif level.version:
            self.stock[level.product_id] = to_item(level)

    def give_up(self, place: str, letter: bool = True) -> None:
        """Let the pipe pass a record that it could not deliver."""
        shard_id, raw = self.find(place)
        assert self.waiting(shard_id)[0] is raw, "records are given up in their order"
        self.passed[shard_id] = int(place)
        if letter:
            self.letters.append(letter_of(shard_id, place, place) | {"sent_at": self.now})

    # --- what a projector writes

    def level(self, product_id: str) -> StockLevel:
        return from_item(self.stock[product_id]) if product_id in self.stock else StockLevel(product_id)

    def record(self, shard_id: str, raw: dict[str, Any]) -> Record:
        place, arrived_at = raw["SequenceNumber"], raw["ApproximateArrivalTimestamp"].timestamp()
        record_id = f"{shard_id}:{place}"
        return Record(raw["Data"], raw["PartitionKey"], SequenceNumber(place), shard_id, arrived_at, record_id)

    def refuse(self, record: Record, refusal: Refusal) -> None:
        self.quarantine.setdefault(record.item_identifier, item_for(Refused(record, refusal), self.now, 7_776_000))

    def quarantine_as(self, place: str, reason: str, judged_on: str | None = None) -> None:
        """Put a record into quarantine, whatever it deserves."""
        self.refuse(self.record(*self.find(place)), Refusal(reason, "planted", judged_on))  # type: ignore[arg-type]

    def find(self, place: str) -> tuple[str, dict[str, Any]]:
        return next(
            (shard_id, raw)
            for shard_id, shard in self.kinesis.shards.items()
            for raw in shard.records
            if raw["SequenceNumber"] == place
        )

    def edit(self, product_id: str = "P98765", **attributes: dict[str, Any]) -> None:
        """Change an item by hand."""
        self.stock[product_id] = self.stock[product_id] | attributes

    # --- what an operator does

    def examine(self) -> audit.Examined:
        return examine.examine(self.cloud, OUTPUTS)

    def audit(self, **options: Any) -> audit.AuditResult:
        return audit.audit(self.cloud, OUTPUTS, **options)

    def snapshot(self) -> str:
        name, examined = audit.take_snapshot(self.cloud, OUTPUTS)
        assert examined.result.discrepancies == []
        return name

    def say_that(self, thing: str) -> None:
        """Note that something was read; and let happen what was to happen just after that."""
        self.read.append(thing)
        self.meanwhile.pop(thing, lambda: None)()

    def _status(self) -> dict[str, Any]:
        state = "STARTING" if self.is_starting else "RUNNING"
        status = {"pipes": [{"pipe": "pipe", "state": state, "error": "", "drained": {}, "shards": [
            {"shard_id": shard_id, "unfinished": 0, "error": "", "last_error": "",
             "lag_seconds": max([self.now - arrival_of(raw) for raw in self.waiting(shard_id)], default=0.0),
             "checkpoint": str(self.passed[shard_id]) if self.passed[shard_id] else None}
            for shard_id in self.kinesis.shards
        ]}], "runtime": {"said_at": self.now}}  # fmt: skip
        self.say_that("pipe")
        return status


def letter_of(shard_id: str, first: str, last: str) -> dict[str, Any]:
    """Write a dead letter."""
    batch = {"shardId": shard_id, "startSequenceNumber": first, "endSequenceNumber": last, "streamArn": ARN}
    return {"KinesisBatchInfo": batch, "context": {"condition": "RetryAttemptsExhausted"}}


class Queue:
    """The dead letters. One that does not say when it was sent was sent long ago."""

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self._hidden_until: dict[int, float] = {}

    @property
    def _hidden(self) -> set[int]:
        return {name for name, until in self._hidden_until.items() if until > self.shop.now}

    def get_queue_attributes(self, **_: Any) -> dict[str, Any]:
        return {"Attributes": {"ApproximateNumberOfMessagesNotVisible": str(len(self._hidden))}}

    def receive_message(self, VisibilityTimeout: int, **_: Any) -> dict[str, Any]:  # noqa: N803
        taken = [letter for letter in self.shop.letters if id(letter) not in self._hidden][:10]
        if not taken:
            self.shop.say_that("letters")
        self._hidden_until |= {id(letter): self.shop.now + VisibilityTimeout for letter in taken}
        return {"Messages": [self._message(letter) for letter in taken]}

    def change_message_visibility_batch(self, Entries: Any, **_: Any) -> None:  # noqa: N803
        for entry in Entries:
            self._hidden_until.pop(int(entry["ReceiptHandle"]), None)

    def delete_message_batch(self, Entries: Any, **_: Any) -> None:  # noqa: N803
        self.change_message_visibility_batch(Entries)
        handles = {int(entry["ReceiptHandle"]) for entry in Entries}
        self.shop.letters[:] = [letter for letter in self.shop.letters if id(letter) not in handles]
        self.shop.say_that("deleted")

    def _message(self, letter: Any) -> dict[str, Any]:
        text = letter if isinstance(letter, str) else json.dumps(letter)
        sent_at = 0.0 if isinstance(letter, str) else letter.get("sent_at", 0.0)
        name = {"MessageId": str(id(letter)), "ReceiptHandle": str(id(letter))}
        return {**name, "Body": text, "Attributes": {"SentTimestamp": str(int(sent_at * 1000))}}


class Bucket:
    """The artifact bucket."""

    exceptions = SimpleNamespace(NoSuchKey=KeyError)

    def __init__(self, shop: Shop) -> None:
        self.shop = shop

    def get_paginator(self, operation: str) -> "Bucket":
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        return [{"Contents": [{"Key": key} for key in self.shop.bucket if key.startswith(Prefix)]}]

    def put_object(self, Bucket: str, Key: str, Body: Any, **condition: str) -> dict[str, str]:  # noqa: N803
        etag = self._etag(Key)
        if etag != condition.get("IfMatch", etag) or (etag and condition.get("IfNoneMatch")):
            raise client_error("PutObject", "PreconditionFailed", "At least one of the conditions did not hold")
        self.shop.bucket[Key] = Body if isinstance(Body, bytes) else Body.read()
        if condition:
            self.shop.say_that("lease")
        return {"ETag": self._etag(Key)}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        return {"Body": io.BytesIO(self.shop.bucket[Key]), "ETag": self._etag(Key)}

    def delete_object(self, Bucket: str, Key: str) -> None:  # noqa: N803
        del self.shop.bucket[Key]

    def _etag(self, key: str) -> str:
        return md5(self.shop.bucket[key]).hexdigest() if key in self.shop.bucket else ""
