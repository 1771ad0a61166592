"""The same facts where the embedded emulator can: through the AWS API, IAM enforced, and no fakes."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from pipeline.emulator import LocalCloud, aws
from pipeline.waiting import eventually

PATIENCE_SECONDS = 60
FUNCTION = """
from base64 import b64decode
FIELDS = {"kinesisSchemaVersion", "partitionKey", "sequenceNumber", "data", "approximateArrivalTimestamp",
          "eventSource", "eventVersion", "eventID", "eventName", "invokeIdentityArn", "awsRegion", "eventSourceARN"}

def handler(event, context):
    assert isinstance(event, list) and all(set(record) == FIELDS for record in event), event
    poison = [record for record in event if b64decode(record["data"]) == b"poison"]
    return {"batchItemFailures": [{"itemIdentifier": record["eventID"]} for record in poison]}
"""
INVOKE = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}
READ = {
    "Effect": "Allow",
    "Action": ["kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards"],
    "Resource": "*",
}
SEND = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}


def trusting(service: str) -> str:
    principal = {"Service": f"{service}.amazonaws.com"}
    return json.dumps({"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]})


class Stage:
    """An emulator with a stream, a function, a dead-letter queue and a pipe, all made through the API."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        session = aws.root_session()
        self.client: Callable[[str], Any] = lambda service: aws.client(session, service, cloud.endpoint_url)
        iam, kinesis = self.client("iam"), self.client("kinesis")
        kinesis.create_stream(StreamName="events", ShardCount=2)
        self.stream = kinesis.describe_stream_summary(StreamName="events")["StreamDescriptionSummary"]["StreamARN"]
        self.role = iam.create_role(RoleName="pipe-role", AssumeRolePolicyDocument=trusting("pipes"))["Role"]["Arn"]
        worker = iam.create_role(RoleName="fn-role", AssumeRolePolicyDocument=trusting("lambda"))["Role"]["Arn"]
        code = io.BytesIO()
        with zipfile.ZipFile(code, "w") as archive:
            archive.writestr("app.py", FUNCTION)
        self.function = self.client("lambda").create_function(
            FunctionName="fn",
            Runtime="python3.13",
            Role=worker,
            Handler="app.handler",
            Code={"ZipFile": code.getvalue()},
        )["FunctionArn"]
        self.queue_url = self.client("sqs").create_queue(QueueName="dead-letters")["QueueUrl"]
        self.queue = f"arn:aws:sqs:us-east-1:{self.stream.split(':')[4]}:dead-letters"

    def grant(self, *statements: dict[str, Any]) -> None:
        """Let the pipe's role do this and nothing else."""
        self.client("iam").put_role_policy(
            RoleName="pipe-role", PolicyName="all", PolicyDocument=json.dumps({"Statement": list(statements)})
        )

    def put(self, *data: bytes) -> None:
        """Write records."""
        self.client("kinesis").put_records(
            StreamARN=self.stream, Records=[{"Data": each, "PartitionKey": f"P{n}"} for n, each in enumerate(data)]
        )

    def shards(self) -> list[dict[str, Any]]:
        """Return what is said of the pipe's shards."""
        return [shard for pipe in self.cloud.status()["pipes"] for shard in pipe["shards"]]

    def sums(self, name: str) -> float:
        """Add up a counter over the pipe's shards."""
        return sum(shard[name] for shard in self.shards())

    def eventually(self, holds: Callable[[], Any]) -> None:
        """Wait until something holds."""
        eventually(holds, PATIENCE_SECONDS, every=0.1)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    cloud = LocalCloud(tmp_path_factory.mktemp("emulator"))
    cloud.start()
    yield Stage(cloud)
    family = [psutil.Process(cloud.status()[name]["pid"]) for name in ("emulator", "runtime")]
    family += [child for process in family for child in process.children(recursive=True)]
    cloud.stop()
    assert len(family) > 2 and not [process for process in family if process.is_running()]
    assert list(cloud.state_dir.iterdir()) == []


def test_a_pipe_runs_as_its_role_and_is_followed_through_its_life(stage: Stage) -> None:
    """Denied, granted, failing in part, changed, stopped, deleted: in the order in which it would happen."""
    pipes = stage.client("pipes")
    stage.grant(READ, SEND)
    kinesis = {
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 10,
        "MaximumRetryAttempts": 1_000,
        "OnPartialBatchItemFailure": "AUTOMATIC_BISECT",
        "DeadLetterConfig": {"Arn": stage.queue},
    }
    pipes.create_pipe(
        Name="stage",
        RoleArn=stage.role,
        Source=stage.stream,
        Target=stage.function,
        SourceParameters={"KinesisStreamParameters": kinesis},
    )
    stage.put(*(str(n).encode() for n in range(50)))

    # what the role may not do, the pipe cannot do
    stage.eventually(lambda: stage.sums("refused") > 0)
    assert any("AccessDenied" in shard["last_error"] for shard in stage.shards()) and stage.sums("delivered") == 0
    stage.grant(READ, SEND, INVOKE)
    stage.eventually(lambda: stage.sums("delivered") == 50)

    # an update replaces the Kinesis parameters as a whole: AUTOMATIC_BISECT and the 10 are gone with it
    changed = {"MaximumRetryAttempts": 1, "DeadLetterConfig": {"Arn": stage.queue}}
    pipes.update_pipe(Name="stage", RoleArn=stage.role, SourceParameters={"KinesisStreamParameters": changed})
    told = pipes.describe_pipe(Name="stage")["SourceParameters"]["KinesisStreamParameters"]
    assert told == changed | {"StartingPosition": "TRIM_HORIZON"}
    stage.eventually(lambda: stage.sums("delivered") == 0 and len(stage.shards()) == 2)

    # what the function names is retried, then given up; its neighbours are not
    stage.put(b"good", b"poison", b"good")
    stage.eventually(lambda: stage.sums("dead_letters") == 1 and stage.sums("delivered") == 2)
    [message] = stage.client("sqs").receive_message(QueueUrl=stage.queue_url, WaitTimeSeconds=5)["Messages"]
    letter = json.loads(message["Body"])
    assert letter["context"]["condition"] == "RetryAttemptsExhausted" and letter["KinesisBatchInfo"]["batchSize"] == 1

    # the same numbers are in CloudWatch
    cloudwatch = stage.client("cloudwatch")
    stage.eventually(
        lambda: (
            "ExecutionPartiallyFailed"
            in {m["MetricName"] for m in cloudwatch.list_metrics(Namespace="AWS/EventBridge/Pipes")["Metrics"]}
        )
    )

    # stopped, started, deleted
    pipes.stop_pipe(Name="stage")
    stage.eventually(lambda: stage.cloud.status()["pipes"] == [])
    stage.put(b"meanwhile")
    pipes.start_pipe(Name="stage")
    stage.eventually(lambda: stage.cloud.status()["pipes"] and stage.sums("delivered") == 1)
    pipes.delete_pipe(Name="stage")
    stage.eventually(lambda: stage.cloud.status()["pipes"] == [])


def test_only_the_loopback_is_listened_on(stage: Stage) -> None:
    """Ours: what runs here is nobody else's business."""
    family = [psutil.Process(stage.cloud.status()[name]["pid"]) for name in ("emulator", "runtime")]
    family += [child for process in family for child in process.children(recursive=True)]
    listening = [
        connection.laddr.ip
        for process in family
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}


def test_a_runtime_that_was_killed_is_started_again_by_whoever_asks(stage: Stage, capfd: Any) -> None:
    """Ours: and the end of its log is shown."""
    killed = psutil.Process(stage.cloud.status()["runtime"]["pid"])
    killed.kill()
    killed.wait()
    stage.eventually(lambda: stage.cloud.status()["runtime"]["running"])
    assert stage.cloud.status()["runtime"]["pid"] != killed.pid
    assert "had died" in capfd.readouterr().err


def test_the_log_is_read_on_from_where_it_was(stage: Stage) -> None:
    lines, position = stage.cloud.log()
    assert any("starting" in line for line in lines)
    assert stage.cloud.log(position) == ([], position)
    assert LocalCloud(Path("/nowhere")).log() == ([], 0)
