"""What the notebooks need in front of them: a pipeline that runs, one story sent to it once, and what became of it."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import cloud as clouds
from pipeline import deployment, oracle, producer, scenarios, stack, stock, stream
from pipeline.cloud import Cloud
from pipeline.deployment import Deployment
from pipeline.errors import UserError
from pipeline.local_cloud.records import FlatRecord
from pipeline.scenarios import Entry
from pipeline.stream import StreamRecord

LOOK_SECONDS = 0.03  # between two looks at the table while a story is sent
SHOW_SECONDS = 0.5  # between two drawings of what was seen
MOST_INSTANCES = 10  # that Lambda is asked to start beforehand: as many calls as a client has connections
PATIENCE_SECONDS = 60.0  # without any change in the table, once all is sent


# ── A pipeline that runs ──────────────────────────────────────────────────────────────────────────────────────────


def open_pipeline(cloud: str, stack_name: str, batch_size: int, shard_count: int) -> Deployment:
    """Start or join the cloud, provision and deploy what is not there yet, and wait until the pipe runs.

    Raises:
        UserError: the stack is there, with another number of shards.
    """
    where = clouds.start(cloud)
    found = stack.describe(where, stack_name)
    given = {each["ParameterKey"]: each["ParameterValue"] for each in (found or {}).get("Parameters", [])}
    if found and int(given["ShardCount"]) != shard_count:
        raise UserError(
            f"stack {stack_name} has {given['ShardCount']} shards, not {shard_count}; {_make_room(stack_name)}"
        )
    return deployment.up(where, stack_name, stack_parameters(batch_size, shard_count))


def stack_parameters(batch_size: int, shard_count: int) -> stack.Parameters:
    """Name the notebooks' parameters as the template does."""
    return {"ShardCount": shard_count, "BatchSize": batch_size}


def stop_if_empty(where: Cloud) -> bool:
    """Stop the local cloud, unless a stack lives in it; say whether it was stopped. AWS does not stop."""
    if where.name != "local" or where.client("cloudformation").describe_stacks()["Stacks"]:
        return False
    clouds.stop(where.name)
    return True


def resources(where: Cloud, stack_name: str) -> pd.DataFrame:
    """List the stack's resources by name; none if there is no stack."""
    columns = {"LogicalResourceId": "resource", "ResourceType": "type", "ResourceStatus": "status"}
    found: list[dict[str, Any]] = []
    if stack.describe(where, stack_name):
        found = where.client("cloudformation").describe_stack_resources(StackName=stack_name)["StackResources"]
    frame = pd.DataFrame(found, columns=list(columns)).rename(columns=columns)
    return frame.sort_values("resource").reset_index(drop=True)


def remains(where: Cloud, stack_name: str) -> list[str]:
    """Ask every service that the stack uses for what still carries the stack's name."""
    names: list[str] = []
    for service, action, items, name in LISTINGS:
        pages = where.client(service).get_paginator(action).paginate()
        found = (each for page in pages for each in page.get(items, []))
        names += (each[name] if name else each for each in found)
    return sorted(each for each in names if stack_name.lower() in each.lower())


LISTINGS = (  # service, how it lists, where the list is, where the name is
    ("kinesis", "list_streams", "StreamNames", ""),
    ("pipes", "list_pipes", "Pipes", "Name"),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("dynamodb", "list_tables", "TableNames", ""),
    ("sqs", "list_queues", "QueueUrls", ""),
    ("s3", "list_buckets", "Buckets", "Name"),
    ("iam", "list_roles", "Roles", "RoleName"),
)


# ── One story, sent once ──────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Sightings:
    """What a reader saw who looked into the table again and again while a story was sent."""

    started: float = 0.0  # when the sending began, in epoch seconds
    seconds: list[float] = field(default_factory=list)  # since then
    accepted: list[int] = field(default_factory=list)  # records that the stream had accepted by then
    versions: list[dict[str, int]] = field(default_factory=list)  # of every product
    quantities: list[dict[str, int]] = field(default_factory=list)  # of every product, in units

    def so_far(self) -> "Sightings":
        """Return what was noted completely, while somebody goes on noting."""
        n = len(self.quantities)
        return Sightings(self.started, self.seconds[:n], self.accepted[:n], self.versions[:n], self.quantities[:n])

    def add(self, accepted: int, items: Iterable[dict[str, Any]]) -> None:
        """Note one look: its time is when all of it had been read."""
        found = list(items)
        self.seconds.append(time.time() - self.started)
        self.accepted.append(accepted)
        self.versions.append({item["product_id"]: item["version"] for item in found})
        self.quantities.append({item["product_id"]: item["quantity"] for item in found})


def send_once(
    pipeline: Deployment,
    scenario: str,
    event_count: int,
    product_count: int,
    seed: int,
    rate: float = 0,
    show: Callable[[Sightings], None] = lambda seen: None,
) -> list[Entry]:
    """Send a story, unless this very stream got it already, and wait until the table shows it.

    Lambda is asked to start its instances before, so that what is measured is the pipeline and not its start.

    Args:
        pipeline: where to.
        scenario: the story's name.
        event_count: how many records it has.
        product_count: how many products it is about.
        seed: another seed, another story.
        rate: records a second at most; 0 is as fast as it goes.
        show: told now and then what a reader of the table saw so far.

    Returns:
        The story.

    Raises:
        UserError: the stream holds something else.
    """
    story = scenarios.tell(scenario, event_count, product_count, seed)
    marker, name = _beside(pipeline, "story"), json.dumps([scenario, event_count, product_count, seed])
    if marker.exists() and marker.read_text() == name:
        return story
    if stream.read_all(pipeline.cloud.client("kinesis"), pipeline.outputs["StreamName"]):
        stack_name = pipeline.stack_name
        raise UserError(f"the stream of stack {stack_name} holds other records already; {_make_room(stack_name)}")
    _warm_up(pipeline)
    seen = _send_and_watch(pipeline, story, rate or None, show)
    looks = zip(seen.seconds, seen.versions, strict=True)
    lines = (json.dumps({"at": seen.started + seconds, "versions": versions}) for seconds, versions in looks)
    _beside(pipeline, "seen").write_text("\n".join(lines))
    marker.write_text(name)
    return story


def _make_room(stack_name: str) -> str:
    return f"give another stack_name, or take this one down: inventory down --stack-name {stack_name}"


def _beside(pipeline: Deployment, what: str) -> Path:
    """Name a file beside the sent log; it goes when the deployment goes."""
    return pipeline.sent_log.with_suffix(f".{what}.jsonl")


def _warm_up(pipeline: Deployment) -> None:
    """Invoke the projector with empty batches, more at once than there are shards."""
    kinesis = pipeline.cloud.client("kinesis")
    summary = kinesis.describe_stream_summary(StreamName=pipeline.outputs["StreamName"])["StreamDescriptionSummary"]
    at_once = min(2 * summary["OpenShardCount"], MOST_INSTANCES)
    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(lambda batch: deliver(pipeline, batch), [[]] * at_once))


def _send_and_watch(
    pipeline: Deployment, story: list[Entry], rate: float | None, show: Callable[[Sightings], None]
) -> Sightings:
    """Send in one thread, look into the table in another; in this one, show what was seen so far."""
    seen, accepted, stopped = Sightings(started=time.time()), [0], threading.Event()

    def on_sent(count: int) -> None:
        accepted[0] = count
        if stopped.is_set():
            raise InterruptedError("the sending was stopped")

    def send() -> None:
        kinesis, stream_name = pipeline.cloud.client("kinesis"), pipeline.outputs["StreamName"]
        producer.publish(
            kinesis, stream_name, story, rate=rate, sent_log=pipeline.sent_log, progress=False, on_sent=on_sent
        )

    with ThreadPoolExecutor(2) as pool:
        sending = pool.submit(send)
        looking = pool.submit(_look, pipeline, _versions_after(story), seen, accepted, sending.done, stopped.is_set)
        try:
            while wait([sending, looking], timeout=SHOW_SECONDS).not_done:
                if sending.done():
                    sending.result()  # what went wrong with the sending ends the looking, too
                show(seen.so_far())
        finally:
            stopped.set()
        sending.result()
        looking.result()
    show(seen)
    return seen


def _look(
    pipeline: Deployment,
    goal: dict[str, int],
    seen: Sightings,
    accepted: list[int],
    is_sent: Callable[[], bool],
    is_stopped: Callable[[], bool],
) -> None:
    """Look into the table again and again, until all is sent and every product is at its version."""
    changed = 0.0
    while not is_stopped():
        all_sent = is_sent()
        before = seen.versions[-1] if seen.versions else {}
        seen.add(accepted[0], stock.items(pipeline.cloud, pipeline.outputs["StockTableName"]))
        if seen.versions[-1] != before or not all_sent:
            changed = seen.seconds[-1]
        if all_sent and (seen.versions[-1] == goal or seen.seconds[-1] - changed > PATIENCE_SECONDS):
            return
        time.sleep(LOOK_SECONDS)


def _versions_after(story: Iterable[Entry]) -> dict[str, int]:
    products: dict[str, oracle.Product] = {}
    for place, entry in enumerate(story):
        oracle.judge(entry.data, entry.partition_key, str(place), products)
    return {product_id: product.version for product_id, product in products.items()}


# ── What became of it ─────────────────────────────────────────────────────────────────────────────────────────────


def records(pipeline: Deployment) -> list[StreamRecord]:
    """Read the whole stream."""
    return stream.read_all(pipeline.cloud.client("kinesis"), pipeline.outputs["StreamName"])


def history(log: Iterable[StreamRecord]) -> pd.DataFrame:
    """Fold a stream with the oracle, and keep what every record did: one row per record, shard by shard, in order.

    Returns:
        `shard_id`, `sequence_number`, `partition_key`, `event_type` ("no event" for what cannot be read as one),
        `happened_at` (the event's own time), `outcome` (applied, duplicate, quarantined), `reason` (of a quarantined
        one), and `quantity` and `version` of the product after an applied one.
    """
    products: dict[str, oracle.Product] = {}
    rows = []
    for record in log:
        outcome = oracle.judge(record.data, record.partition_key, record.sequence_number, products)
        refused = outcome not in ("applied", "duplicate")
        event_type, happened_at = _what_and_when(record.data)
        row: dict[str, Any] = {
            "shard_id": record.shard_id,
            "sequence_number": record.sequence_number,
            "partition_key": record.partition_key,
            "event_type": event_type,
            "happened_at": happened_at,
            "outcome": "quarantined" if refused else outcome,
            "reason": outcome if refused else "",
        }
        if outcome == "applied":
            product = products[record.partition_key]
            row |= {"quantity": product.quantity, "version": product.version}
        rows.append(row)
    frame = pd.DataFrame(rows)
    return frame.assign(happened_at=pd.to_datetime(frame["happened_at"], format="ISO8601", utc=True, errors="coerce"))


def _what_and_when(data: bytes) -> tuple[str, str | None]:
    try:
        event = json.loads(data)
        return str(event["event_type"]), str(event["product"]["timestamp"])
    except (ValueError, KeyError, TypeError):
        return "no event", None


def lags(pipeline: Deployment, told: pd.DataFrame) -> pd.Series:
    """Say how long each applied event took from being accepted by the stream to being seen in the table, in seconds.

    The sent log says when a record was accepted; whoever watched the table says when its version was first there.

    Returns:
        One value for each event, in the order in which they were accepted.
    """
    accepted = pd.DataFrame([json.loads(line) for line in pipeline.sent_log.read_text().splitlines()])
    applied = told[told["outcome"] == "applied"].astype({"version": int})
    applied = applied.merge(accepted, on=["shard_id", "sequence_number"], suffixes=("", "_"))
    looks = [json.loads(line) for line in _beside(pipeline, "seen").read_text().splitlines()]
    seen = pd.DataFrame(
        [(product_id, version, look["at"]) for look in looks for product_id, version in look["versions"].items()],
        columns=["partition_key", "version", "seen_at"],
    ).drop_duplicates(["partition_key", "version"])
    events = pd.merge_asof(
        applied.sort_values("version"), seen.sort_values("version"),
        on="version", by="partition_key", direction="forward",
    )  # fmt: skip
    events = events.sort_values("accepted_at").dropna(subset="seen_at").reset_index(drop=True)
    return (events["seen_at"] - events["accepted_at"]).rename("lag in seconds")


def imagine(event: dict[str, Any], place: int) -> dict[str, Any]:
    """Write an event as the pipe would hand it over, had it this place on the stream."""
    record = StreamRecord(
        data=json.dumps(event).encode(),
        partition_key=event["product"]["product_id"],
        shard_id="shardId-000000000000",
        sequence_number=str(place),
        arrived_at=scenarios.OPENING.timestamp(),
    )
    stream_arn = "arn:aws:kinesis:us-east-1:000000000000:stream/imagined"
    role_arn = "arn:aws:iam::000000000000:role/imagined"
    return json.loads(FlatRecord.of(_as_read(record), record.shard_id, stream_arn, role_arn).text)


def as_delivered(pipeline: Deployment, log: Iterable[StreamRecord]) -> list[dict[str, Any]]:
    """Write records as the pipe hands them over: one batch, a bare array of flat records."""
    kinesis, pipes = pipeline.cloud.client("kinesis"), pipeline.cloud.client("pipes")
    summary = kinesis.describe_stream_summary(StreamName=pipeline.outputs["StreamName"])
    stream_arn = summary["StreamDescriptionSummary"]["StreamARN"]
    role_arn = pipes.describe_pipe(Name=pipeline.outputs["PipeName"])["RoleArn"]
    return [json.loads(FlatRecord.of(_as_read(record), record.shard_id, stream_arn, role_arn).text) for record in log]


def _as_read(record: StreamRecord) -> dict[str, Any]:
    """Write a record as GetRecords does."""
    return {
        "Data": record.data,
        "PartitionKey": record.partition_key,
        "SequenceNumber": record.sequence_number,
        "ApproximateArrivalTimestamp": datetime.fromtimestamp(record.arrived_at, UTC),
    }


def deliver(pipeline: Deployment, batch: list[dict[str, Any]]) -> Any:
    """Invoke the deployed projector with a batch, by hand, as the pipe does; return what it answers."""
    answer = pipeline.cloud.client("lambda").invoke(
        FunctionName=pipeline.outputs["ProjectorName"], Payload=json.dumps(batch).encode()
    )
    return json.load(answer["Payload"])


def item(pipeline: Deployment, product_id: str) -> dict[str, Any]:
    """Read one item of the stock table, consistently, as DynamoDB writes it."""
    answer = pipeline.cloud.client("dynamodb").get_item(
        TableName=pipeline.outputs["StockTableName"], Key={"product_id": {"S": product_id}}, ConsistentRead=True
    )
    return answer["Item"]


def batch_log(pipeline: Deployment, at_least: int = 0) -> pd.DataFrame:
    """Read the projector's own account from its log: one row per batch, with its records by outcome.

    Args:
        pipeline: whose projector.
        at_least: wait until the log tells of so many records; on AWS it comes some seconds late.
    """
    function = pipeline.cloud.client("lambda").get_function(FunctionName=pipeline.outputs["ProjectorName"])
    log_group = function["Configuration"]["LoggingConfig"]["LogGroup"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        pages = pipeline.cloud.client("logs").get_paginator("filter_log_events").paginate(logGroupName=log_group)
        lines = [_json_or_nothing(event["message"]) for page in pages for event in page["events"]]
        columns = ["records", "applied", "duplicate", "quarantined", "failed"]
        frame = pd.DataFrame([line for line in lines if line.get("message") == "batch"], columns=columns)
        if frame["records"].sum() >= at_least or time.monotonic() > deadline:
            return frame.fillna(0).astype(int)
        time.sleep(1)


def _json_or_nothing(message: str) -> dict[str, Any]:
    try:
        found = json.loads(message)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
