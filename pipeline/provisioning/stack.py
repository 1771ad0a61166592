"""The stack: made, found, changed and deleted from one template, with its progress shown as it happens."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from pipeline.cloud import Cloud
from pipeline.errors import UserError, WrongUsageError
from pipeline.paths import ROOT
from pipeline.pipe import template
from pipeline.provisioning import bundle as bundles
from pipeline.waiting import eventually

TEMPLATE = ROOT / "infra" / "stack.yaml"
STACK_SECONDS = 900

Parameters = dict[str, Any]
Tell = Callable[[str], None]


def provision(
    cloud: Cloud, stack_name: str, parameters: Parameters | None = None, tell: Tell = print
) -> dict[str, str]:
    """Make or update the stack. What is deployed stays deployed; parameters not given keep their value.

    Returns:
        The stack's outputs. Without deployed code there is no `PipeName` and no `ProjectorName` yet.
    """
    parameters = {"PowertoolsLayerArn": cloud.powertools_layer_arn} | checked(parameters or {})
    stack = _settled(cloud, stack_name, tell)
    if stack and stack["StackStatus"] in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "REVIEW_IN_PROGRESS"):
        delete(cloud, stack_name, tell)  # a creation that failed can only be deleted
        stack = None
    cloudformation = cloud.client("cloudformation")
    request = {
        "StackName": stack_name,
        "TemplateBody": TEMPLATE.read_text("utf-8"),
        "Capabilities": ["CAPABILITY_IAM"],
        "Parameters": _parameters(parameters, stack),
    }
    seen = _event_ids(cloud, stack_name) if stack else set()
    try:
        (cloudformation.update_stack if stack else cloudformation.create_stack)(**request)
    except ClientError as error:
        if error.response["Error"]["Code"] == "AlreadyExistsException" or "IN_PROGRESS" in str(error):
            return provision(cloud, stack_name, parameters, tell)  # somebody else was faster; theirs is ours
        if "No updates are to be performed" not in str(error):
            raise UserError(f"the stack {stack_name} was refused: {_message(error)}") from error
    else:
        _follow(cloud, stack_name, seen, tell)
    return outputs(cloud, stack_name)


def deploy(cloud: Cloud, stack_name: str, parameters: Parameters | None = None, tell: Tell = print) -> dict[str, str]:
    """Bundle the projector, upload it, and let the stack create or update function and pipe."""
    bundle = bundles.build()
    bundles.upload(cloud.client("s3"), outputs(cloud, stack_name)["ArtifactBucketName"], bundle)
    return provision(cloud, stack_name, (parameters or {}) | {"CodeKey": bundle.key}, tell)


def wait_until_running(cloud: Cloud, stack_name: str) -> None:
    """Wait until the pipe is running. On AWS that takes a minute or two."""
    pipes, name = cloud.client("pipes"), outputs(cloud, stack_name)["PipeName"]
    pipe: dict[str, Any] = {}

    def is_decided() -> bool:
        nonlocal pipe
        pipe = pipes.describe_pipe(Name=name)
        return pipe["CurrentState"] == "RUNNING" or pipe["CurrentState"].endswith("FAILED")

    with suppress(TimeoutError):
        eventually(is_decided, STACK_SECONDS, every=cloud.poll_seconds)
    if pipe["CurrentState"] != "RUNNING":
        raise UserError(f"the pipe {name} is {pipe['CurrentState']}: {pipe.get('StateReason', 'no reason given')}")


def outputs(cloud: Cloud, stack_name: str) -> dict[str, str]:
    """Return the stack's outputs."""
    stack = describe(cloud, stack_name)
    if not stack:
        raise UserError(f"there is no stack named {stack_name} on {cloud.name}. Make it with: inventory up")
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def deployed(cloud: Cloud, stack_name: str) -> dict[str, str]:
    """Return the outputs of a stack that has its projector and its pipe."""
    found = outputs(cloud, stack_name)
    if "PipeName" not in found:
        raise UserError(f"the stack {stack_name} has no projector yet. Deploy it with: inventory up")
    return found


def describe(cloud: Cloud, stack_name: str) -> dict[str, Any] | None:
    """Return the stack as CloudFormation describes it, or None."""
    try:
        [stack] = cloud.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise UserError(f"the stack {stack_name} cannot be looked up: {_message(error)}") from error
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


def delete(cloud: Cloud, stack_name: str, tell: Tell = print) -> None:
    """Delete the stack and all that is in it. Idempotent."""
    stack = describe(cloud, stack_name)
    if not stack:
        return
    found = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
    if "ArtifactBucketName" in found:
        _empty(cloud.client("s3"), found["ArtifactBucketName"])  # AWS refuses to delete a bucket that is not empty
    seen = _event_ids(cloud, stack_name)
    cloud.client("cloudformation").delete_stack(StackName=stack_name)
    _follow(cloud, stack["StackId"], seen, tell)


def _settled(cloud: Cloud, stack_name: str, tell: Tell) -> dict[str, Any] | None:
    """Return the stack once nobody is at work on it: an earlier command that was interrupted, or another one."""
    while (stack := describe(cloud, stack_name)) and stack["StackStatus"].endswith("IN_PROGRESS"):
        tell(f"  {stack_name} is {stack['StackStatus']}; waiting for that to end")
        _follow(cloud, stack["StackId"], _event_ids(cloud, stack_name), lambda line: None)
    return stack


def checked(parameters: Parameters) -> Parameters:
    """Return the parameters if the template has them all."""
    known = set(_template_parameters())
    unknown = set(parameters) - known
    if unknown:
        raise WrongUsageError(f"the template has no parameter {sorted(unknown)[0]}: it has {', '.join(sorted(known))}")
    return parameters


def days_in_quarantine(cloud: Cloud, stack_name: str, parameters: Parameters | None = None) -> int:
    """Return how many days the quarantine will keep a record, if that is as long as the stream does.

    Raises:
        WrongUsageError: the stream would still hold a record that the quarantine has forgotten.
    """
    current = (describe(cloud, stack_name) or {}).get("Parameters", [])
    values = (
        {name: parameter.get("Default") for name, parameter in _template_parameters().items()}
        | {each["ParameterKey"]: each["ParameterValue"] for each in current}
        | (parameters or {})
    )
    days, hours = int(values["QuarantineDays"]), int(values["RetentionHours"])
    if days * 24 < hours:
        raise WrongUsageError(
            f"QuarantineDays={days} is less than RetentionHours={hours}: a refused record would be forgotten while the "
            f"stream can still bring it again. Give QuarantineDays={-(-hours // 24)} or more"
        )
    return days


def _template_parameters() -> dict[str, Any]:
    return template.load(TEMPLATE.read_text("utf-8"))["Parameters"]


def _parameters(given: Parameters, stack: dict[str, Any] | None) -> list[dict[str, Any]]:
    values = {name: {"ParameterValue": str(value)} for name, value in given.items()}
    current = {each["ParameterKey"] for each in (stack or {}).get("Parameters", [])}
    kept: dict[str, dict[str, Any]] = {
        name: {"UsePreviousValue": True} for name in current & set(_template_parameters())
    }
    return [{"ParameterKey": name, **value} for name, value in (kept | values).items()]


def _follow(cloud: Cloud, stack_id: str, seen: set[str], tell: Tell) -> None:
    """Tell the stack's events as they come, until it is done."""
    cloudformation = cloud.client("cloudformation")
    failures: list[str] = []
    status = ""

    def is_over() -> bool:
        """Tell what is new, and say whether that was all."""
        nonlocal status
        [stack] = cloudformation.describe_stacks(StackName=stack_id)["Stacks"] or [{"StackStatus": "DELETE_COMPLETE"}]
        for event in reversed(_new_events(cloud, stack_id, seen)):
            line = f"{event['LogicalResourceId']:<18} {event['ResourceStatus']}"
            reason = event.get("ResourceStatusReason", "")
            if event["ResourceStatus"].endswith("FAILED"):
                failures.append(f"{event['LogicalResourceId']}: {reason}")
            tell(f"  {line}  {reason}".rstrip())
        status = stack["StackStatus"]
        return not status.endswith("IN_PROGRESS")

    try:
        eventually(is_over, STACK_SECONDS, every=cloud.poll_seconds)
    except TimeoutError:
        raise UserError(f"the stack is still {status} after {STACK_SECONDS} s") from None
    if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE"):
        raise UserError(f"the stack ended as {status}. {failures[0] if failures else ''}".strip())


def _new_events(cloud: Cloud, stack_id: str, seen: set[str]) -> list[dict[str, Any]]:
    try:
        events = cloud.client("cloudformation").describe_stack_events(StackName=stack_id)["StackEvents"]
    except ClientError:
        return []  # a deleted stack has none
    new = [event for event in events if event["EventId"] not in seen]
    seen.update(event["EventId"] for event in new)
    return new


def _event_ids(cloud: Cloud, stack_name: str) -> set[str]:
    seen: set[str] = set()
    _new_events(cloud, stack_name, seen)
    return seen


def _empty(s3: Any, bucket: str) -> None:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for each in page.get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=each["Key"])


def _message(error: ClientError) -> str:
    return error.response["Error"].get("Message", str(error))
