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
from pipeline.emulator.pipes import stop_with_reason
from pipeline.pipe.discovery import settings_of
from pipeline.pipe.settings import PipeSettings
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


class Deployed:
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
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    cloud = LocalCloud(tmp_path_factory.mktemp("emulator"))
    cloud.start()
    yield Deployed(cloud)
    family = [psutil.Process(cloud.status()[name]["pid"]) for name in ("emulator", "runtime")]
    family += [child for process in family for child in process.children(recursive=True)]
    cloud.stop()
    assert len(family) > 2 and not [process for process in family if process.is_running()]
    assert list(cloud.state_dir.iterdir()) == []


def test_a_pipe_runs_as_its_role_and_is_followed_through_its_life(deployed: Deployed) -> None:
    """Denied, granted, failing in part, changed, stopped, deleted: in the order in which it would happen."""
    pipes = deployed.client("pipes")
    deployed.grant(READ, SEND)
    kinesis = {
        "StartingPosition": "TRIM_HORIZON",
        "BatchSize": 10,
        "MaximumRetryAttempts": 1_000,
        "OnPartialBatchItemFailure": "AUTOMATIC_BISECT",
        "DeadLetterConfig": {"Arn": deployed.queue},
    }
    pipes.create_pipe(
        Name="deployed",
        RoleArn=deployed.role,
        Source=deployed.stream,
        Target=deployed.function,
        SourceParameters={"KinesisStreamParameters": kinesis},
    )
    deployed.put(*(str(n).encode() for n in range(50)))

    # what the role may not do, the pipe cannot do
    deployed.eventually(lambda: any("AccessDenied" in shard["last_error"] for shard in deployed.shards()))
    assert deployed.sums("refused") > 0 and deployed.sums("delivered") == 0
    deployed.grant(READ, SEND, INVOKE)
    deployed.eventually(lambda: deployed.sums("delivered") == 50)

    # an update replaces the Kinesis parameters as a whole: AUTOMATIC_BISECT and the 10 are gone with it
    changed = {"MaximumRetryAttempts": 1, "DeadLetterConfig": {"Arn": deployed.queue}}
    pipes.update_pipe(Name="deployed", RoleArn=deployed.role, SourceParameters={"KinesisStreamParameters": changed})
    told = pipes.describe_pipe(Name="deployed")["SourceParameters"]["KinesisStreamParameters"]
    assert told == changed | {"StartingPosition": "TRIM_HORIZON"}
    deployed.eventually(lambda: deployed.sums("delivered") == 0 and len(deployed.shards()) == 2)

    # what the function names is retried, then given up; its neighbours are not
    deployed.put(b"good", b"poison", b"good")
    deployed.eventually(lambda: deployed.sums("dead_letters") == 1 and deployed.sums("delivered") == 2)
    [message] = deployed.client("sqs").receive_message(QueueUrl=deployed.queue_url, WaitTimeSeconds=5)["Messages"]
    letter = json.loads(message["Body"])
    assert letter["context"]["condition"] == "RetryAttemptsExhausted" and letter["KinesisBatchInfo"]["batchSize"] == 1

    # the same numbers are in CloudWatch
    cloudwatch = deployed.client("cloudwatch")
    deployed.eventually(
        lambda: (
            "ExecutionPartiallyFailed"
            in {m["MetricName"] for m in cloudwatch.list_metrics(Namespace="AWS/EventBridge/Pipes")["Metrics"]}
        )
    )

    # stopped, started, deleted
    pipes.stop_pipe(Name="deployed")
    deployed.eventually(lambda: deployed.cloud.status()["pipes"] == [])
    deployed.put(b"meanwhile")
    pipes.start_pipe(Name="deployed")
    deployed.eventually(lambda: deployed.cloud.status()["pipes"] and deployed.sums("delivered") == 1)

    # disabled, with the reason that is told until it is started again
    stop_with_reason(pipes, "deployed", "AccessDeniedException")
    told = pipes.describe_pipe(Name="deployed")
    assert (told["CurrentState"], told["StateReason"]) == ("STOPPED", "AccessDeniedException")
    pipes.start_pipe(Name="deployed")
    pipes.stop_pipe(Name="deployed")
    assert pipes.describe_pipe(Name="deployed")["StateReason"] == ""
    pipes.delete_pipe(Name="deployed")
    deployed.eventually(lambda: deployed.cloud.status()["pipes"] == [])


PARAMETERS = {  # as a template may write them: numbers as text, what is not set as AWS::NoValue
    "SourceParameters": {
        "KinesisStreamParameters": {
            "StartingPosition": "AT_TIMESTAMP",
            "StartingPositionTimestamp": "2023-09-11T12:00:00Z",
            "BatchSize": {"Ref": "BatchSize"},
            "MaximumBatchingWindowInSeconds": {"Fn::If": ["Patient", 5, {"Ref": "AWS::NoValue"}]},
            "MaximumRecordAgeInSeconds": "-1",
            "MaximumRetryAttempts": 7,
            "ParallelizationFactor": "2",
            "OnPartialBatchItemFailure": "AUTOMATIC_BISECT",
            "DeadLetterConfig": {"Arn": {"Fn::GetAtt": ["Letters", "Arn"]}},
        },
        "FilterCriteria": {"Filters": [{"Pattern": '{"partitionKey": ["P1"]}'}]},
    },
    "TargetParameters": {
        "InputTemplate": "<$.data>",
        "LambdaFunctionParameters": {"InvocationType": "FIRE_AND_FORGET"},
    },
}


def test_a_pipe_that_a_template_made_tells_all_its_parameters(deployed: Deployed) -> None:
    """Guide, API_DescribePipe. What the template leaves out later is set no more."""
    cloudformation, pipes = deployed.client("cloudformation"), deployed.client("pipes")
    pipe = {"RoleArn": deployed.role, "Source": deployed.stream, "Target": deployed.function, "DesiredState": "STOPPED"}

    def template(**parameters: Any) -> str:
        resources = {
            "Letters": {"Type": "AWS::SQS::Queue"},
            "Pipe": {"Type": "AWS::Pipes::Pipe", "Properties": pipe | parameters},
        }
        return json.dumps(
            {
                "Parameters": {"BatchSize": {"Type": "Number"}},
                "Conditions": {"Patient": {"Fn::Equals": [{"Ref": "BatchSize"}, "1000"]}},
                "Resources": resources,
                "Outputs": {
                    "Pipe": {"Value": {"Ref": "Pipe"}},
                    "Letters": {"Value": {"Fn::GetAtt": ["Letters", "Arn"]}},
                },
            }
        )

    def request(body: str, batch_size: int) -> dict[str, Any]:
        size = {"ParameterKey": "BatchSize", "ParameterValue": str(batch_size)}
        return {"StackName": "templated", "TemplateBody": body, "Parameters": [size]}

    def told() -> dict[str, Any]:
        [stack] = cloudformation.describe_stacks(StackName="templated")["Stacks"]
        outputs.update({output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]})
        return pipes.describe_pipe(Name=outputs["Pipe"])

    outputs: dict[str, str] = {}
    cloudformation.create_stack(**request(template(**PARAMETERS), 1000))
    cloudformation.get_waiter("stack_create_complete").wait(StackName="templated", WaiterConfig={"Delay": 0.1})
    assert settings_of(told()) == PipeSettings(
        arn=told()["Arn"],
        role_arn=deployed.role,
        source_arn=deployed.stream,
        target_arn=deployed.function,
        created_at=told()["CreationTime"].timestamp(),
        starting_position="AT_TIMESTAMP",
        starting_timestamp=1_694_433_600,
        batch_size=1000,
        batching_window_seconds=5,
        parallelization_factor=2,
        maximum_retry_attempts=7,
        bisect=True,
        dead_letter_arn=outputs["Letters"],
        filters=('{"partitionKey": ["P1"]}',),
        input_template="<$.data>",
        invocation_type="FIRE_AND_FORGET",
    )
    assert told()["SourceParameters"]["KinesisStreamParameters"]["BatchSize"] == 1000

    cloudformation.update_stack(**request(template(SourceParameters=PARAMETERS["SourceParameters"]), 20))
    cloudformation.get_waiter("stack_update_complete").wait(StackName="templated", WaiterConfig={"Delay": 0.1})
    kinesis = told()["SourceParameters"]["KinesisStreamParameters"]
    assert kinesis["BatchSize"] == 20 and "MaximumBatchingWindowInSeconds" not in kinesis
    assert not told().get("TargetParameters")
    cloudformation.delete_stack(StackName="templated")


def test_only_the_loopback_is_listened_on(deployed: Deployed) -> None:
    """This design: what runs here is nobody else's business."""
    family = [psutil.Process(deployed.cloud.status()[name]["pid"]) for name in ("emulator", "runtime")]
    family += [child for process in family for child in process.children(recursive=True)]
    listening = [
        connection.laddr.ip
        for process in family
        for connection in process.net_connections()
        if connection.status == psutil.CONN_LISTEN
    ]
    assert set(listening) == {"127.0.0.1"}


def test_a_runtime_that_was_killed_is_started_again_by_whoever_asks(deployed: Deployed, capfd: Any) -> None:
    """This design: and the end of its log is shown."""
    killed = psutil.Process(deployed.cloud.status()["runtime"]["pid"])
    killed.kill()
    killed.wait()
    deployed.eventually(lambda: deployed.cloud.status()["runtime"]["running"])
    assert deployed.cloud.status()["runtime"]["pid"] != killed.pid
    assert "had died" in capfd.readouterr().err


def test_the_log_is_read_on_from_where_it_was(deployed: Deployed) -> None:
    lines, position = deployed.cloud.log()
    assert any("starting" in line for line in lines)
    assert deployed.cloud.log(position) == ([], position)
    assert LocalCloud(Path("/nowhere")).log() == ([], 0)
