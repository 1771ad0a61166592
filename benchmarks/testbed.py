"""One stack to measure on, for one contender after the other. Its stream is filled while its pipe is stopped."""

import base64
import json
import math
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stock_projector.events import SequenceNumber
from stock_projector.item import to_item
from stock_projector.memory import Memory
from stock_projector.projection import StockLevel

from benchmarks.drain_wait import DRAIN_SECONDS, wait_until_drained
from pipeline.cloud import Cloud
from pipeline.emulator import limits
from pipeline.provisioning.deployment import Deployment
from pipeline.reading import pipe
from pipeline.stories import producer
from pipeline.stories.scenarios import NewRecord, name_of
from pipeline.waiting import eventually

SHARD_RATE = 900  # records a second, of the 1,000 that AWS allows
WARM_UP = "warm-up"  # product ids that no run counts
TABLES = ("StockTableName", "QuarantineTableName", "IdempotencyTableName", "LedgerTableName")
HANDLERS = {"projector": "stock_projector.handler"} | {
    name: f"contenders.{name}" for name in ("no_op", "replay", "put_item", "plain", "idempotent", "ledger")
}


@dataclass
class Testbed:
    """A deployed pipeline whose function can be any contender."""

    deployment: Deployment
    outputs: dict[str, str]  # of the pipeline's stack, and of the peers'
    scratch: Path  # the function logs its invocations here
    runs: int = 0

    @property
    def cloud(self) -> Cloud:
        """Return the cloud that it is on."""
        return self.deployment.cloud

    def switch_to(self, contender: str, **environment: str) -> str:
        """Make the function the contender, on empty tables, with warm workers. Returns the run's name."""
        self.runs += 1
        run = f"{contender}-{self.runs}"
        for output in TABLES:
            _empty(self.cloud.client("dynamodb"), self.outputs[output])
        function = self.cloud.client("lambda")
        name = self.outputs["ProjectorName"]
        before = function.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        kept = {key: value for key, value in before.items() if key not in ("CRASH", "RECORDING")}
        log_folder = self.scratch / run
        log_folder.mkdir(parents=True)
        variables = {"CONTENDER": HANDLERS[contender], "MEASURED": str(log_folder), **environment}
        tables = {
            "IDEMPOTENCY_TABLE_NAME": self.outputs["IdempotencyTableName"],
            "LEDGER_TABLE_NAME": self.outputs["LedgerTableName"],
        }
        function.update_function_configuration(
            FunctionName=name,
            Handler="contenders.instrumented.handler",
            Environment={"Variables": kept | tables | variables},
        )
        self.invoke([] if contender == "replay" else [[_record(number)] for number in range(self.shards)])
        return run

    def invoke(self, batches: list[list[dict[str, Any]]]) -> list[Any]:
        """Invoke the function with all of these batches at once: so each gets a worker of its own."""
        function, name = self.cloud.client("lambda"), self.outputs["ProjectorName"]

        def answer_to(batch: list[dict[str, Any]]) -> Any:
            answer = function.invoke(FunctionName=name, Payload=json.dumps(batch))
            said = answer["Payload"].read()
            if "FunctionError" in answer:
                raise RuntimeError(f"{name} failed: {said[:2000]!r}")
            return json.loads(said)

        with ThreadPoolExecutor(max(1, len(batches))) as pool:
            return list(pool.map(answer_to, batches))

    def fill_stock(self, products: Iterable[str], quantity: int) -> None:
        """Put products into the table, as the projector would have left them before any record of the run."""
        memory = Memory({bytes(8): 1})
        levels = [
            StockLevel(
                product_id, name_of(product_id), True, quantity, 1, SequenceNumber("1"), "2023-09-11T12:00:00Z", memory
            )
            for product_id in products
        ]
        items = [{"PutRequest": {"Item": to_item(level)}} for level in levels]
        dynamodb = self.cloud.client("dynamodb")
        for start in range(0, len(items), 25):
            dynamodb.batch_write_item(RequestItems={self.outputs["StockTableName"]: items[start : start + 25]})

    @property
    def shards(self) -> int:
        """Return how many shards the stream has."""
        stream = self.cloud.client("kinesis").describe_stream_summary(StreamName=self.outputs["StreamName"])
        return stream["StreamDescriptionSummary"]["OpenShardCount"]

    def load(self, story: list[NewRecord]) -> None:
        """Put a story on the stream exactly in its order, as the events of a day would have come in.

        The producer would not: it never has two records of one product in flight, so it spreads popular products out.
        Where a shard takes 1,000 records a second, a request waits until a shard could take all of the one before.
        """
        pause = producer.MOST_RECORDS / SHARD_RATE if limits.is_on("kinesis-writes") else 0
        may_go_on = -math.inf
        kinesis, name = self.cloud.client("kinesis"), self.outputs["StreamName"]
        self.deployment.sent_log.parent.mkdir(parents=True, exist_ok=True)
        with self.deployment.sent_log.open("w") as log:
            for start in range(0, len(story), producer.MOST_RECORDS):
                chunk = story[start : start + producer.MOST_RECORDS]
                records = [{"Data": entry.data, "PartitionKey": entry.partition_key} for entry in chunk]
                _wait_until(may_go_on)
                answer, may_go_on = kinesis.put_records(StreamName=name, Records=records), time.monotonic() + pause
                if answer["FailedRecordCount"]:  # its order would be lost
                    raise RuntimeError("the stream did not take every record")
                for accepted in answer["Records"]:
                    place = {"shard_id": accepted["ShardId"], "sequence_number": accepted["SequenceNumber"]}
                    log.write(json.dumps(place) + "\n")

    def send(self, story: list[NewRecord], rate: float) -> None:
        """Send a story at a steady rate."""
        self.deployment.sent_log.unlink(missing_ok=True)
        producer.send(self.deployment, story, rate=rate, progress=False)

    def wait_until_drained(self) -> None:
        """Wait until the pipe is done with what was sent last."""
        wait_until_drained(self.deployment, self.deployment.sent_log)

    def wait_until_reading(self) -> None:
        """Wait until the pipe reads all shards."""
        shards = self.shards
        eventually(lambda: len(pipe.state(self.cloud, self.outputs).checkpoints or {}) == shards, DRAIN_SECONDS)

    @contextmanager
    def pipe_stopped(self) -> Iterator[None]:
        """Stop the pipe; start it again after the block."""
        self.stop_pipe()
        try:
            yield
        finally:
            self.cloud.client("pipes").start_pipe(Name=self.outputs["PipeName"])

    def stop_pipe(self) -> None:
        """Stop the pipe, and wait until nothing is under way."""
        self.cloud.client("pipes").stop_pipe(Name=self.outputs["PipeName"])
        eventually(lambda: pipe.state(self.cloud, self.outputs).checkpoints == {}, DRAIN_SECONDS)

    def invocations(self, run: str) -> list[dict[str, Any]]:
        """Return what the function logged of each invocation of a run."""
        files = sorted((self.scratch / run).glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def _record(number: int) -> dict[str, Any]:
    """Write a record that warms a worker up."""
    product_id = f"{WARM_UP}-{number}"
    product = {"product_id": product_id, "product_name": "Warm-up", "quantity": 1, "timestamp": "2023-09-11T12:00:00Z"}
    event = {"event_type": "product_added", "event_id": product_id, "product": product}
    return {
        "data": base64.b64encode(json.dumps(event).encode()).decode(),
        "partitionKey": product_id,
        "sequenceNumber": str(number + 1),
        "eventID": f"shardId-000000000000:{number + 1}",
        "approximateArrivalTimestamp": 0.0,
    }


def _empty(dynamodb: Any, table: str) -> None:
    """Empty a table the quick way: drop it, and make it again as it was."""
    was = dynamodb.describe_table(TableName=table)["Table"]
    indexes = [
        {key: index[key] for key in ("IndexName", "KeySchema", "Projection")}
        for index in was.get("GlobalSecondaryIndexes", [])
    ]
    dynamodb.delete_table(TableName=table)
    dynamodb.create_table(
        TableName=table,
        KeySchema=was["KeySchema"],
        AttributeDefinitions=was["AttributeDefinitions"],
        BillingMode="PAY_PER_REQUEST",
        **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
    )


def _wait_until(moment: float) -> None:
    """Wait until a moment of the monotonic clock."""
    eventually(lambda: time.monotonic() >= moment)
