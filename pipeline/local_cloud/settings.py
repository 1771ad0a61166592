"""What a pipe is set to. Read from what is deployed, never assumed: the emulator's own DescribePipe leaves it out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pipeline.local_cloud import template

FOREVER = -1  # of retries and of seconds: no limit


@dataclass(frozen=True)
class PipeSettings:
    """A pipe with a Kinesis source. The defaults are those of the EventBridge Pipes API."""

    arn: str
    role_arn: str
    source_arn: str
    target_arn: str
    created_at: float = 0.0  # epoch seconds; tells a pipe from a later one of the same name
    starting_position: str = "TRIM_HORIZON"
    starting_timestamp: float | None = None
    batch_size: int = 100
    batching_window_seconds: float = 0
    parallelization_factor: int = 1
    maximum_retry_attempts: int = FOREVER
    maximum_record_age_seconds: float = FOREVER
    bisect: bool = False
    dead_letter_arn: str | None = None

    @property
    def name(self) -> str:
        """The pipe's name."""
        return self.arn.rpartition("/")[2]


def discover(client: Callable[[str], Any]) -> list[PipeSettings]:
    """Find the pipes that should be running and read a Kinesis stream.

    Args:
        client: makes a client for a service, with the rights of whoever owns the account.
    """
    pipes = client("pipes")
    found = []
    for page in pipes.get_paginator("list_pipes").paginate(DesiredState="RUNNING"):
        for summary in page["Pipes"]:
            pipe = pipes.describe_pipe(Name=summary["Name"])
            if ":kinesis:" in pipe["Source"] and pipe["DesiredState"] == "RUNNING":
                source = pipe.get("SourceParameters") or _deployed_source_parameters(client, pipe["Name"])
                found.append(_settings(pipe, source.get("KinesisStreamParameters", {})))
    return found


def _settings(pipe: dict[str, Any], kinesis: dict[str, Any]) -> PipeSettings:
    given = {
        "starting_position": kinesis.get("StartingPosition"),
        "starting_timestamp": _epoch(kinesis.get("StartingPositionTimestamp")),
        "batch_size": _int(kinesis.get("BatchSize")),
        "batching_window_seconds": _int(kinesis.get("MaximumBatchingWindowInSeconds")),
        "parallelization_factor": _int(kinesis.get("ParallelizationFactor")),
        "maximum_retry_attempts": _int(kinesis.get("MaximumRetryAttempts")),
        "maximum_record_age_seconds": _int(kinesis.get("MaximumRecordAgeInSeconds")),
        "bisect": kinesis.get("OnPartialBatchItemFailure") == "AUTOMATIC_BISECT",
        "dead_letter_arn": kinesis.get("DeadLetterConfig", {}).get("Arn"),
    }
    return PipeSettings(
        arn=pipe["Arn"],
        role_arn=pipe["RoleArn"],
        source_arn=pipe["Source"],
        target_arn=pipe["Target"],
        created_at=pipe["CreationTime"].timestamp(),
        **{name: value for name, value in given.items() if value is not None},
    )


def _deployed_source_parameters(client: Callable[[str], Any], pipe_name: str) -> dict[str, Any]:
    """Read the source parameters from the template of the stack that the pipe belongs to."""
    cloudformation = client("cloudformation")
    for stack, resources in _stacks_with(cloudformation, pipe_name):
        body = template.load(cloudformation.get_template(StackName=stack["StackName"])["TemplateBody"])
        [resource] = [each for each in resources if each.get("PhysicalResourceId") == pipe_name]
        properties = body["Resources"][resource["LogicalResourceId"]]["Properties"]
        known = _known(body, stack, resources)
        return template.resolve(properties.get("SourceParameters", {}), known, body.get("Conditions", {}))
    return {}


def _stacks_with(cloudformation: Any, physical_id: str) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
    for page in cloudformation.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            if stack["StackStatus"] == "DELETE_COMPLETE":
                continue
            resources = cloudformation.describe_stack_resources(StackName=stack["StackName"])["StackResources"]
            if any(each.get("PhysicalResourceId") == physical_id for each in resources):
                yield stack, resources


def _known(body: dict[str, Any], stack: dict[str, Any], resources: list[dict[str, Any]]) -> dict[str, Any]:
    _, _, _, region, account, _ = stack["StackId"].split(":", 5)
    known = {name: parameter.get("Default") for name, parameter in body.get("Parameters", {}).items()}
    known |= {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])}
    known |= {"AWS::Region": region, "AWS::AccountId": account, "AWS::Partition": "aws"}
    for each in resources:
        physical_id = each.get("PhysicalResourceId", "")
        known[each["LogicalResourceId"]] = physical_id
        if each["ResourceType"] == "AWS::SQS::Queue":
            queue_name = physical_id.rpartition("/")[2]
            known[f"{each['LogicalResourceId']}.Arn"] = f"arn:aws:sqs:{region}:{account}:{queue_name}"
        if each["ResourceType"] == "AWS::SNS::Topic":
            known[f"{each['LogicalResourceId']}.TopicArn"] = physical_id
    return known


def _int(value: Any) -> int | None:
    return None if value is None else int(value)


def _epoch(value: Any) -> float | None:
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return value.timestamp() if isinstance(value, datetime) else value
