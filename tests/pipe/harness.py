"""A stream, a function, a queue and a topic in process, and the real pipe runtime between them."""

import io
import json
from base64 import b64decode
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from threading import Event, Lock
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from pipeline.pipe import delivery, pipe, shard, status, steady
from pipeline.pipe.pipe import PipeRun
from pipeline.pipe.settings import PipeSettings
from pipeline.waiting import eventually
from tests.doubles.kinesis import ARN, Kinesis

PIPE = "arn:aws:pipes:eu-central-1:123456789012:pipe/stock-pipe"
ROLE = "arn:aws:iam::123456789012:role/pipe-role"
PROJECTOR = "arn:aws:lambda:eu-central-1:123456789012:function:projector"
QUEUE = "arn:aws:sqs:eu-central-1:123456789012:dead-letters"
TOPIC = "arn:aws:sns:eu-central-1:123456789012:dead-letters"
SHARD = "shardId-000000000000"
LAPTOP, CHAIR = "P98765", "CRUNCHY-ARMCHAIR"
FAST = {
    (shard, "POLL_SECONDS"): 0.005,
    (shard, "LONGEST_PAUSE_SECONDS"): 0.02,
    (pipe, "RESHARD_SECONDS"): 0.01,
    (delivery, "FIRST_WAIT_SECONDS"): 0.001,
    (delivery, "LONGEST_WAIT_SECONDS"): 0.005,
    (steady, "RESTART_SECONDS"): 0.01,
}

Records = list[dict[str, Any]]


class FunctionError(Exception):
    """The function under test fails; the text is what it says."""


class Function:
    """A Lambda function: what it does with a batch can be set, what it was given is kept."""

    def __init__(self) -> None:
        self.does: Callable[[Any], Any] = lambda records: None
        self.batches: list[Any] = []
        self.payloads: list[bytes] = []
        self.invocation_types: list[str] = []
        self.at_once = self.most_at_once = 0
        self._lock = Lock()

    def invoke(self, *, FunctionName: str, Payload: bytes, InvocationType: str) -> dict[str, Any]:  # noqa: N803
        """Run the function, as the Lambda client does."""
        batch = json.loads(Payload)
        with self._lock:
            self.payloads.append(Payload)
            self.batches.append(batch)
            self.invocation_types.append(InvocationType)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            answer = self.does(batch)
        except FunctionError as error:
            answer = json.dumps({"errorMessage": str(error), "errorType": "Exception"})
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(answer.encode())}
        finally:
            with self._lock:
                self.at_once -= 1
        return {"Payload": io.BytesIO(answer if isinstance(answer, bytes) else json.dumps(answer).encode())}


class Mailbox:
    """An SQS queue and an SNS topic: what was sent where. `trouble` is raised instead, as long as there is any."""

    def __init__(self) -> None:
        self.meta = SimpleNamespace(endpoint_url="http://127.0.0.1:4566")
        self.letters: list[tuple[str, dict[str, Any]]] = []
        self.trouble: list[Exception] = []

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803
        """Take a message to a queue."""
        self._take(QueueUrl, MessageBody)

    def publish(self, *, TopicArn: str, Message: str) -> None:  # noqa: N803
        """Take a message to a topic."""
        self._take(TopicArn, Message)

    def _take(self, where: str, text: str) -> None:
        if self.trouble:
            raise self.trouble.pop()
        self.letters.append((where, json.loads(text)))


class Harness:
    """What a conformance test works with. Fast: waits are thousandths of what they are, unless `fast` is false."""

    def __init__(self, folder: Path, patience: float = 10.0) -> None:
        self.folder, self.patience = folder, patience
        self.kinesis, self.function, self.mailbox = Kinesis(), Function(), Mailbox()
        self.runs: list[PipeRun] = []
        self._gates: list[Event] = []
        self._stack = ExitStack()
        for (module, name), value in FAST.items():
            self._stack.enter_context(patch.object(module, name, value))

    def close(self) -> None:
        """Stop all pipes, and wait until they have."""
        self.function.does = lambda records: None
        self.open_gates()
        for run in self.runs:
            run.halt()
        for run in self.runs:
            if run.ident:
                eventually(lambda run=run: run.is_over, 5)
        self._stack.close()

    def gate(self) -> Event:
        """Return what a function may wait for. It opens at the end of the test at the latest."""
        self._gates.append(Event())
        return self._gates[-1]

    def open_gates(self) -> None:
        """Let every function that waits go on."""
        for gate in self._gates:
            gate.set()

    def looks_again(self) -> None:
        """Wait until the pipe has looked for shards a few times more: what it would do by then, it has done."""
        before = self.kinesis.listings
        self.eventually(lambda: self.kinesis.listings > before + 3)

    def settings(self, **given: Any) -> PipeSettings:
        """Return a pipe's settings."""
        return PipeSettings(**{"arn": PIPE, "role_arn": ROLE, "source_arn": ARN, "target_arn": PROJECTOR} | given)

    def client(self, service: str, **_: Any) -> Any:
        """Make a client, as boto3 would."""
        return {"kinesis": self.kinesis, "lambda": self.function, "sqs": self.mailbox, "sns": self.mailbox}[service]

    def run(self, **given: Any) -> PipeRun:
        """Start a pipe."""
        run = PipeRun(self.settings(**given), self.client, self.folder)
        self.runs.append(run)
        run.start()
        return run

    def stop(self, run: PipeRun) -> None:
        """Stop a pipe, and wait until nothing of it is under way."""
        run.halt()
        self.eventually(lambda: run.is_over)

    def eventually(self, holds: Callable[[], Any]) -> None:
        """Wait until something holds; it must."""
        eventually(holds, self.patience, every=0.002)

    def delivered(self) -> list[str]:
        """Return the data of every record that the function was given, in that order."""
        return [data_of(record) for batch in list(self.function.batches) for record in batch]

    def is_drained(self, run: PipeRun) -> bool:
        """Say whether everything that lies in the stream has ended."""
        ends = {s.shard_id: s.records[-1]["SequenceNumber"] for s in self.kinesis.shards.values() if s.records}
        return all(run.checkpoints.after(shard_id) == end for shard_id, end in ends.items())


def data_of(record: dict[str, Any]) -> str:
    """Return a flat record's data as text."""
    return b64decode(record["data"]).decode()


def broken(records: Any) -> None:
    raise FunctionError("the table is gone")


def poisoned(records: Any) -> None:
    if any(data_of(record) == "poison" for record in records):
        raise FunctionError("poison")


def failures(*identifiers: Any) -> dict[str, Any]:
    """Name records that failed, as a function answers."""
    return {"batchItemFailures": [{"itemIdentifier": identifier} for identifier in identifiers]}


def tally_of(run: PipeRun) -> dict[str, Any]:
    """Return what the status says of the pipe's one shard."""
    [described] = status.of_pipe(run)["shards"]
    return described
