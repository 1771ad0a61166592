"""Find the pipes that should be running. Read from what is deployed, never assumed."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from pipeline.pipe import template
from pipeline.pipe.settings import PipeSettings


def discover(client: Callable[[str], Any]) -> list[PipeSettings]:
    """Find the pipes that should be running and read a Kinesis stream.

    Args:
        client: makes a client for a service, with the rights of whoever owns the account.
    """
    pipes = client("pipes")
    found = []
    for page in pipes.get_paginator("list_pipes").paginate(DesiredState="RUNNING"):
        for summary in page["Pipes"]:
            try:
                pipe = pipes.describe_pipe(Name=summary["Name"])
            except ClientError as error:
                if error.response["Error"]["Code"] == "NotFoundException":  # deleted since it was listed
                    continue
                raise
            if ":kinesis:" in pipe["Source"] and pipe["DesiredState"] == "RUNNING":
                deployed = pipe if pipe.get("SourceParameters") else _deployed_properties(client, pipe["Name"])
                found.append(settings_of(pipe, deployed))
    return found


def settings_of(pipe: dict[str, Any], deployed: dict[str, Any]) -> PipeSettings:
    """Put a pipe's settings together.

    Args:
        pipe: what DescribePipe says.
        deployed: where its `SourceParameters` and `TargetParameters` are: the emulator's own DescribePipe leaves them
            out for a pipe that a template made.
    """
    source, target = deployed.get("SourceParameters") or {}, deployed.get("TargetParameters") or {}
    kinesis = source.get("KinesisStreamParameters") or {}
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
        "filters": tuple(each["Pattern"] for each in source.get("FilterCriteria", {}).get("Filters", [])),
        "input_template": target.get("InputTemplate"),
        "invocation_type": target.get("LambdaFunctionParameters", {}).get("InvocationType"),
        "enrichment_arn": pipe.get("Enrichment") or deployed.get("Enrichment"),
        "item_identifier": os.environ.get("PIPES_ITEM_IDENTIFIER"),
        "bus_operators": bool(os.environ.get("PIPES_EVENT_BUS_OPERATORS")),
    }
    return PipeSettings(
        arn=pipe["Arn"],
        role_arn=pipe["RoleArn"],
        source_arn=pipe["Source"],
        target_arn=pipe["Target"],
        created_at=pipe["CreationTime"].timestamp(),
        **{name: value for name, value in given.items() if value is not None},
    )


def _deployed_properties(client: Callable[[str], Any], pipe_name: str) -> dict[str, Any]:
    """Read the pipe's properties from the template of the stack that it belongs to."""
    cloudformation = client("cloudformation")
    for stack, resources in _stacks_with(cloudformation, pipe_name):
        body = template.load(cloudformation.get_template(StackName=stack["StackName"])["TemplateBody"])
        [resource] = [each for each in resources if each.get("PhysicalResourceId") == pipe_name]
        properties = body["Resources"][resource["LogicalResourceId"]]["Properties"]
        return template.resolve(properties, _known(body, stack, resources), body.get("Conditions", {}))
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
